#!/usr/bin/env python3
"""Builds FlashInfer's and XQA's kernels for kvc-bench's cells where there is nvcc and no GPU, and a folder that runs them
where there is a GPU and neither nvcc nor a network.

  FLASHINFER_CUDA_ARCH_LIST=9.0a python3 prebuild.py --out=FOLDER [--cells=TEXT]
  there:  PYTHONPATH=FOLDER FLASHINFER_DISABLE_JIT=1 python3 measure.py ...

FOLDER is the installed FlashInfer without the sources that its compiler reads, and a library for each variant. Private: it
goes with whoever measures, never into the bundle. Exit: 0; 1 when a variant was refused; 2 when FlashInfer is not here.
"""
import argparse
import os
import pathlib
import shutil
import sys
import time
from unittest import mock

import torch

from measure import cells_of
from private import FlashInfer, Xqa, missing
from shapes import DTYPES

# What only nvcc reads, in the package's data; templates of csrc itself are read whenever a variant is named.
SOURCES = ("cutlass", "cccl", "include", "spdlog")


def variants_of(cells):
    """{variant: key of the first cell that needs it}, in order of cells."""
    found = {}
    for cell in cells:
        kind = DTYPES.get(cell.dtype)
        if FlashInfer().takes(cell):
            found.setdefault(("fa2" if cell.decode else "auto", kind, cell.window > 0, cell.head_dim), cell.key)
        if Xqa().takes(cell):
            found.setdefault(("xqa", kind, cell.window > 0, cell.page, cell.head_dim, cell.query_heads // cell.kv_heads), cell.key)
    return found


def words(variant):
    backend, kind, windowed, *shape = variant
    return " ".join([backend, str(kind).removeprefix("torch."), *(["window"] if windowed else []), *map(str, shape)])


def spec_of(variant):
    """FlashInfer's description of what it would compile when asked on a GPU of these architectures."""
    from flashinfer.compilation_context import CompilationContext
    from flashinfer.jit.attention import gen_batch_prefill_module
    from flashinfer.jit.xqa import gen_xqa_module
    from flashinfer.utils import determine_attention_backend

    backend, kind, windowed, *shape = variant
    if backend == "xqa":
        page, head_dim, group = shape
        return gen_xqa_module(kind, kind, page, head_dim, group, windowed, kind)
    if backend == "auto":
        hopper = any(int(major) == 9 for major, _ in CompilationContext().TARGET_CUDA_ARCHS)
        with mock.patch("flashinfer.utils.is_sm90a_supported", lambda device: hopper):
            backend = determine_attention_backend(torch.device("cpu"), 0, False, False, kind, kind)
    return gen_batch_prefill_module(backend, kind, kind, kind, torch.int32, shape[0], shape[0], 0, windowed, False, False)


def left_out(data):
    """For shutil.copytree of a FlashInfer whose data are there."""
    def ignore(folder, names):
        folder = pathlib.Path(folder)
        return {name for name in names if name == "__pycache__" or (folder == data and name in SOURCES) or
                (folder == data / "csrc" and (folder / name).is_dir())}
    return ignore


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kvc-bench"))
    parser.add_argument("--cells", default="", help="those whose name|variant holds this text")
    parser.add_argument("--out", help="without it, variants are listed and none is built")
    options = parser.parse_args()
    variants = variants_of([cell for cell in cells_of([options.bench]) if options.cells in cell.key])
    if not options.out:
        for variant, key in variants.items():
            print(words(variant), f"({key})")
        return 0
    if why := missing("flashinfer"):
        print(f"prebuild.py: expected FlashInfer, got {why}", file=sys.stderr)
        return 2
    import flashinfer

    package = pathlib.Path(flashinfer.__file__).parent
    libraries = pathlib.Path(options.out) / "flashinfer/data/aot"
    shutil.copytree(package, pathlib.Path(options.out) / "flashinfer", dirs_exist_ok=True, ignore=left_out(package / "data"))
    refused = 0
    for variant, key in variants.items():
        started = time.monotonic()
        try:
            spec = spec_of(variant)
            spec.build()
        except Exception as error:
            refused += 1
            print(f"refused {words(variant)} ({key}): {type(error).__name__}: {str(error)[:200]}", flush=True)
            continue
        (libraries / spec.name).mkdir(parents=True, exist_ok=True)
        library = shutil.copy(spec.jit_library_path, libraries / spec.name)
        print(f"{time.monotonic() - started:6.1f} s {os.path.getsize(library) / 1024:8.0f} KiB {spec.name} ({key})", flush=True)
    return int(refused > 0)


if __name__ == "__main__":
    sys.exit(main())
