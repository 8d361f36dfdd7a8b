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
// CHECK-SAME: gpu.kernel, kvc.shared_bytes = 0 : i64, nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 128, 1, 1>
// CHECK: llvm.func @decode_attend_decode(
// CHECK-SAME: kvc.shared_bytes = {{[1-9][0-9]*}} : i64, nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 128, 1, 1>
// CHECK: llvm.func @decode_attend_prefill(
// CHECK: llvm.func @decode_merge(
// LOW: llvm.func @decode_append
// LOW-NOT: {{scf|arith|math|vector|cf|builtin}}.{{[a-z]}}
// LOW: llvm.func @decode_attend_decode
// LOW-NOT: {{scf|arith|math|vector|cf|builtin}}.{{[a-z]}}
// The loop over keys copies ahead, waits for its own warp alone, and multiplies.
// LOW: nvvm.cp.async.wait.group 2
// LOW-NOT: nvvm.barrier
// LOW: nvvm.bar.warp.sync
// LOW-NOT: nvvm.barrier
// LOW: nvvm.cp.async.shared.global
// LOW-NOT: nvvm.barrier
// LOW: nvvm.ldmatrix
// LOW-NOT: nvvm.barrier
// LOW: nvvm.mma.sync
// LOW: llvm.return
kvc.variant @decode {cache = !kvc.cache<kv_heads = 2, head_dim = 64, bf16>, query_heads = 8, causal = true}

// CHECK-LABEL: func.func @other
func.func @other(%x: f32) -> f32 {
  return %x : f32
}
