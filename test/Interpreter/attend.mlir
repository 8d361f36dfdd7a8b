// kvc.attend's own options. Two tokens with keys 0 and 4 and values 8 and 4; the
// second query is 1. expected: (8 + 4 w) / (1 + w), w = exp(score).
// RUN: kvc-interpret %s | FileCheck %s

!cache = !kvc.cache<kv_heads = 1, head_dim = 1, f32>
!slopes = !kvc.cache<kv_heads = 1, head_dim = 1, f32,
  position = #kvc.alibi<slopes = [2.0]>>

// Softcap 2: 2 tanh(2) = 1.92806. Mask 1 on key 0: 4 - 1 = 3. ALiBi with slope 2:
// key 0 is 1 behind, 4 + 2 = 6. A window of 1 leaves key 1.
// CHECK-LABEL: @options
// CHECK-NEXT: result 0
// CHECK-NEXT: [8]
// CHECK-NEXT: [4.50786]
// CHECK-NEXT: result 1
// CHECK-NEXT: [8]
// CHECK-NEXT: [4.1897]
// CHECK-NEXT: result 2
// CHECK-NEXT: [8]
// CHECK-NEXT: [4.00989]
// CHECK-NEXT: result 3
// CHECK-NEXT: [8]
// CHECK-NEXT: [4]
func.func @options(
    %step: !kvc.step {kvc.test_step = {sequences = [0], tokens = [2]}},
    %cache: !cache {kvc.cache = 0}, %alibi: !slopes {kvc.cache = 1})
    -> (tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x1xf32>) {
  %q = arith.constant dense<1.0> : tensor<2x1x1xf32>
  %k = arith.constant dense<[[[0.0]], [[4.0]]]> : tensor<2x1x1xf32>
  %v = arith.constant dense<[[[8.0]], [[4.0]]]> : tensor<2x1x1xf32>
  %init = tensor.empty() : tensor<2x1x1xf32>
  kvc.append %k, %v into %cache at %step : tensor<2x1x1xf32>, tensor<2x1x1xf32>, !cache
  kvc.append %k, %v into %alibi at %step : tensor<2x1x1xf32>, tensor<2x1x1xf32>, !slopes
  %a = kvc.attend %q, %cache at %step outs(%init) {scale = 1.0 : f32, softcap = 2.0 : f32} :
    (tensor<2x1x1xf32>, !cache, !kvc.step, tensor<2x1x1xf32>) -> tensor<2x1x1xf32>
  %m = arith.constant dense<[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]> : tensor<2x3xf32>
  %b = kvc.attend %q, %cache at %step mask %m outs(%init) {scale = 1.0 : f32} :
    (tensor<2x1x1xf32>, !cache, !kvc.step, tensor<2x3xf32>, tensor<2x1x1xf32>)
    -> tensor<2x1x1xf32>
  %c = kvc.attend %q, %alibi at %step outs(%init) {scale = 1.0 : f32} :
    (tensor<2x1x1xf32>, !slopes, !kvc.step, tensor<2x1x1xf32>) -> tensor<2x1x1xf32>
  %d = kvc.attend %q, %cache at %step outs(%init) {scale = 1.0 : f32, window = 1} :
    (tensor<2x1x1xf32>, !cache, !kvc.step, tensor<2x1x1xf32>) -> tensor<2x1x1xf32>
  return %a, %b, %c, %d : tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x1xf32>
}

// The same two tokens one by one: what a query sees does not depend on the step.
// CHECK-LABEL: @first_token
// CHECK-NEXT: 1x1x1xf32
// CHECK-NEXT: [8]
func.func @first_token(
    %step: !kvc.step {kvc.test_step = {sequences = [1], tokens = [1]}},
    %alibi: !slopes {kvc.cache = 1}) -> tensor<1x1x1xf32> {
  %k = arith.constant dense<0.0> : tensor<1x1x1xf32>
  %v = arith.constant dense<8.0> : tensor<1x1x1xf32>
  %o = func.call @one(%step, %alibi, %k, %v) : (!kvc.step, !slopes, tensor<1x1x1xf32>,
    tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}

// CHECK-LABEL: @second_token
// CHECK-NEXT: 1x1x1xf32
// CHECK-NEXT: [4.00989]
func.func @second_token(
    %step: !kvc.step {kvc.test_step = {sequences = [1], tokens = [1]}},
    %alibi: !slopes {kvc.cache = 1}) -> tensor<1x1x1xf32> {
  %k = arith.constant dense<4.0> : tensor<1x1x1xf32>
  %o = func.call @one(%step, %alibi, %k, %k) : (!kvc.step, !slopes, tensor<1x1x1xf32>,
    tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}

func.func private @one(%step: !kvc.step, %cache: !slopes, %k: tensor<1x1x1xf32>,
    %v: tensor<1x1x1xf32>) -> tensor<1x1x1xf32> {
  kvc.append %k, %v into %cache at %step : tensor<1x1x1xf32>, tensor<1x1x1xf32>, !slopes
  %q = arith.constant dense<1.0> : tensor<1x1x1xf32>
  %init = tensor.empty() : tensor<1x1x1xf32>
  %o = kvc.attend %q, %cache at %step outs(%init) {scale = 1.0 : f32} :
    (tensor<1x1x1xf32>, !slopes, !kvc.step, tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}
