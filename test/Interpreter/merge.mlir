// kvc.merge: partial means weigh exp(lse).
// RUN: kvc-interpret %s | FileCheck %s

// Token 0: lse 0 and ln 3 weigh 1 : 3. Token 1: one partial saw nothing, and its
// NaN is not read. Token 2: none saw anything.
// CHECK-LABEL: @partials
// CHECK-NEXT: result 0: 3x1x1xf32
// CHECK-NEXT: [5]
// CHECK-NEXT: [7]
// CHECK-NEXT: [0]
// CHECK-NEXT: result 1: 3x1xf32
// CHECK-NEXT: [1.38629]
// CHECK-NEXT: [2]
// CHECK-NEXT: [-inf]
func.func @partials() -> (tensor<3x1x1xf32>, tensor<3x1xf32>) {
  %po = arith.constant dense<[[[[8.0]], [[0x7FC00000]], [[0x7FC00000]]],
                              [[[4.0]], [[7.0]], [[0x7FC00000]]]]>
    : tensor<2x3x1x1xf32>
  %pl = arith.constant dense<[[[0.0], [0xFF800000], [0xFF800000]],
                              [[1.09861229], [2.0], [0xFF800000]]]>
    : tensor<2x3x1xf32>
  %oi = tensor.empty() : tensor<3x1x1xf32>
  %li = tensor.empty() : tensor<3x1xf32>
  %o, %lse = kvc.merge %po, %pl outs(%oi, %li) :
    (tensor<2x3x1x1xf32>, tensor<2x3x1xf32>, tensor<3x1x1xf32>, tensor<3x1xf32>)
    -> (tensor<3x1x1xf32>, tensor<3x1xf32>)
  return %o, %lse : tensor<3x1x1xf32>, tensor<3x1xf32>
}

// A sink logit of ln 4 doubles the denominator, once for two partials.
// CHECK-LABEL: @sink
// CHECK-NEXT: 1x1x1xf32
// CHECK-NEXT: [2.5]
// CHECK-NEXT: 1x1xf32
// CHECK-NEXT: [2.07944]
func.func @sink() -> (tensor<1x1x1xf32>, tensor<1x1xf32>) {
  %po = arith.constant dense<[[[[8.0]]], [[[4.0]]]]> : tensor<2x1x1x1xf32>
  %pl = arith.constant dense<[[[0.0]], [[1.09861229]]]> : tensor<2x1x1xf32>
  %s = arith.constant dense<[1.38629436]> : tensor<1xf32>
  %oi = tensor.empty() : tensor<1x1x1xf32>
  %li = tensor.empty() : tensor<1x1xf32>
  %o, %lse = kvc.merge %po, %pl sink_logits %s outs(%oi, %li) :
    (tensor<2x1x1x1xf32>, tensor<2x1x1xf32>, tensor<1xf32>, tensor<1x1x1xf32>,
     tensor<1x1xf32>) -> (tensor<1x1x1xf32>, tensor<1x1xf32>)
  return %o, %lse : tensor<1x1x1xf32>, tensor<1x1xf32>
}
