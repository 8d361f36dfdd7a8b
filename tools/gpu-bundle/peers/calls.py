#!/usr/bin/env python3
"""Whether the calls of private.py are spelled as the installed versions take them, without a GPU.

  python3 calls.py

Each peer prepares a small cell and runs it, with stand-ins for what it calls that have the signatures of what is
installed and do nothing. Exit: 0; 1 when a call does not fit; 2 when none of them is installed.
"""
import importlib
import sys
import traceback
from unittest import mock

import torch

from measure import small_cells
from private import FlashAttention3, FlashInfer, Xqa, missing
from shapes import Inputs

# What each adapter calls of its module, as "module:name".
CALLED = {
    "fa3": ["flash_attn_interface:flash_attn_with_kvcache", "flash_attn_interface:get_scheduler_metadata"],
    "flashinfer": ["flashinfer:BatchDecodeWithPagedKVCacheWrapper", "flashinfer:BatchPrefillWithPagedKVCacheWrapper"],
    "xqa": ["flashinfer.decode:trtllm_batch_decode_with_kv_cache"],
}


def plain_function(function):
    """Without the decorators that hide its signature."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def check(peer, cell):
    inputs = Inputs(cell, 1, "cpu")
    patches = [mock.patch("torch.cuda.synchronize")]
    for called in CALLED[peer.name]:
        module, name = called.split(":")
        real = getattr(importlib.import_module(module), name)
        stand_in = mock.create_autospec(real if isinstance(real, type) else plain_function(real))
        patches.append(mock.patch(f"{module}.{name}", stand_in))
    for patch in patches:
        patch.start()
    try:
        run, _ = peer.prepare(inputs)
        run(0)
    finally:
        for patch in patches:
            patch.stop()


def main():
    bad = checked = 0
    for peer in (FlashAttention3(), FlashInfer(), Xqa()):
        why = missing(peer.module)
        if not why:
            try:
                importlib.import_module(peer.module)
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
        if why:
            print(f"not here: {peer.name} ({why})")
            continue
        for cell in small_cells():
            if not peer.takes(cell):
                continue
            checked += 1
            try:
                check(peer, cell)
                print(f"ok     {peer.name:<10} {cell.name}")
            except Exception as error:
                bad += 1
                print(f"WRONG  {peer.name:<10} {cell.name}: {type(error).__name__}: {error}")
                traceback.print_exc(limit=-2)
    print(f"{checked - bad} of {checked} calls fit what is installed")
    return 2 if not checked else int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
