"""The torch ops: fake tensors, torch.compile, opcheck."""
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import kvc
import reference


def made(lse=True):
    attention = kvc.Attention(heads=4, kv_heads=2, head_dim=16, value_dim=32, lse=lse)
    cache = attention.cache(max_seqs=1, max_tokens=8, max_length=64)
    return attention, cache, cache.create()


def draw(tokens):
    return (torch.randn(tokens, 4, 16), torch.randn(tokens, 2, 16),
            torch.randn(tokens, 2, 32))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fake_tensors(dtype):
    attention, cache, sequence = made()
    with cache.step([(sequence, 5)]) as step:
        appends = int(cache.state[1])
        with FakeTensorMode():
            q, k, v = (t.to(dtype) for t in draw(5))
            attention.append(k, v, step)
            out, lse = attention.attend(q, step)
        assert out.shape == (5, 4, 32) and out.dtype == dtype
        assert lse.shape == (5, 4) and lse.dtype == torch.float32
        assert int(cache.state[1]) == appends  # nothing ran


def test_compiled_steps():
    attention, cache, sequence = made()
    graphs = 0

    def counting(graph, inputs):
        nonlocal graphs
        graphs += 1
        names = [str(node.target) for node in graph.graph.nodes]
        assert any("append" in name for name in names)
        assert any("attend" in name for name in names)
        return graph.forward

    def layer(q, k, v, step):
        attention.append(k * 2, v, step)
        out, lse = attention.attend(q, step)
        return out + 1, lse

    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    inspected = torch.compile(layer, backend=counting, fullgraph=True)
    told = reference.Sequence()
    for function in (compiled, compiled, inspected, inspected):
        q, k, v = draw(3)
        with cache.step([(sequence, 3)]) as step:
            out, lse = function(q, k, v, step)
        told.append(k * 2, v)
        wanted, wanted_lse = reference.attend(q, told)
        assert reference.error(out - 1, wanted) < 2e-5
        assert float((lse - wanted_lse).abs().max()) < 1e-5
    assert graphs == 1


def test_opcheck():
    attention, cache, sequence = made()
    q, k, v = draw(4)
    with cache.step([(sequence, 4)]):
        torch.library.opcheck(torch.ops.kvc.append.default, (k, v, cache.state, 0))
        torch.ops.kvc.append(k, v, cache.state, 0)
        torch.library.opcheck(torch.ops.kvc.attend.default,
                              (q, cache.state, 0, 32, 0.25, 0.0, True))
        out, lse = torch.zeros(4, 4, 32), torch.zeros(4, 4)
        torch.library.opcheck(torch.ops.kvc.attend_out.default,
                              (q, cache.state, out, lse, 0, 0.25, 0.0))


def test_a_cache_that_is_gone():
    attention, cache, sequence = made()
    state = cache.state
    del cache
    q, _, _ = draw(1)
    with pytest.raises(ValueError, match="state: expected that of a living kvc.Cache"):
        torch.ops.kvc.attend(q, state, 0, 32, 0.25, 0.0, True)
