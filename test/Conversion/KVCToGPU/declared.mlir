// A variant whose kernels were compiled before (`kvc.kernels`) gets them
// declared, and the host functions as ever.
// RUN: kvc-opt --split-input-file --convert-kvc-to-gpu --kvc-lower-gpu-kernels --verify-diagnostics %s | FileCheck %s

// CHECK: gpu.module @small_gpu attributes {kvc.image_key = "abc"} {
// CHECK-NEXT: llvm.func @small_append(!llvm.ptr) attributes {gpu.kernel, kvc.shared_bytes = 0 : i64, nvvm.kernel, nvvm.reqntid = array<i32: 128, 1, 1>}
// CHECK-NEXT: llvm.func @small_attend_decode(!llvm.ptr) attributes {gpu.kernel, kvc.loop_tokens = 16 : i64, kvc.shared_bytes = 4096 : i64, nvvm.kernel, nvvm.reqntid = array<i32: 64, 1, 1>}
// CHECK-NEXT: }
// CHECK: llvm.func @small_append(%
// CHECK: llvm.func @small_attend(%
// CHECK: llvm.mlir.addressof @small_attend_decode_record
// What was not compiled is not there to be launched.
// CHECK-NOT: small_attend_prefill
// CHECK: llvm.func @small_merge(%
kvc.variant @small {cache = !kvc.cache<kv_heads = 1, head_dim = 16, f16>, query_heads = 1, kvc.image_key = "abc",
  kvc.kernels = [{name = "small_append", threads = 128, numbers = {kvc.shared_bytes = 0}}, {name = "small_attend_decode", threads = 64, numbers = {kvc.loop_tokens = 16, kvc.shared_bytes = 4096}}]}

// -----

// expected-error @+1 {{expected {name, numbers, threads} in `kvc.kernels`, got {name = "a"}}}
kvc.variant @small {cache = !kvc.cache<kv_heads = 1, head_dim = 16, f16>, query_heads = 1, kvc.kernels = [{name = "a"}]}
