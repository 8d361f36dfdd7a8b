"""What attend refuses of masks, sink logits and outputs, and in which words."""
import pytest
import torch

import kvc


def i32(*numbers):
    return torch.tensor(numbers, dtype=torch.int32)


PACKED = kvc.PackedMask.pack([torch.ones(3, 3, dtype=torch.bool)])
LOGITS = torch.zeros(2)


@pytest.mark.parametrize("kind, given, text", [
    (None, dict(mask=torch.ones(3, 3)), "mask: expected none without mask=..., got a tensor"),
    (None, dict(sink_logits=LOGITS), "sink_logits: expected none without sink_logits=True"),
    ("bool", {}, "mask: expected a tensor, which an attention with mask=... reads, got none"),
    ("bool", dict(mask=torch.ones(3, 3)), "mask: expected bool, got f32"),
    ("bool", dict(mask=torch.ones(3, 2, dtype=torch.bool)),
     r"mask: expected shape \[3, columns\] or \[2, 3, columns\] with at least 3 columns "
     r".the longest sequence., got \[3, 2\]"),
    ("bool", dict(mask=torch.ones(1, 3, 3, dtype=torch.bool)), r"got \[1, 3, 3\]"),
    ("bool", dict(mask=torch.ones(3, 6, dtype=torch.bool)[:, ::2]),
     "mask: expected stride 1 in the last dimension, got 2"),
    ("bool", dict(mask=PACKED), "mask: expected a dense one, got a PackedMask"),
    ("bool", dict(mask=[1]), "mask: expected a tensor .with __dlpack__., got list"),
    ("float", dict(mask=torch.zeros(3, 3)),
     "sink_logits: expected a tensor, which an attention with sink_logits=True reads"),
    ("float", dict(mask=torch.zeros(3, 3), sink_logits=torch.zeros(3)),
     r"sink_logits: expected shape \[2\], got \[3\]"),
    ("float", dict(mask=torch.zeros(3, 3), sink_logits=LOGITS.double()),
     "sink_logits: expected f32, got f64"),
    ("packed", dict(mask=torch.zeros(2, dtype=torch.uint8)),
     "mask: expected a PackedMask, got a dense one"),
    ("packed", dict(mask=PACKED._replace(bits=torch.zeros(1, dtype=torch.uint8))),
     r"mask.indptr of sequence 0 of the step: expected 2 bytes from there on within 1, got 0"),
    ("packed", dict(mask=PACKED._replace(indptr=i32(0))),
     r"mask.indptr: expected shape \[2\], got \[1\]"),
    ("packed", dict(mask=PACKED._replace(first=i32(4))),
     "mask.first of sequence 0 of the step: expected 0 to 3, got 4"),
])
def test_refused(attentions, kind, given, text):
    attention = attentions[kind]
    cache = attention.cache(max_seqs=1, max_tokens=4, max_length=8)
    with cache.step([(cache.create(), 3)]) as step:
        attention.append(torch.zeros(3, 1, 16), torch.zeros(3, 1, 16), step)
        with pytest.raises(ValueError, match=text):
            attention.attend(torch.zeros(3, 2, 16), step, **given)


@pytest.mark.parametrize("options, text", [
    (dict(mask="dense"), 'mask: expected "bool", "float", "packed" or None, got \'dense\''),
    (dict(policy=kvc.Policy(position=kvc.Alibi((1.0,)))),
     "slopes: expected 2, one a query head, got 1"),
    (dict(policy=kvc.Policy(position=kvc.Alibi((1.0, torch.inf)))),
     "slopes: expected finite numbers"),
])
def test_not_made(options, text):
    with pytest.raises(ValueError, match=text):
        kvc.Attention(**{**dict(heads=2, kv_heads=1, head_dim=16), **options})


def test_out_has_rows_of_its_own(attentions):
    attention = attentions[None]
    cache = attention.cache(max_seqs=1, max_tokens=4, max_length=8)
    with cache.step([(cache.create(), 3)]) as step:
        with pytest.raises(ValueError, match="out: expected rows of their own, got stride 0"):
            attention.attend(torch.zeros(3, 2, 16), step, out=torch.zeros(1, 2, 16)
                             .expand(3, 2, 16))


def test_packing_nothing():
    with pytest.raises(ValueError, match="masks: expected one a sequence"):
        kvc.PackedMask.pack([])
