"""flip.py CAPTURE NAME WORD MASK: the capture with bits of one result turned."""
import json
import sys

path, name, word, mask = sys.argv[1:]
capture = json.load(open(path))
op = next(op for op in capture["ops"] if op["name"] == name)
at = 8 * int(word)
turned = int(op["out"][at:at + 8], 16) ^ int(mask, 0)
op["out"] = op["out"][:at] + f"{turned:08x}" + op["out"][at + 8:]
json.dump(capture, sys.stdout)
