// Contractions and layouts: any operand order, any rank, any order of axes.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
// tensordot on [B, S, H, D]: no transposes, dynamic length
// EXECUTE: sequence_before_heads sizes=5
// CHECK-LABEL: @sequence_before_heads
// CHECK: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 1.000000e+00 : f32} : (tensor<2x3x?x4xf32>, tensor<2x3x?x4xf32>, tensor<2x3x?x4xf32>) -> tensor<2x3x?x4xf32>
// CHECK: linalg.transpose
func.func @sequence_before_heads(%q: tensor<2x?x3x4xf32>, %k: tensor<2x?x3x4xf32>, %v: tensor<2x?x3x4xf32>) -> tensor<2x?x3x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %c1 = arith.constant 1 : index
  %n = tensor.dim %q, %c1 : tensor<2x?x3x4xf32>
  %m = tensor.dim %k, %c1 : tensor<2x?x3x4xf32>
  %row = tensor.empty(%n) : tensor<2x3x?xf32>
  %cell = tensor.empty(%n, %m) : tensor<2x3x?x?xf32>
  %oute = tensor.empty(%n) : tensor<2x?x3x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x3x?x?xf32>) -> tensor<2x3x?x?xf32>
  %s = linalg.contract indexing_maps = [affine_map<(b, h, i, j, d) -> (b, j, h, d)>, affine_map<(b, h, i, j, d) -> (b, i, h, d)>, affine_map<(b, h, i, j, d) -> (b, h, i, j)>] ins(%k, %q : tensor<2x?x3x4xf32>, tensor<2x?x3x4xf32>) outs(%cell0 : tensor<2x3x?x?xf32>) -> tensor<2x3x?x?xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x3x?xf32>) -> tensor<2x3x?xf32>
  %max = linalg.reduce { arith.maximumf } ins(%s : tensor<2x3x?x?xf32>) outs(%max0 : tensor<2x3x?xf32>) dimensions = [3]
  %maxb = linalg.broadcast ins(%max : tensor<2x3x?xf32>) outs(%cell : tensor<2x3x?x?xf32>) dimensions = [3]
  %shifted = linalg.sub ins(%s, %maxb : tensor<2x3x?x?xf32>, tensor<2x3x?x?xf32>) outs(%cell : tensor<2x3x?x?xf32>) -> tensor<2x3x?x?xf32>
  %e = linalg.exp ins(%shifted : tensor<2x3x?x?xf32>) outs(%cell : tensor<2x3x?x?xf32>) -> tensor<2x3x?x?xf32>
  %sum0 = linalg.fill ins(%zero : f32) outs(%row : tensor<2x3x?xf32>) -> tensor<2x3x?xf32>
  %sum = linalg.reduce { arith.addf } ins(%e : tensor<2x3x?x?xf32>) outs(%sum0 : tensor<2x3x?xf32>) dimensions = [3]
  %sumb = linalg.broadcast ins(%sum : tensor<2x3x?xf32>) outs(%cell : tensor<2x3x?x?xf32>) dimensions = [3]
  %p = linalg.div ins(%e, %sumb : tensor<2x3x?x?xf32>, tensor<2x3x?x?xf32>) outs(%cell : tensor<2x3x?x?xf32>) -> tensor<2x3x?x?xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x?x3x4xf32>) -> tensor<2x?x3x4xf32>
  %out = linalg.contract indexing_maps = [affine_map<(b, i, h, d, j) -> (b, j, h, d)>, affine_map<(b, i, h, d, j) -> (b, h, i, j)>, affine_map<(b, i, h, d, j) -> (b, i, h, d)>] ins(%v, %p : tensor<2x?x3x4xf32>, tensor<2x3x?x?xf32>) outs(%out0 : tensor<2x?x3x4xf32>) -> tensor<2x?x3x4xf32>
  return %out : tensor<2x?x3x4xf32>
}

// EXECUTE: cross_with_other_sizes
// CHECK-LABEL: @cross_with_other_sizes
// CHECK: kvc.attention {{.*}} : (tensor<1x2x3x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x6xf32>) -> tensor<1x2x3x6xf32>
func.func @cross_with_other_sizes(%q: tensor<2x3x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x6xf32>) -> tensor<2x3x6xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x3xf32>
  %cell = tensor.empty() : tensor<2x3x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x3x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x3xf32>) -> tensor<2x3xf32>
  %max = linalg.reduce { arith.maximumf } ins(%s : tensor<2x3x5xf32>) outs(%max0 : tensor<2x3xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x3xf32>) outs(%cell : tensor<2x3x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%s, %maxb : tensor<2x3x5xf32>, tensor<2x3x5xf32>) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %e = linalg.exp ins(%shifted : tensor<2x3x5xf32>) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %sum0 = linalg.fill ins(%zero : f32) outs(%row : tensor<2x3xf32>) -> tensor<2x3xf32>
  %sum = linalg.reduce { arith.addf } ins(%e : tensor<2x3x5xf32>) outs(%sum0 : tensor<2x3xf32>) dimensions = [2]
  %sumb = linalg.broadcast ins(%sum : tensor<2x3xf32>) outs(%cell : tensor<2x3x5xf32>) dimensions = [2]
  %p = linalg.div ins(%e, %sumb : tensor<2x3x5xf32>, tensor<2x3x5xf32>) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %oute = tensor.empty() : tensor<2x3x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x3x6xf32>) -> tensor<2x3x6xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x3x5xf32>, tensor<2x5x6xf32>) outs(%out0 : tensor<2x3x6xf32>) -> tensor<2x3x6xf32>
  return %out : tensor<2x3x6xf32>
}

