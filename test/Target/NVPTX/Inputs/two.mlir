kvc.variant @brain {cache = !kvc.cache<kv_heads = 2, head_dim = 128, bf16>, query_heads = 8, lse}
kvc.variant @half {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f16, layout = #kvc.paged<block = 1>>, query_heads = 2, sink_logits}
