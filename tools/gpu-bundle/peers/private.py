"""Peers that are fetched and built beside the bundle (README.md), timed where they are found.

None of their kernels has been run by this code yet: a call that a version spells otherwise (calls.py) is a failure of
its row, never of the run.
"""
import importlib.util
import time

import torch


def missing(module):
    return None if importlib.util.find_spec(module) else f"no module {module}"


class Private:
    """Takes plain cells and windows; see peers.Peer."""

    module = ""
    slow = False

    def absent(self, device):
        if device == "cpu":
            return "it runs on GPUs alone"
        return missing(self.module)

    def takes(self, cell):
        return cell.plain_or_windowed and cell.page >= 16 and cell.causal

    @staticmethod
    def left(cell):
        """Keys before a query's own that it sees, as both libraries count them: -1 is all."""
        return cell.window - 1 if cell.window else -1


class FlashAttention3(Private):
    name, module = "fa3", "flash_attn_interface"

    def absent(self, device):
        why = super().absent(device)
        if not why and torch.cuda.get_device_capability()[0] != 9:
            why = "it is for Hopper"
        return why

    def takes(self, cell):
        return super().takes(cell) and cell.uniform

    def prepare(self, inputs):
        from flash_attn_interface import flash_attn_with_kvcache, get_scheduler_metadata

        cell, new = inputs.cell, inputs.new[0]
        query = inputs.query.unflatten(0, (-1, new))
        # Where one page holds a sequence, [page, token, head, dim] is [sequence, token, head, dim].
        paged = {} if cell.contiguous else {"page_table": inputs.table}
        window = (self.left(cell), 0 if cell.window else -1)
        started = time.perf_counter()
        metadata = get_scheduler_metadata(
            batch_size=len(inputs.new), max_seqlen_q=new, max_seqlen_k=max(inputs.lengths), num_heads_q=cell.query_heads,
            num_heads_kv=cell.kv_heads, headdim=cell.head_dim, cache_seqlens=inputs.length,
            qkv_dtype=inputs.query.dtype, page_size=None if cell.contiguous else cell.page, causal=True,
            window_size=window)
        planned = time.perf_counter() - started

        def run(layer):
            out = flash_attn_with_kvcache(query, inputs.keys[layer], inputs.values[layer], cache_seqlens=inputs.length,
                                          **paged, softmax_scale=cell.scale, causal=True, window_size=window,
                                          scheduler_metadata=metadata)
            return (out[0] if isinstance(out, tuple) else out).flatten(0, 1)

        return run, planned


def ragged(inputs):
    """The tables that FlashInfer plans from: indptr of queries and pages, pages, tokens on each last page."""
    cell = inputs.cell
    pages = [-(-length // cell.page) for length in inputs.lengths]
    flat = torch.cat([inputs.table[i, :count] for i, count in enumerate(pages)])

    def prefix(counts):
        return torch.tensor([0] + counts, dtype=torch.int32).cumsum(0).int()

    last = torch.tensor([(length - 1) % cell.page + 1 for length in inputs.lengths], dtype=torch.int32)
    return prefix(inputs.new), prefix(pages), flat, last


class FlashInfer(Private):
    name, module = "flashinfer", "flashinfer"

    def prepare(self, inputs):
        import flashinfer

        cell, device = inputs.cell, inputs.device
        queries, pages, flat, last = ragged(inputs)
        workspace = torch.empty(256 << 20, dtype=torch.uint8, device=device)
        if cell.decode:
            wrapper = flashinfer.BatchDecodeWithPagedKVCacheWrapper(workspace, "NHD", use_tensor_cores=True)
            arguments = (pages, flat, last, cell.query_heads, cell.kv_heads, cell.head_dim, cell.page)
            options = {}
        else:
            wrapper = flashinfer.BatchPrefillWithPagedKVCacheWrapper(workspace, "NHD")
            arguments = (queries.to(device), pages.to(device), flat, last.to(device), cell.query_heads, cell.kv_heads,
                         cell.head_dim, cell.page)
            options = {"causal": True}
        started = time.perf_counter()
        wrapper.plan(*arguments, q_data_type=inputs.query.dtype, kv_data_type=inputs.query.dtype, sm_scale=cell.scale,
                     window_left=self.left(cell), **options)
        torch.cuda.synchronize()
        planned = time.perf_counter() - started
        return lambda layer: wrapper.run(inputs.query, (inputs.keys[layer], inputs.values[layer])), planned


class Xqa(Private):
    """TensorRT-LLM's decode kernel, as FlashInfer vendors it."""

    name, module = "xqa", "flashinfer"

    def takes(self, cell):
        return super().takes(cell) and cell.decode and cell.page in (16, 32, 64, 128)

    def prepare(self, inputs):
        from flashinfer.decode import trtllm_batch_decode_with_kv_cache

        cell = inputs.cell
        workspace = torch.zeros(256 << 20, dtype=torch.uint8, device=inputs.device)
        longest = max(inputs.lengths)

        def run(layer):
            return trtllm_batch_decode_with_kv_cache(
                inputs.query, (inputs.keys[layer], inputs.values[layer]), workspace, inputs.table, inputs.length, longest,
                window_left=self.left(cell), bmm1_scale=cell.scale, bmm2_scale=1.0, kv_layout="NHD", backend="xqa")

        return run, 0.0
