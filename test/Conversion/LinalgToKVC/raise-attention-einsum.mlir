// Contractions as einsum spells them, and collapsed loops of unknown size.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
// 'btkgd,bskd->bkgts' and 'bkgts,bskd->btkgd': the group is a loop of queries
// that the mask does not ask about
// EXECUTE: grouped_einsum
// CHECK-LABEL: @grouped_einsum
// CHECK: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} {causal, scale = 1.000000e+00 : f32} : (tensor<2x6x5x4xf32>, tensor<2x2x5x4xf32>, tensor<2x2x5x4xf32>) -> tensor<2x6x5x4xf32>
func.func @grouped_einsum(%q: tensor<2x5x2x3x4xf32>, %k: tensor<2x5x2x4xf32>, %v: tensor<2x5x2x4xf32>) -> tensor<2x5x2x3x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x2x3x5xf32>
  %cell = tensor.empty() : tensor<2x2x3x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x2x3x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x2x3x5x5xf32>) -> tensor<2x2x3x5x5xf32>
  %raw = linalg.contract indexing_maps = [affine_map<(b, k, g, t, s, d) -> (b, t, k, g, d)>, affine_map<(b, k, g, t, s, d) -> (b, s, k, d)>, affine_map<(b, k, g, t, s, d) -> (b, k, g, t, s)>] ins(%q, %k : tensor<2x5x2x3x4xf32>, tensor<2x5x2x4xf32>) outs(%cell0 : tensor<2x2x3x5x5xf32>) -> tensor<2x2x3x5x5xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(b, k, g, t, s) -> (b, k, g, t, s)>, affine_map<(b, k, g, t, s) -> (b, k, g, t, s)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%raw : tensor<2x2x3x5x5xf32>) outs(%cell : tensor<2x2x3x5x5xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 3 : index
    %j = linalg.index 4 : index
    %seen = arith.cmpi uge, %i, %j : index
    %y = arith.select %seen, %x, %lowest : f32
    linalg.yield %y : f32
  } -> tensor<2x2x3x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x2x3x5xf32>) -> tensor<2x2x3x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%s : tensor<2x2x3x5x5xf32>) outs(%max0 : tensor<2x2x3x5xf32>) dimensions = [4]
  %maxb = linalg.broadcast ins(%max : tensor<2x2x3x5xf32>) outs(%cell : tensor<2x2x3x5x5xf32>) dimensions = [4]
  %shifted = linalg.sub ins(%s, %maxb : tensor<2x2x3x5x5xf32>, tensor<2x2x3x5x5xf32>) outs(%cell : tensor<2x2x3x5x5xf32>) -> tensor<2x2x3x5x5xf32>
  %e = linalg.exp ins(%shifted : tensor<2x2x3x5x5xf32>) outs(%cell : tensor<2x2x3x5x5xf32>) -> tensor<2x2x3x5x5xf32>
  %sum0 = linalg.fill ins(%zero : f32) outs(%row : tensor<2x2x3x5xf32>) -> tensor<2x2x3x5xf32>
  %sum = linalg.reduce { arith.addf } ins(%e : tensor<2x2x3x5x5xf32>) outs(%sum0 : tensor<2x2x3x5xf32>) dimensions = [4]
  %sumb = linalg.broadcast ins(%sum : tensor<2x2x3x5xf32>) outs(%cell : tensor<2x2x3x5x5xf32>) dimensions = [4]
  %p = linalg.div ins(%e, %sumb : tensor<2x2x3x5x5xf32>, tensor<2x2x3x5x5xf32>) outs(%cell : tensor<2x2x3x5x5xf32>) -> tensor<2x2x3x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x2x3x4xf32>) -> tensor<2x5x2x3x4xf32>
  %out = linalg.contract indexing_maps = [affine_map<(b, t, k, g, d, s) -> (b, k, g, t, s)>, affine_map<(b, t, k, g, d, s) -> (b, s, k, d)>, affine_map<(b, t, k, g, d, s) -> (b, t, k, g, d)>] ins(%p, %v : tensor<2x2x3x5x5xf32>, tensor<2x5x2x4xf32>) outs(%out0 : tensor<2x5x2x3x4xf32>) -> tensor<2x5x2x3x4xf32>
  return %out : tensor<2x5x2x3x4xf32>
}

