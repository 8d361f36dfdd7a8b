"""Masks, sink logits and ALiBi against the double-precision reference."""
import pytest
import torch

import kvc
import reference
from test_attention import run

BASE = dict(heads=4, kv_heads=2, head_dim=32, page=4)
EVERYTHING = dict(heads=6, kv_heads=2, head_dim=32, page=8, softcap=4.0,
                  policy=kvc.Policy(retention=kvc.Streaming(sink_tokens=3, window=20),
                                    position=kvc.Alibi()))
# Of 6 heads: four of 4, then the first and third of 8.
GEOMETRIC = [2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8, 2 ** -1, 2 ** -3]
CHOSEN = (0.5, -0.25, 0.0, 1.5)


def draw_masks(kind, heads, per_head):
    """One mask a sequence in every call, some rows without any key."""
    def entry(rows, columns):
        shape = (heads, rows, columns) if per_head else (rows, columns)
        shown = torch.rand(shape) < 0.6
        shown[..., torch.rand(rows) < 0.2, :] = False
        if kind == "bool":
            return shown
        return torch.where(shown, torch.randn(shape), -torch.inf)

    def draw(lengths, counts):
        width = max(lengths) + 3
        each = [entry(n, length) for n, length in zip(counts, lengths)]
        # Beyond a sequence's keys lies what nobody may look at.
        whole = torch.full((heads, sum(counts), width) if per_head else
                           (sum(counts), width),
                           True if kind == "bool" else torch.nan)
        first = 0
        for n, length, mask in zip(counts, lengths, each):
            whole[..., first:first + n, :length] = mask
            first += n
        return dict(mask=whole), [dict(mask=mask) for mask in each]
    return draw


def draw_packed(with_first):
    def draw(lengths, counts):
        # Every other sequence has a mask of its new tokens alone.
        first = [length - n if s % 2 else 0
                 for s, (length, n) in enumerate(zip(lengths, counts))]
        if not with_first:
            first = [0] * len(counts)
        masks = [torch.rand(n, length - f) < 0.6
                 for n, length, f in zip(counts, lengths, first)]
        whole = [torch.cat([torch.ones(len(mask), f, dtype=torch.bool), mask], 1)
                 for mask, f in zip(masks, first)]
        return (dict(mask=kvc.PackedMask.pack(masks, first if with_first else None)),
                [dict(mask=mask) for mask in whole])
    return draw


def with_sinks(heads, draw=None, **theirs):
    def both(lengths, counts):
        given, each = draw(lengths, counts) if draw else ({}, [{} for _ in counts])
        logits = 2 * torch.randn(heads)
        return (dict(given, sink_logits=logits),
                [dict(one, sink_logits=logits, **theirs) for one in each])
    return both


def with_slopes(slopes):
    return lambda lengths, counts: ({}, [dict(slopes=slopes)] * len(counts))


CASES = {
    "bool": (dict(BASE, mask="bool"), draw_masks("bool", 4, False)),
    "bool, per head": (dict(BASE, mask="bool"), draw_masks("bool", 4, True)),
    "float": (dict(BASE, mask="float"), draw_masks("float", 4, False)),
    "float, per head": (dict(BASE, mask="float"), draw_masks("float", 4, True)),
    "packed": (dict(BASE, mask="packed"), draw_packed(False)),
    "packed, first": (dict(BASE, mask="packed"), draw_packed(True)),
    "sink logits": (dict(BASE, sink_logits=True), with_sinks(4)),
    "alibi": (dict(BASE, policy=kvc.Policy(position=kvc.Alibi(CHOSEN))),
              with_slopes(CHOSEN)),
    "everything": (dict(EVERYTHING, mask="float", sink_logits=True),
                   with_sinks(6, draw_masks("float", 6, True), slopes=GEOMETRIC)),
}


@pytest.mark.parametrize("name", CASES)
def test_cpu(name):
    case, draw = CASES[name]
    worst, worst_lse = run(case, draw=draw)
    assert worst < reference.BOUND[torch.float32] and worst_lse < 1e-5


@pytest.mark.parametrize("name", ["bool, per head", "packed, first", "everything"])
def test_simulated_gpu(name):
    case, draw = CASES[name]
    worst, worst_lse = run(dict(case, dtype=torch.float16), draw=draw, target="sim:sm_90a")
    assert worst < reference.BOUND[torch.float16] and worst_lse < 1e-2


def test_compiled(attentions):
    """Masks are operands of the graph, not constants of it."""
    attention = attentions["float"]
    cache = attention.cache(max_seqs=1, max_tokens=4, max_length=16)
    sequence, told = cache.create(), reference.Sequence()

    @torch.compile(backend="aot_eager", fullgraph=True)
    def layer(q, k, v, mask, logits, step):
        attention.append(k, v, step)
        return attention.attend(q, step, mask=mask * 2, sink_logits=logits)

    for _ in range(2):
        q, k, v = torch.randn(4, 2, 16), torch.randn(4, 1, 16), torch.randn(4, 1, 16)
        told.append(k, v)
        mask, logits = torch.randn(4, 16), torch.randn(2)
        with cache.step([(sequence, 4)]) as step:
            out = layer(q, k, v, mask, logits, step)
        wanted, _ = reference.attend(q, told, mask=2 * mask[:, :len(told.keys)],
                                     sink_logits=logits)
        assert reference.error(out, wanted) < 2e-6


def test_numpy(attentions):
    numpy = pytest.importorskip("numpy")
    attention, told = attentions["bool"], reference.Sequence()
    cache = attention.cache(max_seqs=1, max_tokens=4, max_length=4)
    random = numpy.random.default_rng()
    k, v = random.standard_normal((2, 4, 1, 16), "float32")
    q = random.standard_normal((4, 2, 16), "float32")
    mask, out = random.random((4, 4)) < 0.6, numpy.full_like(q, numpy.nan)
    # Rows that lie backwards, too.
    with cache.step([(cache.create(), 4)]) as step:
        attention.append(k[::-1], v, step)
        attention.attend(q, step, out=out, mask=mask[::-1])
    told.append(torch.from_numpy(k[::-1].copy()), torch.from_numpy(v))
    wanted, _ = reference.attend(torch.from_numpy(q), told,
                                 mask=torch.from_numpy(mask[::-1].copy()))
    assert reference.error(torch.from_numpy(out), wanted) < 2e-6
