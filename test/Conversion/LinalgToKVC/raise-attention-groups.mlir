// K and V are taken before their broadcast over the query heads of a group.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
// EXECUTE: group_after_kv_head
// CHECK-LABEL: @group_after_kv_head
// CHECK-NOT: linalg.broadcast
// CHECK: kvc.attention {{.*}} : (tensor<1x4x5x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>) -> tensor<1x4x5x4xf32>
func.func @group_after_kv_head(%q: tensor<4x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<4x5x4xf32> {
  %kw = tensor.expand_shape %k [[0, 1], [2], [3]] output_shape [2, 1, 5, 4] : tensor<2x5x4xf32> into tensor<2x1x5x4xf32>
  %ks = tensor.collapse_shape %kw [[0, 1], [2], [3]] : tensor<2x1x5x4xf32> into tensor<2x5x4xf32>
  %ke = tensor.empty() : tensor<2x2x5x4xf32>
  %kb = linalg.broadcast ins(%ks : tensor<2x5x4xf32>) outs(%ke : tensor<2x2x5x4xf32>) dimensions = [1]
  %k4 = tensor.collapse_shape %kb [[0, 1], [2], [3]] : tensor<2x2x5x4xf32> into tensor<4x5x4xf32>
  %vw = tensor.expand_shape %v [[0, 1], [2], [3]] output_shape [2, 1, 5, 4] : tensor<2x5x4xf32> into tensor<2x1x5x4xf32>
  %vs = tensor.collapse_shape %vw [[0, 1], [2], [3]] : tensor<2x1x5x4xf32> into tensor<2x5x4xf32>
  %ve = tensor.empty() : tensor<2x2x5x4xf32>
  %vb = linalg.broadcast ins(%vs : tensor<2x5x4xf32>) outs(%ve : tensor<2x2x5x4xf32>) dimensions = [1]
  %v4 = tensor.collapse_shape %vb [[0, 1], [2], [3]] : tensor<2x2x5x4xf32> into tensor<4x5x4xf32>
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<4x5xf32>
  %cell = tensor.empty() : tensor<4x5x5xf32>
  %kte = tensor.empty() : tensor<4x4x5xf32>
  %kt = linalg.transpose ins(%k4 : tensor<4x5x4xf32>) outs(%kte : tensor<4x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<4x5x4xf32>, tensor<4x4x5xf32>) outs(%cell0 : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<4x5xf32>) -> tensor<4x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%s : tensor<4x5x5xf32>) outs(%max0 : tensor<4x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<4x5xf32>) outs(%cell : tensor<4x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%s, %maxb : tensor<4x5x5xf32>, tensor<4x5x5xf32>) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %e = linalg.exp ins(%shifted : tensor<4x5x5xf32>) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %sum0 = linalg.fill ins(%zero : f32) outs(%row : tensor<4x5xf32>) -> tensor<4x5xf32>
  %sum = linalg.reduce { arith.addf } ins(%e : tensor<4x5x5xf32>) outs(%sum0 : tensor<4x5xf32>) dimensions = [2]
  %sumb = linalg.broadcast ins(%sum : tensor<4x5xf32>) outs(%cell : tensor<4x5x5xf32>) dimensions = [2]
  %p = linalg.div ins(%e, %sumb : tensor<4x5x5xf32>, tensor<4x5x5xf32>) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %oute = tensor.empty() : tensor<4x5x4xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<4x5x4xf32>) -> tensor<4x5x4xf32>
  %out = linalg.batch_matmul ins(%p, %v4 : tensor<4x5x5xf32>, tensor<4x5x4xf32>) outs(%out0 : tensor<4x5x4xf32>) -> tensor<4x5x4xf32>
  return %out : tensor<4x5x4xf32>
}

