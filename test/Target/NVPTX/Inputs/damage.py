#!/usr/bin/env python3
"""Damages every entry of a cubin cache.

usage: damage.py DIRECTORY truncate|flip|empty
"""
import pathlib
import sys

entries = list(pathlib.Path(sys.argv[1]).glob("llvmcache-*"))
assert len(entries) == 2, entries
for entry in entries:
    data = bytearray(entry.read_bytes())
    if sys.argv[2] == "truncate":
        data = data[: len(data) // 2]
    elif sys.argv[2] == "flip":
        data[len(data) // 2] ^= 1
    else:
        data = bytearray()
    entry.write_bytes(data)
