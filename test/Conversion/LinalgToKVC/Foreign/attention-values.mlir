// What those ops compute, in numbers worked out by hand: keys 0 and 4, values 8
// and 4, queries 1 and 2; a second channel of zeros. expected: (8 + 4 w) / (1 + w), w = exp(score of key 4).
// (made by from_elements: of a literal raise would see the numbers.)
// RUN: kvc-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | kvc-interpret | FileCheck %s
#q = affine_map<(m, n, c, s) -> (m, c)>
#k = affine_map<(m, n, c, s) -> (s, c)>
#v = affine_map<(m, n, c, s) -> (s, n)>
#none = affine_map<(m, n, c, s) -> ()>
#m = affine_map<(m, n, c, s) -> (m, s)>
#o = affine_map<(m, n, c, s) -> (m, n)>

// The scale 0.5 is applied before the region, which adds 1 to later keys than
// the query; the mask comes last. Query 0: 0.5 * 4 + 1 - 2 = 1, w = e.
// Query 1: 0.5 * 8 - 3 = 1, w = e.
// CHECK-LABEL: @iree
// CHECK-NEXT: result 0
// CHECK-NEXT: [5.07577]
// CHECK-NEXT: [5.07577]
func.func @iree() -> tensor<2x1xf32> {
  %c1 = arith.constant 1.0 : f32
  %c0 = arith.constant 0.0 : f32
  %c2 = arith.constant 2.0 : f32
  %c4 = arith.constant 4.0 : f32
  %c8 = arith.constant 8.0 : f32
  %q = tensor.from_elements %c1, %c0, %c2, %c0 : tensor<2x2xf32>
  %k = tensor.from_elements %c0, %c0, %c4, %c0 : tensor<2x2xf32>
  %v = tensor.from_elements %c8, %c4 : tensor<2x1xf32>
  %mask = arith.constant dense<[[0.0, -2.0], [0.0, -3.0]]> : tensor<2x2xf32>
  %scale = arith.constant 0.5 : f32
  %init = tensor.empty() : tensor<2x1xf32>
  %0 = "iree_linalg_ext.attention"(%q, %k, %v, %scale, %mask, %init) <{indexing_maps = [#q, #k, #v, #none, #m, #o]}> ({
  ^bb0(%x: f32):
    %i = "iree_linalg_ext.index"() <{dim = 0 : i64}> : () -> index
    %j = "iree_linalg_ext.index"() <{dim = 1 : i64}> : () -> index
    %later = arith.cmpi sgt, %j, %i : index
    %one = arith.constant 1.0 : f32
    %zero = arith.constant 0.0 : f32
    %more = arith.select %later, %one, %zero : f32
    %y = arith.addf %x, %more : f32
    "iree_linalg_ext.yield"(%y) : (f32) -> ()
  }) : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x1xf32>, f32, tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// Two channels: scale 1 / sqrt(2). Query 0, sqrt(2) here, sees both: w = exp(4).
// Query 1 sees nothing.
// CHECK-LABEL: @torch
// CHECK-NEXT: result 0
// CHECK-NEXT: [4.07194]
// CHECK-NEXT: [0]
func.func @torch() -> tensor<2x1xf32> {
  %c1_41421356 = arith.constant 1.41421356 : f32
  %c0 = arith.constant 0.0 : f32
  %c2 = arith.constant 2.0 : f32
  %c4 = arith.constant 4.0 : f32
  %c8 = arith.constant 8.0 : f32
  %q = tensor.from_elements %c1_41421356, %c0, %c2, %c0 : tensor<2x2xf32>
  %k = tensor.from_elements %c0, %c0, %c4, %c0 : tensor<2x2xf32>
  %v = tensor.from_elements %c8, %c4 : tensor<2x1xf32>
  %mask = arith.constant dense<[[true, true], [false, false]]> : tensor<2x2xi1>
  %init = tensor.empty() : tensor<2x1xf32>
  %0 = "tm_tensor.attention"(%q, %k, %v, %mask, %init) <{operandSegmentSizes = array<i32: 4, 1>}> : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x1xf32>, tensor<2x2xi1>, tensor<2x1xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}
