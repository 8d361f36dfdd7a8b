// Score edits: runtime factors, floors, choices, factors of heads.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, j) -> (h, i, j)>
#h = affine_map<(h, i, j) -> (h)>
#ij = affine_map<(h, i, j) -> (i, j)>

// a temperature known at run time, over score and bias
// EXECUTE: scaled_mask
// CHECK-LABEL: @scaled_mask(
// CHECK: kvc.attention {{.*}} captures(%{{.*}}, %{{.*}}) {scale = 1.000000e+00 : f32} score {
// CHECK: arith.addf
// CHECK: arith.mulf
// CHECK: kvc.yield
func.func @scaled_mask(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %bias: tensor<2x6x6xf32>, %tau: tensor<f32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %bias : tensor<2x6x6xf32>, tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %b: f32, %o: f32):
    %t = tensor.extract %tau[] : tensor<f32>
    %u = arith.addf %x, %b : f32
    %y = arith.mulf %u, %t : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// no score below a floor
// EXECUTE: floor
// CHECK-LABEL: @floor(
// CHECK: kvc.attention {{.*}} {scale = 1.000000e+00 : f32} score {
// CHECK: arith.maximumf
// CHECK: kvc.yield
func.func @floor(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %l = arith.constant -0.5 : f32
    %y = arith.maximumf %x, %l : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// a leaky score: two factors, chosen by the score itself
// EXECUTE: only_high_scores
// CHECK-LABEL: @only_high_scores(
// CHECK: kvc.attention {{.*}} {scale = 1.000000e+00 : f32} score {
// CHECK: arith.cmpf
// CHECK: arith.select
// CHECK: kvc.yield
func.func @only_high_scores(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %l = arith.constant 0.25 : f32
    %g = arith.cmpf ogt, %x, %l : f32
    %less = arith.constant 0.125 : f32
    %w = arith.mulf %x, %less : f32
    %y = arith.select %g, %x, %w : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// a scale for each head, and a mask that stays an operand
// EXECUTE: per_head
// CHECK-LABEL: @per_head(
// CHECK: kvc.attention {{.*}} mask %{{.*}} captures(%{{.*}}) {scale = 1.000000e+00 : f32} score {
// CHECK: tensor.extract
// CHECK: arith.mulf
// CHECK: kvc.yield
func.func @per_head(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %bias: tensor<6x6xf32> {test.mask}, %slopes: tensor<2xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #h, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %bias, %slopes : tensor<2x6x6xf32>, tensor<6x6xf32>, tensor<2xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %b: f32, %m2: f32, %o: f32):
    %u = arith.mulf %x, %m2 : f32
    %y = arith.addf %u, %b : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// 2^(-8 (h + 1) / heads) computed in the graph becomes a literal of slopes
// EXECUTE: computed_slopes
// CHECK-LABEL: @computed_slopes(
// CHECK: kvc.attention {{.*}} captures(%{{.*}}) {causal, scale = 1.000000e+00 : f32} score {
// CHECK-NEXT: ^bb0(%[[S:.*]]: f32, %{{.*}}: index, %[[H:.*]]: index, %[[I:.*]]: index, %[[J:.*]]: index, %[[SLOPES:.*]]: tensor<2xf32>):
// CHECK-DAG: %[[SLOPE:.*]] = tensor.extract %[[SLOPES]][%[[H]]]
// CHECK-DAG: %[[ID:.*]] = arith.index_cast %{{.*}} : index to i32
// CHECK-DAG: %[[D:.*]] = arith.sitofp %[[ID]] : i32 to f32
// CHECK: %[[B:.*]] = arith.mulf %[[SLOPE]], %[[D]]
// CHECK: %[[R:.*]] = arith.addf %[[S]], %[[B]]
// CHECK: kvc.yield %[[R]] : f32
func.func @computed_slopes(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hh = linalg.index 0 : index
    %h1 = arith.index_cast %hh : index to i32
    %one = arith.constant 1 : i32
    %h2 = arith.addi %h1, %one : i32
    %fh = arith.sitofp %h2 : i32 to f32
    %four = arith.constant -4.0 : f32
    %e = arith.mulf %fh, %four : f32
    %two = arith.constant 2.0 : f32
    %slope = math.powf %two, %e : f32
    %jj = arith.index_cast %j : index to i32
    %fj = arith.sitofp %jj : i32 to f32
    %b = arith.mulf %slope, %fj : f32
    %z = arith.addf %x, %b : f32
    %ca = arith.cmpi sle, %j, %i : index
    %hide = arith.constant 0xFF800000 : f32
    %y = arith.select %ca, %z, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}
