"""Damages a file in 200 ways and runs a command on each: damage.py ORIGINAL
DAMAGED COMMAND... . Prints how many were refused (exit status 1 and an error
line; a signal or a success is no refusal)."""
import subprocess
import sys

original, damaged, command = sys.argv[1], sys.argv[2], sys.argv[3:]
data = open(original, "rb").read()


def refused(content):
    open(damaged, "wb").write(content)
    result = subprocess.run(command, capture_output=True, text=True)
    return result.returncode == 1 and "error: " in result.stderr


def flipped(position):
    changed = bytearray(data)
    changed[position] ^= 1 << (position % 8)
    return bytes(changed)


count = 100
places = [i * len(data) // count for i in range(count)]
print(f"truncated: {sum(refused(data[:p]) for p in places)} of {count} refused")
print(f"flipped: {sum(refused(flipped(p)) for p in places)} of {count} refused")
