// RUN: kvc-opt %s --kvc-introduce-cache --split-input-file --verify-diagnostics --remarks-filter-missed='kvc-.*' | FileCheck %s

// Functions that are no candidates, or whose caches could not be.

// A step would print again.

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @side_effect(
func.func @side_effect(%in: tensor<1x?x4xf32> {kvc.input = "x"}) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %a = kvc.attention %q, %q, %q {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  %i = arith.index_cast %s : index to i64
  // expected-remark-re @+1 {{[Missed] side-effect | {{.*}}`vector.print` may have side effects, which a step would repeat}}
  vector.print %i : i64
  return %a : !x
}

// -----

// A cache has a fixed number of heads.

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @dynamic_heads(
func.func @dynamic_heads(%in: tensor<1x?x4xf32> {kvc.input = "x"}, %h: index) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %ei = tensor.empty(%h, %s) : tensor<1x?x?x4xf32>
  %b = linalg.broadcast ins(%in : tensor<1x?x4xf32>) outs(%ei : tensor<1x?x?x4xf32>) dimensions = [1]
  // expected-remark-re @+1 {{[Missed] geometry | {{.*}}expected a static number of query heads}}
  %d = kvc.attention %b, %b, %b {causal, scale = 0.5 : f32} : (tensor<1x?x?x4xf32>, tensor<1x?x?x4xf32>, tensor<1x?x?x4xf32>) -> tensor<1x?x?x4xf32>
  %a = tensor.extract_slice %d[0, 0, 0, 0] [1, 1, %s, 4] [1, 1, 1, 1] : tensor<1x?x?x4xf32> to !x
  return %a : !x
}

// -----

// max_positions has to be a number of positions.

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @bad_limit(
// expected-remark-re @+1 {{[Missed] geometry | {{.*}}expected kvc.max_positions to be an i64 in [0, 2147483647]}}
func.func @bad_limit(%in: tensor<1x?x4xf32> {kvc.input = "x"}) -> !x attributes {kvc.max_positions = "many"} {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %a = kvc.attention %q, %q, %q {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %a : !x
}

// -----

// Nothing says what the tokens are.

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @no_tokens(
// expected-remark-re @+1 {{[Missed] no-tokens | {{.*}}expected an argument of tokens, tensor<1x?x...> marked kvc.input, got none}}
func.func @no_tokens(%in: tensor<1x?x4xf32>) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %a = kvc.attention %q, %q, %q {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %a : !x
}

// -----

// An attention that no result needs is none.

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @dead_attention(
// expected-remark-re @+1 {{[Missed] no-attention | {{.*}}no kvc.attention reaches a result of @dead_attention}}
func.func @dead_attention(%in: tensor<1x?x4xf32> {kvc.input = "x"}) -> !x {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %in, %c1 : tensor<1x?x4xf32>
  %q = tensor.expand_shape %in [[0, 1], [2], [3]] output_shape [1, 1, %s, 4] : tensor<1x?x4xf32> into !x
  %a = kvc.attention %q, %q, %q {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %q : !x
}

// -----

!x = tensor<1x1x?x4xf32>

// A second pass finds no stateless attention and says so of the module.

// CHECK-LABEL: func.func @step(
// expected-remark-re @+1 {{[Missed] no-attention | {{.*}}no function holds kvc.attention}}
module {
  func.func @step(%in: !x, %step: !kvc.step) -> !x {
    return %in : !x
  }
}

// -----

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @main(
// CHECK:       kvc.attention
// expected-remark-re @+1 {{[Missed] in-use | {{.*}}@main is called; inline it first}}
func.func @main(%in: !x) -> !x {
  %a = kvc.attention %in, %in, %in {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %a : !x
}
func.func @user(%in: !x) -> !x {
  %a = func.call @main(%in) : (!x) -> !x
  return %a : !x
}

// -----

!x = tensor<1x1x?x4xf32>

// CHECK-LABEL: func.func @one(
// CHECK:       kvc.attention
func.func @one(%in: !x {kvc.input = "x"}) -> !x {
  %a = kvc.attention %in, %in, %in {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %a : !x
}
// expected-remark-re @+1 {{[Missed] several-functions | {{.*}}expected one function with kvc.attention, got @one and @two}}
func.func @two(%in: !x {kvc.input = "x"}) -> !x {
  %a = kvc.attention %in, %in, %in {causal, scale = 0.5 : f32} : (!x, !x, !x) -> !x
  return %a : !x
}
