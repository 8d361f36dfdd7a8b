// Cohere: every second channel is sliced, negated and stacked beside its partner.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// EXECUTE: stacked
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, d) -> (h, i, d)>

// CHECK-LABEL: @stacked(
// CHECK: kvc.rope %{{.*}} at %{{.*}} {rope = #kvc.rope<theta = 1.000000e+04, dim = 8, style = interleaved>}
// CHECK: kvc.attention
// CHECK-NOT: math.cos
func.func @stacked(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %freq = arith.constant dense<[1.0, 0.1, 0.01, 0.001]> : tensor<4xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %ae = tensor.empty() : tensor<5x4x2xf32>
  %angle = linalg.generic {indexing_maps = [affine_map<(i, p, t) -> (p)>, affine_map<(i, p, t) -> (i, p, t)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%freq : tensor<4xf32>) outs(%ae : tensor<5x4x2xf32>) {
  ^bb0(%f: f32, %o: f32):
    %i = linalg.index 0 : index
    %ii = arith.index_cast %i : index to i64
    %pos = arith.sitofp %ii : i64 to f32
    %x = arith.mulf %pos, %f : f32
    linalg.yield %x : f32
  } -> tensor<5x4x2xf32>
  %twice = tensor.collapse_shape %angle [[0], [1, 2]] : tensor<5x4x2xf32> into tensor<5x8xf32>
  %even = tensor.extract_slice %q[0, 0, 0] [2, 5, 4] [1, 1, 2] : tensor<2x5x8xf32> to tensor<2x5x4xf32>
  %odd = tensor.extract_slice %q[0, 0, 1] [2, 5, 4] [1, 1, 2] : tensor<2x5x8xf32> to tensor<2x5x4xf32>
  %he = tensor.empty() : tensor<2x5x4xf32>
  %neg = linalg.negf ins(%odd : tensor<2x5x4xf32>) outs(%he : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %n1 = tensor.expand_shape %neg [[0], [1], [2, 3]] output_shape [2, 5, 4, 1] : tensor<2x5x4xf32> into tensor<2x5x4x1xf32>
  %e1 = tensor.expand_shape %even [[0], [1], [2, 3]] output_shape [2, 5, 4, 1] : tensor<2x5x4xf32> into tensor<2x5x4x1xf32>
  %stack = tensor.concat dim(3) %n1, %e1 : (tensor<2x5x4x1xf32>, tensor<2x5x4x1xf32>) -> tensor<2x5x4x2xf32>
  %swapped = tensor.collapse_shape %stack [[0], [1], [2, 3]] : tensor<2x5x4x2xf32> into tensor<2x5x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id, affine_map<(h, i, d) -> (i, d)>, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %swapped, %twice : tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<5x8xf32>) outs(%oute : tensor<2x5x8xf32>) {
  ^bb0(%x: f32, %s: f32, %an: f32, %o: f32):
    %cos = math.cos %an : f32
    %sin = math.sin %an : f32
    %u = arith.mulf %x, %cos : f32
    %t = arith.mulf %s, %sin : f32
    %y = arith.addf %u, %t : f32
    linalg.yield %y : f32
  } -> tensor<2x5x8xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%r, %k : tensor<2x5x8xf32>, tensor<2x5x8xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x5xf32>, tensor<2x5x8xf32>) outs(%out0 : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return %out : tensor<2x5x8xf32>
}
