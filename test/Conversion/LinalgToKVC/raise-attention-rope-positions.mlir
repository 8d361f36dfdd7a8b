// Rotary embeddings with positions from outside, and some that are left alone.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: kvc-raise-check %s
// EXECUTE: given_positions
// CHECK-LABEL: @given_positions(
// CHECK-SAME: %[[POS:[^ ]*]]: tensor<5xi64>)
// CHECK: kvc.rope %{{.*}} at %[[POS]] {rope = #kvc.rope<theta = 1.000000e+04, dim = 4>}
// CHECK: kvc.rope %{{.*}} at %[[POS]] {rope = #kvc.rope<theta = 1.000000e+04, dim = 4>}
func.func @given_positions(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %pos: tensor<5xi64>) -> tensor<2x5x4xf32> {
  %freq = arith.constant dense<[1.0, 0.01]> : tensor<2xf32>
  %anglee = tensor.empty() : tensor<5x2xf32>
  %angle = linalg.generic {indexing_maps = [affine_map<(i, p) -> (p)>, affine_map<(i, p) -> (i)>, affine_map<(i, p) -> (i, p)>], iterator_types = ["parallel", "parallel"]} ins(%freq, %pos : tensor<2xf32>, tensor<5xi64>) outs(%anglee : tensor<5x2xf32>) {
  ^bb0(%f: f32, %i: i64, %o: f32):
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

// one theta does not give these frequencies
// REMARK: [Missed] rope-frequencies | Category:kvc-raise-attention | Function=bent_frequencies
// EXECUTE: bent_frequencies
// CHECK-LABEL: @bent_frequencies
// CHECK-NOT: kvc.rope
// CHECK: kvc.attention
func.func @bent_frequencies(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %freq = arith.constant dense<[0.9, 0.01]> : tensor<2xf32>
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