// slices of one packed projection
// EXECUTE: packed
// CHECK-LABEL: @packed
// CHECK: kvc.attention {{.*}} : (tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>) -> tensor<1x2x5x4xf32>
func.func @packed(%qkv: tensor<5x24xf32>) -> tensor<2x5x4xf32> {
  %q0 = tensor.extract_slice %qkv[0, 0] [5, 8] [1, 1] : tensor<5x24xf32> to tensor<5x8xf32>
  %q1 = tensor.expand_shape %q0 [[0], [1, 2]] output_shape [5, 2, 4] : tensor<5x8xf32> into tensor<5x2x4xf32>
  %qe = tensor.empty() : tensor<2x5x4xf32>
  %q = linalg.transpose ins(%q1 : tensor<5x2x4xf32>) outs(%qe : tensor<2x5x4xf32>) permutation = [1, 0, 2]
  %k0 = tensor.extract_slice %qkv[0, 8] [5, 8] [1, 1] : tensor<5x24xf32> to tensor<5x8xf32>
  %k1 = tensor.expand_shape %k0 [[0], [1, 2]] output_shape [5, 2, 4] : tensor<5x8xf32> into tensor<5x2x4xf32>
  %ke = tensor.empty() : tensor<2x5x4xf32>
  %k = linalg.transpose ins(%k1 : tensor<5x2x4xf32>) outs(%ke : tensor<2x5x4xf32>) permutation = [1, 0, 2]
  %v0 = tensor.extract_slice %qkv[0, 16] [5, 8] [1, 1] : tensor<5x24xf32> to tensor<5x8xf32>
  %v1 = tensor.expand_shape %v0 [[0], [1, 2]] output_shape [5, 2, 4] : tensor<5x8xf32> into tensor<5x2x4xf32>
  %ve = tensor.empty() : tensor<2x5x4xf32>
  %v = linalg.transpose ins(%v1 : tensor<5x2x4xf32>) outs(%ve : tensor<2x5x4xf32>) permutation = [1, 0, 2]
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

// 16-bit operands widened before, the result rounded right after
// EXECUTE: widened bound=1e-2
// CHECK-LABEL: @widened
// CHECK: kvc.attention {{.*}} : (tensor<1x2x5x4xbf16>, tensor<1x2x5x4xbf16>, tensor<1x2x5x4xbf16>) -> tensor<1x2x5x4xbf16>
func.func @widened(%q16: tensor<2x5x4xbf16>, %k16: tensor<2x5x4xbf16>, %v16: tensor<2x5x4xbf16>) -> tensor<2x5x4xbf16> {
  %qe = tensor.empty() : tensor<2x5x4xf32>
  %q = linalg.generic {indexing_maps = [affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (h, i, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q16 : tensor<2x5x4xbf16>) outs(%qe : tensor<2x5x4xf32>) {
  ^bb0(%x: bf16, %o: f32):
    %y = arith.extf %x : bf16 to f32
    linalg.yield %y : f32
  } -> tensor<2x5x4xf32>
  %ke = tensor.empty() : tensor<2x5x4xf32>
  %k = linalg.generic {indexing_maps = [affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (h, i, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%k16 : tensor<2x5x4xbf16>) outs(%ke : tensor<2x5x4xf32>) {
  ^bb0(%x: bf16, %o: f32):
    %y = arith.extf %x : bf16 to f32
    linalg.yield %y : f32
  } -> tensor<2x5x4xf32>
  %ve = tensor.empty() : tensor<2x5x4xf32>
  %v = linalg.generic {indexing_maps = [affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (h, i, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%v16 : tensor<2x5x4xbf16>) outs(%ve : tensor<2x5x4xf32>) {
  ^bb0(%x: bf16, %o: f32):
    %y = arith.extf %x : bf16 to f32
    linalg.yield %y : f32
  } -> tensor<2x5x4xf32>
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
  %out16e = tensor.empty() : tensor<2x5x4xbf16>
  %out16 = linalg.generic {indexing_maps = [affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (h, i, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%out : tensor<2x5x4xf32>) outs(%out16e : tensor<2x5x4xbf16>) {
  ^bb0(%x: f32, %o: bf16):
    %y = arith.truncf %x : f32 to bf16
    linalg.yield %y : bf16
  } -> tensor<2x5x4xbf16>
  return %out16 : tensor<2x5x4xbf16>
}

// the probabilities are returned too: they stay, beside kvc.attention
// CHECK-LABEL: @weights_returned
// CHECK: linalg.exp
// CHECK: kvc.attention
func.func @weights_returned(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>, tensor<2x5x5xf32>) {
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
  return %out, %p : tensor<2x5x4xf32>, tensor<2x5x5xf32>
}
