// Empty rows by floors under their maximum and their sum.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, j) -> (h, i, j)>
#h1 = affine_map<(h, i) -> (h)>
#hi = affine_map<(h, i) -> (h, i)>
#hh = affine_map<(h, i, j) -> (h)>
#row = affine_map<(h, i, j) -> (h, i)>
#ij = affine_map<(h, i, j) -> (i, j)>

// the same by floors
// EXECUTE: floors
// CHECK-LABEL: @floors(
// CHECK: kvc.attention {{.*}} mask %{{.*}} {fully_masked = zero, scale = 1.000000e+00 : f32} :
func.func @floors(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %keep: tensor<6x6xi1> {test.mask}) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %keep : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %keep1: i1, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant 0xFF800000 : f32
    %y = arith.select %keep1, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %m00_i = tensor.empty() : tensor<2x6xf32>
  %m00_c = arith.constant 0xFF800000 : f32
  %m00 = linalg.fill ins(%m00_c : f32) outs(%m00_i : tensor<2x6xf32>) -> tensor<2x6xf32>
  %m0 = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]} ins(%m : tensor<2x6x6xf32>) outs(%m00 : tensor<2x6xf32>) {
  ^bb0(%a: f32, %b: f32):
  %r = arith.maximumf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %mx_e = tensor.empty() : tensor<2x6xf32>
  %mx = linalg.generic {indexing_maps = [#hi, #hi], iterator_types = ["parallel", "parallel"]} ins(%m0 : tensor<2x6xf32>) outs(%mx_e : tensor<2x6xf32>) {
  ^bb0(%a0: f32, %o: f32):
  %l = arith.constant -1.0e30 : f32
  %r = arith.maximumf %a0, %l : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %e = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%m, %mx : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %d = arith.subf %a, %b : f32
  %r = math.exp %d : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %s00_i = tensor.empty() : tensor<2x6xf32>
  %s00_c = arith.constant 0.0 : f32
  %s00 = linalg.fill ins(%s00_c : f32) outs(%s00_i : tensor<2x6xf32>) -> tensor<2x6xf32>
  %s0 = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]} ins(%e : tensor<2x6x6xf32>) outs(%s00 : tensor<2x6xf32>) {
  ^bb0(%a: f32, %b: f32):
  %r = arith.addf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %sm_e = tensor.empty() : tensor<2x6xf32>
  %sm = linalg.generic {indexing_maps = [#hi, #hi], iterator_types = ["parallel", "parallel"]} ins(%s0 : tensor<2x6xf32>) outs(%sm_e : tensor<2x6xf32>) {
  ^bb0(%a0: f32, %o: f32):
  %l = arith.constant 1.0e-30 : f32
  %r = arith.maximumf %a0, %l : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %p = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%e, %sm : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %r = arith.divf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// the same by below_the_floor
// EXECUTE: below_the_floor
// CHECK-LABEL: @below_the_floor(
// CHECK: kvc.attention {{.*}} mask %{{.*}} {fully_masked = zero, scale = 1.000000e+00 : f32} :
func.func @below_the_floor(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %keep: tensor<6x6xi1> {test.mask}) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %keep : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %keep1: i1, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant -3.0e38 : f32
    %y = arith.select %keep1, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %m00_i = tensor.empty() : tensor<2x6xf32>
  %m00_c = arith.constant 0xFF800000 : f32
  %m00 = linalg.fill ins(%m00_c : f32) outs(%m00_i : tensor<2x6xf32>) -> tensor<2x6xf32>
  %m0 = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]} ins(%m : tensor<2x6x6xf32>) outs(%m00 : tensor<2x6xf32>) {
  ^bb0(%a: f32, %b: f32):
  %r = arith.maximumf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %mx_e = tensor.empty() : tensor<2x6xf32>
  %mx = linalg.generic {indexing_maps = [#hi, #hi], iterator_types = ["parallel", "parallel"]} ins(%m0 : tensor<2x6xf32>) outs(%mx_e : tensor<2x6xf32>) {
  ^bb0(%a0: f32, %o: f32):
  %l = arith.constant -1.0e30 : f32
  %r = arith.maximumf %a0, %l : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %e = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%m, %mx : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %d = arith.subf %a, %b : f32
  %r = math.exp %d : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %s00_i = tensor.empty() : tensor<2x6xf32>
  %s00_c = arith.constant 0.0 : f32
  %s00 = linalg.fill ins(%s00_c : f32) outs(%s00_i : tensor<2x6xf32>) -> tensor<2x6xf32>
  %s0 = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]} ins(%e : tensor<2x6x6xf32>) outs(%s00 : tensor<2x6xf32>) {
  ^bb0(%a: f32, %b: f32):
  %r = arith.addf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %sm_e = tensor.empty() : tensor<2x6xf32>
  %sm = linalg.generic {indexing_maps = [#hi, #hi], iterator_types = ["parallel", "parallel"]} ins(%s0 : tensor<2x6xf32>) outs(%sm_e : tensor<2x6xf32>) {
  ^bb0(%a0: f32, %o: f32):
  %l = arith.constant 1.0e-30 : f32
  %r = arith.maximumf %a0, %l : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %p = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%e, %sm : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %r = arith.divf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}
