// Score regions of kvc.attention and kvc.attend. The region's answer is the
// score: ln(n) gives a key the weight n.
// RUN: kvc-interpret %s | FileCheck %s

// Head h adds ln 3 to key 0 when h is 1; the captured tensor holds the numbers.
// CHECK-LABEL: @attention_captures
// CHECK-NEXT: 1x2x1x1xf32
// CHECK-NEXT: [6]
// CHECK-NEXT: [7]
func.func @attention_captures() -> tensor<1x2x1x1xf32> {
  %q = arith.constant dense<0.0> : tensor<1x2x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<1x1x2x1xf32>
  %v = arith.constant dense<[[[[8.0], [4.0]]]]> : tensor<1x1x2x1xf32>
  %t = arith.constant dense<[[0.0, 0.0], [1.09861229, 0.0]]> : tensor<2x2xf32>
  %o = kvc.attention %q, %k, %v captures(%t) {scale = 1.0 : f32} score {
    ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index, %c: tensor<2x2xf32>):
      %bias = tensor.extract %c[%h, %j] : tensor<2x2xf32>
      %r = arith.addf %s, %bias : f32
      kvc.yield %r : f32
    } :
    (tensor<1x2x1x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>,
     tensor<2x2xf32>) -> tensor<1x2x1x1xf32>
  return %o : tensor<1x2x1x1xf32>
}

// Hides the key just before the query, in the second sequence only.
// CHECK-LABEL: @attend_indices
// CHECK-NEXT: 4x1x1xf32
// CHECK-NEXT: [1]
// CHECK-NEXT: [1.5]
// CHECK-NEXT: [4]
// CHECK-NEXT: [8]
func.func @attend_indices(
    %step: !kvc.step {kvc.test_step = {sequences = [3, 9], tokens = [2, 2]}},
    %cache: !kvc.cache<kv_heads = 1, head_dim = 1, f32> {kvc.cache = 0})
    -> tensor<4x1x1xf32> {
  %q = arith.constant dense<0.0> : tensor<4x1x1xf32>
  %v = arith.constant dense<[[[1.0]], [[2.0]], [[4.0]], [[8.0]]]> : tensor<4x1x1xf32>
  kvc.append %q, %v into %cache at %step : tensor<4x1x1xf32>, tensor<4x1x1xf32>,
    !kvc.cache<kv_heads = 1, head_dim = 1, f32>
  %init = tensor.empty() : tensor<4x1x1xf32>
  %o = kvc.attend %q, %cache at %step outs(%init) {scale = 1.0 : f32} score {
    ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
      %one = arith.constant 1 : index
      %hide = arith.constant 0xFF800000 : f32
      %distance = arith.subi %i, %j : index
      %before = arith.cmpi eq, %distance, %one : index
      %second = arith.cmpi eq, %b, %one : index
      %hidden = arith.andi %before, %second : i1
      %r = arith.select %hidden, %hide, %s : f32
      kvc.yield %r : f32
    } :
    (tensor<4x1x1xf32>, !kvc.cache<kv_heads = 1, head_dim = 1, f32>, !kvc.step,
     tensor<4x1x1xf32>) -> tensor<4x1x1xf32>
  return %o : tensor<4x1x1xf32>
}
