// Kernels with f32 operands: plain f32 rows (products of tf32 halves), 16-bit
// and 8-bit storage, keys turned in f32. No spills, stack or accesses of
// unknown space on any chip.
// REQUIRES: ptxas
// RUN: %python %S/Inputs/assemble.py kvc-compile %s sm_80 sm_89 sm_90a sm_100a sm_120 | FileCheck %s
// CHECK: sm_80 wide_attend_prefill: {{[0-9]+}} registers, stack 0, spills 0{{$}}
// CHECK: 80 kernels, 0 bad

kvc.variant @wide {cache = !kvc.cache<kv_heads = 2, head_dim = 128, f32>, query_heads = 8, causal = true, lse}
kvc.variant @turned {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32, position = #kvc.rope<theta = 1.0e+04, dim = 64, at = attend>, retention = #kvc.streaming<sink_tokens = 4, window = 50>>, query_heads = 8, causal = true, sink_logits}
kvc.variant @half {cache = !kvc.cache<kv_heads = 2, head_dim = 128, f32, key = #kvc.plain<f16>, value = #kvc.plain<bf16>>, query_heads = 8, causal = true}
kvc.variant @eight {cache = !kvc.cache<kv_heads = 2, head_dim = 128, f32, key = #kvc.quant<i8>, value = #kvc.quant<f8E4M3FN>>, query_heads = 8, causal = true}
