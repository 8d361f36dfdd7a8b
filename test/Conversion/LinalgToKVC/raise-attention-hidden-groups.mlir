// Keys that are computed after their broadcast over the query heads of a group,
// as Falcon rotates them: the group is in their tensor, but not in what they
// are. They are written out for each query head, and so are the values. (Where
// nothing tells batch and heads apart, the outer axis is the batch.)
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s

// CHECK-LABEL: @squared_after_broadcast
// CHECK: kvc.attention {{.*}} : (tensor<2x2x5x4xf32>, tensor<2x2x5x4xf32>, tensor<2x2x5x4xf32>) -> tensor<2x2x5x4xf32>
func.func @squared_after_broadcast(%q: tensor<4x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<4x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<4x5xf32>
  %cell = tensor.empty() : tensor<4x5x5xf32>
  %four = tensor.empty() : tensor<4x5x4xf32>
  %wide = tensor.empty() : tensor<2x2x5x4xf32>
  %kb = linalg.broadcast ins(%k : tensor<2x5x4xf32>) outs(%wide : tensor<2x2x5x4xf32>) dimensions = [1]
  %k4 = tensor.collapse_shape %kb [[0, 1], [2], [3]] : tensor<2x2x5x4xf32> into tensor<4x5x4xf32>
  %vb = linalg.broadcast ins(%v : tensor<2x5x4xf32>) outs(%wide : tensor<2x2x5x4xf32>) dimensions = [1]
  %v4 = tensor.collapse_shape %vb [[0, 1], [2], [3]] : tensor<2x2x5x4xf32> into tensor<4x5x4xf32>
  %k2 = linalg.mul ins(%k4, %k4 : tensor<4x5x4xf32>, tensor<4x5x4xf32>) outs(%four : tensor<4x5x4xf32>) -> tensor<4x5x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [affine_map<(b, i, j, d) -> (b, i, d)>, affine_map<(b, i, j, d) -> (b, j, d)>, affine_map<(b, i, j, d) -> (b, i, j)>] ins(%q, %k2 : tensor<4x5x4xf32>, tensor<4x5x4xf32>) outs(%cell0 : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<4x5xf32>) -> tensor<4x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%s : tensor<4x5x5xf32>) outs(%max0 : tensor<4x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<4x5xf32>) outs(%cell : tensor<4x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%s, %maxb : tensor<4x5x5xf32>, tensor<4x5x5xf32>) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %e = linalg.exp ins(%shifted : tensor<4x5x5xf32>) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %sum0 = linalg.fill ins(%zero : f32) outs(%row : tensor<4x5xf32>) -> tensor<4x5xf32>
  %sum = linalg.reduce { arith.addf } ins(%e : tensor<4x5x5xf32>) outs(%sum0 : tensor<4x5xf32>) dimensions = [2]
  %sumb = linalg.broadcast ins(%sum : tensor<4x5xf32>) outs(%cell : tensor<4x5x5xf32>) dimensions = [2]
  %p = linalg.div ins(%e, %sumb : tensor<4x5x5xf32>, tensor<4x5x5xf32>) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%four : tensor<4x5x4xf32>) -> tensor<4x5x4xf32>
  %out = linalg.batch_matmul ins(%p, %v4 : tensor<4x5x5xf32>, tensor<4x5x4xf32>) outs(%out0 : tensor<4x5x4xf32>) -> tensor<4x5x4xf32>
  return %out : tensor<4x5x4xf32>
}
