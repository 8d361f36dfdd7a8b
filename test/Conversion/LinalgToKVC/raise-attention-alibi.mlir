// ALiBi in its exporters' spellings is slope * (key - query) in the score region.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, j) -> (h, i, j)>
#h = affine_map<(h, i, j) -> (h)>

// BLOOM: slope * key position; the slopes are a literal
// EXECUTE: times_key
// CHECK-LABEL: @times_key(
// CHECK: kvc.attention {{.*}} captures(%{{.*}}) {causal, scale = 1.000000e+00 : f32} score {
// CHECK-NEXT: ^bb0(%[[S:.*]]: f32, %{{.*}}: index, %[[H:.*]]: index, %[[I:.*]]: index, %[[J:.*]]: index, %[[SLOPES:.*]]: tensor<2xf32>):
// CHECK-DAG: %[[SLOPE:.*]] = tensor.extract %[[SLOPES]][%[[H]]]
// CHECK-DAG: %[[ID:.*]] = arith.index_cast %{{.*}} : index to i32
// CHECK-DAG: %[[D:.*]] = arith.sitofp %[[ID]] : i32 to f32
// CHECK: %[[B:.*]] = arith.mulf %[[SLOPE]], %[[D]]
// CHECK: %[[R:.*]] = arith.addf %[[S]], %[[B]]
// CHECK: kvc.yield %[[R]] : f32
func.func @times_key(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %slopes = arith.constant dense<[0.5, 0.25]> : tensor<2xf32>
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
    %hide = arith.constant 0xFF800000 : f32
    %y = arith.select %ca, %z, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// MPT: slope * (key - last key); slopes come as an argument
// EXECUTE: times_distance_to_last
// CHECK-LABEL: @times_distance_to_last(
// CHECK: kvc.attention {{.*}} captures(%{{.*}}) {causal, scale = 1.000000e+00 : f32} score {
// CHECK-NEXT: ^bb0(%[[S:.*]]: f32, %{{.*}}: index, %[[H:.*]]: index, %[[I:.*]]: index, %[[J:.*]]: index, %[[SLOPES:.*]]: tensor<2xf32>):
// CHECK-DAG: %[[SLOPE:.*]] = tensor.extract %[[SLOPES]][%[[H]]]
// CHECK-DAG: %[[ID:.*]] = arith.index_cast %{{.*}} : index to i32
// CHECK-DAG: %[[D:.*]] = arith.sitofp %[[ID]] : i32 to f32
// CHECK: %[[B:.*]] = arith.mulf %[[SLOPE]], %[[D]]
// CHECK: %[[R:.*]] = arith.addf %[[S]], %[[B]]
// CHECK: kvc.yield %[[R]] : f32
func.func @times_distance_to_last(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %slopes: tensor<2xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #h, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %slopes : tensor<2x6x6xf32>, tensor<2xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %m2: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %jj = arith.index_cast %j : index to i32
    %fj = arith.sitofp %jj : i32 to f32
    %last = arith.constant 5.0 : f32
    %d = arith.subf %fj, %last : f32
    %b = arith.mulf %d, %m2 : f32
    %z = arith.addf %b, %x : f32
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

// Falcon: scaled together with the score
// EXECUTE: before_the_scale
// CHECK-LABEL: @before_the_scale(
// CHECK: kvc.attention {{.*}} captures(%{{.*}}) {causal, scale = 5.000000e-01 : f32} score {
// CHECK-NEXT: ^bb0(%[[S:.*]]: f32, %{{.*}}: index, %[[H:.*]]: index, %[[I:.*]]: index, %[[J:.*]]: index, %[[SLOPES:.*]]: tensor<2xf32>):
// CHECK-DAG: %[[SLOPE:.*]] = tensor.extract %[[SLOPES]][%[[H]]]
// CHECK-DAG: %[[ID:.*]] = arith.index_cast %{{.*}} : index to i32
// CHECK-DAG: %[[D:.*]] = arith.sitofp %[[ID]] : i32 to f32
// CHECK: %[[B:.*]] = arith.mulf %[[SLOPE]], %[[D]]
// CHECK: %[[R:.*]] = arith.addf %[[S]], %[[B]]
// CHECK: kvc.yield %[[R]] : f32
func.func @before_the_scale(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %slopes = arith.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #h, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %slopes : tensor<2x6x6xf32>, tensor<2xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %m2: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %jj = arith.index_cast %j : index to i32
    %fj = arith.sitofp %jj : i32 to f32
    %b = arith.mulf %m2, %fj : f32
    %u = arith.addf %x, %b : f32
    %half = arith.constant 0.5 : f32
    %z = arith.mulf %u, %half : f32
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

// -slope * |query - key|, beside causal
// EXECUTE: minus_the_distance
// CHECK-LABEL: @minus_the_distance(
// CHECK: kvc.attention {{.*}} captures(%{{.*}}) {causal, scale = 1.000000e+00 : f32} score {
// CHECK-NEXT: ^bb0(%[[S:.*]]: f32, %{{.*}}: index, %[[H:.*]]: index, %[[I:.*]]: index, %[[J:.*]]: index, %[[SLOPES:.*]]: tensor<2xf32>):
// CHECK-DAG: %[[SLOPE:.*]] = tensor.extract %[[SLOPES]][%[[H]]]
// CHECK-DAG: %[[ID:.*]] = arith.index_cast %{{.*}} : index to i32
// CHECK-DAG: %[[D:.*]] = arith.sitofp %[[ID]] : i32 to f32
// CHECK: %[[B:.*]] = arith.mulf %[[SLOPE]], %[[D]]
// CHECK: %[[R:.*]] = arith.addf %[[S]], %[[B]]
// CHECK: kvc.yield %[[R]] : f32
func.func @minus_the_distance(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %slopes = arith.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #h, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %slopes : tensor<2x6x6xf32>, tensor<2xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %m2: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %jj = arith.index_cast %j : index to i32
    %fj = arith.sitofp %jj : i32 to f32
    %ii = arith.index_cast %i : index to i32
    %fi = arith.sitofp %ii : i32 to f32
    %d = arith.subf %fi, %fj : f32
    %a = math.absf %d : f32
    %n = arith.negf %a : f32
    %b = arith.mulf %m2, %n : f32
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
