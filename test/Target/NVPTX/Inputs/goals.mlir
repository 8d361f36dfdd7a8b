// The shapes that the goals are about: 32 query heads on 8, head_dim 128.
kvc.variant @plain {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16>, query_heads = 32, causal = true}
kvc.variant @int8 {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16, key = #kvc.quant<i8>, value = #kvc.quant<i8>>, query_heads = 32, causal = true}
kvc.variant @fp8 {cache = !kvc.cache<kv_heads = 8, head_dim = 128, f16, key = #kvc.quant<f8E4M3FN>, value = #kvc.quant<f8E4M3FN>>, query_heads = 32, causal = true}
kvc.variant @fp8_bf16 {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16, key = #kvc.quant<f8E4M3FN>, value = #kvc.quant<f8E4M3FN>>, query_heads = 32, causal = true}
