// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-separate-inits))' | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-separate-inits,kvc-separate-inits))' | FileCheck %s

// Two products into one zero tensor: each gets its own, down to the empty one.
// CHECK-LABEL: @shared
// CHECK-DAG: %[[E0:.*]] = tensor.empty
// CHECK-DAG: %[[E1:.*]] = tensor.empty
// CHECK-DAG: %[[F0:.*]] = linalg.fill ins({{.*}}) outs(%[[E0]]
// CHECK-DAG: linalg.matmul {{.*}} outs(%[[F0]]
// CHECK-DAG: %[[F1:.*]] = linalg.fill ins({{.*}}) outs(%[[E1]]
// CHECK-DAG: linalg.matmul {{.*}} outs(%[[F1]]
func.func @shared(%x: tensor<8x8xf32>, %y: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %0 = linalg.matmul ins(%x, %y : tensor<8x8xf32>, tensor<8x8xf32>) outs(%f : tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = linalg.matmul ins(%y, %x : tensor<8x8xf32>, tensor<8x8xf32>) outs(%f : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0, %1 : tensor<8x8xf32>, tensor<8x8xf32>
}

// What was computed from a tensor is not computed again.
// CHECK-LABEL: @computed
// CHECK-COUNT-1: linalg.exp
// CHECK-NOT: linalg.exp
func.func @computed(%x: tensor<8x8xf32>, %e: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %f = linalg.exp ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %0 = linalg.matmul ins(%x, %x : tensor<8x8xf32>, tensor<8x8xf32>) outs(%f : tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = linalg.matmul ins(%x, %x : tensor<8x8xf32>, tensor<8x8xf32>) outs(%f : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0, %1 : tensor<8x8xf32>, tensor<8x8xf32>
}