// head h = g * 2 + kv: queries are brought into kv * 2 + g, and back
// EXECUTE: group_before_kv_head
// CHECK-LABEL: @group_before_kv_head
// CHECK-NOT: linalg.broadcast
// CHECK: linalg.transpose
// CHECK: kvc.attention {{.*}} : (tensor<1x4x5x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>) -> tensor<1x4x5x4xf32>
// CHECK: linalg.transpose
func.func @group_before_kv_head(%q: tensor<4x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<4x5x4xf32> {
  %ke = tensor.empty() : tensor<2x2x5x4xf32>
  %kb = linalg.broadcast ins(%k : tensor<2x5x4xf32>) outs(%ke : tensor<2x2x5x4xf32>) dimensions = [0]
  %k4 = tensor.collapse_shape %kb [[0, 1], [2], [3]] : tensor<2x2x5x4xf32> into tensor<4x5x4xf32>
  %ve = tensor.empty() : tensor<2x2x5x4xf32>
  %vb = linalg.broadcast ins(%v : tensor<2x5x4xf32>) outs(%ve : tensor<2x2x5x4xf32>) dimensions = [0]
  %v4 = tensor.collapse_shape %vb [[0, 1], [2], [3]] : tensor<2x2x5x4xf32> into tensor<4x5x4xf32>
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<4x5xf32>
  %cell = tensor.empty() : tensor<4x5x5xf32>
  %kte = tensor.empty() : tensor<4x4x5xf32>
  %kt = linalg.transpose ins(%k4 : tensor<4x5x4xf32>) outs(%kte : tensor<4x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<4x5x4xf32>, tensor<4x4x5xf32>) outs(%cell0 : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<4x5xf32>) -> tensor<4x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%s : tensor<4x5x5xf32>) outs(%max0 : tensor<4x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<4x5xf32>) outs(%cell : tensor<4x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%s, %maxb : tensor<4x5x5xf32>, tensor<4x5x5xf32>) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %e = linalg.exp ins(%shifted : tensor<4x5x5xf32>) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %sum0 = linalg.fill ins(%zero : f32) outs(%row : tensor<4x5xf32>) -> tensor<4x5xf32>
  %sum = linalg.reduce { arith.addf } ins(%e : tensor<4x5x5xf32>) outs(%sum0 : tensor<4x5xf32>) dimensions = [2]
  %sumb = linalg.broadcast ins(%sum : tensor<4x5xf32>) outs(%cell : tensor<4x5x5xf32>) dimensions = [2]
  %p = linalg.div ins(%e, %sumb : tensor<4x5x5xf32>, tensor<4x5x5xf32>) outs(%cell : tensor<4x5x5xf32>) -> tensor<4x5x5xf32>
  %oute = tensor.empty() : tensor<4x5x4xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<4x5x4xf32>) -> tensor<4x5x4xf32>
  %out = linalg.batch_matmul ins(%p, %v4 : tensor<4x5x5xf32>, tensor<4x5x4xf32>) outs(%out0 : tensor<4x5x4xf32>) -> tensor<4x5x4xf32>
  return %out : tensor<4x5x4xf32>
}

// x + 0 of the big shape is how some exporters spell a broadcast
// EXECUTE: broadcast_by_adding_zero
// CHECK-LABEL: @broadcast_by_adding_zero
// CHECK: kvc.attention {{.*}} : (tensor<1x2x5x4xf32>, tensor<1x1x5x4xf32>, tensor<1x1x5x4xf32>) -> tensor<1x2x5x4xf32>
func.func @broadcast_by_adding_zero(%q: tensor<2x5x4xf32>, %k1: tensor<1x5x4xf32>, %v1: tensor<1x5x4xf32>) -> tensor<2x5x4xf32> {
  %nothing = arith.constant dense<0.0> : tensor<2x5x4xf32>
  %big = tensor.empty() : tensor<2x5x4xf32>
  %k = linalg.generic {indexing_maps = [affine_map<(h, i, d) -> (0, i, d)>, affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (h, i, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%k1, %nothing : tensor<1x5x4xf32>, tensor<2x5x4xf32>) outs(%big : tensor<2x5x4xf32>) {
  ^bb0(%x: f32, %n: f32, %o: f32):
    %y = arith.addf %x, %n : f32
    linalg.yield %y : f32
  } -> tensor<2x5x4xf32>
  %one = tensor.collapse_shape %v1 [[0, 1], [2]] : tensor<1x5x4xf32> into tensor<5x4xf32>
  %v = linalg.broadcast ins(%one : tensor<5x4xf32>) outs(%big : tensor<2x5x4xf32>) dimensions = [0]
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%s : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%s, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %e = linalg.exp ins(%shifted : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %sum0 = linalg.fill ins(%zero : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %sum = linalg.reduce { arith.addf } ins(%e : tensor<2x5x5xf32>) outs(%sum0 : tensor<2x5xf32>) dimensions = [2]
  %sumb = linalg.broadcast ins(%sum : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %p = linalg.div ins(%e, %sumb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x4xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32>) outs(%out0 : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %out : tensor<2x5x4xf32>
}
