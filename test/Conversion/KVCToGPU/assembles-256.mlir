// head_dim 256 where a block has 99 KiB of shared memory: fewer warps decode,
// and prefill takes fewer keys a tile, or half of the rows at once.
// REQUIRES: ptxas
// RUN: %python %S/Inputs/assemble.py kvc-compile %s sm_86 sm_89 sm_120 | FileCheck %s
// CHECK: sm_86 plain_attend_prefill: {{[0-9]+}} registers, stack 0, spills 0{{$}}
// CHECK: 72 kernels, 0 bad

kvc.variant @plain {cache = !kvc.cache<kv_heads = 2, head_dim = 256, bf16>, query_heads = 8, causal = true, lse}
kvc.variant @eight {cache = !kvc.cache<kv_heads = 2, head_dim = 256, f16, key = #kvc.quant<i8>, value = #kvc.quant<i8>>, query_heads = 8, causal = true, lse}
kvc.variant @float8 {cache = !kvc.cache<kv_heads = 2, head_dim = 256, bf16, key = #kvc.quant<f8E4M3FN>, value = #kvc.quant<f8E4M3FN>>, query_heads = 8, causal = true, lse}
kvc.variant @turned {cache = !kvc.cache<kv_heads = 2, head_dim = 256, bf16, retention = #kvc.window<100>, position = #kvc.rope<theta = 1.0e+04, dim = 256, at = attend>>, query_heads = 8, causal = true}
kvc.variant @stream {cache = !kvc.cache<kv_heads = 2, head_dim = 256, f16, retention = #kvc.streaming<sink_tokens = 4, window = 50>, position = #kvc.rope<theta = 1.0e+04, dim = 256>>, query_heads = 8, causal = true}
kvc.variant @both {cache = !kvc.cache<kv_heads = 2, head_dim = 256, bf16, retention = #kvc.streaming<sink_tokens = 4, window = 50>, position = #kvc.rope<theta = 1.0e+04, dim = 256, at = attend>>, query_heads = 8, causal = true}
