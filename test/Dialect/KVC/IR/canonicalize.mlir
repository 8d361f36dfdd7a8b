// RUN: kvc-opt %s --canonicalize --split-input-file | FileCheck %s

!q = tensor<1x4x8x64xf32>
!kv = tensor<1x2x8x64xf32>

// CHECK-LABEL: @identity_score
// CHECK: kvc.attention %{{[^ ]*}}, %{{[^ ]*}}, %{{[^ ]*}} {scale = 1.000000e+00 : f32} :
func.func @identity_score(%q: !q, %k: !kv, %t: tensor<4xf32>) -> !q {
  %o = kvc.attention %q, %k, %k captures(%t) {scale = 1.0 : f32} score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index, %c: tensor<4xf32>):
    kvc.yield %s : f32
  } : (!q, !kv, !kv, tensor<4xf32>) -> !q
  return %o : !q
}

// CHECK-LABEL: @unused_captures
// CHECK-SAME: %{{.*}}: tensor<1xf32>, %[[T:.*]]: tensor<4xf32>, %{{.*}}: tensor<2xf32>)
// CHECK: captures(%[[T]])
// CHECK: ^bb0({{.*}}, %{{[^,]*}}: index, %[[C:[^,]*]]: tensor<4xf32>):
// CHECK: tensor.extract %[[C]]
func.func @unused_captures(%q: !q, %k: !kv, %u: tensor<1xf32>, %t: tensor<4xf32>, %w: tensor<2xf32>) -> !q {
  %o = kvc.attention %q, %k, %k captures(%u, %t, %w) {scale = 1.0 : f32} score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index, %x: tensor<1xf32>, %c: tensor<4xf32>, %y: tensor<2xf32>):
    %e = tensor.extract %c[%h] : tensor<4xf32>
    kvc.yield %e : f32
  } : (!q, !kv, !kv, tensor<1xf32>, tensor<4xf32>, tensor<2xf32>) -> !q
  return %o : !q
}

// CHECK-LABEL: @masks_that_hide_nothing
// CHECK-NOT: mask %
// CHECK: return
func.func @masks_that_hide_nothing(%q: !q, %k: !kv) -> (!q, !q) {
  %all = arith.constant dense<true> : tensor<1x1x8x8xi1>
  %zero = arith.constant dense<0.0> : tensor<1x1x8x8xf32>
  %a = kvc.attention %q, %k, %k mask %all {scale = 1.0 : f32} : (!q, !kv, !kv, tensor<1x1x8x8xi1>) -> !q
  %b = kvc.attention %q, %k, %k mask %zero {scale = 1.0 : f32} : (!q, !kv, !kv, tensor<1x1x8x8xf32>) -> !q
  return %a, %b : !q, !q
}

// CHECK-LABEL: @masks_that_hide
// CHECK-COUNT-2: kvc.attention {{.*}} mask %
func.func @masks_that_hide(%q: !q, %k: !kv) -> (!q, !q) {
  %none = arith.constant dense<false> : tensor<1x1x8x8xi1>
  %some = arith.constant dense<-1.0e4> : tensor<1x1x8x8xf32>
  %a = kvc.attention %q, %k, %k mask %none {scale = 1.0 : f32} : (!q, !kv, !kv, tensor<1x1x8x8xi1>) -> !q
  %b = kvc.attention %q, %k, %k mask %some {scale = 1.0 : f32} : (!q, !kv, !kv, tensor<1x1x8x8xf32>) -> !q
  return %a, %b : !q, !q
}

// CHECK-LABEL: @wide_window
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32} :
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32, window = 7 : i64} :
func.func @wide_window(%q: !q, %k: !kv) -> (!q, !q) {
  %a = kvc.attention %q, %k, %k {scale = 1.0 : f32, causal, window = 8} : (!q, !kv, !kv) -> !q
  %b = kvc.attention %q, %k, %k {scale = 1.0 : f32, causal, window = 7} : (!q, !kv, !kv) -> !q
  return %a, %b : !q, !q
}

// CHECK-LABEL: @unused_lse
// CHECK: %[[O:.*]] = kvc.attention {{.*}} -> tensor<1x4x8x64xf32>
// CHECK-NEXT: return %[[O]]
func.func @unused_lse(%q: !q, %k: !kv) -> !q {
  %o, %l = kvc.attention %q, %k, %k {scale = 1.0 : f32} : (!q, !kv, !kv) -> (!q, tensor<1x4x8xf32>)
  return %o : !q
}

// -----

!cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32, retention = #kvc.window<16>, max_positions = 64>
!whole = !kvc.cache<kv_heads = 2, head_dim = 64, f32, max_positions = 64>
!q = tensor<8x4x64xf32>

// What max_positions implies goes; what only the policy implies stays.
// CHECK-LABEL: @implied_windows
// CHECK: kvc.attend {{.*}} window = 16 : i64} :
// CHECK: kvc.attend {{.*}} {scale = 1.000000e+00 : f32} :
// CHECK: kvc.attend {{.*}} {scale = 1.000000e+00 : f32} :
// CHECK: kvc.attend {{.*}} window = 63 : i64} :
func.func @implied_windows(%q: !q, %c: !cache, %w: !whole, %s: !kvc.step) -> (!q, !q, !q, !q) {
  %1 = kvc.attend %q, %c at %s outs(%q) {scale = 1.0 : f32, window = 16} : (!q, !cache, !kvc.step, !q) -> !q
  %2 = kvc.attend %q, %w at %s outs(%q) {scale = 1.0 : f32, window = 64} : (!q, !whole, !kvc.step, !q) -> !q
  %3 = kvc.attend %q, %c at %s outs(%q) {scale = 1.0 : f32, window = 64} : (!q, !cache, !kvc.step, !q) -> !q
  %4 = kvc.attend %q, %w at %s outs(%q) {scale = 1.0 : f32, window = 63} : (!q, !whole, !kvc.step, !q) -> !q
  return %1, %2, %3, %4 : !q, !q, !q, !q
}

// The second keeps its lse: its variant was chosen with one.
// CHECK-LABEL: @unused_attend_lse
// CHECK: kvc.attend {{.*}} outs(%{{[^,]*}}) {kvc.layer = 3 : i64, scale
// CHECK: kvc.attend {{.*}} outs(%{{.*}}, %{{.*}}) {kvc.variant = @v0
func.func @unused_attend_lse(%q: !q, %l: tensor<8x4xf32>, %w: !whole, %s: !kvc.step) -> (!q, !q) {
  %1, %2 = kvc.attend %q, %w at %s outs(%q, %l) {scale = 1.0 : f32, kvc.layer = 3 : i64} : (!q, !whole, !kvc.step, !q, tensor<8x4xf32>) -> (!q, tensor<8x4xf32>)
  %3, %4 = kvc.attend %q, %w at %s outs(%q, %l) {scale = 1.0 : f32, kvc.variant = @v0} : (!q, !whole, !kvc.step, !q, tensor<8x4xf32>) -> (!q, tensor<8x4xf32>)
  return %1, %3 : !q, !q
}
