// Masks, sink logits and rows that see nothing. Keys are 0: outputs are means of
// the visible values.
// RUN: kvc-interpret %s | FileCheck %s

// Batch 0 hides everything from its first query.
// CHECK-LABEL: @fully_masked
// CHECK-NEXT: result 0
// CHECK-NEXT: [nan]
// CHECK-NEXT: [6]
// CHECK-NEXT: result 1
// CHECK-NEXT: [-inf, 0]
// CHECK-NEXT: result 2
// CHECK-NEXT: [4]
// CHECK-NEXT: [6]
// CHECK-NEXT: result 3
// CHECK-NEXT: [0]
// CHECK-NEXT: [6]
func.func @fully_masked() -> (tensor<1x1x2x1xf32>, tensor<1x1x2xf32>,
    tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>) {
  %q = arith.constant dense<0.0> : tensor<1x1x2x1xf32>
  %v = arith.constant dense<[[[[2.0], [6.0]]]]> : tensor<1x1x2x1xf32>
  %m = arith.constant dense<[[[[false, false], [false, true]]]]>
    : tensor<1x1x2x2xi1>
  %nan, %lse = kvc.attention %q, %q, %v mask %m {scale = 1.0 : f32} :
    (tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>,
     tensor<1x1x2x2xi1>) -> (tensor<1x1x2x1xf32>, tensor<1x1x2xf32>)
  %uniform = kvc.attention %q, %q, %v mask %m
    {scale = 1.0 : f32, fully_masked = uniform} :
    (tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>,
     tensor<1x1x2x2xi1>) -> tensor<1x1x2x1xf32>
  %zero = kvc.attention %q, %q, %v mask %m
    {scale = 1.0 : f32, fully_masked = zero} :
    (tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>,
     tensor<1x1x2x2xi1>) -> tensor<1x1x2x1xf32>
  return %nan, %lse, %uniform, %zero : tensor<1x1x2x1xf32>, tensor<1x1x2xf32>,
    tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>
}

// One mask row for both batches and both heads; 1.0986 = ln 3 on key 0, -inf on
// key 1 hides it: (3 * 1 + 4) / 4.
// CHECK-LABEL: @additive_broadcast
// CHECK-NEXT: 2x2x1x1xf32
// CHECK-NEXT: [1.75]
// CHECK-NEXT: [1.75]
// CHECK-NEXT: [17.5]
// CHECK-NEXT: [17.5]
func.func @additive_broadcast() -> tensor<2x2x1x1xf32> {
  %q = arith.constant dense<0.0> : tensor<2x2x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<2x1x3x1xf32>
  %v = arith.constant dense<[[[[1.0], [2.0], [4.0]]], [[[10.0], [20.0], [40.0]]]]>
    : tensor<2x1x3x1xf32>
  %m = arith.constant dense<[[[[1.09861229, 0xFF800000, 0.0]]]]>
    : tensor<1x1x1x3xf32>
  %o = kvc.attention %q, %k, %v mask %m {scale = 1.0 : f32} :
    (tensor<2x2x1x1xf32>, tensor<2x1x3x1xf32>, tensor<2x1x3x1xf32>,
     tensor<1x1x1x3xf32>) -> tensor<2x2x1x1xf32>
  return %o : tensor<2x2x1x1xf32>
}

// A sink logit of ln 2 is as much as both keys together: half of the mean 3. The
// second head's sink of -inf is no sink.
// CHECK-LABEL: @sink_logits
// CHECK-NEXT: result 0
// CHECK-NEXT: [1.5]
// CHECK-NEXT: [3]
// CHECK-NEXT: result 1
// CHECK-NEXT: [1.38629]
// CHECK-NEXT: [0.693147]
func.func @sink_logits() -> (tensor<1x2x1x1xf32>, tensor<1x2x1xf32>) {
  %q = arith.constant dense<0.0> : tensor<1x2x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<1x1x2x1xf32>
  %v = arith.constant dense<[[[[2.0], [4.0]]]]> : tensor<1x1x2x1xf32>
  %s = arith.constant dense<[0.693147182, 0xFF800000]> : tensor<2xf32>
  %o, %lse = kvc.attention %q, %k, %v sink_logits %s {scale = 1.0 : f32} :
    (tensor<1x2x1x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>,
     tensor<2xf32>) -> (tensor<1x2x1x1xf32>, tensor<1x2x1xf32>)
  return %o, %lse : tensor<1x2x1x1xf32>, tensor<1x2x1xf32>
}

// Values in hidden places may be NaN.
// CHECK-LABEL: @hidden_nan
// CHECK-NEXT: 1x1x2x1xf32
// CHECK-NEXT: [3]
// CHECK-NEXT: [nan]
func.func @hidden_nan() -> tensor<1x1x2x1xf32> {
  %q = arith.constant dense<0.0> : tensor<1x1x2x1xf32>
  %v = arith.constant dense<[[[[3.0], [0x7FC00000]]]]> : tensor<1x1x2x1xf32>
  %o = kvc.attention %q, %q, %v {causal, scale = 1.0 : f32} :
    (tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>)
    -> tensor<1x1x2x1xf32>
  return %o : tensor<1x1x2x1xf32>
}
