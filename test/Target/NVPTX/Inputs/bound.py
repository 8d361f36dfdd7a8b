#!/usr/bin/env python3
"""Fills a cache that has room for two entries and a half, and says what it has.

usage: bound.py KVC_COMPILE SPEC PTXAS DIRECTORY

SPEC has one variant, @small; the others are it by other names of that length.
"""
import pathlib
import subprocess
import sys

compiler, spec, ptxas, directory = sys.argv[1:]
folder = pathlib.Path(directory)
text = pathlib.Path(spec).read_text()
bound = 1 << 28


def compile_as(name):
    file = folder.with_suffix(".mlir")
    file.write_text(text.replace("@small", "@" + name))
    said = subprocess.run(
        [compiler, f"--attention={file}", "--target=sm_80", "--emit=ptx", "--explain",
         f"--ptxas={ptxas}", "--nvdisasm=none", f"--cache-dir={folder}", f"--cache-bytes={bound}",
         "-o", folder.with_suffix(".ptx")], check=True, capture_output=True, text=True).stdout
    sizes = [path.stat().st_size for path in folder.glob("llvmcache-*")]
    assert sum(sizes) <= bound, (sizes, bound)
    print(f"{name}: {'found' if ' 1 from the cache' in said else 'made'}, {len(sizes)} kept")
    return max(sizes)


bound = compile_as("first") * 5 // 2
for name in ("other", "third", "third", "other", "first"):
    compile_as(name)
