// RUN: kvc-opt %s --kvc-introduce-cache --split-input-file --verify-diagnostics --remarks-filter-missed='kvc-.*' | FileCheck %s

// What is not proven stays as it is, with a remark that says where and why.

// An encoder looks at later tokens.

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @bidirectional(
func.func @bidirectional(%in: tensor<1x?x4xf32> {kvc.input = "x"}) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  // expected-remark-re @+1 {{[Missed] not-causal | {{.*}}attention is not causal: its queries see later keys, which a cache does not hold yet}}
  %a = kvc.attention %q, %q, %q {scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %a : !x
}

// -----

// A mask from outside may be anything; assume-causal-mask would take it.

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @mask_argument(
func.func @mask_argument(%in: tensor<1x?x4xf32> {kvc.input = "x"}, %m: tensor<1x1x?x?xi1>) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  // expected-remark-re @+1 {{[Missed] mask-operand | {{.*}}attention has a mask that comes from an argument of the function; assume-causal-mask takes it to be the causal one}}
  %a = kvc.attention %q, %q, %q mask %m {scale = 0.5 : f32} : (!x, !x, !x, tensor<1x1x?x?xi1>) -> !x
  return %a : !x
}

// -----

// A mask that raise did not understand.

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @mask_computed(
func.func @mask_computed(%in: tensor<1x?x4xf32> {kvc.input = "x"}) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %z = arith.constant false
  %mi = tensor.empty(%s, %s) : tensor<1x1x?x?xi1>
  %m = linalg.fill ins(%z : i1) outs(%mi : tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1>
  // expected-remark-re @+1 {{[Missed] mask-operand | {{.*}}attention has a mask that is not proven causal and is computed in the graph}}
  %a = kvc.attention %q, %q, %q mask %m {causal, scale = 0.5 : f32} : (!x, !x, !x, tensor<1x1x?x?xi1>) -> !x
  return %a : !x
}

// -----

// Keys and values of an encoder are not this step's tokens.

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @keys_from_elsewhere(
func.func @keys_from_elsewhere(%in: tensor<1x?x4xf32> {kvc.input = "x"}, %k: tensor<1x1x?x4xf32>) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  // expected-remark-re @+1 {{[Missed] not-token-wise | {{.*}}`kvc.attention` has a key that is not [1, heads, tokens, head_dim] of the function's tokens}}
  %a = kvc.attention %q, %k, %k {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %a : !x
}

// -----

// Pooling mixes tokens; the op that does it is named, not its user.

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @mean_over_tokens(
func.func @mean_over_tokens(%in: tensor<1x?x4xf32> {kvc.input = "x"}) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %a = kvc.attention %q, %q, %q {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x4xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<1x4xf32>) -> tensor<1x4xf32>
  // expected-remark-re @+1 {{[Missed] not-token-wise | {{.*}}`linalg.reduce` reduces over tokens}}
  %sum = linalg.reduce { arith.addf } ins(%in : tensor<1x?x4xf32>) outs(%f : tensor<1x4xf32>) dimensions = [1]
  %ei = tensor.empty(%s) : !x
  %wide = linalg.broadcast ins(%sum : tensor<1x4xf32>) outs(%ei : !x) dimensions = [1, 2]
  %y = linalg.add ins(%a, %wide : !x, !x) outs(%ei : !x) -> !x
  return %y : !x
}

// -----

// A value that is computed with S would change from step to step.

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @length_as_number(
func.func @length_as_number(%in: tensor<1x?x4xf32> {kvc.input = "x"}) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %a = kvc.attention %q, %q, %q {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  %i = arith.index_cast %s : index to i32
  %n = arith.sitofp %i : i32 to f32
  %ei = tensor.empty(%s) : !x
  // expected-remark-re @+1 {{[Missed] not-token-wise | {{.*}}`linalg.fill` computes with the number of tokens}}
  %f = linalg.fill ins(%n : f32) outs(%ei : !x) -> !x
  %y = linalg.mul ins(%a, %f : !x, !x) outs(%ei : !x) -> !x
  return %y : !x
}
