// Rows of 256 8-bit codes, keys and values, on every chip: what decodes them
// fills the registers, so that each has spilled on one of them when kernels
// changed.
// REQUIRES: ptxas
// RUN: %python %S/Inputs/assemble.py kvc-compile %s sm_80 sm_86 sm_89 sm_90a sm_100a sm_120 | FileCheck %s
// CHECK: sm_80 int8_attend_prefill: {{[0-9]+}} registers, stack 0, spills 0{{$}}
// CHECK: 120 kernels, 0 bad

kvc.variant @int8 {cache = !kvc.cache<kv_heads = 2, head_dim = 256, bf16, key = #kvc.quant<i8>, value = #kvc.quant<i8>>, query_heads = 8, causal = true, lse}
kvc.variant @int8_f16 {cache = !kvc.cache<kv_heads = 2, head_dim = 256, f16, key = #kvc.quant<i8>, value = #kvc.quant<i8>>, query_heads = 8, causal = true}
kvc.variant @int8_turned {cache = !kvc.cache<kv_heads = 2, head_dim = 256, bf16, position = #kvc.rope<theta = 1.0e+04, dim = 256>, key = #kvc.quant<i8>, value = #kvc.quant<i8>>, query_heads = 4, causal = true, lse}
kvc.variant @float8 {cache = !kvc.cache<kv_heads = 2, head_dim = 256, bf16, layout = #kvc.paged<block = 64>, key = #kvc.quant<f8E4M3FN>, value = #kvc.quant<f8E4M3FN>>, query_heads = 8, causal = true, lse}
kvc.variant @float8_f16 {cache = !kvc.cache<kv_heads = 2, head_dim = 256, f16, key = #kvc.quant<f8E4M3FN>, value = #kvc.quant<f8E4M3FN>>, query_heads = 8, causal = true}
