// REQUIRES: ptxas
// RUN: %python %S/Inputs/assemble.py kvc-compile %s sm_86 sm_89 sm_100a sm_120 | FileCheck %s
// CHECK: sm_120 plain_attend_prefill: {{[0-9]+}} registers, stack 0, spills 0{{$}}
// CHECK: 16 kernels, 0 bad

kvc.variant @plain {cache = !kvc.cache<kv_heads = 2, head_dim = 128, f16, value = #kvc.quant<f8E4M3FN>>, query_heads = 8, causal = true}
