// What the fuzzer found: each of these once crashed, or was undefined (make fuzz).
// RUN: kvc-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s

// a collapsed size is looked for while a temporary holds its groups (AddressSanitizer)
// and the dynamic dimension is batch: a number of heads must be known
// CHECK-LABEL: @collapsed_empty_dimension
// CHECK: kvc.attention {{.*}} : (tensor<?x1x5x4xf32>
func.func @collapsed_empty_dimension(%q: tensor<?x0x5x4xf32>, %k: tensor<?x0x5x4xf32>, %v: tensor<?x0x5x4xf32>) -> tensor<?x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %n = arith.constant 0 : index
  %q3 = tensor.collapse_shape %q [[0, 1], [2], [3]] : tensor<?x0x5x4xf32> into tensor<?x5x4xf32>
  %k3 = tensor.collapse_shape %k [[0, 1], [2], [3]] : tensor<?x0x5x4xf32> into tensor<?x5x4xf32>
  %v3 = tensor.collapse_shape %v [[0, 1], [2], [3]] : tensor<?x0x5x4xf32> into tensor<?x5x4xf32>
  %cell = tensor.empty(%n) : tensor<?x5x5xf32>
  %oute = tensor.empty(%n) : tensor<?x5x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<?x5x5xf32>) -> tensor<?x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [affine_map<(n, i, j, d) -> (n, i, d)>, affine_map<(n, i, j, d) -> (n, j, d)>, affine_map<(n, i, j, d) -> (n, i, j)>] ins(%q3, %k3 : tensor<?x5x4xf32>, tensor<?x5x4xf32>) outs(%cell0 : tensor<?x5x5xf32>) -> tensor<?x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<?x5x5xf32>) outs(%cell : tensor<?x5x5xf32>) -> tensor<?x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %out = linalg.batch_matmul ins(%p, %v3 : tensor<?x5x5xf32>, tensor<?x5x4xf32>) outs(%out0 : tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  return %out : tensor<?x5x4xf32>
}

// -----

// a dimension that the tensor does not have is legal, and undefined when asked
// (mutant 386 of seed 45381368)
// CHECK-LABEL: @dimension_that_is_not_there
func.func @dimension_that_is_not_there(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %below = arith.constant -1 : index
  %above = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %n = tensor.dim %x, %below : tensor<?x4xf32>
  %m = tensor.dim %x, %above : tensor<?x4xf32>
  %same = arith.cmpi eq, %n, %m : index
  cf.assert %same, "expected equal sizes"
  %shape = tensor.from_elements %n, %c4 : tensor<2xindex>
  %y = tensor.reshape %x(%shape) : (tensor<?x4xf32>, tensor<2xindex>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
