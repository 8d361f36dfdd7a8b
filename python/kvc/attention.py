"""Attention from geometry and policy, its cache, and steps.

Tensors are [tokens, heads, dim] of one ragged batch: rows of the step's first
sequence, then of the second, and so on. Any DLPack producer serves; torch
tensors go through torch.library ops (ops.py), so that they trace.
"""
import math
import sys

from . import _kvc, compiler
from .masks import PackedMask
from .policy import FORMATS, Alibi, Policy

_WORDS = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}
_MASKS = {"bool": "dense_i1", "float": "dense_f32", "packed": "packed"}


def _format(dtype):
    word = str(dtype).rsplit(".", 1)[-1]
    word = _WORDS.get(word, word)
    if word not in FORMATS:
        raise ValueError(f"dtype: expected f32, f16 or bf16, got {dtype}")
    return word


def _positive(**numbers):
    for name, number in numbers.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ValueError(f"{name}: expected a positive integer, got {number!r}")


def _is_torch(tensor):
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(tensor, torch.Tensor)


def _tensor(tensor, name):
    if not hasattr(tensor, "__dlpack__"):
        raise ValueError(f"{name}: expected a tensor (with __dlpack__), got "
                         f"{type(tensor).__name__}")
    return tensor


class Attention:
    """Compiles when made; what was compiled before is found again.

    lse: attend also gives the natural log of each softmax's denominator.
    mask: attend takes one: "bool" (true is visible), "float" (added to the
    scores) or "packed" (a PackedMask). sink_logits: attend takes a logit a head
    that enters the denominator alone. score: a Score; attend takes what it
    captures.
    target: "cpu", a GPU ("sm_90a"), or "sim:" and a GPU (the simulator).
    threads: of the CPU engine, 0 = all. device: which GPU.
    """

    def __init__(self, *, heads, kv_heads, head_dim, value_dim=None, page=16,
                 dtype="f32", policy=Policy(), softcap=None, lse=False, mask=None,
                 sink_logits=False, score=None, target="cpu", threads=0, device=0):
        value_dim = head_dim if value_dim is None else value_dim
        _positive(heads=heads, kv_heads=kv_heads, head_dim=head_dim,
                  value_dim=value_dim, page=page)
        if heads % kv_heads:
            raise ValueError(f"heads: expected a multiple of kv_heads = {kv_heads}, "
                             f"got {heads}")
        if softcap is not None and not 0 < softcap < math.inf:
            raise ValueError(f"softcap: expected a positive number, got {softcap}")
        if mask is not None and mask not in _MASKS:
            raise ValueError(f'mask: expected "bool", "float", "packed" or None, got '
                             f"{mask!r}")
        self._slopes = (policy.position.values(heads)
                        if isinstance(policy.position, Alibi) else [])
        self.heads, self.kv_heads = heads, kv_heads
        self.head_dim, self.value_dim = head_dim, value_dim
        self.page, self.dtype, self.policy = page, _format(dtype), policy
        self.softcap, self.lse = softcap, bool(lse)
        self.target, self.device = target, device
        self.mask, self.sink_logits, self.score = mask, bool(sink_logits), score
        captures = () if score is None else score.captures
        flags = "".join(f", {flag}" for flag, wanted in [
            ("lse", lse), ("softcap", softcap), ("sink_logits", sink_logits),
            (f"mask = #kvc<mask_kind {_MASKS.get(mask)}>", mask),
            (f"captures = [{', '.join(score.types() if score else [])}]", captures)]
            if wanted)
        cache = policy.cache_type(kv_heads, head_dim, value_dim, self.dtype, page)
        self.spec = (f"kvc.variant @attention {{cache = {cache}, "
                     f"query_heads = {heads}{flags}}}"
                     f"{score.text() if score else ''}\n")
        self.path = compiler.compile_attention(self.spec, target)
        self._library = _kvc.Library(str(self.path), threads, device,
                                     getattr(_kvc.MaskKind, mask or "none"),
                                     list(captures))

    @property
    def bytes_per_token(self):
        """Of one layer."""
        return self._library.bytes_per_token

    @property
    def window(self):
        """Keys that a query sees of its own neighbourhood; None = all."""
        return self._library.window or None

    def cache(self, *, layers=1, max_seqs, max_tokens, max_length, blocks=0):
        """max_tokens and max_seqs of one step, max_length of a sequence; blocks
        of the pool, 0 = as many as max_seqs sequences of max_length need."""
        return Cache(self, layers, max_seqs, max_tokens, max_length, blocks)

    def append(self, key, value, step, layer=0):
        """Stores key [tokens, kv_heads, head_dim] and value [.., value_dim]."""
        cache = self._cache_of(step)
        if _is_torch(key) and _is_torch(value):
            from . import ops
            ops.append(key, value, cache.state, layer)
            return
        cache._native.append(layer, _tensor(key, "key"), _tensor(value, "value"),
                             step._stream)

    def attend(self, query, step, layer=0, *, scale=None, mask=None,
               sink_logits=None, captures=(), out=None, lse_out=None):
        """query [tokens, heads, head_dim] -> out [tokens, heads, value_dim], or
        (out, lse [tokens, heads]) where lse was asked for. The step's keys must
        have been appended. scale: 1 / sqrt(head_dim) unless given. mask: [tokens,
        keys] or [heads, tokens, keys], where keys are the indices of the token's
        own sequence, or a PackedMask. sink_logits: f32 [heads]. captures: the
        tensors of score.captures."""
        cache = self._cache_of(step)
        operands = self._operands(mask, sink_logits, captures)
        scale = self.head_dim ** -0.5 if scale is None else float(scale)
        softcap = self.softcap or 0.0
        if lse_out is not None and not self.lse:
            raise ValueError("lse_out: expected none without lse=True, got a tensor")
        if out is None and lse_out is not None:
            raise ValueError("out: expected a tensor beside lse_out, got none")
        if all(tensor is None or _is_torch(tensor)
               for tensor in (query, out, *operands[:-1], *operands[-1])):
            from . import ops
            if out is None:
                out, lse_out = ops.attend(query, cache.state, layer, self.value_dim,
                                          scale, softcap, self.lse, *operands)
            else:
                if self.lse and lse_out is None:
                    lse_out = query.new_empty(query.shape[:2], dtype=ops.torch.float32)
                ops.attend_out(query, cache.state, out, lse_out, layer, scale, softcap,
                               *operands)
        else:
            if out is None or (self.lse and lse_out is None):
                raise ValueError("out: expected out (and lse_out, with lse=True) for "
                                 "tensors that are not torch's, got none")
            cache._native.attend(layer, _tensor(query, "query"), _tensor(out, "out"),
                                 lse_out, scale, softcap, step._stream, *operands)
        return (out, lse_out) if self.lse else out

    @staticmethod
    def _operands(mask, sink_logits, captures):
        """mask, mask_indptr, mask_first, sink_logits, captures, as ops and _kvc take
        them; which of them this attention needs is judged there."""
        packed = mask if isinstance(mask, PackedMask) else (mask, None, None)
        return tuple(tensor if tensor is None else _tensor(tensor, name)
                     for name, tensor in zip(("mask", "mask.indptr", "mask.first",
                                              "sink_logits"), (*packed, sink_logits))
                     ) + ([_tensor(tensor, f"captures[{i}]")
                           for i, tensor in enumerate(captures)],)

    def _cache_of(self, step):
        if step.cache.attention is not self:
            raise ValueError("step: expected one of this attention's caches, got "
                             "another's")
        if not step._open:
            raise ValueError("step: expected an open step, got one that has ended")
        return step.cache


