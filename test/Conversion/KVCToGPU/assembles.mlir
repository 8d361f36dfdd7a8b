// Every kind of kernel assembles without spills, stack or accesses of unknown
// space, on the oldest chip and on Hopper; the plain ones on the chips between
// and after (assembles-chips.mlir).
// REQUIRES: ptxas
// RUN: %python %S/Inputs/assemble.py kvc-compile %s sm_80 sm_90a | FileCheck %s
// CHECK: sm_80 plain_attend_prefill: {{[0-9]+}} registers, stack 0, spills 0{{$}}
// CHECK: 40 kernels, 0 bad

kvc.variant @plain {cache = !kvc.cache<kv_heads = 2, head_dim = 128, bf16>, query_heads = 8, causal = true}
kvc.variant @wide {cache = !kvc.cache<kv_heads = 2, head_dim = 256, bf16, layout = #kvc.paged<block = 32>>, query_heads = 4, causal = true}
kvc.variant @eight {cache = !kvc.cache<kv_heads = 2, head_dim = 128, bf16, key = #kvc.quant<f8E4M3FN>, value = #kvc.quant<i8>>, query_heads = 8, causal = true}
kvc.variant @stream {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f16, retention = #kvc.streaming<sink_tokens = 4, window = 50>, position = #kvc.rope<theta = 1.0e+04, dim = 64>>, query_heads = 8, causal = true, lse, sink_logits}
kvc.variant @turned {cache = !kvc.cache<kv_heads = 2, head_dim = 80 : 48, bf16, layout = #kvc.paged<block = 1>, position = #kvc.rope<theta = 1.0e+04, dim = 80, at = attend>>, query_heads = 8, mask = packed, causal = false, lse}
