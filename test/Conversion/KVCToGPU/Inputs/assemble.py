#!/usr/bin/env python3
"""Assembles the kernels of a file for chips and judges what ptxas says.

usage: assemble.py kvc-opt mlir-opt ptxas kernels.mlir chip...

Prints one line per kernel and chip: registers, spills, stack. Exits 1 when a
kernel spills, has a stack frame, reads memory without knowing its space, or
when ptxas has a C75xx remark (it has then serialised matrix instructions).
"""
import pathlib
import re
import subprocess
import sys
import tempfile

PTX_VERSION = {"sm_80": 80, "sm_86": 80, "sm_89": 81,
               "sm_90a": 80, "sm_100a": 86, "sm_120": 87}


def ptx_of(kvc_opt, mlir_opt, path, chip, folder):
    """The PTX of each gpu.module of the file."""
    low, binary = folder / "low.mlir", folder / "binary.mlir"
    subprocess.run([kvc_opt, path, f"--convert-kvc-to-gpu=chip={chip}",
                    "--kvc-lower-gpu-kernels", "-o", low], check=True)
    subprocess.run([mlir_opt, low, "-o", binary,
                    "--pass-pipeline=builtin.module(nvvm-attach-target{"
                    f"chip={chip} features=+ptx{PTX_VERSION[chip]} O=3}},"
                    "gpu.module(convert-nvvm-to-llvm),"
                    "gpu-module-to-binary{format=isa})"], check=True)
    for text in re.findall(r'assembly = "(.*?)"[>,]', binary.read_text(), re.S):
        yield re.sub(r"\\([0-9A-F]{2})", lambda c: chr(int(c[1], 16)),
                     text).rstrip("\0")


def main():
    kvc_opt, mlir_opt, ptxas, path = sys.argv[1:5]
    bad = kernels = 0
    for chip in sys.argv[5:]:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for text in ptx_of(kvc_opt, mlir_opt, path, chip, folder):
                (folder / "k.ptx").write_text(text)
                # No st.local, and no ld or st without a state space.
                generic = re.findall(r"^\s*(?:ld|st)\.(?:local|[bfus]\d|v\d)\S*",
                                     text, re.M)
                run = subprocess.run(
                    [ptxas, "-v", f"-arch={chip}", folder / "k.ptx", "-o",
                     "/dev/null"], capture_output=True, text=True)
                log = run.stdout + run.stderr
                if run.returncode or generic or re.search(r"\bC75\d\d\b", log):
                    print(f"{chip}: {generic[:3]} {log}")
                    bad += 1
                for entry, stack, store, load, registers in re.findall(
                        r"Compiling entry function '(\w+)'.*?(\d+) bytes stack "
                        r"frame, (\d+) bytes spill stores, (\d+) bytes spill "
                        r"loads.*?Used (\d+) registers", log, re.S):
                    kernels += 1
                    spills = int(stack) + int(store) + int(load)
                    bad += spills > 0
                    print(f"{chip} {entry}: {registers} registers, stack "
                          f"{stack}, spills {store} + {load}"
                          + (" BAD" if spills else ""))
    print(f"{kernels} kernels, {bad} bad")
    return 1 if bad or not kernels else 0


if __name__ == "__main__":
    sys.exit(main())
