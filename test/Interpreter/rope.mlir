// kvc.rope. A pair (1, 0) at an angle of a radians becomes (cos a, sin a):
// cos 1 = 0.540302, sin 1 = 0.841471, cos 2 = -0.416147, sin 2 = 0.909297,
// cos 0.1 = 0.995004, sin 0.1 = 0.0998334.
// RUN: kvc-interpret %s | FileCheck %s

// theta 100, dim 4: frequencies 1 and 100^(-2/4) = 0.1; the fifth element passes.
// CHECK-LABEL: @neox
// CHECK-NEXT: 2x1x5xf32
// CHECK-NEXT: [0.540302, 0.995004, 0.841471, 0.0998334, 7]
// CHECK-NEXT: [-0.416147, 0.980067, 0.909297, 0.198669, 7]
func.func @neox() -> tensor<2x1x5xf32> {
  %x = arith.constant dense<[[[1.0, 1.0, 0.0, 0.0, 7.0]], [[1.0, 1.0, 0.0, 0.0, 7.0]]]>
    : tensor<2x1x5xf32>
  %p = arith.constant dense<[1, 2]> : tensor<2xi32>
  %r = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e+02, dim = 4>} :
    tensor<2x1x5xf32>, tensor<2xi32>
  return %r : tensor<2x1x5xf32>
}

// CHECK-LABEL: @interleaved
// CHECK-NEXT: 1x1x4xf32
// CHECK-NEXT: [0.540302, 0.841471, 0.995004, 0.0998334]
func.func @interleaved() -> tensor<1x1x4xf32> {
  %x = arith.constant dense<[[[1.0, 0.0, 1.0, 0.0]]]> : tensor<1x1x4xf32>
  %p = arith.constant dense<[1]> : tensor<1xi64>
  %r = kvc.rope %x at %p
    {rope = #kvc.rope<theta = 1.0e+02, dim = 4, style = interleaved>} :
    tensor<1x1x4xf32>, tensor<1xi64>
  return %r : tensor<1x1x4xf32>
}

// [B, H, S, D] with positions of all batches, then of each; scaled by 1/2.
// CHECK-LABEL: @batches
// CHECK-NEXT: result 0: 2x1x2x2xf32
// CHECK-NEXT: [1, 0]
// CHECK-NEXT: [0.540302, 0.841471]
// CHECK-NEXT: [1, 0]
// CHECK-NEXT: [0.540302, 0.841471]
// CHECK-NEXT: result 1: 2x1x2x2xf32
// CHECK-NEXT: [1, 0]
// CHECK-NEXT: [0.540302, 0.841471]
// CHECK-NEXT: [0.540302, 0.841471]
// CHECK-NEXT: [-0.416147, 0.909297]
func.func @batches() -> (tensor<2x1x2x2xf32>, tensor<2x1x2x2xf32>) {
  %x = arith.constant dense<[[[[1.0, 0.0], [1.0, 0.0]]], [[[1.0, 0.0], [1.0, 0.0]]]]>
    : tensor<2x1x2x2xf32>
  %p = arith.constant dense<[0, 1]> : tensor<2xi64>
  %r = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e+04, dim = 2>} :
    tensor<2x1x2x2xf32>, tensor<2xi64>
  %pp = arith.constant dense<[[0, 2], [2, 4]]> : tensor<2x2xi64>
  %rr = kvc.rope %x at %pp
    {rope = #kvc.rope<theta = 1.0e+04, dim = 2, scaling = linear<factor = 2.0>>} :
    tensor<2x1x2x2xf32>, tensor<2x2xi64>
  return %r, %rr : tensor<2x1x2x2xf32>, tensor<2x1x2x2xf32>
}
