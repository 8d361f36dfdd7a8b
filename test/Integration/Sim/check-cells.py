"""Holds a JSON of kvc-conformance to at least N cells, all of them in agreement,
and to no variant that the engine refused: check-cells.py CELLS.json N"""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    run = json.load(file)
bad = [c for c in run["cells"] if c["problem"]]
for cell in bad:
    print(cell["variant"], cell["batch"], cell["problem"])
print(len(run["cells"]), "cells,", len(bad), "fail, refused:", run["refused"])
sys.exit(0 if len(run["cells"]) >= int(sys.argv[2]) and not bad and not run["refused"] else 1)
