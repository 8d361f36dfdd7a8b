// One policy axis at a time. Numbers by policy.py, which follows the formulas
// (retention by dropping keys and numbering the rest anew) without the reference.
// RUN: kvc-interpret %s | FileCheck %s

!window = !kvc.cache<kv_heads = 1, head_dim = 1, f32, retention = #kvc.window<2>>
!streaming = !kvc.cache<kv_heads = 1, head_dim = 2, f32,
  position = #kvc.rope<theta = 1.0e+04, dim = 2>,
  retention = #kvc.streaming<sink_tokens = 1, window = 2>>
!alibi = !kvc.cache<kv_heads = 1, head_dim = 1, f32, position = #kvc.alibi>
!i8 = !kvc.cache<kv_heads = 1, head_dim = 2, f32,
  key = #kvc.quant<i8, axis = token, symmetric>, value = #kvc.plain<bf16>>

// CHECK-LABEL: @window
// CHECK-NEXT: 4x1x1xf32
// CHECK-NEXT: [1]
// CHECK-NEXT: [1.5]
// CHECK-NEXT: [3]
// CHECK-NEXT: [6]
func.func @window(
    %step: !kvc.step {kvc.test_step = {sequences = [1], tokens = [4]}},
    %cache: !window {kvc.cache = 0}) -> tensor<4x1x1xf32> {
  %q = arith.constant dense<0.0> : tensor<4x1x1xf32>
  %v = arith.constant dense<[[[1.0]], [[2.0]], [[4.0]], [[8.0]]]> : tensor<4x1x1xf32>
  kvc.append %q, %v into %cache at %step : tensor<4x1x1xf32>, tensor<4x1x1xf32>, !window
  %init = tensor.empty() : tensor<4x1x1xf32>
  %o = kvc.attend %q, %cache at %step outs(%init) {scale = 1.0 : f32} :
    (tensor<4x1x1xf32>, !window, !kvc.step, tensor<4x1x1xf32>) -> tensor<4x1x1xf32>
  return %o : tensor<4x1x1xf32>
}

// Queries and keys (1, 0): a score is cos of the distance in the cache. From the
// fourth token on the sink is met from position 2, at distance 2, not 3.
// CHECK-LABEL: @streaming
// CHECK-NEXT: 4x1x2xf32
// CHECK-NEXT: [1, 0]
// CHECK-NEXT: [1.61294, 0]
// CHECK-NEXT: [2.93769, 0]
// CHECK-NEXT: [5.74592, 0]
func.func @streaming(
    %step: !kvc.step {kvc.test_step = {sequences = [1], tokens = [4]}},
    %cache: !streaming {kvc.cache = 1}) -> tensor<4x1x2xf32> {
  %q = arith.constant dense<[[[1.0, 0.0]], [[1.0, 0.0]], [[1.0, 0.0]], [[1.0, 0.0]]]>
    : tensor<4x1x2xf32>
  %v = arith.constant dense<[[[1.0, 0.0]], [[2.0, 0.0]], [[4.0, 0.0]], [[8.0, 0.0]]]>
    : tensor<4x1x2xf32>
  kvc.append %q, %v into %cache at %step : tensor<4x1x2xf32>, tensor<4x1x2xf32>, !streaming
  %init = tensor.empty() : tensor<4x1x2xf32>
  %o = kvc.attend %q, %cache at %step outs(%init) {scale = 1.0 : f32} :
    (tensor<4x1x2xf32>, !streaming, !kvc.step, tensor<4x1x2xf32>) -> tensor<4x1x2xf32>
  return %o : tensor<4x1x2xf32>
}

// Two heads: slopes 2^-4 and 2^-8 by distance, keys 0.
// CHECK-LABEL: @alibi
// CHECK-NEXT: 3x2x1xf32
// CHECK-NEXT: [1]
// CHECK-NEXT: [1]
// CHECK-NEXT: [1.51562]
// CHECK-NEXT: [1.50098]
// CHECK-NEXT: [2.39601]
// CHECK-NEXT: [2.33724]
func.func @alibi(
    %step: !kvc.step {kvc.test_step = {sequences = [1], tokens = [3]}},
    %cache: !alibi {kvc.cache = 2}) -> tensor<3x2x1xf32> {
  %q = arith.constant dense<1.0> : tensor<3x2x1xf32>
  %k = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %v = arith.constant dense<[[[1.0]], [[2.0]], [[4.0]]]> : tensor<3x1x1xf32>
  kvc.append %k, %v into %cache at %step : tensor<3x1x1xf32>, tensor<3x1x1xf32>, !alibi
  %init = tensor.empty() : tensor<3x2x1xf32>
  %o = kvc.attend %q, %cache at %step outs(%init) {scale = 1.0 : f32} :
    (tensor<3x2x1xf32>, !alibi, !kvc.step, tensor<3x2x1xf32>) -> tensor<3x2x1xf32>
  return %o : tensor<3x2x1xf32>
}

// Row (254, 3) has scale 2 and codes 127, 2 (1.5 to even); (0, 0) scale 0. 257
// becomes 256 in bf16, 0.1 becomes 0.100098.
// CHECK-LABEL: @i8
// CHECK-NEXT: result 0: 2x1x2xf32
// CHECK-NEXT: [254, 4]
// CHECK-NEXT: [0, 0]
// CHECK-NEXT: result 1: 2x1x2xf32
// CHECK-NEXT: [256, 0.100098]
// CHECK-NEXT: [1, -1]
func.func @i8(
    %step: !kvc.step {kvc.test_step = {sequences = [1], tokens = [2]}},
    %cache: !i8 {kvc.cache = 3}) -> (tensor<?x1x2xf32>, tensor<?x1x2xf32>) {
  %k = arith.constant dense<[[[254.0, 3.0]], [[0.0, 0.0]]]> : tensor<2x1x2xf32>
  %v = arith.constant dense<[[[257.0, 0.1]], [[1.0, -1.0]]]> : tensor<2x1x2xf32>
  kvc.append %k, %v into %cache at %step : tensor<2x1x2xf32>, tensor<2x1x2xf32>, !i8
  %row = arith.constant 0 : index
  %kk, %vv = kvc.gather %cache[%row] at %step : !i8 -> tensor<?x1x2xf32>, tensor<?x1x2xf32>
  return %kk, %vv : tensor<?x1x2xf32>, tensor<?x1x2xf32>
}
