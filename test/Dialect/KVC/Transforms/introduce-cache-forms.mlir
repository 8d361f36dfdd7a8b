// RUN: kvc-opt %s --kvc-introduce-cache='assume-causal-mask max-positions=100' --kvc-verify-step --canonicalize --cse --split-input-file | FileCheck %s
// RUN: kvc-opt %s --kvc-introduce-cache='assume-causal-mask max-positions=100' --split-input-file --remarks-filter-analyse='kvc-.*' -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// REMARK:     remark: [Analysis] fully-masked {{.*}}a query whose score region hides every key yields 0 in a step and nan before
// REMARK-NOT: remark:
// REMARK:     remark: [Analysis] dropped-assertion {{.*}}assertion `at most 49 tokens` depends on the tokens of one sequence and is left out
// REMARK-NOT: remark:

// Attention's own options, shared keys, masks from outside.

!x = tensor<1x2x?x4xf32>

// The score region sees batch 0, as it did in one sequence; log-sum-exp, sink
// logits and captures pass.

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[B:[a-z0-9]+]]: tensor<4x2xf32>, %[[SINK:[a-z0-9]+]]: tensor<2xf32>, %[[STEP:[a-z0-9]+]]: !kvc.step, %[[C:[a-z0-9]+]]: !kvc.cache<kv_heads = 2, head_dim = 4, f32, max_positions = 100>
// CHECK-DAG:   %[[LI:.*]] = tensor.empty(%{{.*}}) : tensor<?x2xf32>
// CHECK:       %[[O:.*]]:2 = kvc.attend %{{.*}}, %[[C]] at %[[STEP]] sink_logits %[[SINK]] captures(%[[B]]) outs(%{{.*}}, %[[LI]])
// CHECK-NEXT:    ^bb0(%{{.*}}: f32, %{{.*}}: index, %[[H:[a-z0-9]+]]: index, %{{.*}}: index, %{{.*}}: index, %[[T:[a-z0-9]+]]: tensor<4x2xf32>):
// CHECK:           %[[Z:.*]] = arith.constant 0 : index
// CHECK:           tensor.extract %[[T]][%[[Z]], %[[H]]]
// CHECK:       linalg.transpose ins(%[[O]]#1 : tensor<?x2xf32>)
func.func @main(%in: tensor<1x?x2x4xf32> {kvc.input = "x"}, %bias: tensor<4x2xf32>, %sink: tensor<2xf32>) -> (!x, tensor<1x2x?xf32>) {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x2x4xf32>
  %e = tensor.empty(%s) : !x
  %q = linalg.transpose ins(%in : tensor<1x?x2x4xf32>) outs(%e : !x) permutation = [0, 2, 1, 3]
  %a, %l = kvc.attention %q, %q, %q sink_logits %sink captures(%bias) {causal, scale = 0.5 : f32} score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index, %t: tensor<4x2xf32>):
    %v = tensor.extract %t[%b, %h] : tensor<4x2xf32>
    %y = arith.addf %x, %v : f32
    kvc.yield %y : f32
  } : (!x, !x, !x, tensor<2xf32>, tensor<4x2xf32>) -> (!x, tensor<1x2x?xf32>)
  return %a, %l : !x, tensor<1x2x?xf32>
}

// -----

!x = tensor<1x2x?x4xf32>

// Two attentions over the same keys and values: one cache, appended to once,
// which keeps the longer window; each attend keeps its own.

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[C:[a-z0-9]+]]: !kvc.cache<kv_heads = 2, head_dim = 4, f32, retention = #kvc.window<8>, max_positions = 100> {kvc.cache = 0 : i64}) ->
// CHECK:       kvc.append %{{.*}} into %[[C]]
// CHECK-NOT:   kvc.append
// CHECK:       kvc.attend %{{.*}}, %[[C]] {{.*}}window = 8
// CHECK:       kvc.attend %{{.*}}, %[[C]] {{.*}}window = 5
func.func @main(%in: tensor<1x?x2x4xf32> {kvc.input = "x"}) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x2x4xf32>
  %e = tensor.empty(%s) : !x
  %k = linalg.transpose ins(%in : tensor<1x?x2x4xf32>) outs(%e : !x) permutation = [0, 2, 1, 3]
  %a = kvc.attention %k, %k, %k {causal, window = 8 : i64, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  %b = kvc.attention %a, %k, %k {causal, window = 5 : i64, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %b : !x
}

// -----

!x = tensor<1x2x?x4xf16>

// A mask that is an argument is taken to be causal (asked for above), and the
// argument goes. An assertion about the length goes too; head dims may differ.

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %{{.*}}: tensor<1x?x2x4xf16> {kvc.input = "x"}, %{{.*}}: !kvc.step, %[[C:[a-z0-9]+]]: !kvc.cache<kv_heads = 2, head_dim = 4 : 2, f16, max_positions = 100>
// CHECK-NOT:   cf.assert
// CHECK:       kvc.append %{{.*}} : tensor<?x2x4xf16>, tensor<?x2x2xf16>
// CHECK:       kvc.attend %{{[a-z0-9_]+}}, %[[C]] at %{{.*}} outs
func.func @main(%in: tensor<1x?x2x4xf16> {kvc.input = "x"}, %mask: tensor<1x1x?x?xf16> {kvc.input = "mask"}) -> tensor<1x2x?x2xf16> {
  %c1 = arith.constant 1 : index
  %c50 = arith.constant 50 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x2x4xf16>
  %short = arith.cmpi ult, %s, %c50 : index
  cf.assert %short, "at most 49 tokens"
  %e = tensor.empty(%s) : !x
  %k = linalg.transpose ins(%in : tensor<1x?x2x4xf16>) outs(%e : !x) permutation = [0, 2, 1, 3]
  %v = tensor.extract_slice %k[0, 0, 0, 2] [1, 2, %s, 2] [1, 1, 1, 1] : !x to tensor<1x2x?x2xf16>
  %a = kvc.attention %k, %k, %v mask %mask {scale = 0.5 : f32} : (!x, !x, tensor<1x2x?x2xf16>, tensor<1x1x?x?xf16>) -> tensor<1x2x?x2xf16>
  return %a : tensor<1x2x?x2xf16>
}

// -----

!x = tensor<1x1x?x4xf32>

// A length that was asked of the mask is that of the tokens; the mask goes.

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<1x?x4xf32> {kvc.input = "x"}, %{{[a-z0-9]+}}: !kvc.step,
// CHECK:       tensor.dim %[[X]]
func.func @main(%pad: tensor<1x?xi1> {kvc.input = "mask"}, %in: tensor<1x?x4xf32> {kvc.input = "x"}) -> tensor<1x?x4xf32> {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %pad, %c1 : tensor<1x?xi1>
  %e = tensor.empty(%s) : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %me = tensor.empty(%s, %s) : tensor<1x1x?x?xi1>
  %m = linalg.broadcast ins(%pad : tensor<1x?xi1>) outs(%me : tensor<1x1x?x?xi1>) dimensions = [1, 2]
  %a = kvc.attention %q, %q, %q mask %m {causal, scale = 0.5 : f32} : (!x, !x, !x, tensor<1x1x?x?xi1>) -> !x
  %y = tensor.collapse_shape %a [[0, 1], [2], [3]] : !x into tensor<1x?x4xf32>
  return %y : tensor<1x?x4xf32>
}
