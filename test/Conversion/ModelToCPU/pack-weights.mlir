// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-pack-weights{vector-bits=256}))' --split-input-file | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-pack-weights{vector-bits=256},kvc-pack-weights{vector-bits=256}))' --split-input-file | FileCheck %s

// 256-bit registers hold 8 floats: panels of 4 x 8 = 32 columns. PyTorch's
// [N, K] is packed without the exporter's transposition; 70 columns need 3
// panels, 26 columns of which are padding.
// CHECK-LABEL: @transposed
// CHECK-SAME: %[[X:.*]]: tensor<?x33xf32>, %[[W:.*]]: tensor<70x33xf32>
// CHECK: tensor.pad %[[W]] low[0, 0] high[26, 0]
// CHECK: tensor.expand_shape {{.*}} : tensor<96x33xf32> into tensor<3x32x33xf32>
// CHECK: %[[PANELS:.*]] = linalg.transpose {{.*}} outs(%{{.*}} : tensor<3x33x32xf32>) permutation = [0, 2, 1]
// CHECK: linalg.generic {{.*}} ins(%[[X]], %[[PANELS]] : tensor<?x33xf32>, tensor<3x33x32xf32>) outs(%{{.*}} : tensor<?x3x32xf32>)
// CHECK: tensor.collapse_shape {{.*}} : tensor<?x3x32xf32> into tensor<?x96xf32>
// CHECK: tensor.extract_slice {{.*}} : tensor<?x96xf32> to tensor<?x70xf32>
func.func @transposed(%x: tensor<?x33xf32>, %w: tensor<70x33xf32>, %e: tensor<?x70xf32>) -> tensor<?x70xf32> {
  %zero = arith.constant 0.0 : f32
  %t = tensor.empty() : tensor<33x70xf32>
  %wt = linalg.transpose ins(%w : tensor<70x33xf32>) outs(%t : tensor<33x70xf32>) permutation = [1, 0]
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x70xf32>) -> tensor<?x70xf32>
  %0 = linalg.matmul ins(%x, %wt : tensor<?x33xf32>, tensor<33x70xf32>) outs(%f : tensor<?x70xf32>) -> tensor<?x70xf32>
  return %0 : tensor<?x70xf32>
}

// -----

// A sum that is continued keeps its initial value.
// CHECK-LABEL: @accumulates
// CHECK: tensor.expand_shape %arg2 {{.*}} : tensor<?x64xf32> into tensor<?x2x32xf32>
// CHECK: linalg.generic
func.func @accumulates(%x: tensor<?x16xf32>, %w: tensor<16x64xf32>, %c: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<?x16xf32>, tensor<16x64xf32>) outs(%c : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// A product of two products: the second must not look at the erased first.
// CHECK-LABEL: @chain
// CHECK-NOT: linalg.matmul
func.func @chain(%x: tensor<?x16xf32>, %w: tensor<16x64xf32>, %v: tensor<64x32xf32>, %c: tensor<?x64xf32>, %d: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<?x16xf32>, tensor<16x64xf32>) outs(%c : tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = linalg.matmul ins(%0, %v : tensor<?x64xf32>, tensor<64x32xf32>) outs(%d : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

// Left alone: a dynamic right-hand side, fewer columns than a panel, integers,
// padding that would have to be computed into a given sum.
// CHECK-LABEL: @others
// CHECK-COUNT-4: linalg.matmul
func.func @others(%x: tensor<?x16xf32>, %y: tensor<16x?xf32>, %c: tensor<?x?xf32>, %n: tensor<16x31xf32>, %cn: tensor<?x31xf32>,
    %i: tensor<?x16xi32>, %wi: tensor<16x64xi32>, %ci: tensor<?x64xi32>, %o: tensor<16x40xf32>, %co: tensor<?x40xf32>)
    -> (tensor<?x?xf32>, tensor<?x31xf32>, tensor<?x64xi32>, tensor<?x40xf32>) {
  %0 = linalg.matmul ins(%x, %y : tensor<?x16xf32>, tensor<16x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = linalg.matmul ins(%x, %n : tensor<?x16xf32>, tensor<16x31xf32>) outs(%cn : tensor<?x31xf32>) -> tensor<?x31xf32>
  %2 = linalg.matmul ins(%i, %wi : tensor<?x16xi32>, tensor<16x64xi32>) outs(%ci : tensor<?x64xi32>) -> tensor<?x64xi32>
  %3 = linalg.matmul ins(%x, %o : tensor<?x16xf32>, tensor<16x40xf32>) outs(%co : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0, %1, %2, %3 : tensor<?x?xf32>, tensor<?x31xf32>, tensor<?x64xi32>, tensor<?x40xf32>
}
