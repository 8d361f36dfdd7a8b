#!/usr/bin/env python3
"""Copies a program with another build id, as another build of it has, or none.

usage: other_build.py PROGRAM COPY other|none
"""
import pathlib
import struct
import sys

program, copy, what = sys.argv[1:]
data = bytearray(pathlib.Path(program).read_bytes())
(table,) = struct.unpack_from("<Q", data, 32)
size, count = struct.unpack_from("<HH", data, 54)
found = 0
for i in range(count):
    kind, _, offset, _, _, bytes_in_file = struct.unpack_from("<IIQQQQ", data, table + i * size)
    if kind != 4:  # PT_NOTE
        continue
    note = data.find(b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0", offset, offset + bytes_in_file)
    if note < 0:
        continue
    found += 1
    if what == "none":
        data[note + 8] = 0x7f  # a note of another type
    else:
        data[note + 16] ^= 1
assert found, "no build id"
pathlib.Path(copy).write_bytes(data)
pathlib.Path(copy).chmod(0o755)
