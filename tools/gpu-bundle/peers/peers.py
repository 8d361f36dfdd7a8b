"""Who else computes these cells. A peer says whether it is here, which cells it takes, and makes a call for each layer.

Invariant: nothing of a peer is in this repository; each is found as a package, or is said to be absent and why. The
recipes of those that are built privately are in README.md.
"""
import os
import time

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


class Peer:
    name = ""
    slow = False  # compiles for so long that a short run gives it few cells

    def absent(self, device):
        """Why it cannot run here, or None."""
        return None

    def takes(self, cell):
        return cell.plain

    def prepare(self, inputs):
        """(run(layer) -> output [token, head, dim], seconds of planning)"""
        raise NotImplementedError


class Sdpa(Peer):
    """torch.scaled_dot_product_attention over dense keys: no pages, so a bound of what paging costs."""

    def __init__(self, name, backend):
        self.name, self.backend = name, backend

    def absent(self, device):
        if device == "cpu" and self.backend != SDPBackend.FLASH_ATTENTION:
            return "its backend is CUDA's"
        return None

    def takes(self, cell):
        return cell.plain and cell.uniform and cell.page >= 16

    def prepare(self, inputs):
        from torch.nn.attention.bias import causal_lower_right

        cell, new = inputs.cell, inputs.new[0]
        keys = [inputs.dense(k) for k in inputs.keys]
        values = [inputs.dense(v) for v in inputs.values]
        query = inputs.query.unflatten(0, (-1, new)).transpose(1, 2).contiguous()
        length = inputs.lengths[0]
        how = {}
        if cell.causal and new == length:
            how["is_causal"] = True
        elif cell.causal and new > 1:
            how["attn_mask"] = causal_lower_right(new, length)

        def run(layer):
            with sdpa_kernel(self.backend):
                out = torch.nn.functional.scaled_dot_product_attention(
                    query, keys[layer], values[layer], scale=cell.scale, enable_gqa=cell.query_heads != cell.kv_heads,
                    **how)
            return out.transpose(1, 2).flatten(0, 1)

        return run, 0.0


class FlexPaged(Peer):
    """FlexAttention with torch's PagedAttention; pages of 128, the block of its masks. Tuned: by max-autotune, which
    takes minutes a shape."""

    slow = True
    PAGE = 128

    def __init__(self, tuned):
        self.name = "flex paged" if tuned else "flex, untuned"
        self.mode = "max-autotune-no-cudagraphs" if tuned else None

    def takes(self, cell):
        return cell.plain and cell.uniform

    def prepare(self, inputs):
        from torch.nn.attention.experimental._paged_attention import PagedAttention
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        cell, device = inputs.cell, inputs.device
        count, new, length = len(inputs.new), inputs.new[0], inputs.lengths[0]
        pages = -(-length // self.PAGE)
        started = time.perf_counter()
        cache = PagedAttention(count * pages, self.PAGE, count, device=device)
        order = torch.randperm(count * pages, generator=torch.Generator().manual_seed(7)).tolist()
        cache.empty_pages = order
        sequences = torch.arange(count, device=device)
        for i in range(count):
            cache.reserve(torch.tensor(i, device=device), torch.tensor(length, device=device))
        positions = torch.arange(length, device=device).expand(count, -1).contiguous()
        keys, values = [], []
        for layer in range(inputs.layers):
            shape = (1, cell.kv_heads, count * pages * self.PAGE, cell.head_dim)
            k, v = (torch.zeros(shape, dtype=inputs.query.dtype, device=device) for _ in range(2))
            cache.assign(sequences, positions, inputs.dense(inputs.keys[layer]), inputs.dense(inputs.values[layer]), k, v)
            keys.append(k)
            values.append(v)
        first = length - new

        def seen(b, h, q, k):
            return (k <= q + first) if cell.causal else (k < length)

        # A mask of blocks that are whole pages, of a length that they divide.
        logical = create_block_mask(seen, count, None, new, pages * self.PAGE, device=device,
                                    BLOCK_SIZE=(min(128, max(16, new)), self.PAGE))
        lengths = torch.full((count,), length, device=device)
        mask = cache.convert_logical_block_mask(logical, kv_len=lengths)
        query = inputs.query.unflatten(0, (-1, new)).transpose(1, 2).contiguous()
        planned = time.perf_counter() - started
        attention = flex_attention if device == "cpu" else torch.compile(flex_attention, mode=self.mode)

        def run(layer):
            out = attention(query, keys[layer], values[layer], block_mask=mask, scale=cell.scale,
                            enable_gqa=cell.query_heads != cell.kv_heads)
            return out.transpose(1, 2).flatten(0, 1)

        return run, planned


class TritonPaged(Peer):
    """Our own plain Triton kernel over the same pages and the same table."""

    name = "triton paged"
    # (keys of a tile, warps, stages); the best of them counts.
    CHOICES = [(64, 4, 3), (128, 4, 2), (64, 8, 3), (32, 4, 4), (128, 8, 3)]

    def __init__(self):
        self.best = {}  # by what a choice depends on

    def absent(self, device):
        try:
            import triton  # noqa: F401
        except ImportError as error:
            return str(error)
        if device == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
            return "no GPU, and TRITON_INTERPRET is not 1"
        return None

    def takes(self, cell):
        return cell.plain and cell.decode and cell.causal

    def prepare(self, inputs):
        from triton_paged import PagedDecode

        cell = inputs.cell
        out = torch.full_like(inputs.query, float("nan"))

        def make(tile, warps, stages):
            multiprocessors = 8
            if inputs.device != "cpu":
                multiprocessors = torch.cuda.get_device_properties(0).multi_processor_count
            kernel = PagedDecode(len(inputs.new), cell.query_heads, cell.kv_heads, cell.head_dim, cell.page,
                                 max(inputs.lengths), inputs.device, multiprocessors, tile, warps, stages)
            return lambda layer: kernel(inputs.query, inputs.keys[layer], inputs.values[layer], inputs.table,
                                        inputs.length, out)

        if inputs.device == "cpu":
            return make(*self.CHOICES[0]), 0.0
        key = (cell.head_dim, cell.query_heads // cell.kv_heads, cell.dtype, cell.page < 16, inputs.layers == 1)
        if key not in self.best:
            self.best[key] = best_of(self.CHOICES, make, inputs.layers)
        return make(*self.best[key]), 0.0


def best_of(choices, make, layers):
    """The fastest of some choices by a short trial; those that do not fit the GPU drop out."""
    best, shortest, failure = None, float("inf"), None
    for choice in choices:
        try:
            run = make(*choice)
            run(0)
            torch.cuda.synchronize()
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            for layer in range(layers):
                run(layer)
            end.record()
            torch.cuda.synchronize()
        except Exception as error:  # shared memory or registers of this choice
            failure = error
            continue
        if start.elapsed_time(end) < shortest:
            best, shortest = choice, start.elapsed_time(end)
    if best is None:
        raise failure
    return best


def all_peers(tuned):
    from private import FlashAttention3, FlashInfer, Xqa

    return [Sdpa("sdpa flash", SDPBackend.FLASH_ATTENTION), Sdpa("sdpa cudnn", SDPBackend.CUDNN_ATTENTION), FlexPaged(tuned),
            TritonPaged(), FlashAttention3(), FlashInfer(), Xqa()]
