#!/usr/bin/env python3
"""Damages every entry of a cache of kernels.

usage: damage.py DIRECTORY truncate|flip|empty|kind|swap

swap gives each of two entries the other's name.
"""
import pathlib
import sys

entries = sorted(path for path in pathlib.Path(sys.argv[1]).glob("llvmcache-*")
                 if path.name != "llvmcache.timestamp")
assert entries
contents = [bytearray(entry.read_bytes()) for entry in entries]
for data in contents:
    if sys.argv[2] == "truncate":
        del data[len(data) // 2:]
    elif sys.argv[2] == "flip":
        data[len(data) // 2] ^= 1
    elif sys.argv[2] == "empty":
        data.clear()
    elif sys.argv[2] == "kind":
        data[0] ^= 1
if sys.argv[2] == "swap":
    assert len(entries) == 2, entries
    contents.reverse()
for entry, data in zip(entries, contents):
    entry.write_bytes(data)
