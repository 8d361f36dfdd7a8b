// RUN: kvc-opt %s --kvc-introduce-cache --kvc-verify-step --canonicalize --cse --split-input-file | FileCheck %s

// Whatever is a function of the token's number becomes one of its position.

!x = tensor<1x1x?x4xf32>

// A learned embedding gathered by row number: 40 positions, and no more.

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<1x?x4xf32> {{.*}}, %[[W:[a-z0-9]+]]: tensor<40x4xf32> {{.*}}, %[[STEP:[a-z0-9]+]]: !kvc.step, %{{.*}}: !kvc.cache<kv_heads = 1, head_dim = 4, f32, max_positions = 40>
// CHECK:       %[[P:.*]] = kvc.step.positions %[[STEP]]
// CHECK:       linalg.generic {{.*}} ins(%{{.*}}, %[[P]] : tensor<1x?x4xf32>, tensor<?xi32>)
// CHECK-NEXT:  ^bb0(%{{.*}}: f32, %[[N:.*]]: i32, %{{.*}}: f32):
// CHECK-NEXT:    %[[I:.*]] = arith.index_cast %[[N]] : i32 to index
// CHECK:         tensor.extract %[[W]][%[[I]],
#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
func.func @main(%in: tensor<1x?x4xf32> {kvc.input = "x"}, %wpe: tensor<40x4xf32> {kvc.param = "wpe"}) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %e = tensor.empty(%s) : tensor<1x?x4xf32>
  %h = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%in : tensor<1x?x4xf32>) outs(%e : tensor<1x?x4xf32>) {
  ^bb0(%a: f32, %out: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %b = tensor.extract %wpe[%i, %j] : tensor<40x4xf32>
    %v = arith.addf %a, %b : f32
    linalg.yield %v : f32
  } -> tensor<1x?x4xf32>
  %q = tensor.expand_shape %h [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %a = kvc.attention %q, %q, %q {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %a : !x
}

// -----

!x = tensor<1x1x?x4xf32>
#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#row = affine_map<(d0, d1, d2) -> (d1, d2)>

// A table cut to S rows: rows are read by position instead, for all tokens and,
// where only the result needs them, for the wanted rows.

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[T:[a-z0-9]+]]: tensor<64x4xf32> {kvc.param = "cos"}, %[[STEP:[a-z0-9]+]]: !kvc.step, %{{.*}}: !kvc.cache<kv_heads = 1, head_dim = 4, f32, max_positions = 64>
// CHECK-DAG:   %[[P:.*]] = kvc.step.positions %[[STEP]]
// CHECK-DAG:   %[[ROWS:.*]] = kvc.step.logit_rows %[[STEP]]
// CHECK:       kvc.attend
// CHECK:       %[[PR:.*]] = linalg.generic {{.*}} ins(%[[ROWS]] : tensor<?xi32>) outs(%{{.*}} : tensor<?xi32>)
// CHECK:         tensor.extract %[[P]][
// CHECK:       linalg.generic {{.*}} ins(%[[PR]] : tensor<?xi32>) outs(%{{.*}} : tensor<?x4xf32>)
// CHECK:         tensor.extract %[[T]][
// CHECK-NOT:   tensor.extract_slice
func.func @main(%in: tensor<1x?x4xf32> {kvc.input = "x"}, %cos: tensor<64x4xf32> {kvc.param = "cos"}) -> tensor<1x?x4xf32> {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %e = tensor.empty(%s) : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %a = kvc.attention %q, %q, %q {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  %h = tensor.collapse_shape %a [[0, 1], [2], [3]] : !x into tensor<1x?x4xf32>
  %rows = tensor.extract_slice %cos[0, 0] [%s, 4] [1, 1] : tensor<64x4xf32> to tensor<?x4xf32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%h, %rows : tensor<1x?x4xf32>, tensor<?x4xf32>) outs(%e : tensor<1x?x4xf32>) {
  ^bb0(%x: f32, %c: f32, %out: f32):
    %v = arith.mulf %x, %c : f32
    linalg.yield %v : f32
  } -> tensor<1x?x4xf32>
  return %y : tensor<1x?x4xf32>
}

// -----

!x = tensor<1x1x?x4xf32>

// Positions that are an argument come from the step; the argument goes.

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %{{.*}}: tensor<1x?x4xf32> {kvc.input = "x"}, %[[STEP:[a-z0-9]+]]: !kvc.step,
// CHECK:       %[[P:.*]] = kvc.step.positions %[[STEP]]
// CHECK:       kvc.rope %{{.*}} at %[[P]] {{.*}} : tensor<?x1x4xf32>, tensor<?xi32>
func.func @main(%in: tensor<1x?x4xf32> {kvc.input = "x"}, %ids: tensor<1x?xi64> {kvc.input = "position_ids"}) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %r = kvc.rope %q at %ids {rope = #kvc.rope<theta = 1.0e+04, dim = 4>} : !x, tensor<1x?xi64>
  %a = kvc.attention %r, %r, %q {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %a : !x
}

// -----

!x = tensor<1x1x?x4xf32>
#id1 = affine_map<(d0) -> (d0)>

// Positions that start at 3 stay computed, from the step's.

// CHECK-LABEL: func.func @step(
// CHECK:       %[[P:.*]] = kvc.step.positions
// CHECK:       %[[Q:.*]] = linalg.generic {{.*}} ins(%[[P]] : tensor<?xi32>)
// CHECK:         arith.addi
// CHECK:       kvc.rope %{{.*}} at %[[Q]] {{.*}} : tensor<?x1x4xf32>, tensor<?xi64>
func.func @main(%in: tensor<1x?x4xf32> {kvc.input = "x"}) -> !x {
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : i64
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %e = tensor.empty(%s) : tensor<?xi64>
  %pos = linalg.generic {indexing_maps = [#id1], iterator_types = ["parallel"]} outs(%e : tensor<?xi64>) {
  ^bb0(%out: i64):
    %i = linalg.index 0 : index
    %v = arith.index_cast %i : index to i64
    %w = arith.addi %v, %c3 : i64
    linalg.yield %w : i64
  } -> tensor<?xi64>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %r = kvc.rope %q at %pos {rope = #kvc.rope<theta = 1.0e+04, dim = 4>} : !x, tensor<?xi64>
  %a = kvc.attention %r, %r, %q {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %a : !x
}
