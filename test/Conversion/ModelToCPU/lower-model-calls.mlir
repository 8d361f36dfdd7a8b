// RUN: kvc-opt %s --kvc-lower-model-calls --split-input-file --verify-diagnostics | FileCheck %s

!window = !kvc.cache<kv_heads = 2, head_dim = 64, f32, position = #kvc.alibi<slopes = [0.5, 0.25, 0.125, 0.0625]>, retention = #kvc.window<100>>

// Parameters on the stack, zeroed; then version, step and cache; strides are
// bytes: 2 x 64 x 4 = 512 a token, 256 a head. A status other than 0 returns.
// CHECK: llvm.mlir.global internal constant @kvc_slopes_0(dense<[5.000000e-01, 2.500000e-01, 1.250000e-01, 6.250000e-02]>
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[STEP:[a-z0-9]+]]: !llvm.ptr {kvc.step}, %[[CACHE:[a-z0-9]+]]: !llvm.ptr {kvc.cache = 0 : i64}, %[[ENV:[a-z0-9]+]]: !llvm.ptr {kvc.kernel_env}) -> i32
// CHECK-SAME: kvc.variants = [@v]
// CHECK: %[[PARAMS:.*]] = llvm.alloca
// CHECK: "llvm.intr.memset"(%[[PARAMS]]
// CHECK: "llvm.intr.memcpy"(%{{.*}}, %[[STEP]]
// CHECK: "llvm.intr.memcpy"
// CHECK: %[[APPEND:.*]] = builtin.unrealized_conversion_cast %{{.*}} : (!llvm.ptr, !llvm.ptr) -> i32 to !llvm.ptr
// CHECK: %[[S0:.*]] = call @kvc_dispatch_append(%[[ENV]], %[[PARAMS]], %[[APPEND]])
// CHECK: %[[OK:.*]] = arith.cmpi eq, %[[S0]], %c0_i32
// CHECK: cf.cond_br %[[OK]]
// CHECK: "llvm.intr.memset"(%[[PARAMS]]
// the smaller of the op's window and the cache's
// CHECK: arith.constant 40 : i32
// CHECK: llvm.mlir.addressof @kvc_slopes_0
// CHECK: call @kvc_dispatch_attend(%[[ENV]], %[[PARAMS]]
// CHECK: return %{{.*}} : i32
// CHECK-NOT: kvc.append
// CHECK-NOT: kvc.attend
// CHECK-LABEL: func.func private @kvc_dispatch_append
// the hooks of the environment at 56, append at 8, attend at 16
// CHECK: llvm.getelementptr %{{.*}}[56]
// CHECK: llvm.getelementptr %{{.*}}[8]
// CHECK-LABEL: func.func private @kvc_dispatch_attend
// CHECK: llvm.getelementptr %{{.*}}[56]
// CHECK: llvm.getelementptr %{{.*}}[16]
func.func private @v_append(!llvm.ptr, !llvm.ptr) -> i32
func.func private @v_attend(!llvm.ptr, !llvm.ptr) -> i32
func.func @step(%k: memref<?x2x64xf32>, %q: memref<?x4x64xf32>, %o: memref<?x4x64xf32>, %s: !kvc.step, %c: !window {kvc.cache = 0 : i64}) {
  kvc.append %k, %k into %c at %s {kvc.variant = @v} : memref<?x2x64xf32>, memref<?x2x64xf32>, !window
  kvc.attend %q, %c at %s outs(%o) {kvc.variant = @v, scale = 0.125 : f32, window = 40} : (memref<?x4x64xf32>, !window, !kvc.step, memref<?x4x64xf32>) -> ()
  return
}

// -----

!all = !kvc.cache<kv_heads = 2, head_dim = 64, f32>
func.func @step(%k: memref<?x2x64xf32>, %s: !kvc.step, %c: !all {kvc.cache = 0 : i64}) {
  // expected-error @+1 {{expected `kvc.variant` on each append and attend of a step; run kvc-plan first}}
  kvc.append %k, %k into %c at %s : memref<?x2x64xf32>, memref<?x2x64xf32>, !all
  return
}

// -----

!all = !kvc.cache<kv_heads = 2, head_dim = 64, f32>
func.func @step(%k: memref<?x2x64xf32>, %s: !kvc.step, %c: !all {kvc.cache = 0 : i64}) {
  // expected-error @+1 {{expected a kernel `v_append`; run convert-kvc-to-cpu first}}
  kvc.append %k, %k into %c at %s {kvc.variant = @v} : memref<?x2x64xf32>, memref<?x2x64xf32>, !all
  return
}

// -----

!all = !kvc.cache<kv_heads = 2, head_dim = 64, f32>
func.func private @v_append(!llvm.ptr, !llvm.ptr) -> i32
func.func @step(%k: memref<?x2x64xf32, strided<[?, ?, 2]>>, %s: !kvc.step, %c: !all {kvc.cache = 0 : i64}) {
  // expected-error @+1 {{expected buffers whose last dimension is contiguous}}
  kvc.append %k, %k into %c at %s {kvc.variant = @v} : memref<?x2x64xf32, strided<[?, ?, 2]>>, memref<?x2x64xf32, strided<[?, ?, 2]>>, !all
  return
}
