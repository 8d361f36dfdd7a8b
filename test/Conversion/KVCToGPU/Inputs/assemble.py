#!/usr/bin/env python3
"""Compiles the variants of a file for chips and judges what ptxas says.

usage: assemble.py kvc-compile kernels.mlir chip...

Prints one line per kernel and chip: registers, spills, stack. Exits 1 when a
kernel spills, has a stack frame, reads memory without knowing its space, or
when ptxas has a C75xx remark (it has then serialised matrix instructions): all
that kvc-compile calls a slow kernel. So is one in a shape that it fell back to,
since the fastest one spills. Where there is a disassembler, so is one whose hot
loop kvc-compile cannot count (--explain).
"""
import pathlib
import re
import subprocess
import sys
import tempfile


def main():
    compiler, source = sys.argv[1:3]
    bad = kernels = 0
    for chip in sys.argv[3:]:
        with tempfile.TemporaryDirectory() as folder:
            # Slow kernels are warned of here, so that all of them are listed.
            run = subprocess.run(
                [compiler, f"--attention={source}", f"--target={chip}",
                 "--emit=cubin", "-o", pathlib.Path(folder) / "k.cubin",
                 "--cache-dir=none", "--explain", "--allow-slow-kernels"],
                capture_output=True, text=True)
        slow = [line for line in run.stderr.splitlines()
                if "warning:" in line or "frugal-kernel" in line]
        if run.returncode:
            slow.append(f"status {run.returncode}: {run.stderr}")
        bad += len(slow)
        for line in slow:
            print(f"{chip}: {line}")
        # kernel, threads, registers, spilled, stack, shared, of, blocks, cubin
        for kernel, registers, spills, stack in re.findall(
                r"^  (\w+) +\d+ +(\d+) +(\d+) +(\d+) +\d+ +\d+ +\d+ +assembled",
                run.stdout, re.M):
            kernels += 1
            print(f"{chip} {kernel}: {registers} registers, stack {stack}, "
                  f"spills {spills}")
    print(f"{kernels} kernels, {bad} bad")
    return 1 if bad or not kernels else 0


if __name__ == "__main__":
    sys.exit(main())
