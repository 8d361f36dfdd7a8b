// Masks that an exporter folded into literals, read as triangles.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
// EXECUTE: causal_additive
// CHECK-LABEL: @causal_additive
// CHECK: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} {causal, scale
func.func @causal_additive(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %table = arith.constant dense<[[0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0.0, 0xFF800000], [0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<5x5xf32>
  %mask = linalg.broadcast ins(%table : tensor<5x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [0]
  %masked = linalg.add ins(%s, %mask : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%masked : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%masked, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

// EXECUTE: causal_hides_true
// CHECK-LABEL: @causal_hides_true
// CHECK: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} {causal, scale
func.func @causal_hides_true(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %table = arith.constant dense<[[false, true, true, true, true], [false, false, true, true, true], [false, false, false, true, true], [false, false, false, false, true], [false, false, false, false, false]]> : tensor<5x5xi1>
  %masked = linalg.generic {indexing_maps = [affine_map<(h, i, j) -> (h, i, j)>, affine_map<(h, i, j) -> (i, j)>, affine_map<(h, i, j) -> (h, i, j)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %table : tensor<2x5x5xf32>, tensor<5x5xi1>) outs(%cell : tensor<2x5x5xf32>) {
  ^bb0(%x: f32, %c: i1, %o: f32):
    %y = arith.select %c, %lowest, %x : f32
    linalg.yield %y : f32
  } -> tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%masked : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%masked, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

// EXECUTE: one_key_too_many
// CHECK-LABEL: @one_key_too_many
// CHECK: kvc.attention %{{.*}} mask %{{.*}} {scale
func.func @one_key_too_many(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %table = arith.constant dense<[[0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0.0, 0xFF800000], [0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<5x5xf32>
  %mask = linalg.broadcast ins(%table : tensor<5x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [0]
  %masked = linalg.add ins(%s, %mask : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%masked : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%masked, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

// EXECUTE: one_entry_differs
// CHECK-LABEL: @one_entry_differs
// CHECK: kvc.attention %{{.*}} mask %{{.*}} {scale
func.func @one_entry_differs(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %table = arith.constant dense<[[0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000, 0.0, 0xFF800000], [0.0, 0.0, 0.0, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0.0, 0xFF800000], [0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<5x5xf32>
  %mask = linalg.broadcast ins(%table : tensor<5x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [0]
  %masked = linalg.add ins(%s, %mask : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%masked : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%masked, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

