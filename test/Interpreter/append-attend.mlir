// A prompt, then a decode step of the same two sequences in other rows. Keys are
// 0 and values powers of two: an output is the mean of the visible values.
// RUN: kvc-interpret %s | FileCheck %s

!cache = !kvc.cache<kv_heads = 1, head_dim = 1, f32>

// CHECK-LABEL: @prefill
// CHECK-NEXT: result 0: 5x1x1xf32
// CHECK-NEXT: [1]
// CHECK-NEXT: [1.5]
// CHECK-NEXT: [2.33333]
// CHECK-NEXT: [16]
// CHECK-NEXT: [24]
// CHECK-NEXT: result 1: 5x1xf32
// CHECK-NEXT: [0]
// CHECK-NEXT: [0.693147]
// CHECK-NEXT: [1.09861]
// CHECK-NEXT: [0]
// CHECK-NEXT: [0.693147]
func.func @prefill(
    %step: !kvc.step {kvc.test_step = {sequences = [7, 8], tokens = [3, 2]}},
    %cache: !cache {kvc.cache = 0}) -> (tensor<5x1x1xf32>, tensor<5x1xf32>) {
  %q = arith.constant dense<0.0> : tensor<5x1x1xf32>
  %v = arith.constant dense<[[[1.0]], [[2.0]], [[4.0]], [[16.0]], [[32.0]]]>
    : tensor<5x1x1xf32>
  kvc.append %q, %v into %cache at %step : tensor<5x1x1xf32>, tensor<5x1x1xf32>, !cache
  %oi = tensor.empty() : tensor<5x1x1xf32>
  %li = tensor.empty() : tensor<5x1xf32>
  %o, %lse = kvc.attend %q, %cache at %step outs(%oi, %li) {scale = 1.0 : f32} :
    (tensor<5x1x1xf32>, !cache, !kvc.step, tensor<5x1x1xf32>, tensor<5x1xf32>)
    -> (tensor<5x1x1xf32>, tensor<5x1xf32>)
  return %o, %lse : tensor<5x1x1xf32>, tensor<5x1xf32>
}

// Row 0 is now sequence 8: (16 + 32 + 64) / 3 and (1 + 2 + 4 + 8) / 4. Then not
// causal (no later keys: the same), a window of 2, a mask that hides the last
// column's key, and a sink logit of ln 3, as much as all keys of sequence 8.
// CHECK-LABEL: @decode
// CHECK-NEXT: result 0
// CHECK-NEXT: [37.3333]
// CHECK-NEXT: [3.75]
// CHECK-NEXT: result 1
// CHECK-NEXT: [48]
// CHECK-NEXT: [6]
// CHECK-NEXT: result 2
// CHECK-NEXT: [0]
// CHECK-NEXT: [2.33333]
// CHECK-NEXT: result 3
// CHECK-NEXT: [-inf]
// CHECK-NEXT: [1.09861]
// CHECK-NEXT: result 4
// CHECK-NEXT: [18.6667]
// CHECK-NEXT: [2.14286]
func.func @decode(
    %step: !kvc.step {kvc.test_step = {sequences = [8, 7], tokens = [1, 1]}},
    %cache: !cache {kvc.cache = 0}) -> (tensor<2x1x1xf32>, tensor<2x1x1xf32>,
    tensor<2x1x1xf32>, tensor<2x1xf32>, tensor<2x1x1xf32>) {
  %q = arith.constant dense<0.0> : tensor<2x1x1xf32>
  %v = arith.constant dense<[[[64.0]], [[8.0]]]> : tensor<2x1x1xf32>
  kvc.append %q, %v into %cache at %step : tensor<2x1x1xf32>, tensor<2x1x1xf32>, !cache
  %oi = tensor.empty() : tensor<2x1x1xf32>
  %li = tensor.empty() : tensor<2x1xf32>
  %all = kvc.attend %q, %cache at %step outs(%oi) {scale = 1.0 : f32, causal = false} :
    (tensor<2x1x1xf32>, !cache, !kvc.step, tensor<2x1x1xf32>) -> tensor<2x1x1xf32>
  %window = kvc.attend %q, %cache at %step outs(%oi) {scale = 1.0 : f32, window = 2} :
    (tensor<2x1x1xf32>, !cache, !kvc.step, tensor<2x1x1xf32>) -> tensor<2x1x1xf32>
  %m = arith.constant dense<[[false, false, false, true], [true, true, true, false]]>
    : tensor<2x4xi1>
  %mask, %lse = kvc.attend %q, %cache at %step mask %m outs(%oi, %li) {scale = 1.0 : f32} :
    (tensor<2x1x1xf32>, !cache, !kvc.step, tensor<2x4xi1>, tensor<2x1x1xf32>,
     tensor<2x1xf32>) -> (tensor<2x1x1xf32>, tensor<2x1xf32>)
  %s = arith.constant dense<[1.09861229]> : tensor<1xf32>
  %sink = kvc.attend %q, %cache at %step sink_logits %s outs(%oi) {scale = 1.0 : f32} :
    (tensor<2x1x1xf32>, !cache, !kvc.step, tensor<1xf32>, tensor<2x1x1xf32>)
    -> tensor<2x1x1xf32>
  return %all, %window, %mask, %lse, %sink : tensor<2x1x1xf32>,
    tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1xf32>, tensor<2x1x1xf32>
}
