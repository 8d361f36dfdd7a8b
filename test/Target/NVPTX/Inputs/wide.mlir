// Rows that some chips decode, or turn, in a loop inside the loop over keys.
kvc.variant @fp8 {cache = !kvc.cache<kv_heads = 8, head_dim = 256, bf16, key = #kvc.quant<f8E4M3FN>, value = #kvc.quant<f8E4M3FN>>, query_heads = 32, causal = true}
kvc.variant @turned {cache = !kvc.cache<kv_heads = 8, head_dim = 256, bf16, position = #kvc.rope<theta = 1.0e+04, dim = 256, style = neox, at = attend>>, query_heads = 32, causal = true}
