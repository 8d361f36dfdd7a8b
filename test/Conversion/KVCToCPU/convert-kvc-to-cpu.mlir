// Each variant becomes four functions of the C ABI; other ops stay.
// RUN: kvc-opt %s --convert-kvc-to-cpu | FileCheck %s
// RUN: kvc-opt %s --convert-kvc-to-cpu --convert-kvc-to-cpu | FileCheck %s
// RUN: kvc-opt %s --convert-kvc-to-cpu --kvc-lower-kernels-to-llvm | FileCheck %s --check-prefix=LLVM

// CHECK-NOT: kvc.variant
// CHECK: func.func @decode_workspace(%{{.*}}: !llvm.ptr) -> i64
// CHECK: func.func private @decode_append_task(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i32)
// CHECK: func.func @decode_append(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
// CHECK: func.func @decode_attend(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
// CHECK: func.func @decode_merge(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
// LLVM-DAG: llvm.func @decode_attend(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32 attributes {{.*}}"no-builtins"
// LLVM-DAG: llvm.func internal @decode_decode_task
// LLVM-NOT: unrealized_conversion_cast
kvc.variant @decode {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 8}

// CHECK-LABEL: func.func @other
func.func @other(%x: f32) -> f32 {
  return %x : f32
}
