// Rotary embeddings, by what they do to a pair of channels.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
// slice, negate, concatenate; positions 0 .. S-1, shared by q and k
// EXECUTE: halves
// CHECK-LABEL: @halves
// CHECK: %[[AT:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<5xi64>)
// CHECK: kvc.rope %{{.*}} at %[[AT]] {rope = #kvc.rope<theta = 1.000000e+04, dim = 4>} : tensor<1x2x5x4xf32>, tensor<5xi64>
// CHECK: kvc.rope %{{.*}} at %[[AT]] {rope = #kvc.rope<theta = 1.000000e+04, dim = 4>} : tensor<1x2x5x4xf32>, tensor<5xi64>
// CHECK: kvc.attention
// CHECK-NOT: math.cos
func.func @halves(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %freq = arith.constant dense<[1.0, 0.01]> : tensor<2xf32>
  %anglee = tensor.empty() : tensor<5x2xf32>
  %angle = linalg.generic {indexing_maps = [affine_map<(i, p) -> (p)>, affine_map<(i, p) -> (i, p)>], iterator_types = ["parallel", "parallel"]} ins(%freq : tensor<2xf32>) outs(%anglee : tensor<5x2xf32>) {
  ^bb0(%f: f32, %o: f32):
    %ii = linalg.index 0 : index
    %i = arith.index_cast %ii : index to i64
    %x = arith.sitofp %i : i64 to f32
    %y = arith.mulf %x, %f : f32
    linalg.yield %y : f32
  } -> tensor<5x2xf32>
  %cos = linalg.generic {indexing_maps = [affine_map<(i, p) -> (i, p)>, affine_map<(i, p) -> (i, p)>], iterator_types = ["parallel", "parallel"]} ins(%angle : tensor<5x2xf32>) outs(%anglee : tensor<5x2xf32>) {
  ^bb0(%x: f32, %o: f32):
    %y = math.cos %x : f32
    linalg.yield %y : f32
  } -> tensor<5x2xf32>
  %sin = linalg.generic {indexing_maps = [affine_map<(i, p) -> (i, p)>, affine_map<(i, p) -> (i, p)>], iterator_types = ["parallel", "parallel"]} ins(%angle : tensor<5x2xf32>) outs(%anglee : tensor<5x2xf32>) {
  ^bb0(%x: f32, %o: f32):
    %y = math.sin %x : f32
    linalg.yield %y : f32
  } -> tensor<5x2xf32>
  %cos2 = tensor.concat dim(1) %cos, %cos : (tensor<5x2xf32>, tensor<5x2xf32>) -> tensor<5x4xf32>
  %sin2 = tensor.concat dim(1) %sin, %sin : (tensor<5x2xf32>, tensor<5x2xf32>) -> tensor<5x4xf32>
  %big = tensor.empty() : tensor<2x5x4xf32>
  %cosb = linalg.broadcast ins(%cos2 : tensor<5x4xf32>) outs(%big : tensor<2x5x4xf32>) dimensions = [0]
  %sinb = linalg.broadcast ins(%sin2 : tensor<5x4xf32>) outs(%big : tensor<2x5x4xf32>) dimensions = [0]
  %qlo = tensor.extract_slice %q[0, 0, 0] [2, 5, 2] [1, 1, 1] : tensor<2x5x4xf32> to tensor<2x5x2xf32>
  %qhi = tensor.extract_slice %q[0, 0, 2] [2, 5, 2] [1, 1, 1] : tensor<2x5x4xf32> to tensor<2x5x2xf32>
  %qhe = tensor.empty() : tensor<2x5x2xf32>
  %qneg = linalg.negf ins(%qhi : tensor<2x5x2xf32>) outs(%qhe : tensor<2x5x2xf32>) -> tensor<2x5x2xf32>
  %qrot = tensor.concat dim(2) %qneg, %qlo : (tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<2x5x4xf32>
  %qa = linalg.mul ins(%q, %cosb : tensor<2x5x4xf32>, tensor<2x5x4xf32>) outs(%big : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %qb = linalg.mul ins(%qrot, %sinb : tensor<2x5x4xf32>, tensor<2x5x4xf32>) outs(%big : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %qr = linalg.add ins(%qa, %qb : tensor<2x5x4xf32>, tensor<2x5x4xf32>) outs(%big : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %klo = tensor.extract_slice %k[0, 0, 0] [2, 5, 2] [1, 1, 1] : tensor<2x5x4xf32> to tensor<2x5x2xf32>
  %khi = tensor.extract_slice %k[0, 0, 2] [2, 5, 2] [1, 1, 1] : tensor<2x5x4xf32> to tensor<2x5x2xf32>
  %khe = tensor.empty() : tensor<2x5x2xf32>
  %kneg = linalg.negf ins(%khi : tensor<2x5x2xf32>) outs(%khe : tensor<2x5x2xf32>) -> tensor<2x5x2xf32>
  %krot = tensor.concat dim(2) %kneg, %klo : (tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<2x5x4xf32>
  %ka = linalg.mul ins(%k, %cosb : tensor<2x5x4xf32>, tensor<2x5x4xf32>) outs(%big : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %kb = linalg.mul ins(%krot, %sinb : tensor<2x5x4xf32>, tensor<2x5x4xf32>) outs(%big : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %kr = linalg.add ins(%ka, %kb : tensor<2x5x4xf32>, tensor<2x5x4xf32>) outs(%big : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%kr : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%qr, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

// pairs of neighbours, written as complex numbers are
// EXECUTE: neighbours
// CHECK-LABEL: @neighbours
// CHECK: kvc.rope {{.*}} {rope = #kvc.rope<theta = 1.000000e+04, dim = 4, style = interleaved>} : tensor<1x2x5x4xf32>, tensor<5xi64>
// CHECK: kvc.rope {{.*}} {rope = #kvc.rope<theta = 1.000000e+04, dim = 4, style = interleaved>} : tensor<1x2x5x4xf32>, tensor<5xi64>
// CHECK: kvc.attention
func.func @neighbours(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %freq = arith.constant dense<[1.0, 0.01]> : tensor<2xf32>
  %anglee = tensor.empty() : tensor<5x2xf32>
  %angle = linalg.generic {indexing_maps = [affine_map<(i, p) -> (p)>, affine_map<(i, p) -> (i, p)>], iterator_types = ["parallel", "parallel"]} ins(%freq : tensor<2xf32>) outs(%anglee : tensor<5x2xf32>) {
  ^bb0(%f: f32, %o: f32):
    %ii = linalg.index 0 : index
    %i = arith.index_cast %ii : index to i64
    %x = arith.sitofp %i : i64 to f32
    %y = arith.mulf %x, %f : f32
    linalg.yield %y : f32
  } -> tensor<5x2xf32>
  %cos = linalg.generic {indexing_maps = [affine_map<(i, p) -> (i, p)>, affine_map<(i, p) -> (i, p)>], iterator_types = ["parallel", "parallel"]} ins(%angle : tensor<5x2xf32>) outs(%anglee : tensor<5x2xf32>) {
  ^bb0(%x: f32, %o: f32):
    %y = math.cos %x : f32
    linalg.yield %y : f32
  } -> tensor<5x2xf32>
  %sin = linalg.generic {indexing_maps = [affine_map<(i, p) -> (i, p)>, affine_map<(i, p) -> (i, p)>], iterator_types = ["parallel", "parallel"]} ins(%angle : tensor<5x2xf32>) outs(%anglee : tensor<5x2xf32>) {
  ^bb0(%x: f32, %o: f32):
    %y = math.sin %x : f32
    linalg.yield %y : f32
  } -> tensor<5x2xf32>
  %half = tensor.empty() : tensor<2x5x2xf32>
  %pairs = tensor.empty() : tensor<2x5x2x2xf32>
  %qp = tensor.expand_shape %q [[0], [1], [2, 3]] output_shape [2, 5, 2, 2] : tensor<2x5x4xf32> into tensor<2x5x2x2xf32>
  %q0 = tensor.extract_slice %qp[0, 0, 0, 0] [2, 5, 2, 1] [1, 1, 1, 1] : tensor<2x5x2x2xf32> to tensor<2x5x2xf32>
  %q1 = tensor.extract_slice %qp[0, 0, 0, 1] [2, 5, 2, 1] [1, 1, 1, 1] : tensor<2x5x2x2xf32> to tensor<2x5x2xf32>
  %qre = linalg.generic {indexing_maps = [affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (i, d)>, affine_map<(h, i, d) -> (i, d)>, affine_map<(h, i, d) -> (h, i, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q0, %q1, %cos, %sin : tensor<2x5x2xf32>, tensor<2x5x2xf32>, tensor<5x2xf32>, tensor<5x2xf32>) outs(%half : tensor<2x5x2xf32>) {
  ^bb0(%x0: f32, %x1: f32, %c: f32, %s: f32, %o: f32):
    %u = arith.mulf %x0, %c : f32
    %w = arith.mulf %x1, %s : f32
    %y = arith.subf %u, %w : f32
    linalg.yield %y : f32
  } -> tensor<2x5x2xf32>
  %qim = linalg.generic {indexing_maps = [affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (i, d)>, affine_map<(h, i, d) -> (i, d)>, affine_map<(h, i, d) -> (h, i, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q0, %q1, %cos, %sin : tensor<2x5x2xf32>, tensor<2x5x2xf32>, tensor<5x2xf32>, tensor<5x2xf32>) outs(%half : tensor<2x5x2xf32>) {
  ^bb0(%x0: f32, %x1: f32, %c: f32, %s: f32, %o: f32):
    %u = arith.mulf %x1, %c : f32
    %w = arith.mulf %x0, %s : f32
    %y = arith.addf %u, %w : f32
    linalg.yield %y : f32
  } -> tensor<2x5x2xf32>
  %qw = tensor.insert_slice %qre into %pairs[0, 0, 0, 0] [2, 5, 2, 1] [1, 1, 1, 1] : tensor<2x5x2xf32> into tensor<2x5x2x2xf32>
  %qz = tensor.insert_slice %qim into %qw[0, 0, 0, 1] [2, 5, 2, 1] [1, 1, 1, 1] : tensor<2x5x2xf32> into tensor<2x5x2x2xf32>
  %qr = tensor.collapse_shape %qz [[0], [1], [2, 3]] : tensor<2x5x2x2xf32> into tensor<2x5x4xf32>
  %kp = tensor.expand_shape %k [[0], [1], [2, 3]] output_shape [2, 5, 2, 2] : tensor<2x5x4xf32> into tensor<2x5x2x2xf32>
  %k0 = tensor.extract_slice %kp[0, 0, 0, 0] [2, 5, 2, 1] [1, 1, 1, 1] : tensor<2x5x2x2xf32> to tensor<2x5x2xf32>
  %k1 = tensor.extract_slice %kp[0, 0, 0, 1] [2, 5, 2, 1] [1, 1, 1, 1] : tensor<2x5x2x2xf32> to tensor<2x5x2xf32>
  %kre = linalg.generic {indexing_maps = [affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (i, d)>, affine_map<(h, i, d) -> (i, d)>, affine_map<(h, i, d) -> (h, i, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%k0, %k1, %cos, %sin : tensor<2x5x2xf32>, tensor<2x5x2xf32>, tensor<5x2xf32>, tensor<5x2xf32>) outs(%half : tensor<2x5x2xf32>) {
  ^bb0(%x0: f32, %x1: f32, %c: f32, %s: f32, %o: f32):
    %u = arith.mulf %x0, %c : f32
    %w = arith.mulf %x1, %s : f32
    %y = arith.subf %u, %w : f32
    linalg.yield %y : f32
  } -> tensor<2x5x2xf32>
  %kim = linalg.generic {indexing_maps = [affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (h, i, d)>, affine_map<(h, i, d) -> (i, d)>, affine_map<(h, i, d) -> (i, d)>, affine_map<(h, i, d) -> (h, i, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%k0, %k1, %cos, %sin : tensor<2x5x2xf32>, tensor<2x5x2xf32>, tensor<5x2xf32>, tensor<5x2xf32>) outs(%half : tensor<2x5x2xf32>) {
  ^bb0(%x0: f32, %x1: f32, %c: f32, %s: f32, %o: f32):
    %u = arith.mulf %x1, %c : f32
    %w = arith.mulf %x0, %s : f32
    %y = arith.addf %u, %w : f32
    linalg.yield %y : f32
  } -> tensor<2x5x2xf32>
  %kw = tensor.insert_slice %kre into %pairs[0, 0, 0, 0] [2, 5, 2, 1] [1, 1, 1, 1] : tensor<2x5x2xf32> into tensor<2x5x2x2xf32>
  %kz = tensor.insert_slice %kim into %kw[0, 0, 0, 1] [2, 5, 2, 1] [1, 1, 1, 1] : tensor<2x5x2xf32> into tensor<2x5x2x2xf32>
  %kr = tensor.collapse_shape %kz [[0], [1], [2, 3]] : tensor<2x5x2x2xf32> into tensor<2x5x4xf32>
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%kr : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%qr, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

