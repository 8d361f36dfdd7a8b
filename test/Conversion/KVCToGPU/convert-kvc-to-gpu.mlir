// Each variant becomes a gpu.module of kernels that take the parameter block by
// value; other ops stay.
// RUN: kvc-opt %s --convert-kvc-to-gpu | FileCheck %s
// RUN: kvc-opt %s --convert-kvc-to-gpu --convert-kvc-to-gpu | FileCheck %s
// RUN: kvc-opt %s --convert-kvc-to-gpu=chip=sm_80 --kvc-lower-gpu-kernels | FileCheck %s --check-prefix=LOW

// CHECK: module attributes {gpu.container_module}
// CHECK-NOT: kvc.variant
// CHECK: gpu.module @decode_gpu
// CHECK: llvm.mlir.global external @kvc_shared() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<0 x i8>
// CHECK: llvm.func @decode_append(%{{.*}}: !llvm.ptr {llvm.align = 8 : i64, llvm.byval = !llvm.array<{{[0-9]+}} x i64>, nvvm.grid_constant})
// CHECK-SAME: gpu.kernel, kvc.shared_bytes = 0 : i64, nvvm.kernel, nvvm.reqntid = array<i32: 128, 1, 1>
// LOW: llvm.func @decode_append
// LOW-NOT: {{scf|arith|math|vector|cf|builtin}}.{{[a-z]}}
// LOW: llvm.return
kvc.variant @decode {cache = !kvc.cache<kv_heads = 2, head_dim = 64, bf16>, query_heads = 8, causal = true}

// CHECK-LABEL: func.func @other
func.func @other(%x: f32) -> f32 {
  return %x : f32
}
