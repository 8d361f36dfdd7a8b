"""Attention over a paged KV cache, compiled by kvc: docs/python.md.

    attention = kvc.Attention(heads=8, kv_heads=2, head_dim=64)
    cache = attention.cache(layers=1, max_seqs=4, max_tokens=256, max_length=1024)
    sequence = cache.create()
    with cache.step([(sequence, 5)]) as step:
        attention.append(k, v, step)
        out = attention.attend(q, step)
"""
from ._kvc import OutOfBlocks
from .attention import Attention, Cache, Step
from .compiler import CompileError
from .masks import PackedMask
from .policy import Alibi, Policy, Rope, Score, Streaming, Window

__all__ = ["Alibi", "Attention", "Cache", "CompileError", "OutOfBlocks", "PackedMask",
           "Policy", "Rope", "Score", "Step", "Streaming", "Window"]
