#!/usr/bin/env python3
"""Stands for an assembler whose answers a test chooses.

FAKE_PTXAS=MODE[:KERNEL,...] says what is wrong, with these kernels or with all.
Without it the answer is what a good ptxas gives: status 0, an ELF image with a
section per kernel, and the numbers of each kernel. FAKE_RELEASE is the release,
FAKE_LOG a file that gets a line per assembly; MODE first<N> spills in the first
N of them, MODE greedy unless it is told to spare registers. MODE value spills a
single one, always, MODE greedy-value unless told. FAKE_PTX is where
the PTX of the last assembly is left.
"""
import os
import re
import shutil
import struct
import sys

MODE, _, ONLY = os.environ.get("FAKE_PTXAS", "good").partition(":")
FEWER = "--register-usage-level=3"
RELEASE = os.environ.get("FAKE_RELEASE", "12.8")
EM_CUDA, EM_X86_64 = 190, 62


def elf(kernels, machine):
    """A 64-bit little-endian ELF file whose sections have the kernels' names."""
    names, offsets = b"\0", []
    for name in [".shstrtab"] + [".text." + kernel for kernel in kernels]:
        offsets.append(len(names))
        names += name.encode() + b"\0"
    start = 64 + (-(64 + len(names)) % 8) + len(names)

    def section(name, kind, offset, size):
        return struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, offset, size, 0, 0, 1, 0)
    table = section(0, 0, 0, 0) + section(offsets[0], 3, 64, len(names))
    table += b"".join(section(o, 1, 64, 0) for o in offsets[1:])
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, 0, 0, start, 0, 64, 0, 0, 64,
        len(kernels) + 2, 1)
    return (header + names).ljust(start, b"\0") + table


def say(text):
    print(text, file=sys.stderr)


def numbers(kernel):
    mode = MODE if kernel in ONLY.split(",") or not ONLY else "good"
    if mode.startswith("greedy"):
        mode = "good" if FEWER in sys.argv else mode[7:] or "spill"
    if mode.startswith("first"):
        with open(os.environ["FAKE_LOG"]) as log:
            mode = "spill" if len(log.readlines()) <= int(mode[5:]) else "good"
    if mode == "silent":
        return
    say(f"ptxas info    : Compiling entry function '{kernel}' for 'sm_90a'")
    say(f"ptxas info    : Function properties for {kernel}")
    spills = {"spill": 24, "old": 24, "value": 4}.get(mode, 0)
    stack = {"spill": 40, "old": 40, "stack": 40, "value": 8}.get(mode, 0)
    loads = spills if mode == "value" else spills + stack
    if mode != "frameless":
        say(f"    {stack} bytes stack frame, {spills} bytes spill stores, {loads} bytes spill loads"
            if spills else f"    {stack} bytes stack frame, 0 bytes spill stores, 0 bytes spill loads")
    if mode != "numberless":
        local = ", 16 bytes lmem" if mode == "local" else ""
        say(f"ptxas info    : Used 40 registers, used 1 barriers{local}")
    if mode == "wait":
        say("ptxas info    : (C7508) Potential Performance Loss: wgmma.mma_async instructions are "
            f"serialized due to insufficient register resources in the function '{kernel}'")


def main():
    if sys.argv[1:] == ["--version"]:
        print("ptxas: NVIDIA (R) Ptx optimizing assembler\n"
              f"Cuda compilation tools, release {RELEASE}, V{RELEASE}.1")
        return 3 if MODE == "broken" else 0
    out = sys.argv[sys.argv.index("--output-file") + 1]
    ptx = open(sys.argv[-1]).read()
    if "FAKE_LOG" in os.environ:
        with open(os.environ["FAKE_LOG"], "a") as log:
            log.write("assembled sparing registers\n" if FEWER in sys.argv else "assembled\n")
    if "FAKE_PTX" in os.environ:
        shutil.copyfile(sys.argv[-1], os.environ["FAKE_PTX"])
    if MODE == "old" and FEWER in sys.argv:
        say(f"ptxas fatal   : Unknown option '{FEWER}'")
        return 255
    if MODE == "fails":
        say("ptxas fatal   : Unresolved extern function 'f'")
        return 255
    kernels = re.findall(r"\.entry (\w+)", ptx)
    for kernel in kernels:
        numbers(kernel)
    if MODE == "twice":
        numbers(kernels[0])
    if MODE == "lacks":
        kernels = [kernel for kernel in kernels if kernel != ONLY]
    image = elf(kernels, EM_X86_64 if MODE == "host" else EM_CUDA)
    image = {"junk": b"junk\n", "nothing": b"", "short": image[:100]}.get(MODE, image)
    with open(out, "wb") as file:
        file.write(image)
    return 0


if __name__ == "__main__":
    sys.exit(main())
