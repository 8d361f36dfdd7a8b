// What a kernel becomes: a host function that calls through the thread's table,
// and a record. Parameters, the stack and arithmetic stay as they are.
// RUN: kvc-opt %s --kvc-sim-rewrite | FileCheck %s
// Twice is once.
// RUN: kvc-opt %s --kvc-sim-rewrite --kvc-sim-rewrite | FileCheck %s

// RUN: kvc-opt %s --kvc-sim-rewrite | FileCheck %s --check-prefix=RECORD
// CHECK-NOT: gpu.module
// CHECK: llvm.mlir.global internal constant @k_table(dense<[1.0{{.*}}, 2.0{{.*}}]> : tensor<2xf32>)
// RECORD-DAG: @copy_sim_name("copy\00")
// RECORD-DAG: @copy_sim_shared0("small\00")
// RECORD-DAG: @copy_sim_shared1("kvc_shared\00")
// RECORD-DAG: llvm.mlir.global external constant @copy_sim()
// CHECK-NOT: nvvm
gpu.module @k {
  llvm.mlir.global internal constant @table(dense<[1.0, 2.0]> : tensor<2xf32>) {addr_space = 4 : i32} : !llvm.array<2 x f32>
  llvm.mlir.global internal @small() {addr_space = 3 : i32, alignment = 8 : i64} : !llvm.array<4 x i8>
  llvm.mlir.global external @kvc_shared() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<0 x i8>
  // CHECK-LABEL: llvm.func @copy_kernel(
  // CHECK-SAME: %[[THREAD:.*]]: !llvm.ptr, %[[PARAMS:.*]]: !llvm.ptr)
  llvm.func @copy(%params: !llvm.ptr {llvm.byval = !llvm.struct<(ptr<1>, f32)>, nvvm.grid_constant})
      attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 32>, kvc.shared_bytes = 256 : i32} {
    %c1 = llvm.mlir.constant(1 : i32) : i32
    // The parameter block: a plain load.
    // CHECK: %[[P:.*]] = llvm.load %[[PARAMS]] : !llvm.ptr -> !llvm.ptr<1>
    %p = llvm.load %params : !llvm.ptr -> !llvm.ptr<1>
    // CHECK: llvm.alloca
    %stack = llvm.alloca %c1 x f32 : (i32) -> !llvm.ptr
    // A constant of the module: a plain load.
    // CHECK: llvm.mlir.addressof @k_table : !llvm.ptr
    // CHECK: llvm.load %{{.*}} : !llvm.ptr<4> -> f32
    %t = llvm.mlir.addressof @table : !llvm.ptr<4>
    %one = llvm.load %t : !llvm.ptr<4> -> f32
    // CHECK: llvm.store %{{.*}}, %{{.*}} : f32, !llvm.ptr
    llvm.store %one, %stack : f32, !llvm.ptr
    // Global memory: load_global is row 1 of the table; 4 bytes, aligned to 4.
    // CHECK: %[[ACCESS:.*]] = llvm.mlir.constant(131076 : i32)
    // CHECK: %[[TABLE:.*]] = llvm.load %[[THREAD]] invariant
    // CHECK: %[[SLOT:.*]] = llvm.getelementptr %[[TABLE]][1]
    // CHECK: %[[FUNCTION:.*]] = llvm.load %[[SLOT]] invariant
    // CHECK: %[[HOST:.*]] = llvm.call %[[FUNCTION]](%[[THREAD]], %{{.*}}, %{{.*}}, %[[ACCESS]])
    // CHECK: llvm.load %[[HOST]] {alignment = 1 : i64} : !llvm.ptr -> f32
    %x = llvm.load %p : !llvm.ptr<1> -> f32
    // Exactly aligned: 1032 is 8 mod 16; 1152 is 128 mod 256.
    // CHECK: llvm.mlir.constant(1032 : i64)
    %s = llvm.mlir.addressof @small : !llvm.ptr<3>
    // CHECK: llvm.mlir.constant(1152 : i64)
    %d = llvm.mlir.addressof @kvc_shared : !llvm.ptr<3>
    // CHECK: llvm.getelementptr %{{.*}}[4]
    llvm.store %x, %s : f32, !llvm.ptr<3>
    // Rounding to bf16 calls no library.
    // CHECK-NOT: llvm.fptrunc
    %h = llvm.fptrunc %x : f32 to bf16
    llvm.store %h, %d : bf16, !llvm.ptr<3>
    // Saturates as a GPU does.
    // CHECK: llvm.call_intrinsic "llvm.fptosi.sat"
    %i = llvm.fptosi %x : f32 to i32
    // CHECK: llvm.return
    llvm.return
  }
}
