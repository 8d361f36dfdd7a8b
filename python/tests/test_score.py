"""Score regions against the double-precision reference."""
import pytest
import torch

import kvc
import reference
from test_attention import run

HEAD_BIAS = kvc.Score("""
  %bias = tensor.extract %capture0[%head] : tensor<?xf32>
  %sum = arith.addf %score, %bias : f32
  kvc.yield %sum : f32""", captures=(("f32", 1),))
# The bias of a distance, by head, from a table; what is farther is as it was.
# Every fifth key is hidden by a flag.
RELATIVE = kvc.Score("""
  %one = arith.constant 1 : index
  %hidden = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0 : i32
  %width = tensor.dim %capture0, %one : tensor<?x?xf32>
  %distance = arith.subi %query, %key : index
  %near = arith.cmpi slt, %distance, %width : index
  %bias = tensor.extract %capture0[%head, %distance] : tensor<?x?xf32>
  %biased = arith.addf %score, %bias : f32
  %kept = arith.select %near, %biased, %score : f32
  %flag = tensor.extract %capture1[%key] : tensor<?xi32>
  %off = arith.cmpi ne, %flag, %zero : i32
  %out = arith.select %off, %hidden, %kept : f32
  kvc.yield %out : f32""", captures=(("f32", 2), ("i32", 1)))


def bias_of(table, rows, keys):
    """[heads, rows, keys] of a table [heads, width]."""
    distance = torch.arange(keys - rows, keys)[:, None] - torch.arange(keys)
    near = (distance >= 0) & (distance < table.shape[1])
    return torch.where(near, table[:, distance.clamp(0, table.shape[1] - 1)], 0.0)


def draw_head_bias(lengths, counts):
    # Every other entry of a longer tensor: strides are handed on.
    bias = torch.randn(8)[::2]
    each = [bias[:, None, None].expand(4, n, length) for n, length in zip(counts, lengths)]
    return dict(captures=[bias]), [dict(mask=mask) for mask in each]


def draw_relative(lengths, counts):
    table = torch.randn(9, 4).T
    flags = (torch.arange(128) % 5 == 3).int()
    each = [bias_of(table, n, length).masked_fill(flags[:length].bool(), -torch.inf)
            for n, length in zip(counts, lengths)]
    return dict(captures=[table, flags]), [dict(mask=mask) for mask in each]


BASE = dict(heads=4, kv_heads=2, head_dim=32, page=4)
CASES = {"head bias": (HEAD_BIAS, draw_head_bias), "relative": (RELATIVE, draw_relative)}


@pytest.mark.parametrize("name", CASES)
def test_cpu(name):
    score, draw = CASES[name]
    worst, worst_lse = run(dict(BASE, score=score), draw=draw)
    assert worst < reference.BOUND[torch.float32] and worst_lse < 1e-5


def test_simulated_gpu():
    worst, worst_lse = run(dict(BASE, score=RELATIVE, dtype=torch.float16),
                           draw=draw_relative, target="sim:sm_90a")
    assert worst < reference.BOUND[torch.float16] and worst_lse < 1e-2


def test_compiled():
    attention = kvc.Attention(heads=4, kv_heads=2, head_dim=16, score=HEAD_BIAS)
    cache = attention.cache(max_seqs=1, max_tokens=4, max_length=16)
    sequence, told = cache.create(), reference.Sequence()

    @torch.compile(backend="aot_eager", fullgraph=True)
    def layer(q, k, v, bias, step):
        attention.append(k, v, step)
        return attention.attend(q, step, captures=[bias * 2])

    for _ in range(2):
        q, k, v = torch.randn(4, 4, 16), torch.randn(4, 2, 16), torch.randn(4, 2, 16)
        told.append(k, v)
        bias = torch.randn(4)
        with cache.step([(sequence, 4)]) as step:
            out = layer(q, k, v, bias, step)
        wanted, _ = reference.attend(
            q, told, mask=(2 * bias)[:, None, None].expand(4, 4, len(told.keys)))
        assert reference.error(out, wanted) < 2e-6


@pytest.mark.parametrize("captures, text", [
    ([], "captures: expected 2 tensors, as score.captures says, got 0"),
    ([torch.zeros(4), torch.zeros(8).int()],
     r"captures\[0\]: expected 2 dimensions, got shape \[4\]"),
    ([torch.zeros(4, 9), torch.zeros(8)], r"captures\[1\]: expected i32, got f32"),
    ([torch.zeros(4, 9), [1]], r"captures\[1\]: expected a tensor .with __dlpack__., got list"),
])
def test_refused(captures, text):
    attention = kvc.Attention(**BASE, score=RELATIVE)
    cache = attention.cache(max_seqs=1, max_tokens=1, max_length=8)
    with cache.step([(cache.create(), 1)]) as step:
        attention.append(torch.zeros(1, 2, 32), torch.zeros(1, 2, 32), step)
        with pytest.raises(ValueError, match=text):
            attention.attend(torch.zeros(1, 4, 32), step, captures=captures)


def test_not_made():
    with pytest.raises(kvc.CompileError, match="expected ..kvc.yield|yield"):
        kvc.Attention(**BASE, score=kvc.Score("%x = arith.addf %score, %score : f32"))
