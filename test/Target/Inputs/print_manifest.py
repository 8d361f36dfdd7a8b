"""Prints an artefact's manifest, a key a line; the footer is kvcrt/artifact.h's."""
import json
import struct
import sys

data = open(sys.argv[1], "rb").read()
magic, version, _, elf, size = struct.unpack("<8sIIQQ", data[-64:][:32])
assert magic == b"KVCART01" and version == 1 and elf + size + 64 == len(data)
manifest = json.loads(data[elf:elf + size])
for key, value in sorted(manifest.items()):
    print(f'"{key}": {json.dumps(value, sort_keys=True)}')
for i, group in enumerate(manifest["groups"]):
    retention = json.dumps(group["policy"]["retention"], sort_keys=True)
    print(f'"groups {i}": {group["layers"]} {retention}')
