"""Stands for FlashAttention-3: what of it is called, with its documented parameters."""


def get_scheduler_metadata(batch_size, max_seqlen_q, max_seqlen_k, num_heads_q, num_heads_kv, headdim, cache_seqlens,
                           qkv_dtype=None, page_size=None, causal=False, window_size=(-1, -1)):
    raise AssertionError("expected a stand-in to be called")


def flash_attn_with_kvcache(q, k_cache, v_cache, cache_seqlens=None, page_table=None, softmax_scale=None, causal=False,
                            window_size=(-1, -1), scheduler_metadata=None):
    raise AssertionError("expected a stand-in to be called")
