// What looks like attention and is not: left alone, with the reason.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// nothing in this file is an attention, so nothing changes
// CHECK-NOT: kvc.
// REMARK-DAG: [Missed] group-broadcast | Category:kvc-raise-attention | Function=values_shared_otherwise |
func.func @values_shared_otherwise(%q: tensor<4x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<4x5x4xf32> {
  %kw = tensor.expand_shape %k [[0, 1], [2], [3]] output_shape [2, 1, 5, 4] : tensor<2x5x4xf32> into tensor<2x1x5x4xf32>
  %ks = tensor.collapse_shape %kw [[0, 1], [2], [3]] : tensor<2x1x5x4xf32> into tensor<2x5x4xf32>
  %ke = tensor.empty() : tensor<2x2x5x4xf32>
  %kb = linalg.broadcast ins(%ks : tensor<2x5x4xf32>) outs(%ke : tensor<2x2x5x4xf32>) dimensions = [1]
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

// REMARK-DAG: [Missed] softmax-guard | Category:kvc-raise-attention | Function=guarded_by_something_else |
func.func @guarded_by_something_else(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %drop: tensor<2x5xi1>) -> tensor<2x5x4xf32> {
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
  %guarded = linalg.generic {indexing_maps = [affine_map<(h, i, j) -> (h, i)>, affine_map<(h, i, j) -> (h, i, j)>, affine_map<(h, i, j) -> (h, i, j)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%drop, %p : tensor<2x5xi1>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) {
  ^bb0(%c: i1, %x: f32, %o: f32):
    %y = arith.select %c, %zero, %x : f32
    linalg.yield %y : f32
  } -> tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x4xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %out = linalg.batch_matmul ins(%guarded, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32>) outs(%out0 : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %out : tensor<2x5x4xf32>
}

// REMARK-DAG: [Missed] rounding | Category:kvc-raise-attention | Function=rounded_to_half_inside |
func.func @rounded_to_half_inside(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %row = tensor.empty() : tensor<2x5xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %kte = tensor.empty() : tensor<2x4x5xf32>
  %kt = linalg.transpose ins(%k : tensor<2x5x4xf32>) outs(%kte : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul ins(%q, %kt : tensor<2x5x4xf32>, tensor<2x4x5xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %rounded = linalg.generic {indexing_maps = [affine_map<(h, i, j) -> (h, i, j)>, affine_map<(h, i, j) -> (h, i, j)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) {
  ^bb0(%x: f32, %o: f32):
    %t = arith.truncf %x : f32 to f16
    %y = arith.extf %t : f16 to f32
    linalg.yield %y : f32
  } -> tensor<2x5x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  %max = linalg.reduce { arith.maximumf } ins(%rounded : tensor<2x5x5xf32>) outs(%max0 : tensor<2x5xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<2x5xf32>) outs(%cell : tensor<2x5x5xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%rounded, %maxb : tensor<2x5x5xf32>, tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
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

// REMARK-DAG: [Missed] softmax-alone | Category:kvc-raise-attention | Function=softmax_of_a_classifier |
func.func @softmax_of_a_classifier(%x: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %row = tensor.empty() : tensor<2x5xf32>
  %p = linalg.softmax dimension(1) ins(%x : tensor<2x5xf32>) outs(%row : tensor<2x5xf32>) -> tensor<2x5xf32>
  return %p : tensor<2x5xf32>
}


// what bf16 rounds to one score, the graph keeps one; a scale of 32 tells them apart
// REMARK-DAG: [Missed] scale | Category:kvc-raise-attention | Function=sharpened |
// CHECK-LABEL: @sharpened(
// CHECK-NOT: kvc.attention
func.func @sharpened(%q: tensor<2x3x4xbf16>, %k: tensor<2x5x4xbf16>, %v: tensor<2x5x4xbf16>) -> tensor<2x3x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 32.0 : bf16
  %cell = tensor.empty() : tensor<2x3x5xf32>
  %narrow = tensor.empty() : tensor<2x3x5xbf16>
  %oute = tensor.empty() : tensor<2x3x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %raw = linalg.batch_matmul indexing_maps = [affine_map<(b, i, j, d) -> (b, i, d)>, affine_map<(b, i, j, d) -> (b, j, d)>, affine_map<(b, i, j, d) -> (b, i, j)>] ins(%q, %k : tensor<2x3x4xbf16>, tensor<2x5x4xbf16>) outs(%cell0 : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %s16 = arith.truncf %raw : tensor<2x3x5xf32> to tensor<2x3x5xbf16>
  %factor = linalg.fill ins(%scale : bf16) outs(%narrow : tensor<2x3x5xbf16>) -> tensor<2x3x5xbf16>
  %scaled = arith.mulf %s16, %factor : tensor<2x3x5xbf16>
  %s = arith.extf %scaled : tensor<2x3x5xbf16> to tensor<2x3x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x3x5xf32>) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %p16 = arith.truncf %p : tensor<2x3x5xf32> to tensor<2x3x5xbf16>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %out = linalg.batch_matmul ins(%p16, %v : tensor<2x3x5xbf16>, tensor<2x5x4xbf16>) outs(%out0 : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %out : tensor<2x3x4xf32>
}

// the graph keeps no digit of a score beside -100, the op would keep them all
// (mutant 683 of seed 86220500)
// REMARK-DAG: [Missed] rounding | Category:kvc-raise-attention | Function=shifted_in_bf16 | {{.*}}lose their digits
// CHECK-LABEL: @shifted_in_bf16(
// CHECK-NOT: kvc.attention
func.func @shifted_in_bf16(%q: tensor<2x3x4xbf16>, %k: tensor<2x5x4xbf16>, %v: tensor<2x5x4xbf16>) -> tensor<2x3x4xf32> {
  %zero = arith.constant 0.0 : f32
  %much = arith.constant dense<-100.0> : tensor<2x3x5xbf16>
  %cell = tensor.empty() : tensor<2x3x5xf32>
  %oute = tensor.empty() : tensor<2x3x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %raw = linalg.batch_matmul indexing_maps = [affine_map<(b, i, j, d) -> (b, i, d)>, affine_map<(b, i, j, d) -> (b, j, d)>, affine_map<(b, i, j, d) -> (b, i, j)>] ins(%q, %k : tensor<2x3x4xbf16>, tensor<2x5x4xbf16>) outs(%cell0 : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %s16 = arith.truncf %raw : tensor<2x3x5xf32> to tensor<2x3x5xbf16>
  %shifted = arith.addf %s16, %much : tensor<2x3x5xbf16>
  %s = arith.extf %shifted : tensor<2x3x5xbf16> to tensor<2x3x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x3x5xf32>) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %p16 = arith.truncf %p : tensor<2x3x5xf32> to tensor<2x3x5xbf16>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %out = linalg.batch_matmul ins(%p16, %v : tensor<2x3x5xbf16>, tensor<2x5x4xbf16>) outs(%out0 : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %out : tensor<2x3x4xf32>
}

// a slope whose products overflow: every score that is seen may be -inf, below
// the finite value of the others (mutant 895 of seed 41723478)
// CHECK-LABEL: @infinite_bias(
// CHECK-NOT: kvc.attention
// REMARK-DAG: [Missed] mask-combination | Category:kvc-raise-attention | Function=infinite_bias | {{.*}}a score may be infinite
func.func @infinite_bias(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant -1.0e9 : f32
  %slopes = arith.constant dense<[-3.40282347E+38, 0.25]> : tensor<2xf32>
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [affine_map<(h, i, j, d) -> (h, i, d)>, affine_map<(h, i, j, d) -> (h, j, d)>, affine_map<(h, i, j, d) -> (h, i, j)>] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%s0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [affine_map<(h, i, j) -> (h, i, j)>, affine_map<(h, i, j) -> (h)>, affine_map<(h, i, j) -> (h, i, j)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %slopes : tensor<2x6x6xf32>, tensor<2xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %slope: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %j32 = arith.index_cast %j : index to i32
    %at = arith.sitofp %j32 : i32 to f32
    %bias = arith.mulf %slope, %at : f32
    %sum = arith.addf %bias, %x : f32
    %seen = arith.cmpi sge, %j, %i : index
    %y = arith.select %seen, %sum, %lowest : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %o0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%o0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}
