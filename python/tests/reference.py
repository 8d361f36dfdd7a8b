"""softmax(QK^T)V in double precision, from the definitions in docs/dialect.md.

Holds every token that was ever appended, unrotated and unpaged: what a cache
forgets, and how it stores, is stated here again and not read from kvc.
"""
import math

import torch


class Sequence:
    def __init__(self):
        self.keys, self.values = [], []

    def append(self, key, value):
        self.keys += list(key.double())
        self.values += list(value.double())

    def take_back(self, tokens):
        del self.keys[-tokens:], self.values[-tokens:]


def i8(rows):
    """As i8 by token, symmetric: scales and products in f32."""
    rows = rows.float()
    scale = rows.abs().amax(-1, keepdim=True) / 127
    codes = torch.clamp(torch.round(rows / scale), -127, 127)
    return (torch.where(scale == 0, torch.zeros_like(codes), codes) * scale).double()


def rope(rows, positions, theta, dim):
    """neox: pairs (i, i + dim / 2) of the first dim elements."""
    half = dim // 2
    frequency = theta ** (-2.0 * torch.arange(half, dtype=torch.float64) / dim)
    angle = positions.double()[:, None, None] * frequency
    first, second = rows[..., :half], rows[..., half:dim]
    return torch.cat([first * angle.cos() - second * angle.sin(),
                      second * angle.cos() + first * angle.sin(),
                      rows[..., dim:]], -1)


def attend(query, sequence, *, window=None, sinks=0, scale=None, softcap=None,
           theta=None, quantise=None, mask=None, sink_logits=None, slopes=None):
    """query [n, heads, dim], the sequence's newest n tokens -> out, lse. mask: bool
    or float, [n, keys] or [heads, n, keys]. A row that sees no key is 0."""
    keys, values = torch.stack(sequence.keys), torch.stack(sequence.values)
    query = query.double()
    n, heads, dim = query.shape
    length, kv_heads = keys.shape[:2]
    index = torch.arange(length)
    rows = index[length - n:]
    if theta:
        query = rope(query, rows, theta, dim)
        keys = rope(keys, index, theta, dim)
    if quantise:
        keys, values = quantise(keys), quantise(values)
    keys = keys.repeat_interleave(heads // kv_heads, 1)
    values = values.repeat_interleave(heads // kv_heads, 1)
    scores = torch.einsum("nhd,khd->hnk", query, keys)
    scores = scores * (dim ** -0.5 if scale is None else scale)
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    distance = rows[:, None] - index[None, :]
    visible = distance >= 0
    if slopes is not None:
        # Sinks are as far as they would be at the edge of the window.
        near = rows.clamp(max=sinks + window - 1) if sinks else rows
        bias = torch.where(index[None, :] < sinks, near[:, None] - index, distance)
        scores = scores - torch.as_tensor(slopes).double()[:, None, None] * bias
    if window:
        visible &= (distance < window) | (index[None, :] < sinks)
    if mask is not None and mask.dtype == torch.bool:
        visible = visible & mask
    elif mask is not None:
        scores = scores + mask.double()
    scores = scores.masked_fill(~visible, -math.inf)
    denominator = scores
    if sink_logits is not None:
        column = sink_logits.double()[:, None, None].expand(heads, n, 1)
        denominator = torch.cat([scores, column], -1)
    lse = denominator.logsumexp(-1, keepdim=True)
    weights = torch.where(scores == -math.inf, 0.0, (scores - lse).exp())
    return torch.einsum("hnk,khd->nhd", weights, values), lse[..., 0].T


def error(got, wanted):
    """norm(got - wanted) / norm(wanted); NaN counts as infinite, and so does all
    but zero where zero is wanted."""
    value = float((got.double() - wanted).norm() / wanted.norm().clamp(min=1e-30))
    return math.inf if math.isnan(value) else value


# What docs/cpu.md promises of f32, f16 and bf16 operands.
BOUND = {torch.float32: 2e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}
