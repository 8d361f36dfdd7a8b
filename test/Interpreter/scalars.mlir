// The ops around kvc ops: arith, math, tensor, scf, func.
// RUN: kvc-interpret %s | FileCheck %s

// CHECK-LABEL: @control
// CHECK-NEXT: result 0: f32
// CHECK-NEXT: 10
// CHECK-NEXT: result 1: f32
// CHECK-NEXT: -1
func.func @control() -> (f32, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %zero = arith.constant 0.0 : f32
  %sum = scf.for %i = %c0 to %c5 step %c1 iter_args(%s = %zero) -> f32 {
    %n = arith.index_cast %i : index to i32
    %x = arith.sitofp %n : i32 to f32
    %t = func.call @add(%s, %x) : (f32, f32) -> f32
    scf.yield %t : f32
  }
  %nan = arith.divf %zero, %zero : f32
  %less = arith.cmpf ult, %nan, %zero : f32
  %greater = arith.cmpf ogt, %nan, %zero : f32
  %neither = arith.xori %less, %greater : i1
  %one = arith.constant 1.0 : f32
  %sign = scf.if %neither -> f32 {
    %m = arith.negf %one : f32
    scf.yield %m : f32
  } else {
    scf.yield %one : f32
  }
  return %sum, %sign : f32, f32
}

func.func private @add(%a: f32, %b: f32) -> f32 {
  %r = arith.addf %a, %b : f32
  return %r : f32
}

// Tensors are rounded to their element type: 1 + 2^-11 is 1 in f16.
// CHECK-LABEL: @tensors
// CHECK-NEXT: 2x2xf16
// CHECK-NEXT: [1, 2.5]
// CHECK-NEXT: [nan, 2]
func.func @tensors() -> tensor<?x2xf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %two = arith.constant 2 : index
  %e = tensor.empty(%two) : tensor<?x2xf16>
  %a = arith.constant 1.00048828125 : f64
  %x = arith.truncf %a : f64 to f16
  %t0 = tensor.insert %x into %e[%c0, %c0] : tensor<?x2xf16>
  %y = arith.constant 2.5 : f16
  %t1 = tensor.insert %y into %t0[%c0, %c1] : tensor<?x2xf16>
  %dim = tensor.dim %t1, %c0 : tensor<?x2xf16>
  %n = arith.index_cast %dim : index to i32
  %z = arith.sitofp %n : i32 to f16
  %t2 = tensor.insert %z into %t1[%c1, %c1] : tensor<?x2xf16>
  return %t2 : tensor<?x2xf16>
}

// exp(0), 3 * 3, max(nan, .), tanh(0) element by element.
// CHECK-LABEL: @elementwise
// CHECK-NEXT: 4xf32
// CHECK-NEXT: [1, 9, nan, 0]
func.func @elementwise() -> tensor<4xf32> {
  %x = arith.constant dense<[0.0, 3.0, 0x7FC00000, 0.0]> : tensor<4xf32>
  %e = math.exp %x : tensor<4xf32>
  %m = arith.mulf %x, %x : tensor<4xf32>
  %t = math.tanh %x : tensor<4xf32>
  %n = arith.maximumf %x, %t : tensor<4xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %r0 = tensor.extract %e[%c0] : tensor<4xf32>
  %r1 = tensor.extract %m[%c1] : tensor<4xf32>
  %r2 = tensor.extract %n[%c2] : tensor<4xf32>
  %r3 = tensor.extract %t[%c3] : tensor<4xf32>
  %r = tensor.from_elements %r0, %r1, %r2, %r3 : tensor<4xf32>
  return %r : tensor<4xf32>
}