// batch of unknown size times three heads in one loop; scores come transposed
// EXECUTE: unknown_batch sizes=2
// CHECK-LABEL: @unknown_batch
// CHECK: kvc.attention {{.*}} : (tensor<?x3x5x4xf32>, tensor<?x3x5x4xf32>, tensor<?x3x5x4xf32>) -> tensor<?x3x5x4xf32>
func.func @unknown_batch(%q: tensor<?x3x5x4xf32>, %k: tensor<?x3x5x4xf32>, %v: tensor<?x3x5x4xf32>) -> tensor<?x3x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %b = tensor.dim %q, %c0 : tensor<?x3x5x4xf32>
  %n = arith.muli %b, %c3 : index
  %q3 = tensor.collapse_shape %q [[0, 1], [2], [3]] : tensor<?x3x5x4xf32> into tensor<?x5x4xf32>
  %k3 = tensor.collapse_shape %k [[0, 1], [2], [3]] : tensor<?x3x5x4xf32> into tensor<?x5x4xf32>
  %v3 = tensor.collapse_shape %v [[0, 1], [2], [3]] : tensor<?x3x5x4xf32> into tensor<?x5x4xf32>
  %row = tensor.empty(%n) : tensor<?x5xf32>
  %cell = tensor.empty(%n) : tensor<?x5x5xf32>
  %oute = tensor.empty(%n) : tensor<?x5x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<?x5x5xf32>) -> tensor<?x5x5xf32>
  %turned = linalg.batch_matmul indexing_maps = [affine_map<(n, j, i, d) -> (n, j, d)>, affine_map<(n, j, i, d) -> (n, i, d)>, affine_map<(n, j, i, d) -> (n, j, i)>] ins(%k3, %q3 : tensor<?x5x4xf32>, tensor<?x5x4xf32>) outs(%cell0 : tensor<?x5x5xf32>) -> tensor<?x5x5xf32>
  %s = linalg.transpose ins(%turned : tensor<?x5x5xf32>) outs(%cell : tensor<?x5x5xf32>) permutation = [0, 2, 1]
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<?x5xf32>) -> tensor<?x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%s : tensor<?x5x5xf32>) outs(%max0 : tensor<?x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<?x5xf32>) outs(%cell : tensor<?x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%s, %maxb : tensor<?x5x5xf32>, tensor<?x5x5xf32>) outs(%cell : tensor<?x5x5xf32>) -> tensor<?x5x5xf32>
  %e = linalg.exp ins(%shifted : tensor<?x5x5xf32>) outs(%cell : tensor<?x5x5xf32>) -> tensor<?x5x5xf32>
  %sum0 = linalg.fill ins(%zero : f32) outs(%row : tensor<?x5xf32>) -> tensor<?x5xf32>
  %sum = linalg.reduce { arith.addf } ins(%e : tensor<?x5x5xf32>) outs(%sum0 : tensor<?x5xf32>) dimensions = [2]
  %sumb = linalg.broadcast ins(%sum : tensor<?x5xf32>) outs(%cell : tensor<?x5x5xf32>) dimensions = [2]
  %p = linalg.div ins(%e, %sumb : tensor<?x5x5xf32>, tensor<?x5x5xf32>) outs(%cell : tensor<?x5x5xf32>) -> tensor<?x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %out3 = linalg.batch_matmul ins(%p, %v3 : tensor<?x5x5xf32>, tensor<?x5x4xf32>) outs(%out0 : tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %out = tensor.expand_shape %out3 [[0, 1], [2], [3]] output_shape [%b, 3, 5, 4] : tensor<?x5x4xf32> into tensor<?x3x5x4xf32>
  return %out : tensor<?x3x5x4xf32>
}

