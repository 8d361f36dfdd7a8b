// Graphs whose run is undefined: they index before a literal table. The compiler
// reads nothing there either (mutant 795 of seed 174344011 crashed it).
// Nothing beside this file may run them: kvc-raise-check is not told of it.
// RUN: kvc-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s

#map = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map1 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>
#map3 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map4 = affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>

// an index before a table of sines (soak): nothing may be read there
// CHECK-LABEL: @columns_before_the_table
// CHECK-NOT: kvc.rope
// CHECK: kvc.attention
func.func @columns_before_the_table(%arg0: tensor<2x5x8xf32>, %arg1: tensor<2x5x8xf32>, %arg2: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %cst = arith.constant 0.000000e+00 : f32
  %0 = tensor.empty() : tensor<2x5x5xf32>
  %1 = tensor.empty() : tensor<2x5x8xf32>
  %cst_0 = arith.constant dense<[[1.000000000e+00, 1.000000000e+00, 1.000000000e+00, 1.000000000e+00], [5.403023059e-01, 9.950041653e-01, 9.999500004e-01, 9.999995000e-01], [-4.161468365e-01, 9.800665778e-01, 9.998000067e-01, 9.999980000e-01], [-9.899924966e-01, 9.553364891e-01, 9.995500337e-01, 9.999955000e-01], [-6.536436209e-01, 9.210609940e-01, 9.992001067e-01, 9.999920000e-01]]> : tensor<5x4xf32>
  %cst_1 = arith.constant dense<[[0.000000000e+00, 0.000000000e+00, 0.000000000e+00, 0.000000000e+00], [8.414709848e-01, 9.983341665e-02, 9.999833334e-03, 9.999998333e-04], [9.092974268e-01, 1.986693308e-01, 1.999866669e-02, 1.999998667e-03], [1.411200081e-01, 2.955202067e-01, 2.999550020e-02, 2.999995500e-03], [-7.568024953e-01, 3.894183423e-01, 3.998933419e-02, 3.999989333e-03]]> : tensor<5x4xf32>
  %2 = linalg.generic {indexing_maps = [#map], iterator_types = ["parallel", "parallel", "parallel"]} outs(%1 : tensor<2x5x8xf32>) {
  ^bb0(%out: f32):
    %8 = linalg.index 0 : index
    %9 = linalg.index 1 : index
    %10 = linalg.index 2 : index
    %c4 = arith.constant 4 : index
    %c1000000 = arith.constant 1000000 : index
    %11 = arith.cmpi ult, %10, %c4 : index
    %12 = arith.remui %10, %c4 : index
    %13 = arith.addi %10, %c4 : index
    %14 = arith.subi %10, %c4 : index
    %15 = arith.select %11, %13, %14 : index
    %extracted = tensor.extract %cst_0[%9, %12] : tensor<5x4xf32>
    %far = arith.subi %10, %c1000000 : index
    %extracted_2 = tensor.extract %cst_1[%9, %far] : tensor<5x4xf32>
    %extracted_3 = tensor.extract %arg0[%8, %9, %10] : tensor<2x5x8xf32>
    %extracted_4 = tensor.extract %arg0[%8, %9, %15] : tensor<2x5x8xf32>
    %16 = arith.negf %extracted_4 : f32
    %17 = arith.select %11, %16, %extracted_4 : f32
    %18 = arith.mulf %extracted_3, %extracted : f32
    %19 = arith.mulf %17, %extracted_2 : f32
    %20 = arith.addf %18, %19 : f32
    linalg.yield %20 : f32
  } -> tensor<2x5x8xf32>
  %3 = linalg.fill ins(%cst : f32) outs(%0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %4 = linalg.generic {indexing_maps = [#map1, #map2, #map3], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%2, %arg1 : tensor<2x5x8xf32>, tensor<2x5x8xf32>) outs(%3 : tensor<2x5x5xf32>) {
  ^bb0(%in: f32, %in_2: f32, %out: f32):
    %8 = arith.mulf %in, %in_2 : f32
    %9 = arith.addf %out, %8 : f32
    linalg.yield %9 : f32
  } -> tensor<2x5x5xf32>
  %5 = linalg.softmax dimension(2) ins(%4 : tensor<2x5x5xf32>) outs(%0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %6 = linalg.fill ins(%cst : f32) outs(%1 : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %7 = linalg.generic {indexing_maps = [#map1, #map4, #map3], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%5, %arg2 : tensor<2x5x5xf32>, tensor<2x5x8xf32>) outs(%6 : tensor<2x5x8xf32>) {
  ^bb0(%in: f32, %in_2: f32, %out: f32):
    %8 = arith.mulf %in, %in_2 : f32
    %9 = arith.addf %out, %8 : f32
    linalg.yield %9 : f32
  } -> tensor<2x5x8xf32>
  return %7 : tensor<2x5x8xf32>
}

// -----

#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, d) -> (h, i, d)>

// the same of a selection matrix
// CHECK-LABEL: @columns_before_the_selection
// CHECK-NOT: kvc.rope
// CHECK: kvc.attention
func.func @columns_before_the_selection(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %freq = arith.constant dense<[1.000000000e+00, 1.000000015e-01, 9.999999776e-03, 1.000000047e-03]> : tensor<4xf32>
  %select = arith.constant dense<[[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], [-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<8x8xf32>
  %zero3 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %turned = linalg.generic {indexing_maps = [affine_map<(h, i, d, c) -> (h, i, c)>, affine_map<(h, i, d, c) -> (c, d)>, affine_map<(h, i, d, c) -> (h, i, d)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %select : tensor<2x5x8xf32>, tensor<8x8xf32>) outs(%zero3 : tensor<2x5x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %m = arith.mulf %a, %b : f32
  %s0 = arith.addf %o, %m : f32
  linalg.yield %s0 : f32
  } -> tensor<2x5x8xf32>
  %r = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%oute : tensor<2x5x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %i = linalg.index 1 : index
    %d = linalg.index 2 : index
    %half = arith.constant 4 : index
    %p = arith.remui %d, %half : index
    %ii = arith.index_cast %i : index to i64
    %pos = arith.sitofp %ii : i64 to f32
    %fr = tensor.extract %freq[%p] : tensor<4xf32>
    %angle = arith.mulf %pos, %fr : f32
    %cos = math.cos %angle : f32
    %sin = math.sin %angle : f32
    %x = tensor.extract %q[%h, %i, %d] : tensor<2x5x8xf32>
    %far = arith.constant 1000000 : index
    %before = arith.subi %d, %far : index
    %z = tensor.extract %turned[%h, %i, %before] : tensor<2x5x8xf32>
    %u = arith.mulf %x, %cos : f32
    %t = arith.mulf %z, %sin : f32
    %y = arith.addf %u, %t : f32
    linalg.yield %y : f32
  } -> tensor<2x5x8xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%r, %k : tensor<2x5x8xf32>, tensor<2x5x8xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x5xf32>, tensor<2x5x8xf32>) outs(%out0 : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return %out : tensor<2x5x8xf32>
}
