"""torch.library ops: kvc::append, kvc::attend, kvc::attend_out.

Graphs hold tensors, not objects: a cache is named by its `state`, an int64 tensor
{name, number of appends} on the CPU. append is declared to change it (and does),
attend reads it, so the order of the two survives functionalisation. The name is
the tensor's value, not a constant of the graph: nothing is compiled anew per step.
"""
import itertools
import weakref
from collections.abc import Sequence

import torch

_names = itertools.count(1)
_caches = weakref.WeakValueDictionary()


def register(cache):
    name = next(_names)
    _caches[name] = cache
    return torch.tensor([name, 0], dtype=torch.int64)


def _native(state):
    cache = _caches.get(int(state[0]))
    if cache is None:
        raise ValueError("state: expected that of a living kvc.Cache, got "
                         f"{state.tolist()}")
    from .attention import current_stream
    stream = cache._stream  # that the step was told, if any
    return cache._native, current_stream(cache) if stream is None else stream


@torch.library.custom_op("kvc::append", mutates_args=("state",))
def append_op(key: torch.Tensor, value: torch.Tensor, state: torch.Tensor,
              layer: int) -> None:
    native, stream = _native(state)
    native.append(layer, key.detach(), value.detach(), stream)
    state[1] += 1


@append_op.register_fake
def _(key, value, state, layer):
    return None


@torch.library.custom_op("kvc::attend", mutates_args=())
def attend_op(query: torch.Tensor, state: torch.Tensor, layer: int, value_dim: int,
              scale: float, softcap: float, with_lse: bool,
              mask: torch.Tensor | None = None, mask_indptr: torch.Tensor | None = None,
              mask_first: torch.Tensor | None = None,
              sink_logits: torch.Tensor | None = None,
              captures: Sequence[torch.Tensor] | None = None
              ) -> tuple[torch.Tensor, torch.Tensor]:
    native, stream = _native(state)
    out, lse = _results(query, value_dim, with_lse)
    native.attend(layer, query.detach(), out, lse if with_lse else None, scale,
                  softcap, stream, *_detached(mask, mask_indptr, mask_first, sink_logits),
                  list(_detached(*captures or ())))
    return out, lse


def _detached(*tensors):
    return (None if tensor is None else tensor.detach() for tensor in tensors)


def _results(query, value_dim, with_lse):
    tokens, heads = query.shape[0], query.shape[1]
    return (query.new_empty((tokens, heads, value_dim)),
            query.new_empty((tokens, heads) if with_lse else (0,),
                            dtype=torch.float32))


@attend_op.register_fake
def _(query, state, layer, value_dim, scale, softcap, with_lse, mask=None,
      mask_indptr=None, mask_first=None, sink_logits=None, captures=None):
    torch._check(query.dim() == 3, lambda: "query: expected [tokens, heads, head_dim]")
    return _results(query, value_dim, with_lse)


@torch.library.custom_op("kvc::attend_out", mutates_args=("out", "lse"))
def attend_out_op(query: torch.Tensor, state: torch.Tensor, out: torch.Tensor,
                  lse: torch.Tensor | None, layer: int, scale: float,
                  softcap: float, mask: torch.Tensor | None = None,
                  mask_indptr: torch.Tensor | None = None,
                  mask_first: torch.Tensor | None = None,
                  sink_logits: torch.Tensor | None = None,
                  captures: Sequence[torch.Tensor] | None = None) -> None:
    native, stream = _native(state)
    native.attend(layer, query.detach(), out, lse, scale, softcap, stream,
                  *_detached(mask, mask_indptr, mask_first, sink_logits),
                  list(_detached(*captures or ())))


@attend_out_op.register_fake
def _(query, state, out, lse, layer, scale, softcap, mask=None, mask_indptr=None,
      mask_first=None, sink_logits=None, captures=None):
    return None


def _state_for(tensor, state):
    """Within a FakeTensorMode all arguments are fake."""
    mode = getattr(tensor, "fake_mode", None)
    return state if mode is None else mode.from_tensor(state)


def append(key, value, state, layer):
    append_op(key, value, _state_for(key, state), layer)


def attend(query, state, layer, value_dim, scale, softcap, with_lse, *operands):
    if query.dim() != 3:
        raise ValueError("query: expected [tokens, heads, head_dim], got shape "
                         f"{list(query.shape)}")
    return attend_op(query, _state_for(query, state), layer, value_dim, scale,
                     softcap, with_lse, *operands)


def attend_out(query, state, out, lse, layer, scale, softcap, *operands):
    attend_out_op(query, _state_for(query, state), out, lse, layer, scale, softcap,
                  *operands)
