"""Masks of one bit an entry, for trees of drafted tokens and the like."""
from typing import Any, NamedTuple, Optional


class PackedMask(NamedTuple):
    """Which keys the new tokens of a step see, beside causality and retention.

    For sequence s of the step, of `length` keys with its new tokens: f = first[s]
    (none: 0); key j >= f of its new token r is bit r * (length - f) + (j - f)
    from byte indptr[s] on, low bit first; keys below f are visible.
    """
    bits: Any  # u8 [bytes]
    indptr: Any  # i32 [sequences + 1]
    first: Optional[Any] = None  # i32 [sequences]

    @classmethod
    def pack(cls, masks, first=None):
        """masks: torch bool [new tokens, length - first] of each sequence;
        first: a number for each."""
        import torch
        weights = torch.tensor([1 << bit for bit in range(8)], dtype=torch.uint8)
        packed, indptr = [], [0]
        for mask in masks:
            entries = mask.reshape(-1).to(torch.uint8)
            padding = -entries.numel() % 8
            entries = torch.nn.functional.pad(entries, (0, padding)).view(-1, 8)
            packed.append((entries * weights.to(entries.device)).sum(1, dtype=torch.uint8))
            indptr.append(indptr[-1] + packed[-1].numel())
        if not packed:
            raise ValueError("masks: expected one a sequence of the step, got none")
        device = packed[0].device
        # A kernel is given no empty tensor; a byte that nobody reads will do.
        bits = torch.cat(packed + [packed[0].new_zeros(int(indptr[-1] == 0))])
        return cls(bits, torch.tensor(indptr, dtype=torch.int32, device=device),
                   None if first is None else
                   torch.tensor(first, dtype=torch.int32, device=device))
