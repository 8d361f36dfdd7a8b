"""A cell of kvc-bench as tensors: pages in random order (or, where the cell says so, in their own), random numbers.

Invariant: what every peer computes over is made here, from the cell's shape and one seed; no peer sees other keys
than another.
"""
import dataclasses
import json

import torch

SEED = 11
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16}


@dataclasses.dataclass
class Cell:
    key: str  # name|variant, as kvc-bench takes it
    name: str
    variant: str
    runs: list  # [sequences, new tokens, length with them]
    query_heads: int
    kv_heads: int
    head_dim: int
    page: int
    dtype: str
    causal: bool
    window: int
    sinks: int
    value: int
    whole_step: bool
    kv_bytes: float  # of one layer
    io_bytes: float
    flops: float
    in_order: bool = False
    contiguous: bool = False  # one page holds all of a sequence

    @staticmethod
    def parse(line):
        row = json.loads(line)
        return Cell(**{field.name: row[field.name] for field in dataclasses.fields(Cell)})

    @property
    def plain(self):
        """Without quantised rows, windows or layers of their own: what any peer may take."""
        return self.dtype in DTYPES and not self.window and not self.whole_step

    @property
    def plain_or_windowed(self):
        """With a window, but no tokens before it that stay visible."""
        return self.dtype in DTYPES and not self.sinks and not self.whole_step

    @property
    def bytes_held(self):
        """Of one layer's pages, with those that a window hides."""
        pages = sum(count * -(-length // self.page) for count, _, length in self.runs)
        return pages * self.page * self.kv_heads * self.head_dim * 4

    @property
    def uniform(self):
        return len(self.runs) == 1

    @property
    def decode(self):
        return all(run[1] == 1 for run in self.runs)

    @property
    def scale(self):
        return self.head_dim ** -0.5


class Inputs:
    """The cache of `layers` layers, a table for each, queries; and what they should give."""

    def __init__(self, cell, layers, device):
        self.cell, self.layers, self.device = cell, layers, device
        random = torch.Generator(device="cpu").manual_seed(SEED)
        dtype = DTYPES[cell.dtype]
        self.new = [run[1] for run in cell.runs for _ in range(run[0])]
        self.lengths = [run[2] for run in cell.runs for _ in range(run[0])]
        pages = [-(-length // cell.page) for length in self.lengths]
        self.num_pages, self.max_pages = sum(pages), max(pages)
        order = (torch.arange(self.num_pages) if cell.in_order or cell.contiguous else
                 torch.randperm(self.num_pages, generator=random, dtype=torch.int64))
        self.table = torch.zeros(len(pages), self.max_pages, dtype=torch.int32)
        at = 0
        for i, count in enumerate(pages):
            self.table[i, :count] = order[at:at + count].int()
            at += count
        self.table = self.table.to(device)
        self.length = torch.tensor(self.lengths, dtype=torch.int32, device=device)
        on_device = torch.Generator(device=device).manual_seed(SEED)

        def uniform(*shape):
            # Numbers, never zeros: a GPU that multiplies zeros keeps a higher clock.
            return torch.rand(*shape, generator=on_device, device=device, dtype=torch.float32).mul_(2).sub_(1).to(dtype)

        # [page, token, head, dim], the layout that all peers take.
        shape = (self.num_pages, cell.page, cell.kv_heads, cell.head_dim)
        self.keys = [uniform(*shape) for _ in range(layers)]
        self.values = [uniform(*shape) for _ in range(layers)]
        self.query = uniform(sum(self.new), cell.query_heads, cell.head_dim)

    def rows(self, pages, sequence):
        """[length, head, dim] of a sequence's keys or values."""
        used = self.table[sequence, : -(-self.lengths[sequence] // self.cell.page)].long()
        return pages[used].flatten(0, 1)[: self.lengths[sequence]]

    def dense(self, pages):
        """[sequence, head, length, dim] of a uniform cell."""
        assert self.cell.uniform
        return torch.stack([self.rows(pages, i) for i in range(len(self.lengths))]).transpose(1, 2).contiguous()

    def expected(self, sequence, layer=0, rows=4):
        """The last outputs of a sequence, in double precision: [rows, head, dim]."""
        new, length = self.new[sequence], self.lengths[sequence]
        rows = min(rows, new)
        end = sum(self.new[: sequence + 1])
        query = self.query[end - rows:end].double()
        group = self.cell.query_heads // self.cell.kv_heads
        keys = self.rows(self.keys[layer], sequence).double().repeat_interleave(group, 1)
        values = self.rows(self.values[layer], sequence).double().repeat_interleave(group, 1)
        scores = torch.einsum("qhd,khd->hqk", query, keys) * self.cell.scale
        if self.cell.causal:
            place = torch.arange(length - rows, length, device=self.device)
            index = torch.arange(length, device=self.device)[None, :]
            hidden = index > place[:, None]
            if self.cell.window:
                hidden |= index <= place[:, None] - self.cell.window
            scores.masked_fill_(hidden, float("-inf"))
        return torch.einsum("hqk,khd->qhd", scores.softmax(-1), values), slice(end - rows, end)

    def error_of(self, out):
        """The largest distance of `out` [token, head, dim] from what it should be, in the first and last sequence,
        relative to the largest number of it."""
        worst = 0.0
        for sequence in {0, len(self.new) - 1}:
            expected, rows = self.expected(sequence)
            worst = max(worst, float((out[rows].double() - expected).abs().max() / expected.abs().max()))
        return worst
