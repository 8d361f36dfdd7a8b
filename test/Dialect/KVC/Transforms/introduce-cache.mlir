// RUN: kvc-opt %s --kvc-introduce-cache --kvc-verify-step --canonicalize --cse --split-input-file | FileCheck %s
// RUN: kvc-opt %s --kvc-introduce-cache --kvc-introduce-cache --kvc-verify-step --canonicalize --cse --split-input-file | FileCheck %s

#row = affine_map<(d0, d1, d2) -> (d0, d1)>
#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#id1 = affine_map<(d0) -> (d0)>

// Two layers that share embedding and weights; the second has a window. All
// tokens are embedded, projected and appended; what only the wanted rows need
// (from the last attention's result on) is computed for them.

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[TOK:[a-z0-9]+]]: tensor<1x?xi64> {kvc.input = "tokens"}, %[[E:[a-z0-9]+]]: tensor<16x8xf32> {kvc.param = "e"}, %{{.*}}: tensor<8x8xf32> {kvc.param = "w"}, %[[STEP:[a-z0-9]+]]: !kvc.step,
// CHECK-SAME:    %[[C0:[a-z0-9]+]]: !kvc.cache<kv_heads = 2, head_dim = 4, f32, max_positions = 64> {kvc.cache = 0 : i64},
// CHECK-SAME:    %[[C1:[a-z0-9]+]]: !kvc.cache<kv_heads = 2, head_dim = 4, f32, retention = #kvc.window<3>, max_positions = 64> {kvc.cache = 1 : i64}) -> tensor<1x?x8xf32>
// CHECK-SAME:    kvc.max_positions = 64
// CHECK-DAG:   %[[POS:.*]] = kvc.step.positions %[[STEP]]
// CHECK-DAG:   %[[ROWS:.*]] = kvc.step.logit_rows %[[STEP]]
// CHECK-DAG:   %[[R:.*]] = tensor.dim %[[ROWS]]
// CHECK:       %[[X:.*]] = linalg.generic {{.*}} ins(%[[TOK]] : tensor<1x?xi64>)
// CHECK:       %[[P:.*]] = linalg.matmul {{.*}} -> tensor<?x8xf32>
// CHECK:       %[[H:.*]] = tensor.expand_shape %[[P]] {{.*}} into tensor<?x2x4xf32>
// CHECK:       %[[K:.*]] = kvc.rope %[[H]] at %[[POS]]
// CHECK:       kvc.append %[[K]], %[[H]] into %[[C0]] at %[[STEP]] : tensor<?x2x4xf32>
// CHECK:       %[[O:.*]] = kvc.attend %[[K]], %[[C0]] at %[[STEP]] outs(%{{.*}}) {scale = 5.000000e-01 : f32} :
// CHECK:       %[[Y:.*]] = linalg.add
// CHECK:       kvc.append %{{.*}} into %[[C1]]
// CHECK:       %[[O1:.*]] = kvc.attend %{{.*}}, %[[C1]] {{.*}} {scale = 5.000000e-01 : f32, softcap = 3.000000e+01 : f32, window = 3 : i64}
// CHECK:       %[[RE:.*]] = tensor.empty(%[[R]]) : tensor<1x?x2x4xf32>
// CHECK:       linalg.generic {{.*}} ins(%[[ROWS]] : tensor<?xi32>) outs(%[[RE]]
// CHECK:       %[[OE:.*]] = tensor.empty(%[[R]]) : tensor<1x?x8xf32>
// CHECK:       %[[YR:.*]] = linalg.generic {{.*}} ins(%[[ROWS]] : tensor<?xi32>) outs(%[[OE]]
// CHECK:         tensor.extract %[[Y]][
// CHECK:       %[[Z:.*]] = linalg.add ins(%[[YR]], %{{.*}} : tensor<1x?x8xf32>, tensor<1x?x8xf32>) outs(%[[OE]]
// CHECK:       return %[[Z]]
// CHECK-NOT:   kvc.attention
func.func @main(%tokens: tensor<1x?xi64> {kvc.input = "tokens"}, %e: tensor<16x8xf32> {kvc.param = "e"}, %w: tensor<8x8xf32> {kvc.param = "w"}) -> tensor<1x?x8xf32> attributes {kvc.max_positions = 64 : i64} {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %s = tensor.dim %tokens, %c1 : tensor<1x?xi64>
  %pi = tensor.empty(%s) : tensor<?xi64>
  %pos = linalg.generic {indexing_maps = [#id1], iterator_types = ["parallel"]} outs(%pi : tensor<?xi64>) {
  ^bb0(%out: i64):
    %i = linalg.index 0 : index
    %v = arith.index_cast %i : index to i64
    linalg.yield %v : i64
  } -> tensor<?xi64>
  %xi = tensor.empty(%s) : tensor<1x?x8xf32>
  %x = linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%tokens : tensor<1x?xi64>) outs(%xi : tensor<1x?x8xf32>) {
  ^bb0(%t: i64, %out: f32):
    %i = arith.index_cast %t : i64 to index
    %j = linalg.index 2 : index
    %v = tensor.extract %e[%i, %j] : tensor<16x8xf32>
    linalg.yield %v : f32
  } -> tensor<1x?x8xf32>
  %mi = tensor.empty(%s) : tensor<?x8xf32>
  %mz = linalg.fill ins(%zero : f32) outs(%mi : tensor<?x8xf32>) -> tensor<?x8xf32>
  %ti = tensor.empty(%s) : tensor<1x2x?x4xf32>
  %bi = tensor.empty(%s) : tensor<1x?x2x4xf32>
  %x0 = tensor.collapse_shape %x [[0, 1], [2]] : tensor<1x?x8xf32> into tensor<?x8xf32>
  %p0 = linalg.matmul ins(%x0, %w : tensor<?x8xf32>, tensor<8x8xf32>) outs(%mz : tensor<?x8xf32>) -> tensor<?x8xf32>
  %h0 = tensor.expand_shape %p0 [[0, 1], [2, 3]] output_shape [1, %s, 2, 4] : tensor<?x8xf32> into tensor<1x?x2x4xf32>
  %t0 = linalg.transpose ins(%h0 : tensor<1x?x2x4xf32>) outs(%ti : tensor<1x2x?x4xf32>) permutation = [0, 2, 1, 3]
  %r0 = kvc.rope %t0 at %pos {rope = #kvc.rope<theta = 1.0e+04, dim = 4>} : tensor<1x2x?x4xf32>, tensor<?xi64>
  %a0 = kvc.attention %r0, %r0, %t0 {causal, scale = 5.0e-01 : f32} : (tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32>
  %b0 = linalg.transpose ins(%a0 : tensor<1x2x?x4xf32>) outs(%bi : tensor<1x?x2x4xf32>) permutation = [0, 2, 1, 3]
  %o0 = tensor.collapse_shape %b0 [[0], [1], [2, 3]] : tensor<1x?x2x4xf32> into tensor<1x?x8xf32>
  %y0 = linalg.add ins(%x, %o0 : tensor<1x?x8xf32>, tensor<1x?x8xf32>) outs(%xi : tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  %x1 = tensor.collapse_shape %y0 [[0, 1], [2]] : tensor<1x?x8xf32> into tensor<?x8xf32>
  %p1 = linalg.matmul ins(%x1, %w : tensor<?x8xf32>, tensor<8x8xf32>) outs(%mz : tensor<?x8xf32>) -> tensor<?x8xf32>
  %h1 = tensor.expand_shape %p1 [[0, 1], [2, 3]] output_shape [1, %s, 2, 4] : tensor<?x8xf32> into tensor<1x?x2x4xf32>
  %t1 = linalg.transpose ins(%h1 : tensor<1x?x2x4xf32>) outs(%ti : tensor<1x2x?x4xf32>) permutation = [0, 2, 1, 3]
  %r1 = kvc.rope %t1 at %pos {rope = #kvc.rope<theta = 1.0e+04, dim = 4>} : tensor<1x2x?x4xf32>, tensor<?xi64>
  %a1 = kvc.attention %r1, %r1, %t1 {causal, scale = 5.0e-01 : f32, window = 3 : i64, softcap = 3.0e+01 : f32} : (tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32>
  %b1 = linalg.transpose ins(%a1 : tensor<1x2x?x4xf32>) outs(%bi : tensor<1x?x2x4xf32>) permutation = [0, 2, 1, 3]
  %o1 = tensor.collapse_shape %b1 [[0], [1], [2, 3]] : tensor<1x?x2x4xf32> into tensor<1x?x8xf32>
  %y1 = linalg.add ins(%y0, %o1 : tensor<1x?x8xf32>, tensor<1x?x8xf32>) outs(%xi : tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  return %y1 : tensor<1x?x8xf32>
}
