#!/usr/bin/env python3
"""Check an exported graph against the torch model it came from.

Lowers the graph with upstream MLIR passes to a shared library, calls it with
random weights and random tokens, and compares the logits at all positions with
those of transformers' own forward pass (called the usual way: no mask given).
"""

import argparse
import ctypes
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from export_llama import build_model, find_tool

LOWERING = [
    "--allow-unregistered-dialect",
    "--math-expand-ops=ops=fpowi",
    "--linalg-generalize-named-ops",
    "--linalg-fuse-elementwise-ops",
    "--one-shot-bufferize=bufferize-function-boundaries "
    "function-boundary-type-conversion=identity-layout-map",
    "--buffer-deallocation-pipeline",
    "--convert-linalg-to-loops",
    "--expand-strided-metadata",
    "--lower-affine",
    "--convert-scf-to-cf",
    "--llvm-request-c-wrappers",
    "--convert-to-llvm",
    "--reconcile-unrealized-casts",
]


def descriptor_type(rank):
    """MLIR's ranked memref descriptor."""
    class Descriptor(ctypes.Structure):
        _fields_ = [("allocated", ctypes.c_void_p), ("aligned", ctypes.c_void_p),
                    ("offset", ctypes.c_int64),
                    ("sizes", ctypes.c_int64 * rank),
                    ("strides", ctypes.c_int64 * rank)]
    return Descriptor


def describe(array):
    """The descriptor of a contiguous numpy array."""
    kind = ctypes.c_int64 * array.ndim
    strides = [s // array.itemsize for s in array.strides]
    return descriptor_type(array.ndim)(array.ctypes.data, array.ctypes.data, 0,
                                       kind(*array.shape), kind(*strides))


def call(entry, arrays):
    """Call @main through its C wrapper; a copy of the f32 result of rank 3."""
    result = descriptor_type(3)()
    entry(ctypes.byref(result), *(ctypes.byref(describe(a)) for a in arrays))
    count = int(np.prod(result.sizes))
    start = ctypes.cast(result.aligned + 4 * result.offset,
                        ctypes.POINTER(ctypes.c_float))
    values = np.ctypeslib.as_array(start, (count,)).reshape(result.sizes).copy()
    ctypes.CDLL(None).free(ctypes.c_void_p(result.allocated))
    return values


def build_library(graph, folder, tools):
    """Graph -> LLVM dialect -> LLVM IR -> shared library."""
    def run(*command):
        subprocess.run([str(c) for c in command], check=True)
    lowered, llvm, library = (folder / n for n in ("g.mlir", "g.ll", "g.so"))
    run(tools["mlir-opt"], graph, *LOWERING, "-o", lowered)
    run(tools["mlir-translate"], "--mlir-to-llvmir", lowered, "-o", llvm)
    # memrefCopy comes from MLIR's C runner utilities, next to mlir-opt.
    utils = Path(tools["mlir-opt"]).resolve().parent.parent / "lib"
    run(tools["clang"], "-O2", "-shared", "-fPIC", "-Wno-override-module",
        llvm, "-o", library, "-lm", f"-L{utils}", f"-Wl,-rpath,{utils}",
        "-lmlir_c_runner_utils")
    return ctypes.CDLL(str(library))


def parameter_names(graph):
    """The kvc.param names in argument order, as the graph itself states them."""
    signature = next(l for l in graph.read_text().splitlines() if "@main(" in l)
    return re.findall(r'kvc\.param = "([^"]+)"', signature)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("graph", type=Path)
    parser.add_argument("--lengths", type=int, nargs="+", default=[1, 7, 33])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tolerance", type=float, default=1e-4,
                        help="max |error| / std of the logits")
    for tool in ("mlir-opt", "mlir-translate", "clang"):
        parser.add_argument("--" + tool)
    args = parser.parse_args()
    tools = {t: find_tool(t, getattr(args, t.replace("-", "_")))
             for t in ("mlir-opt", "mlir-translate", "clang")}

    # Large enough for peaked attention and logits of std 2; norms are not all 1.
    model = build_model()
    generator = torch.Generator().manual_seed(args.seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            std = 1.0 if "embed" in name else p.shape[-1] ** -0.5
            p.normal_(1.0 if p.ndim == 1 else 0.0,
                      0.1 if p.ndim == 1 else 2 * std, generator=generator)
    values = dict(model.named_parameters())
    weights = [values[n].detach().numpy() for n in parameter_names(args.graph)]
    assert len(weights) == len(values)

    failed = False
    with tempfile.TemporaryDirectory() as folder:
        entry = build_library(args.graph, Path(folder), tools)._mlir_ciface_main
        for length in args.lengths:
            tokens = torch.randint(0, 256, (1, length), generator=generator)
            with torch.no_grad():
                want = model(input_ids=tokens).logits.numpy()
            got = call(entry, [tokens.numpy(), *weights])
            assert got.shape == want.shape, got.shape
            error, scale = np.abs(got - want).max(), want.std()
            good = error <= args.tolerance * scale and np.isfinite(got).all()
            failed |= not good
            print(f"length {length:4}: max |error| {error:.2e}, logits std "
                  f"{scale:.3f}, ratio {error / scale:.2e}, argmax equal "
                  f"{bool((got.argmax(-1) == want.argmax(-1)).all())}: "
                  f"{'ok' if good else 'FAILED'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
