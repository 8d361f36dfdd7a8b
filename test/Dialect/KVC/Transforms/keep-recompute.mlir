// RUN: kvc-opt %s --kvc-keep-recompute --split-input-file --verify-diagnostics --remarks-filter-missed='kvc-.*' | FileCheck %s
// RUN: kvc-opt %s --kvc-keep-recompute --kvc-keep-recompute --split-input-file --verify-diagnostics --remarks-filter-missed='kvc-.*' | FileCheck %s

// CHECK-LABEL: func.func @main(
// CHECK-SAME:    %[[X:.*]]: tensor<1x?xf32> {kvc.input = "x"})
// CHECK-NOT:   kvc.recompute
// CHECK:       return
// CHECK-LABEL: func.func @recompute(
// CHECK-SAME:    {kvc.input = "x"}) -> tensor<1x?xf32> attributes {kvc.max_positions = 8 : i64, kvc.recompute}
// CHECK-NEXT:  arith.negf
// CHECK-LABEL: func.func @helper(
// CHECK-NOT:   func.func
func.func @main(%x: tensor<1x?xf32> {kvc.input = "x"}) -> tensor<1x?xf32> attributes {kvc.max_positions = 8 : i64} {
  %y = arith.negf %x : tensor<1x?xf32>
  return %y : tensor<1x?xf32>
}
func.func @helper(%x: f32) -> f32 {
  return %x : f32
}

// -----

// Attention that is in the graph already is written out in the copy.

// CHECK-LABEL: func.func @main(
// CHECK:       kvc.attention
// CHECK-LABEL: func.func @recompute(
// CHECK-NOT:   kvc.attention
// CHECK:       math.exp
// CHECK:       return
func.func @main(%x: tensor<1x1x?x4xf32> {kvc.input = "x"}) -> tensor<1x1x?x4xf32> {
  %a = kvc.attention %x, %x, %x {causal, scale = 0.5 : f32} : (tensor<1x1x?x4xf32>, tensor<1x1x?x4xf32>, tensor<1x1x?x4xf32>) -> tensor<1x1x?x4xf32>
  return %a : tensor<1x1x?x4xf32>
}

// -----

func.func @a(%x: tensor<1x?xf32> {kvc.input = "x"}) {
  return
}
// expected-error @+1 {{expected one function with a `kvc.input`, got @a and @b; unmark the inputs of one of them}}
func.func @b(%x: tensor<1x?xf32> {kvc.input = "x"}) {
  return
}

// -----

// expected-remark-re @+1 {{[Missed] no-tokens | {{.*}}no function has an argument marked `kvc.input`}}
module {
}
