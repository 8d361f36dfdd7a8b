// Biases that exporters folded into literal tables, and masks that are subtracted.
// RUN: kvc-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s

#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, d) -> (h, i, d)>
#keys = affine_map<(h, i, j) -> (h, 0, j)>
#grid = affine_map<(h, i, j) -> (h, i, j)>
#mask = affine_map<(h, i, j) -> (0, i, j)>

// MPT's ONNX: slope * (key - last key), then a select by a finite value
// CHECK-LABEL: @slopes_of_keys
// CHECK: %[[SLOPES:.*]] = arith.constant dense<[2.500000e-01, 6.250000e-02]> : tensor<2xf32>
// CHECK: kvc.attention {{.*}} captures(%[[SLOPES]]) {causal, scale = 1.000000e+00 : f32} score {
// CHECK: arith.mulf
// CHECK: arith.addf
func.func @slopes_of_keys(%q: tensor<2x4x8xf32>, %k: tensor<2x4x8xf32>, %v: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  %table = arith.constant dense<[[[-0.75, -0.5, -0.25, 0.0]], [[-0.1875, -0.125, -0.0625, 0.0]]]> : tensor<2x1x4xf32>
  %visible = arith.constant dense<[[[true, false, false, false], [true, true, false, false], [true, true, true, false], [true, true, true, true]]]> : tensor<1x4x4xi1>
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant -3.40282347E+38 : f32
  %cell = tensor.empty() : tensor<2x4x4xf32>
  %oute = tensor.empty() : tensor<2x4x8xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x4x8xf32>, tensor<2x4x8xf32>) outs(%s0 : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %m = linalg.generic {indexing_maps = [#grid, #keys, #mask, #grid], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %table, %visible : tensor<2x4x4xf32>, tensor<2x1x4xf32>, tensor<1x4x4xi1>) outs(%cell : tensor<2x4x4xf32>) {
  ^bb0(%x: f32, %b: f32, %see: i1, %o: f32):
    %sum = arith.addf %x, %b : f32
    %y = arith.select %see, %sum, %lowest : f32
    linalg.yield %y : f32
  } -> tensor<2x4x4xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x4x4xf32>) outs(%cell : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %o0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x4x4xf32>, tensor<2x4x8xf32>) outs(%o0 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %out : tensor<2x4x8xf32>
}

// -----

#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#grid = affine_map<(h, i, j) -> (h, i, j)>

// TensorFlow's folding: slopes and a causal mask in one table
// CHECK-LABEL: @slopes_and_mask
// CHECK: %[[SLOPES:.*]] = arith.constant dense<[5.000000e-01, 2.500000e-01]> : tensor<2xf32>
// CHECK: kvc.attention {{.*}} captures(%[[SLOPES]]) {causal, scale = 1.000000e+00 : f32} score {
func.func @slopes_and_mask(%q: tensor<2x3x8xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %table = arith.constant dense<[[[0.0, -1.0e9, -1.0e9], [-0.5, 0.0, -1.0e9], [-1.0, -0.5, 0.0]], [[0.0, -1.0e9, -1.0e9], [-0.25, 0.0, -1.0e9], [-0.5, -0.25, 0.0]]]> : tensor<2x3x3xf32>
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x3x3xf32>
  %oute = tensor.empty() : tensor<2x3x8xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x3x8xf32>, tensor<2x3x8xf32>) outs(%s0 : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %m = linalg.add ins(%s, %table : tensor<2x3x3xf32>, tensor<2x3x3xf32>) outs(%cell : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x3x3xf32>) outs(%cell : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %o0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x3x3xf32>, tensor<2x3x8xf32>) outs(%o0 : tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %out : tensor<2x3x8xf32>
}

// -----

#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#grid = affine_map<(h, i, j) -> (h, i, j)>
#mask = affine_map<(h, i, j) -> (i, j)>

// one number is not slope * distance: the table is added in the region, and the
// select beside it stays a select
// CHECK-LABEL: @table_beside_a_select
// CHECK: kvc.attention {{.*}} mask {{.*}} captures(%{{.*}}) {fully_masked = uniform, scale = 1.000000e+00 : f32} score {
// CHECK: tensor.extract %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] : tensor<2x3x3xf32>
func.func @table_beside_a_select(%q: tensor<2x3x8xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %visible: tensor<3x3xi1>) -> tensor<2x3x8xf32> {
  %table = arith.constant dense<[[[0.0, 0.5, 1.0], [-0.5, 0.0, 0.5], [-1.0, -0.75, 0.0]], [[0.0, 0.25, 0.5], [-0.25, 0.0, 0.25], [-0.5, -0.25, 0.0]]]> : tensor<2x3x3xf32>
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant -3.40282347E+38 : f32
  %cell = tensor.empty() : tensor<2x3x3xf32>
  %oute = tensor.empty() : tensor<2x3x8xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x3x8xf32>, tensor<2x3x8xf32>) outs(%s0 : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %m = linalg.generic {indexing_maps = [#grid, #grid, #mask, #grid], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %table, %visible : tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<3x3xi1>) outs(%cell : tensor<2x3x3xf32>) {
  ^bb0(%x: f32, %b: f32, %see: i1, %o: f32):
    %sum = arith.addf %x, %b : f32
    %y = arith.select %see, %sum, %lowest : f32
    linalg.yield %y : f32
  } -> tensor<2x3x3xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x3x3xf32>) outs(%cell : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %o0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x3x3xf32>, tensor<2x3x8xf32>) outs(%o0 : tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %out : tensor<2x3x8xf32>
}

// -----

#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#grid = affine_map<(h, i, j) -> (h, i, j)>

// XLA's simplifier: select(hidden, s - 1e9, s) is a mask that is subtracted
// CHECK-LABEL: @subtracted_mask
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32} :
func.func @subtracted_mask(%q: tensor<2x4x8xf32>, %k: tensor<2x4x8xf32>, %v: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x4x4xf32>
  %oute = tensor.empty() : tensor<2x4x8xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x4x8xf32>, tensor<2x4x8xf32>) outs(%s0 : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %m = linalg.generic {indexing_maps = [#grid, #grid], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x4x4xf32>) outs(%cell : tensor<2x4x4xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %much = arith.constant 1.0e9 : f32
    %hidden = arith.cmpi ugt, %j, %i : index
    %less = arith.subf %x, %much : f32
    %y = arith.select %hidden, %less, %x : f32
    linalg.yield %y : f32
  } -> tensor<2x4x4xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x4x4xf32>) outs(%cell : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %o0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x4x4xf32>, tensor<2x4x8xf32>) outs(%o0 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %out : tensor<2x4x8xf32>
}

// what is added to a few scores hides nothing
// CHECK-LABEL: @two_offsets
// CHECK-NOT: causal
// CHECK: kvc.attention {{.*}} {scale = 1.000000e+00 : f32}
func.func @two_offsets(%q: tensor<2x4x8xf32>, %k: tensor<2x4x8xf32>, %v: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x4x4xf32>
  %oute = tensor.empty() : tensor<2x4x8xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x4x8xf32>, tensor<2x4x8xf32>) outs(%s0 : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %m = linalg.generic {indexing_maps = [#grid, #grid], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x4x4xf32>) outs(%cell : tensor<2x4x4xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %some = arith.constant 0.5 : f32
    %after = arith.cmpi ugt, %j, %i : index
    %more = arith.addf %x, %some : f32
    %less = arith.subf %x, %some : f32
    %y = arith.select %after, %less, %more : f32
    linalg.yield %y : f32
  } -> tensor<2x4x4xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x4x4xf32>) outs(%cell : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %o0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x4x4xf32>, tensor<2x4x8xf32>) outs(%o0 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %out : tensor<2x4x8xf32>
}