class Cache:
    """Pool, block tables and sequences of all layers."""

    def __init__(self, attention, layers, max_seqs, max_tokens, max_length, blocks):
        _positive(layers=layers, max_seqs=max_seqs, max_tokens=max_tokens,
                  max_length=max_length)
        self.attention, self.layers = attention, layers
        self.max_seqs, self.max_tokens, self.max_length = max_seqs, max_tokens, max_length
        self._native = _kvc.Cache(attention._library, layers, max_seqs, max_tokens,
                                  max_length, blocks, attention._slopes)
        self._state = None
        self._stream = None  # that the open step was told

    @property
    def state(self):
        """What names this cache to a torch op: a tensor, which append is declared
        to change, so that no compiler moves an attend before its append."""
        if self._state is None:
            from . import ops
            self._state = ops.register(self)
        return self._state

    def create(self):
        """The name of a new, empty sequence."""
        return self._native.create()

    def release(self, sequence):
        self._native.release(sequence)

    def fork(self, sequence):
        """A sequence with the same tokens; blocks are shared until written."""
        return self._native.fork(sequence)

    def rollback(self, sequence, tokens):
        """Takes the newest tokens back: as many as policy.rollback."""
        self._native.rollback(sequence, tokens)

    def length(self, sequence):
        return self._native.length(sequence)

    def blocks(self, sequence):
        """The block table; -1 where the window has freed a block."""
        return self._native.blocks(sequence)

    def stats(self):
        return self._native.stats()

    def step(self, entries, stream=None):
        """entries: (sequence, new tokens). kvc.OutOfBlocks changes nothing. On
        CUDA everything goes to torch's current stream, or to `stream`."""
        return Step(self, entries, stream)


class Step:
    """One ragged batch. Left by an exception, its tokens are taken back."""

    def __init__(self, cache, entries, stream):
        self.cache = cache
        self._stream = current_stream(cache) if stream is None else stream
        if "torch" in sys.modules:
            cache.state  # made here: within a traced function it is too late
        cache._native.begin(list(entries), self._stream)
        cache._stream = stream
        self._open = True

    def end(self, keep=True):
        if self._open:  # else the cache may have begun another
            self._open = False
            self.cache._native.end(keep)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.end(keep=kind is None)


def current_stream(cache):
    if not cache.attention._library.is_cuda:
        return 0
    import torch
    return torch.cuda.current_stream(cache.attention.device).cuda_stream
