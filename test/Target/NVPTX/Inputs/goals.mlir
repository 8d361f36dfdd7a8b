// The shapes that the goals are about: 32 query heads on 8, head_dim 128.
kvc.variant @plain {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16>, query_heads = 32, causal = true}
kvc.variant @int8 {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16, key = #kvc.quant<i8>, value = #kvc.quant<i8>>, query_heads = 32, causal = true}
kvc.variant @fp8 {cache = !kvc.cache<kv_heads = 8, head_dim = 128, f16, key = #kvc.quant<f8E4M3FN>, value = #kvc.quant<f8E4M3FN>>, query_heads = 32, causal = true}
kvc.variant @fp8_bf16 {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16, key = #kvc.quant<f8E4M3FN>, value = #kvc.quant<f8E4M3FN>>, query_heads = 32, causal = true}
// Divisions of scores: soft-cap, and a region that divides.
kvc.variant @capped {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16>, query_heads = 32, causal = true, softcap}
kvc.variant @divided {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16>, query_heads = 32, causal = true, captures = [tensor<?xf32>]} score {
^bb0(%s: f32, %b: index, %h: index, %q: index, %k: index, %t: tensor<?xf32>):
  %x = tensor.extract %t[%h] : tensor<?xf32>
  %y = arith.divf %s, %x : f32
  kvc.yield %y : f32
}
