// What stock passes may and may not do with cache ops, in kvc-opt and in
// somebody else's mlir-opt.
//
// RUN: kvc-opt %s --canonicalize --cse --loop-invariant-code-motion | FileCheck %s
// RUN: %if sanitized %{ true %} %else %{ mlir-opt %s --load-dialect-plugin=%kvc_plugin --canonicalize --cse --loop-invariant-code-motion | FileCheck %s %}

!cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>
!q = tensor<8x4x64xf32>
!kv = tensor<8x2x64xf32>

// CHECK-LABEL: @dead_reads_are_erased
// CHECK-NEXT: return
func.func @dead_reads_are_erased(%q: !q, %c: !cache, %s: !kvc.step, %i: index) {
  %o = kvc.attend %q, %c at %s outs(%q) {scale = 1.0 : f32} : (!q, !cache, !kvc.step, !q) -> !q
  %k, %v = kvc.gather %c[%i] at %s : !cache -> tensor<?x2x64xf32>, tensor<?x2x64xf32>
  %p = kvc.step.positions %s : tensor<?xi32>
  return
}

// CHECK-LABEL: @equal_reads_merge
// CHECK: %[[O:.*]] = kvc.attend
// CHECK-NOT: kvc.attend
// CHECK: return %[[O]], %[[O]]
func.func @equal_reads_merge(%q: !q, %c: !cache, %s: !kvc.step) -> (!q, !q) {
  %a = kvc.attend %q, %c at %s outs(%q) {scale = 1.0 : f32} : (!q, !cache, !kvc.step, !q) -> !q
  %b = kvc.attend %q, %c at %s outs(%q) {scale = 1.0 : f32} : (!q, !cache, !kvc.step, !q) -> !q
  return %a, %b : !q, !q
}

// CHECK-LABEL: @append_separates_reads
// CHECK: %[[A:.*]] = kvc.attend
// CHECK-NEXT: kvc.append
// CHECK-NEXT: %[[B:.*]] = kvc.attend
// CHECK-NEXT: return %[[A]], %[[B]]
func.func @append_separates_reads(%q: !q, %k: !kv, %c: !cache, %s: !kvc.step) -> (!q, !q) {
  %a = kvc.attend %q, %c at %s outs(%q) {scale = 1.0 : f32} : (!q, !cache, !kvc.step, !q) -> !q
  kvc.append %k, %k into %c at %s : !kv, !kv, !cache
  %b = kvc.attend %q, %c at %s outs(%q) {scale = 1.0 : f32} : (!q, !cache, !kvc.step, !q) -> !q
  return %a, %b : !q, !q
}

// CHECK-LABEL: @dead_read_between_appends
// CHECK: kvc.append
// CHECK-NEXT: kvc.append
// CHECK-NEXT: return
func.func @dead_read_between_appends(%q: !q, %k: !kv, %c: !cache, %s: !kvc.step) {
  kvc.append %k, %k into %c at %s : !kv, !kv, !cache
  %a = kvc.attend %q, %c at %s outs(%q) {scale = 1.0 : f32} : (!q, !cache, !kvc.step, !q) -> !q
  kvc.append %k, %k into %c at %s : !kv, !kv, !cache
  return
}

// A read stays in its loop: the append after it changes what it sees.
// CHECK-LABEL: @reads_stay_in_loops
// CHECK: kvc.step.positions
// CHECK: scf.for
// CHECK-NEXT: kvc.attend
// CHECK-NEXT: kvc.append
func.func @reads_stay_in_loops(%q: !q, %k: !kv, %c: !cache, %s: !kvc.step, %n: index, %m: memref<?xi32>) -> !q {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%x = %q) -> !q {
    %a = kvc.attend %q, %c at %s outs(%q) {scale = 1.0 : f32} : (!q, !cache, !kvc.step, !q) -> !q
    kvc.append %k, %k into %c at %s : !kv, !kv, !cache
    %p = kvc.step.positions %s : memref<?xi32>
    memref.copy %p, %m : memref<?xi32> to memref<?xi32>
    scf.yield %a : !q
  }
  return %r : !q
}

// On memrefs the destination is written: neither dead nor mergeable.
// CHECK-LABEL: @destinations_are_written
// CHECK: kvc.attend {{.*}} outs(%[[A:.*]])
// CHECK: kvc.attend {{.*}} outs(%[[B:.*]])
func.func @destinations_are_written(%q: memref<8x4x64xf32>, %a: memref<8x4x64xf32>, %b: memref<8x4x64xf32>, %c: !cache, %s: !kvc.step) {
  kvc.attend %q, %c at %s outs(%a) {scale = 1.0 : f32} : (memref<8x4x64xf32>, !cache, !kvc.step, memref<8x4x64xf32>) -> ()
  kvc.attend %q, %c at %s outs(%b) {scale = 1.0 : f32} : (memref<8x4x64xf32>, !cache, !kvc.step, memref<8x4x64xf32>) -> ()
  return
}

// A score region sees nothing but its arguments, so its constants stay in it.
// CHECK-LABEL: @constants_stay_in_score_regions
// CHECK-NOT: arith.constant
// CHECK: ^bb0
// CHECK-NEXT: arith.constant 2.000000e+00
func.func @constants_stay_in_score_regions(%q: !q, %c: !cache, %s: !kvc.step) -> !q {
  %o = kvc.attend %q, %c at %s outs(%q) {scale = 1.0 : f32} score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %two = arith.constant 2.0 : f32
    %y = arith.mulf %x, %two : f32
    kvc.yield %y : f32
  } : (!q, !cache, !kvc.step, !q) -> !q
  return %o : !q
}
