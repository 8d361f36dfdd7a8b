// RUN: kvc-opt %s --kvc-outline-parallel | FileCheck %s

// Two equal loops share one task; a task takes 4 iterations; one task is
// called, more go through env->parallel_for (offset 16; its context at 8).
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[ENV:arg3]]: !llvm.ptr {kvc.env}
// CHECK: llvm.intr.lifetime.start
// CHECK: %[[TASKS:.*]] = arith.ceildivui %{{.*}}, %c4
// CHECK: %[[ALONE:.*]] = arith.cmpi ule, %[[TASKS]]
// CHECK: scf.if %[[ALONE]]
// CHECK: func.call @step_task_0
// CHECK: llvm.getelementptr %[[ENV]][16]
// CHECK: llvm.getelementptr %[[ENV]][8]
// CHECK: llvm.call %{{.*}}(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, i64, !llvm.ptr, !llvm.ptr) -> ()
// CHECK: func.call @step_task_0
// CHECK-LABEL: func.func private @step_task_0(%arg0: !llvm.ptr, %arg1: i64, %arg2: i32)
// CHECK-SAME: noinline
// CHECK: %[[END:.*]] = arith.minui
// CHECK: scf.for %[[I:.*]] = %{{.*}} to %[[END]]
// CHECK: arith.remui %[[I]]
// CHECK: arith.divui %[[I]]
// CHECK: memref.store
// CHECK-NOT: step_task_1
// CHECK-NOT: scf.parallel
func.func @step(%x: memref<?x?xf32>, %y: memref<?x?xf32>, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = memref.dim %x, %c0 : memref<?x?xf32>
  %n = memref.dim %x, %c1 : memref<?x?xf32>
  scf.parallel (%i, %j) = (%c0, %c0) to (%m, %n) step (%c1, %c1) {
    memref.store %v, %x[%i, %j] : memref<?x?xf32>
  } {kvc.grain = 4 : index}
  scf.parallel (%i, %j) = (%c0, %c0) to (%m, %n) step (%c1, %c1) {
    memref.store %v, %y[%i, %j] : memref<?x?xf32>
  } {kvc.grain = 4 : index}
  return
}
