// kvc.gather answers what is stored: rotated only when the policy rotates at
// append. cos 1 = 0.540302, sin 1 = 0.841471.
// RUN: kvc-interpret %s | FileCheck %s

!append = !kvc.cache<kv_heads = 1, head_dim = 2 : 1, f32,
  position = #kvc.rope<theta = 1.0e+04, dim = 2, at = append>>
!attend = !kvc.cache<kv_heads = 1, head_dim = 2 : 1, f32,
  position = #kvc.rope<theta = 1.0e+04, dim = 2, at = attend>>

// CHECK-LABEL: @rows
// CHECK-NEXT: result 0: 2x1x2xf32
// CHECK-NEXT: [1, 0]
// CHECK-NEXT: [0.540302, 0.841471]
// CHECK-NEXT: result 1: 2x1x1xf32
// CHECK-NEXT: [5]
// CHECK-NEXT: [6]
// CHECK-NEXT: result 2: 2x1x2xf32
// CHECK-NEXT: [1, 0]
// CHECK-NEXT: [1, 0]
func.func @rows(
    %step: !kvc.step {kvc.test_step = {sequences = [4, 5], tokens = [1, 2]}},
    %rotated: !append {kvc.cache = 0}, %plain: !attend {kvc.cache = 1})
    -> (tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?x1x2xf32>) {
  %k = arith.constant dense<[[[1.0, 0.0]], [[1.0, 0.0]], [[1.0, 0.0]]]> : tensor<3x1x2xf32>
  %v = arith.constant dense<[[[4.0]], [[5.0]], [[6.0]]]> : tensor<3x1x1xf32>
  kvc.append %k, %v into %rotated at %step : tensor<3x1x2xf32>, tensor<3x1x1xf32>, !append
  kvc.append %k, %v into %plain at %step : tensor<3x1x2xf32>, tensor<3x1x1xf32>, !attend
  %row = arith.constant 1 : index
  %kr, %vr = kvc.gather %rotated[%row] at %step : !append -> tensor<?x1x2xf32>, tensor<?x1x1xf32>
  %kp, %vp = kvc.gather %plain[%row] at %step : !attend -> tensor<?x1x2xf32>, tensor<?x1x1xf32>
  return %kr, %vr, %kp : tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?x1x2xf32>
}

// A sequence that holds nothing.
// CHECK-LABEL: @nothing
// CHECK-NEXT: result 0: 0x1x2xf32
// CHECK-NEXT: result 1: 0x1x1xf32
// CHECK-NOT: {{.}}
func.func @nothing(
    %step: !kvc.step {kvc.test_step = {sequences = [9], tokens = [0]}},
    %cache: !append {kvc.cache = 0}) -> (tensor<?x1x2xf32>, tensor<?x1x1xf32>) {
  %row = arith.constant 0 : index
  %k, %v = kvc.gather %cache[%row] at %step : !append -> tensor<?x1x2xf32>, tensor<?x1x1xf32>
  return %k, %v : tensor<?x1x2xf32>, tensor<?x1x1xf32>
}
