"""Paged decode in Triton, ours: the split-KV schedule that everybody uses, written plainly.

A program takes one split of one sequence and one KV head, all query heads of its group as rows of a tile, and leaves an
unnormalised output with its maximum and sum; a second kernel folds the splits. TRITON_INTERPRET=1 runs it on a CPU.
"""
import torch
import triton
import triton.language as tl


@triton.jit
def _split(query, keys, values, table, length, out, state, scale, table_stride, split_keys, splits,
           HEADS: tl.constexpr, GROUP: tl.constexpr, ROWS: tl.constexpr, DIM: tl.constexpr, WIDTH: tl.constexpr,
           PAGE: tl.constexpr, TILE: tl.constexpr, WIDE: tl.constexpr):
    sequence, head, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    kv_len = tl.load(length + sequence)
    begin = split * split_keys
    end = tl.minimum(begin + split_keys, kv_len)
    row, dim = tl.arange(0, ROWS), tl.arange(0, WIDTH)
    inside = (row < GROUP)[:, None] & (dim < DIM)[None, :]
    place = (sequence * HEADS + head) * GROUP + row
    q = tl.load(query + place[:, None] * DIM + dim[None, :], mask=inside, other=0.0)
    if WIDE:
        q = q.to(tl.float32)
    largest = tl.full([ROWS], float("-inf"), tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    sums = tl.zeros([ROWS, WIDTH], tl.float32)
    for first in range(begin, end, TILE):
        key = first + tl.arange(0, TILE)
        there = key < end
        page = tl.load(table + sequence * table_stride + key // PAGE, mask=there, other=0).to(tl.int64)
        at = ((page * PAGE + key % PAGE) * HEADS + head) * DIM
        mask = there[:, None] & (dim < DIM)[None, :]
        k = tl.load(keys + at[:, None] + dim[None, :], mask=mask, other=0.0)
        if WIDE:
            k = k.to(tl.float32)
        score = tl.dot(q, tl.trans(k)) * scale  # in powers of two
        score = tl.where(there[None, :], score, float("-inf"))
        above = tl.maximum(largest, tl.max(score, 1))
        weight = tl.exp2(score - above[:, None])
        shrink = tl.exp2(largest - above)
        v = tl.load(values + at[:, None] + dim[None, :], mask=mask, other=0.0)
        if WIDE:
            v = v.to(tl.float32)
        sums = sums * shrink[:, None] + tl.dot(weight.to(v.dtype), v)
        total = total * shrink + tl.sum(weight, 1)
        largest = above
    slot = ((sequence * HEADS + head) * GROUP + row) * splits + split
    tl.store(out + slot[:, None] * DIM + dim[None, :], sums, mask=inside)
    tl.store(state + 2 * slot, largest, mask=row < GROUP)
    tl.store(state + 2 * slot + 1, total, mask=row < GROUP)


@triton.jit
def _fold(partial, state, length, out, split_keys, splits, QUERY_HEADS: tl.constexpr, DIM: tl.constexpr,
          WIDTH: tl.constexpr):
    row = tl.program_id(0)
    used = tl.cdiv(tl.load(length + row // QUERY_HEADS), split_keys)
    dim = tl.arange(0, WIDTH)
    largest = tl.full([1], float("-inf"), tl.float32)
    total = tl.zeros([1], tl.float32)
    sums = tl.zeros([WIDTH], tl.float32)
    for split in range(0, used):
        slot = row * splits + split
        here = tl.load(state + 2 * slot)
        above = tl.maximum(largest, here)
        shrink, grow = tl.exp2(largest - above), tl.exp2(here - above)
        part = tl.load(partial + slot * DIM + dim, mask=dim < DIM, other=0.0)
        sums = sums * shrink + part * grow
        total = total * shrink + tl.load(state + 2 * slot + 1) * grow
        largest = above
    tl.store(out + row * DIM + dim, (sums / total).to(out.dtype.element_ty), mask=dim < DIM)


class PagedDecode:
    """query [sequence, query head, dim]; pages [page, token, head, dim]; table [sequence, pages]; length [sequence]."""

    def __init__(self, sequences, query_heads, kv_heads, dim, page, longest, device, multiprocessors=8,
                 tile=64, warps=4, stages=3):
        self.kv_heads, self.group, self.dim, self.page, self.tile = kv_heads, query_heads // kv_heads, dim, page, tile
        self.warps, self.stages = warps, stages
        # As many programs as keep two on each multiprocessor, but no split of fewer than 256 keys.
        wanted = max(1, -(-2 * multiprocessors // (sequences * kv_heads)))
        self.split_keys = max(256, -(-longest // (wanted * tile)) * tile)
        self.splits = -(-longest // self.split_keys)
        rows = sequences * query_heads
        self.partial = torch.empty(rows, self.splits, dim, device=device, dtype=torch.float32)
        self.state = torch.empty(rows, self.splits, 2, device=device, dtype=torch.float32)
        self.width = triton.next_power_of_2(dim)
        # The interpreter multiplies bf16 as if it were integers.
        self.wide = torch.device(device).type == "cpu"

    def __call__(self, query, keys, values, table, length, out):
        sequences, query_heads, dim = query.shape
        rows = max(16, triton.next_power_of_2(self.group))
        _split[(sequences, self.kv_heads, self.splits)](
            query, keys, values, table, length, self.partial, self.state, dim**-0.5 * 1.4426950408889634,
            table.stride(0), self.split_keys, self.splits, HEADS=self.kv_heads, GROUP=self.group, ROWS=rows, DIM=dim,
            WIDTH=self.width, PAGE=self.page, TILE=self.tile, WIDE=self.wide, num_warps=self.warps,
            num_stages=self.stages)
        _fold[(sequences * query_heads,)](self.partial, self.state, length, out, self.split_keys,
                                          self.splits, QUERY_HEADS=query_heads, DIM=dim, WIDTH=self.width, num_warps=1)
        return out


def compile_for(capability):
    """Machine code of both kernels without a GPU: (bytes of the split, bytes of the fold)."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    def machine_code(kernel, pointers, numbers, constants, **options):
        signature = {**pointers, **numbers, **{name: "constexpr" for name in constants}}
        made = triton.compile(ASTSource(kernel, signature, constants), target=GPUTarget("cuda", capability, 32),
                              options=options)
        return len(made.asm["cubin"])

    bf16, i32, f32 = "*bf16", "*i32", "*fp32"
    split = machine_code(
        _split, {"query": bf16, "keys": bf16, "values": bf16, "table": i32, "length": i32, "out": f32, "state": f32},
        {"scale": "fp32", "table_stride": "i32", "split_keys": "i32", "splits": "i32"},
        {"HEADS": 8, "GROUP": 4, "ROWS": 16, "DIM": 128, "WIDTH": 128, "PAGE": 16, "TILE": 64, "WIDE": False},
        num_warps=4, num_stages=3)
    fold = machine_code(_fold, {"partial": f32, "state": f32, "length": i32, "out": bf16}, {"split_keys": "i32", "splits": "i32"},
                        {"QUERY_HEADS": 32, "DIM": 128, "WIDTH": 128}, num_warps=1)
    return split, fold


if __name__ == "__main__":
    for capability in (80, 90):
        print(f"sm_{capability}: split %d bytes, fold %d bytes" % compile_for(capability))
