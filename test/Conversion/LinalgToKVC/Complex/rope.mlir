// A rotation as a product of complex numbers: neighbours are one number each.
// The interpreter has no complex ops: kvc-raise-check asks the machine alone.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, d) -> (h, i, d)>

// CHECK-LABEL: @product(
// CHECK: kvc.rope %{{.*}} at %{{.*}} {rope = #kvc.rope<theta = 1.000000e+04, dim = 8, style = interleaved>}
// CHECK: kvc.attention
func.func @product(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %freq = arith.constant dense<[1.0, 0.1, 0.01, 0.001]> : tensor<4xf32>
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %pairse = tensor.empty() : tensor<2x5x4xcomplex<f32>>
  %pairs = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%pairse : tensor<2x5x4xcomplex<f32>>) {
  ^bb0(%o: complex<f32>):
    %h = linalg.index 0 : index
    %i = linalg.index 1 : index
    %p = linalg.index 2 : index
    %two = arith.constant 2 : index
    %one = arith.constant 1 : index
    %d = arith.muli %p, %two : index
    %e = arith.addi %d, %one : index
    %x = tensor.extract %q[%h, %i, %d] : tensor<2x5x8xf32>
    %y = tensor.extract %q[%h, %i, %e] : tensor<2x5x8xf32>
    %z = complex.create %x, %y : complex<f32>
    linalg.yield %z : complex<f32>
  } -> tensor<2x5x4xcomplex<f32>>
  %turned = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%pairs : tensor<2x5x4xcomplex<f32>>) outs(%pairse : tensor<2x5x4xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %o: complex<f32>):
    %i = linalg.index 1 : index
    %p = linalg.index 2 : index
    %ii = arith.index_cast %i : index to i64
    %pos = arith.sitofp %ii : i64 to f32
    %f = tensor.extract %freq[%p] : tensor<4xf32>
    %angle = arith.mulf %pos, %f : f32
    %ia = complex.create %zero, %angle : complex<f32>
    %w = complex.exp %ia : complex<f32>
    %y = complex.mul %x, %w : complex<f32>
    linalg.yield %y : complex<f32>
  } -> tensor<2x5x4xcomplex<f32>>
  %r = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%oute : tensor<2x5x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %i = linalg.index 1 : index
    %d = linalg.index 2 : index
    %two = arith.constant 2 : index
    %none = arith.constant 0 : index
    %p = arith.divui %d, %two : index
    %odd = arith.remui %d, %two : index
    %first = arith.cmpi eq, %odd, %none : index
    %z = tensor.extract %turned[%h, %i, %p] : tensor<2x5x4xcomplex<f32>>
    %re = complex.re %z : complex<f32>
    %im = complex.im %z : complex<f32>
    %y = arith.select %first, %re, %im : f32
    linalg.yield %y : f32
  } -> tensor<2x5x8xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%r, %k : tensor<2x5x8xf32>, tensor<2x5x8xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x5xf32>, tensor<2x5x8xf32>) outs(%out0 : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return %out : tensor<2x5x8xf32>
}
