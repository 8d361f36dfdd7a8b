// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-expand-math))' --split-input-file --verify-diagnostics | FileCheck %s

// Range reduction in double, the quadrant from the low bits of the sum with
// 1.5 * 2^52; numbers are in test/Target/numbers.mlir.
// CHECK-LABEL: @sin
// CHECK-DAG: arith.constant dense<0x4338000000000000> : vector<8xf64>
// CHECK: arith.extf %{{.*}} : vector<8xf32> to vector<8xf64>
// CHECK: arith.bitcast %{{.*}} : vector<8xf64> to vector<8xi64>
// CHECK-NOT: math.sin
func.func @sin(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.sin %x : vector<8xf32>
  return %0 : vector<8xf32>
}

// CHECK-LABEL: @square
// CHECK: arith.mulf %arg0, %arg0
// CHECK-NOT: math
func.func @square(%x: vector<8xf32>) -> vector<8xf32> {
  %two = arith.constant dense<2> : vector<8xi64>
  %0 = math.fpowi %x, %two : vector<8xf32>, vector<8xi64>
  return %0 : vector<8xf32>
}

// CHECK-LABEL: @rest
// CHECK-NOT: math.{{exp|tanh|rsqrt|log|erf}}
// CHECK: math.sqrt
func.func @rest(%x: f32) -> f32 {
  %0 = math.exp %x : f32
  %1 = math.tanh %0 : f32
  %2 = math.log %1 : f32
  %3 = math.erf %2 : f32
  %4 = math.rsqrt %3 : f32
  return %4 : f32
}

// -----

func.func @double(%x: f64) -> f64 {
  // expected-error @+1 {{expected a math op that can be computed without libm, got `math.sin` on 'f64'}}
  %0 = math.sin %x : f64
  return %0 : f64
}
