// Sizes and ranks at the edge.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
// nothing to compute: left alone
// CHECK-LABEL: @zero
// CHECK-NOT: kvc.attention
func.func @zero(%q: tensor<0x5x4xf32>, %k: tensor<0x4x5xf32>, %v: tensor<0x5x4xf32>) -> tensor<0x5x4xf32> {
  %z = arith.constant 0.0 : f32
  %c = tensor.empty() : tensor<0x5x5xf32>
  %c0 = linalg.fill ins(%z : f32) outs(%c : tensor<0x5x5xf32>) -> tensor<0x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %k : tensor<0x5x4xf32>, tensor<0x4x5xf32>) outs(%c0 : tensor<0x5x5xf32>) -> tensor<0x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<0x5x5xf32>) outs(%c : tensor<0x5x5xf32>) -> tensor<0x5x5xf32>
  %o = tensor.empty() : tensor<0x5x4xf32>
  %o0 = linalg.fill ins(%z : f32) outs(%o : tensor<0x5x4xf32>) -> tensor<0x5x4xf32>
  %r = linalg.batch_matmul ins(%p, %v : tensor<0x5x5xf32>, tensor<0x5x4xf32>) outs(%o0 : tensor<0x5x4xf32>) -> tensor<0x5x4xf32>
  return %r : tensor<0x5x4xf32>
}
// one query without a dimension of its own
// EXECUTE: vec
// CHECK-LABEL: @vec
// CHECK: kvc.attention {{.*}} : (tensor<1x1x1x4xf32>, tensor<1x1x5x4xf32>, tensor<1x1x5x4xf32>) -> tensor<1x1x1x4xf32>
func.func @vec(%q: tensor<4xf32>, %k: tensor<5x4xf32>, %v: tensor<5x4xf32>) -> tensor<4xf32> {
  %z = arith.constant 0.0 : f32
  %c = tensor.empty() : tensor<5xf32>
  %c0 = linalg.fill ins(%z : f32) outs(%c : tensor<5xf32>) -> tensor<5xf32>
  %s = linalg.matvec ins(%k, %q : tensor<5x4xf32>, tensor<4xf32>) outs(%c0 : tensor<5xf32>) -> tensor<5xf32>
  %p = linalg.softmax dimension(0) ins(%s : tensor<5xf32>) outs(%c : tensor<5xf32>) -> tensor<5xf32>
  %o = tensor.empty() : tensor<4xf32>
  %o0 = linalg.fill ins(%z : f32) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  %r = linalg.vecmat ins(%p, %v : tensor<5xf32>, tensor<5x4xf32>) outs(%o0 : tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}
// one value channel: the result is a single number
// CHECK-LABEL: @dot
// CHECK: kvc.attention {{.*}} : (tensor<1x1x1x4xf32>, tensor<1x1x5x4xf32>, tensor<1x1x5x1xf32>) -> tensor<1x1x1x1xf32>
func.func @dot(%q: tensor<4xf32>, %k: tensor<5x4xf32>, %v: tensor<5xf32>) -> tensor<f32> {
  %z = arith.constant 0.0 : f32
  %c = tensor.empty() : tensor<5xf32>
  %c0 = linalg.fill ins(%z : f32) outs(%c : tensor<5xf32>) -> tensor<5xf32>
  %s = linalg.matvec ins(%k, %q : tensor<5x4xf32>, tensor<4xf32>) outs(%c0 : tensor<5xf32>) -> tensor<5xf32>
  %p = linalg.softmax dimension(0) ins(%s : tensor<5xf32>) outs(%c : tensor<5xf32>) -> tensor<5xf32>
  %o = tensor.empty() : tensor<f32>
  %o0 = linalg.fill ins(%z : f32) outs(%o : tensor<f32>) -> tensor<f32>
  %r = linalg.dot ins(%p, %v : tensor<5xf32>, tensor<5xf32>) outs(%o0 : tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}
// one head, unrolled: plain matmuls
// CHECK-LABEL: @mm2d
// CHECK: kvc.attention {{.*}} : (tensor<1x1x?x4xf32>, tensor<1x1x?x4xf32>, tensor<1x1x?x4xf32>) -> tensor<1x1x?x4xf32>
func.func @mm2d(%q: tensor<?x4xf32>, %k: tensor<?x4xf32>, %v: tensor<?x4xf32>, %n: index) -> tensor<?x4xf32> {
  %z = arith.constant 0.0 : f32
  %c = tensor.empty(%n, %n) : tensor<?x?xf32>
  %c0 = linalg.fill ins(%z : f32) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  %s = linalg.matmul indexing_maps = [affine_map<(i, j, d) -> (i, d)>, affine_map<(i, j, d) -> (j, d)>, affine_map<(i, j, d) -> (i, j)>] ins(%q, %k : tensor<?x4xf32>, tensor<?x4xf32>) outs(%c0 : tensor<?x?xf32>) -> tensor<?x?xf32>
  %p = linalg.softmax dimension(1) ins(%s : tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  %o = tensor.empty(%n) : tensor<?x4xf32>
  %o0 = linalg.fill ins(%z : f32) outs(%o : tensor<?x4xf32>) -> tensor<?x4xf32>
  %r = linalg.matmul ins(%p, %v : tensor<?x?xf32>, tensor<?x4xf32>) outs(%o0 : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}
