// Probabilities that are set to zero by the mask, or where a row's maximum is -inf.
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

// probabilities masked once more: empty rows are zero whatever hides
// EXECUTE: selected_again
// CHECK-LABEL: @selected_again(
// CHECK: kvc.attention {{.*}} mask %{{.*}} {fully_masked = zero, scale = 1.000000e+00 : f32} :
func.func @selected_again(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %keep: tensor<6x6xi1> {test.mask}) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %keep : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %keep1: i1, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant -1.0e9 : f32
    %y = arith.select %keep1, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %q0 = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %p = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q0, %keep : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: i1, %o: f32):
  %z = arith.constant 0.0 : f32
  %r = arith.select %b, %a, %z : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// the same as a product
// EXECUTE: times_the_mask
// CHECK-LABEL: @times_the_mask(
// CHECK: kvc.attention {{.*}} mask %{{.*}} {fully_masked = zero, scale = 1.000000e+00 : f32} :
func.func @times_the_mask(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %keep: tensor<6x6xi1> {test.mask}) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %keep : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %keep1: i1, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant -1.0e9 : f32
    %y = arith.select %keep1, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %q0 = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %p = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q0, %keep : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: i1, %o: f32):
  %f = arith.uitofp %b : i1 to f32
  %r = arith.mulf %a, %f : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// the row's maximum says that it is empty
// EXECUTE: maximum_tested
// CHECK-LABEL: @maximum_tested(
// CHECK: kvc.attention {{.*}} mask %{{.*}} {fully_masked = zero, scale = 1.000000e+00 : f32} :
func.func @maximum_tested(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %keep: tensor<6x6xi1> {test.mask}) -> tensor<2x6x4xf32> {
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
  %mx0_i = tensor.empty() : tensor<2x6xf32>
  %mx0_c = arith.constant 0xFF800000 : f32
  %mx0 = linalg.fill ins(%mx0_c : f32) outs(%mx0_i : tensor<2x6xf32>) -> tensor<2x6xf32>
  %mx = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]} ins(%m : tensor<2x6x6xf32>) outs(%mx0 : tensor<2x6xf32>) {
  ^bb0(%a: f32, %b: f32):
  %r = arith.maximumf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %e = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%m, %mx : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %d = arith.subf %a, %b : f32
  %r = math.exp %d : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %sm0_i = tensor.empty() : tensor<2x6xf32>
  %sm0_c = arith.constant 0.0 : f32
  %sm0 = linalg.fill ins(%sm0_c : f32) outs(%sm0_i : tensor<2x6xf32>) -> tensor<2x6xf32>
  %sm = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]} ins(%e : tensor<2x6x6xf32>) outs(%sm0 : tensor<2x6xf32>) {
  ^bb0(%a: f32, %b: f32):
  %r = arith.addf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %q0 = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%e, %sm : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %r = arith.divf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q0, %mx : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %l = arith.constant 0xFF800000 : f32
  %z = arith.constant 0.0 : f32
  %c = arith.cmpf oeq, %b, %l : f32
  %r = arith.select %c, %z, %a : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// the same by floor_that_hides
// EXECUTE: floor_that_hides
// CHECK-LABEL: @floor_that_hides(
// CHECK: kvc.attention {{.*}} mask %{{.*}} {fully_masked = uniform, scale = 1.000000e+00 : f32} :
func.func @floor_that_hides(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %keep: tensor<6x6xi1> {test.mask}) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %keep : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %keep1: i1, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant -1.0e30 : f32
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
