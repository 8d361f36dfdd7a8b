// kvc.step ops: two sequences, then one of them again, rolled back by one token,
// its positions moved by 10.
// RUN: kvc-interpret %s | FileCheck %s

// CHECK-LABEL: @first
// CHECK-NEXT: result 0: index
// CHECK-NEXT: 5
// CHECK-NEXT: result 1: 5xi32
// CHECK-NEXT: [0, 1, 2, 0, 1]
// CHECK-NEXT: result 2: 2xi32
// CHECK-NEXT: [2, 4]
func.func @first(
    %step: !kvc.step {kvc.test_step = {sequences = [7, 5, 8], tokens = [3, 0, 2]}},
    %cache: !kvc.cache<kv_heads = 1, head_dim = 1, f32> {kvc.cache = 0})
    -> (index, tensor<?xi32>, tensor<?xi32>) {
  %n = kvc.step.num_tokens %step : index
  %p = kvc.step.positions %step : tensor<?xi32>
  %r = kvc.step.logit_rows %step : tensor<?xi32>
  %k = arith.constant dense<0.0> : tensor<5x1x1xf32>
  kvc.append %k, %k into %cache at %step : tensor<5x1x1xf32>, tensor<5x1x1xf32>,
    !kvc.cache<kv_heads = 1, head_dim = 1, f32>
  return %n, %p, %r : index, tensor<?xi32>, tensor<?xi32>
}

// CHECK-LABEL: @second
// CHECK-NEXT: result 0: 3xi32
// CHECK-NEXT: [12, 13, 2]
// CHECK-NEXT: result 1: 3x1x1xf32
// CHECK-NEXT: [0]
// CHECK-NEXT: [0]
// CHECK-NEXT: [9]
func.func @second(
    %step: !kvc.step {kvc.test_step = {sequences = [7, 8], tokens = [2, 1],
                                       keep = [2, 2], offsets = [10, 0]}},
    %cache: !kvc.cache<kv_heads = 1, head_dim = 1, f32> {kvc.cache = 0})
    -> (tensor<?xi32>, tensor<?x1x1xf32>) {
  %p = kvc.step.positions %step : tensor<?xi32>
  %k = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %v = arith.constant dense<9.0> : tensor<3x1x1xf32>
  kvc.append %k, %v into %cache at %step : tensor<3x1x1xf32>, tensor<3x1x1xf32>,
    !kvc.cache<kv_heads = 1, head_dim = 1, f32>
  %one = arith.constant 1 : index
  %kk, %vv = kvc.gather %cache[%one] at %step :
    !kvc.cache<kv_heads = 1, head_dim = 1, f32>
    -> tensor<?x1x1xf32>, tensor<?x1x1xf32>
  return %p, %vv : tensor<?xi32>, tensor<?x1x1xf32>
}
