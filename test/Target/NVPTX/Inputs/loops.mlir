// Products of wide keys that are a loop over head_dim: halves of f32, and keys beside a table of masks.
kvc.variant @halves {cache = !kvc.cache<kv_heads = 8, head_dim = 80, f32>, query_heads = 32, causal = true}
kvc.variant @masked {cache = !kvc.cache<kv_heads = 8, head_dim = 256, bf16>, query_heads = 32, causal = true, mask = #kvc<mask_kind packed>}
