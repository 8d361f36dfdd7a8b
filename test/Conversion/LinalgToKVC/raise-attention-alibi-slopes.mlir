// Slopes of ALiBi that the graph computes.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, j) -> (h, i, j)>
#h = affine_map<(h, i, j) -> (h)>


// MPT: slopes that the graph computes as 1 / 2^x are finite, and so is what is added below the mask's value
// EXECUTE: slopes_of_powers
// CHECK-LABEL: @slopes_of_powers(
// CHECK: kvc.attention {{.*}} captures(%{{.*}}) {causal, {{.*}}scale = 1.000000e+00 : f32} score {
func.func @slopes_of_powers(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %heads = tensor.empty() : tensor<2xf32>
  %slopes = linalg.generic {indexing_maps = [affine_map<(h) -> (h)>], iterator_types = ["parallel"]} outs(%heads : tensor<2xf32>) {
  ^bb0(%o: f32):
    %n = linalg.index 0 : index
    %h = arith.index_cast %n : index to i64
    %f = arith.sitofp %h : i64 to f32
    %f1 = arith.addf %f, %one : f32
    %f2 = arith.mulf %f1, %two : f32
    %power = math.powf %two, %f2 : f32
    %slope = arith.divf %one, %power : f32
    linalg.yield %slope : f32
  } -> tensor<2xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #h, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %slopes : tensor<2x6x6xf32>, tensor<2xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %m2: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %jj = arith.index_cast %j : index to i32
    %fj = arith.sitofp %jj : i32 to f32
    %b = arith.mulf %m2, %fj : f32
    %z = arith.addf %x, %b : f32
    %ca = arith.cmpi sle, %j, %i : index
    %hide = arith.constant -3.40282347E+38 : f32
    %y = arith.select %ca, %z, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}
