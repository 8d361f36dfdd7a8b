// The scale wherever exporters put it: all factors found are multiplied.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
// EXECUTE: on_scores
// CHECK-LABEL: @on_scores
// CHECK: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 5.000000e-01 : f32}
func.func @on_scores(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %scale = arith.constant dense<0.5> : tensor<2x5x5xf32>
  %scaled = linalg.mul ins(%s, %scale : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%scaled : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%scaled, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

// EXECUTE: divided
// CHECK-LABEL: @divided
// CHECK: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 2.500000e-01 : f32}
func.func @divided(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %scale = arith.constant dense<4.0> : tensor<2x5x5xf32>
  %scaled = linalg.div ins(%s, %scale : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%scaled : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%scaled, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

// EXECUTE: root_on_both
// CHECK-LABEL: @root_on_both
// CHECK: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 2.500000e-01 : f32}
func.func @root_on_both(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %root = arith.constant dense<0.5> : tensor<2x5x4xf32>
  %big = tensor.empty() : tensor<2x5x4xf32>
  %qs = linalg.mul ins(%q, %root : tensor<2x5x4xf32>, tensor<2x5x4xf32>) outs(%big : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %ks = linalg.mul ins(%k, %root : tensor<2x5x4xf32>, tensor<2x5x4xf32>) outs(%big : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%ks : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%qs, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %scaled = tensor.cast %s : tensor<2x5x5xf32> to tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%scaled : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%scaled, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

// EXECUTE: f64_constant_in_the_body
// CHECK-LABEL: @f64_constant_in_the_body
// CHECK: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 1.250000e-01 : f32}
func.func @f64_constant_in_the_body(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %wide = arith.constant 0.125 : f64
  %scaled = linalg.generic {indexing_maps = [affine_map<(h, i, j) -> (h, i, j)>, affine_map<(h, i, j) -> (h, i, j)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) {
  ^bb0(%x: f32, %o: f32):
    %c = arith.truncf %wide : f64 to f32
    %y = arith.mulf %x, %c : f32
    linalg.yield %y : f32
  } -> tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%scaled : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%scaled, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

// EXECUTE: known_at_run_time
// CHECK-LABEL: @known_at_run_time
// CHECK: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 1.000000e+00 : f32}
func.func @known_at_run_time(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %factor: tensor<1xf32>) -> tensor<2x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %f = tensor.collapse_shape %factor [] : tensor<1xf32> into tensor<f32>
  %fb = linalg.broadcast ins(%f : tensor<f32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [0, 1, 2]
  %scaled = linalg.mul ins(%s, %fb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%scaled : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%scaled, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

// EXECUTE: softcap
// CHECK-LABEL: @softcap
// CHECK: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 5.000000e-01 : f32, softcap = 8.000000e+00 : f32}
func.func @softcap(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %scale = arith.constant dense<0.5> : tensor<2x5x5xf32>
  %half = linalg.mul ins(%s, %scale : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %cap = arith.constant dense<8.0> : tensor<2x5x5xf32>
  %bent0 = linalg.div ins(%half, %cap : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %bent1 = linalg.tanh ins(%bent0 : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %scaled = linalg.mul ins(%bent1, %cap : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%scaled : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%scaled, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

