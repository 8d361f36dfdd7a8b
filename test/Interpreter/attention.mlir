// What kvc.attention computes. Keys of 0 weigh all visible keys the same, so
// that an output is the mean of the visible values; ln 3 triples a weight.
// RUN: kvc-interpret %s | FileCheck %s

// Weights 1/4 and 3/4 of 8 and 4; denominator 4.
// CHECK-LABEL: @two_keys
// CHECK-NEXT: result 0: 1x1x1x1xf32
// CHECK-NEXT: [5]
// CHECK-NEXT: result 1: 1x1x1xf32
// CHECK-NEXT: [1.38629]
func.func @two_keys() -> (tensor<1x1x1x1xf32>, tensor<1x1x1xf32>) {
  %q = arith.constant dense<0.5> : tensor<1x1x1x1xf32>
  %k = arith.constant dense<[[[[0.0], [1.09861229]]]]> : tensor<1x1x2x1xf32>
  %v = arith.constant dense<[[[[8.0], [4.0]]]]> : tensor<1x1x2x1xf32>
  %o, %lse = kvc.attention %q, %k, %v {scale = 2.0 : f32} :
    (tensor<1x1x1x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>)
    -> (tensor<1x1x1x1xf32>, tensor<1x1x1xf32>)
  return %o, %lse : tensor<1x1x1x1xf32>, tensor<1x1x1xf32>
}

// Two queries are the last two of three tokens; heads 0, 1 read kv head 0,
// heads 2, 3 kv head 1.
// CHECK-LABEL: @causal_gqa
// CHECK-NEXT: 1x4x2x1xf32
// CHECK-NEXT: [1.5]
// CHECK-NEXT: [2.33333]
// CHECK-NEXT: [1.5]
// CHECK-NEXT: [2.33333]
// CHECK-NEXT: [15]
// CHECK-NEXT: [23.3333]
// CHECK-NEXT: [15]
// CHECK-NEXT: [23.3333]
func.func @causal_gqa() -> tensor<1x4x2x1xf32> {
  %q = arith.constant dense<1.0> : tensor<1x4x2x1xf32>
  %k = arith.constant dense<0.0> : tensor<1x2x3x1xf32>
  %v = arith.constant dense<[[[[1.0], [2.0], [4.0]], [[10.0], [20.0], [40.0]]]]>
    : tensor<1x2x3x1xf32>
  %o = kvc.attention %q, %k, %v {causal, scale = 1.0 : f32} :
    (tensor<1x4x2x1xf32>, tensor<1x2x3x1xf32>, tensor<1x2x3x1xf32>)
    -> tensor<1x4x2x1xf32>
  return %o : tensor<1x4x2x1xf32>
}

// CHECK-LABEL: @window
// CHECK-NEXT: 1x1x3x1xf32
// CHECK-NEXT: [1]
// CHECK-NEXT: [1.5]
// CHECK-NEXT: [3]
func.func @window() -> tensor<1x1x3x1xf32> {
  %q = arith.constant dense<0.0> : tensor<1x1x3x1xf32>
  %v = arith.constant dense<[[[[1.0], [2.0], [4.0]]]]> : tensor<1x1x3x1xf32>
  %o = kvc.attention %q, %q, %v {causal, window = 2, scale = 1.0 : f32} :
    (tensor<1x1x3x1xf32>, tensor<1x1x3x1xf32>, tensor<1x1x3x1xf32>)
    -> tensor<1x1x3x1xf32>
  return %o : tensor<1x1x3x1xf32>
}

// Scores 0 and s = 2 tanh(2): (8 + 4 e^s) / (1 + e^s). The neighbours in bf16 are
// 4.5 and 4.53125.
// CHECK-LABEL: @softcap
// CHECK-NEXT: 1x1x1x1xf32
// CHECK-NEXT: [4.50786]
// CHECK-NEXT: 1x1x1x1xbf16
// CHECK-NEXT: [4.5]
func.func @softcap() -> (tensor<1x1x1x1xf32>, tensor<1x1x1x1xbf16>) {
  %q = arith.constant dense<1.0> : tensor<1x1x1x1xf32>
  %k = arith.constant dense<[[[[0.0], [4.0]]]]> : tensor<1x1x2x1xf32>
  %v = arith.constant dense<[[[[8.0], [4.0]]]]> : tensor<1x1x2x1xf32>
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32, softcap = 2.0 : f32} :
    (tensor<1x1x1x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>)
    -> tensor<1x1x1x1xf32>
  %qb = arith.truncf %q : tensor<1x1x1x1xf32> to tensor<1x1x1x1xbf16>
  %kb = arith.truncf %k : tensor<1x1x2x1xf32> to tensor<1x1x2x1xbf16>
  %vb = arith.truncf %v : tensor<1x1x2x1xf32> to tensor<1x1x2x1xbf16>
  %ob = kvc.attention %qb, %kb, %vb {scale = 1.0 : f32, softcap = 2.0 : f32} :
    (tensor<1x1x1x1xbf16>, tensor<1x1x2x1xbf16>, tensor<1x1x2x1xbf16>)
    -> tensor<1x1x1x1xbf16>
  return %o, %ob : tensor<1x1x1x1xf32>, tensor<1x1x1x1xbf16>
}
