#!/usr/bin/env python3
"""Fails when a file includes a header of a layer that it must not know.

The table states docs/overview.md's picture: for each folder, the include
prefixes that are above it. Exits 1 after listing every offender, 2 when the
root holds none of the folders (a check that checks nothing must not pass).
"""
import pathlib
import re
import sys

LLVM = ("llvm/", "mlir/", "llvm-c/", "mlir-c/", "lld/", "clang/")
ABOVE_IR = ("kvc/Dialect/KVC/Transforms", "kvc/Interpreter", "kvc/Conversion",
            "kvc/Target", "kvc/Pipelines", "kvc-c/",
            "mlir/Dialect/LLVMIR", "mlir/Dialect/GPU", "mlir/Dialect/NVGPU",
            "mlir/Target", "mlir/Conversion")
FORBIDDEN = {
    "runtime": LLVM + ("kvc/", "kvcref/"),
    "reference": LLVM + ("kvc/", "kvcrt/runtime.h", "kvcrt/artifact.h"),
    "lib/Dialect/KVC/IR": ABOVE_IR + ("kvcref/", "kvcrt/runtime.h"),
    "include/kvc/Dialect/KVC/IR": ABOVE_IR + ("kvcref/", "kvcrt/runtime.h"),
    "lib/Dialect/KVC/Transforms": ("kvc/Interpreter",) + ABOVE_IR[2:],
    "include/kvc/Dialect/KVC/Transforms": ("kvc/Interpreter",) + ABOVE_IR[2:],
    "lib/Interpreter": ABOVE_IR[:1] + ABOVE_IR[2:],
    "include/kvc/Interpreter": ABOVE_IR[:1] + ABOVE_IR[2:],
    "lib/Conversion": ("kvc/Target", "kvc/Pipelines", "kvc/Interpreter",
                       "kvcref/", "mlir/Target", "llvm/IR/"),
    # What every engine's kernels share knows none of them.
    "lib/Conversion/Kernel": ("../KVCTo", "KVCTo", "mlir/Dialect/GPU",
                              "mlir/Dialect/NVGPU", "mlir/Dialect/LLVMIR/NVVM"),
    "lib/Conversion/KVCToCPU": ("../KVCToGPU",),
    "lib/Conversion/KVCToGPU": ("../KVCToCPU",),
    "include/kvc/Conversion": ("kvc/Target", "kvc/Pipelines",
                               "kvc/Interpreter", "kvcref/", "mlir/Target"),
    "lib/Target": ("kvc/Pipelines", "kvc/Interpreter", "kvcref/"),
    "include/kvc/Target": ("kvc/Pipelines", "kvc/Interpreter", "kvcref/"),
    "lib/Pipelines": ("kvc/Interpreter", "kvcref/"),
    "python": LLVM + ("kvc/", "kvcref/"),
    "tools/runtime-tools": LLVM + ("kvc/",),
}


def offenders(root):
    for folder, prefixes in FORBIDDEN.items():
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".td", ".def"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found = re.match(r'\s*#?\s*include\s+["<]([^">]+)', line)
                if found and found.group(1).startswith(prefixes):
                    yield f"{path.relative_to(root)}:{number}: {folder} must not include {found.group(1)}"


def main():
    root = pathlib.Path(sys.argv[1])
    if not any((root / folder).is_dir() for folder in FORBIDDEN):
        print(f"expected kvc's folders below {root}, got none")
        return 2
    bad = list(offenders(root))
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
