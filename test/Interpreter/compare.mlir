// Comparisons of floats, unordered ones too: as numbers of 0 and 1, in order.
// RUN: kvc-interpret %s | FileCheck %s

// CHECK-LABEL: @compare
// CHECK-NEXT: result 0: f32
// CHECK-NEXT: 0
// CHECK-NEXT: result 1: f32
// CHECK-NEXT: 1
// CHECK-NEXT: result 2: f32
// CHECK-NEXT: 1
// CHECK-NEXT: result 3: f32
// CHECK-NEXT: 1
// CHECK-NEXT: result 4: f32
// CHECK-NEXT: 0
// CHECK-NEXT: result 5: f32
// CHECK-NEXT: 1
// CHECK-NEXT: result 6: f32
// CHECK-NEXT: 1
// CHECK-NEXT: result 7: f32
// CHECK-NEXT: 0
// CHECK-NEXT: result 8: f32
// CHECK-NEXT: 1
// CHECK-NEXT: result 9: f32
// CHECK-NEXT: 0
// CHECK-NEXT: result 10: f32
// CHECK-NEXT: 1
// CHECK-NEXT: result 11: f32
// CHECK-NEXT: 0
// CHECK-NEXT: result 12: f32
// CHECK-NEXT: 1
// CHECK-NEXT: result 13: f32
// CHECK-NEXT: 0
// CHECK-NEXT: result 14: f32
// CHECK-NEXT: 0
// CHECK-NEXT: result 15: f32
// CHECK-NEXT: 1
// CHECK-NEXT: result 16: f32
// CHECK-NEXT: 1
// CHECK-NEXT: result 17: f32
// CHECK-NEXT: 0
// CHECK-NEXT: result 18: f32
// CHECK-NEXT: 0
func.func @compare() -> (f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  %nan = arith.divf %zero, %zero : f32
  %c0 = arith.cmpf une, %one, %one : f32
  %r0 = arith.select %c0, %one, %zero : f32
  %c1 = arith.cmpf une, %one, %two : f32
  %r1 = arith.select %c1, %one, %zero : f32
  %c2 = arith.cmpf une, %nan, %one : f32
  %r2 = arith.select %c2, %one, %zero : f32
  %c3 = arith.cmpf ueq, %one, %one : f32
  %r3 = arith.select %c3, %one, %zero : f32
  %c4 = arith.cmpf ueq, %one, %two : f32
  %r4 = arith.select %c4, %one, %zero : f32
  %c5 = arith.cmpf ueq, %nan, %one : f32
  %r5 = arith.select %c5, %one, %zero : f32
  %c6 = arith.cmpf ugt, %two, %one : f32
  %r6 = arith.select %c6, %one, %zero : f32
  %c7 = arith.cmpf ugt, %one, %one : f32
  %r7 = arith.select %c7, %one, %zero : f32
  %c8 = arith.cmpf uge, %one, %one : f32
  %r8 = arith.select %c8, %one, %zero : f32
  %c9 = arith.cmpf uge, %one, %two : f32
  %r9 = arith.select %c9, %one, %zero : f32
  %c10 = arith.cmpf ult, %one, %two : f32
  %r10 = arith.select %c10, %one, %zero : f32
  %c11 = arith.cmpf ult, %one, %one : f32
  %r11 = arith.select %c11, %one, %zero : f32
  %c12 = arith.cmpf ule, %one, %one : f32
  %r12 = arith.select %c12, %one, %zero : f32
  %c13 = arith.cmpf ule, %two, %one : f32
  %r13 = arith.select %c13, %one, %zero : f32
  %c14 = arith.cmpf uno, %one, %two : f32
  %r14 = arith.select %c14, %one, %zero : f32
  %c15 = arith.cmpf uno, %one, %nan : f32
  %r15 = arith.select %c15, %one, %zero : f32
  %c16 = arith.cmpf one, %one, %two : f32
  %r16 = arith.select %c16, %one, %zero : f32
  %c17 = arith.cmpf one, %nan, %two : f32
  %r17 = arith.select %c17, %one, %zero : f32
  %c18 = arith.cmpf ole, %two, %one : f32
  %r18 = arith.select %c18, %one, %zero : f32
  return %r0, %r1, %r2, %r3, %r4, %r5, %r6, %r7, %r8, %r9, %r10, %r11, %r12, %r13, %r14, %r15, %r16, %r17, %r18 : f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32
}
