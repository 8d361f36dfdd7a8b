// Scores that are kept from falling below a floor.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, j) -> (h, i, j)>
#j = affine_map<(h, i, j) -> (j)>
#ij = affine_map<(h, i, j) -> (i, j)>

// OPT, XGLM: nothing below the lowest number
// EXECUTE: causal_and_floor
// CHECK-LABEL: @causal_and_floor(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32} :
func.func @causal_and_floor(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %lowest = arith.constant -3.40282347E+38 : f32
    %z = arith.constant 0.0 : f32
    %c = arith.cmpi sle, %j, %i : index
    %mask = arith.select %c, %z, %lowest : f32
    %u = arith.addf %x, %mask : f32
    %y = arith.maximumf %u, %lowest : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// the same by comparison; empty rows are uniform
// EXECUTE: empty_rows
// CHECK-LABEL: @empty_rows(
// CHECK: kvc.attention {{.*}} mask %{{.*}} {fully_masked = uniform, scale = 1.000000e+00 : f32} :
func.func @empty_rows(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %pad: tensor<6xi1> {test.mask}) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #j, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %pad : tensor<2x6x6xf32>, tensor<6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: i1, %o: f32):
    %lowest = arith.constant -3.40282347E+38 : f32
    %z = arith.constant 0.0 : f32
    %mask = arith.select %n, %z, %lowest : f32
    %u = arith.addf %x, %mask : f32
    %g = arith.cmpf ogt, %u, %lowest : f32
    %y = arith.select %g, %u, %lowest : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// twice the lowest number is -inf, but not below the floor
// EXECUTE: two_masks
// CHECK-LABEL: @two_masks(
// CHECK: kvc.attention {{.*}} mask %{{.*}} {causal, fully_masked = uniform, scale = 1.000000e+00 : f32} :
func.func @two_masks(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %pad: tensor<6xi1> {test.mask}) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #j, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %pad : tensor<2x6x6xf32>, tensor<6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: i1, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %lowest = arith.constant -3.40282347E+38 : f32
    %z = arith.constant 0.0 : f32
    %c = arith.cmpi sle, %j, %i : index
    %ma = arith.select %c, %z, %lowest : f32
    %mb = arith.select %n, %z, %lowest : f32
    %x1 = arith.addf %ma, %mb : f32
    %mask = arith.addf %x1, %z : f32
    %u = arith.addf %x, %mask : f32
    %y = arith.maximumf %u, %lowest : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// -inf is raised to the floor
// EXECUTE: infinite_masks
// CHECK-LABEL: @infinite_masks(
// CHECK: kvc.attention {{.*}} mask %{{.*}} {fully_masked = uniform, scale = 1.000000e+00 : f32} :
func.func @infinite_masks(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %pad: tensor<6xi1> {test.mask}) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #j, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %pad : tensor<2x6x6xf32>, tensor<6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: i1, %o: f32):
    %lowest = arith.constant -3.40282347E+38 : f32
    %z = arith.constant 0.0 : f32
    %hide = arith.constant 0xFF800000 : f32
    %mask = arith.select %n, %z, %hide : f32
    %u = arith.addf %x, %mask : f32
    %y = arith.maximumf %u, %lowest : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// a mask that is not known stays inside of the floor, in the region
// EXECUTE: mask_of_numbers
// CHECK-LABEL: @mask_of_numbers(
// CHECK: kvc.attention {{.*}} captures(%{{.*}}) {scale = 1.000000e+00 : f32} score {
// CHECK: arith.maximumf
func.func @mask_of_numbers(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %m0: tensor<6x6xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %m0 : tensor<2x6x6xf32>, tensor<6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %b: f32, %o: f32):
    %lowest = arith.constant -3.40282347E+38 : f32
    %mask = arith.addf %b, %b : f32
    %u = arith.addf %x, %mask : f32
    %y = arith.maximumf %u, %lowest : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}
