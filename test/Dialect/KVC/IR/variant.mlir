// RUN: kvc-opt %s --verify-roundtrip | FileCheck %s
// RUN: kvc-opt %s --mlir-print-op-generic | kvc-opt | FileCheck %s

// CHECK-LABEL: kvc.variant @plain
// CHECK-SAME: {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16>, query_heads = 32 : i64}
kvc.variant @plain {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16>,
                    query_heads = 32, causal = true, mask = none, captures = []}

// CHECK-LABEL: kvc.variant @every_option
// CHECK-SAME: causal = false
// CHECK-SAME: lse, mask = dense_i1, query_heads = 32 : i64, sink_logits, softcap, sym_visibility = "private"
kvc.variant @every_option {
  cache = !kvc.cache<kv_heads = 8, head_dim = 128, f16>, query_heads = 32,
  mask = dense_i1, softcap, sink_logits, lse, causal = false,
  sym_visibility = "private"}

// CHECK-LABEL: kvc.variant @own_window
// CHECK-SAME: mask = packed
// CHECK-SAME: window}
kvc.variant @own_window {cache = !kvc.cache<kv_heads = 1, head_dim = 64, f32>,
                         query_heads = 4, window, mask = packed}

// CHECK-LABEL: kvc.variant @score
// CHECK-SAME: captures = [tensor<8xf32>]
// CHECK-SAME: score {
// CHECK: tensor.extract
// CHECK: kvc.yield
kvc.variant @score {cache = !kvc.cache<kv_heads = 1, head_dim = 64, f32>,
                    query_heads = 4, captures = [tensor<8xf32>]} score {
^bb0(%s: f32, %b: index, %h: index, %q: index, %k: index, %t: tensor<8xf32>):
  %bias = tensor.extract %t[%h] : tensor<8xf32>
  %r = arith.addf %s, %bias : f32
  kvc.yield %r : f32
}
