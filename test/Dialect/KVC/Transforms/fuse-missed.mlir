// RUN: kvc-opt %s --kvc-fuse --split-input-file --verify-diagnostics --remarks-filter-missed='kvc-.*' | FileCheck %s

// Rotations that stay where they are, with the reason; caches that have none
// miss nothing and are silent.

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

// CHECK-LABEL: func.func @no_rotation_at_all(
// CHECK-SAME:    !kvc.cache<kv_heads = 1, head_dim = 4, f32>)
func.func @no_rotation_at_all(%x: !x, %step: !kvc.step, %c: !cache) -> !x {
  kvc.append %x, %x into %c at %step : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
  %o = kvc.attend %x, %c at %step outs(%x) {scale = 1.0 : f32} : (!x, !cache, !kvc.step, !x) -> !x
  return %o : !x
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

// CHECK-LABEL: func.func @key_not_rotated(
// CHECK-SAME:    !kvc.cache<kv_heads = 1, head_dim = 4, f32>)
// CHECK:       %[[Q:.*]] = kvc.rope
// CHECK:       kvc.attend %[[Q]]
func.func @key_not_rotated(%x: !x, %step: !kvc.step, %c: !cache) -> !x {
  %p = kvc.step.positions %step : tensor<?xi32>
  %q = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e+04, dim = 4>} : !x, tensor<?xi32>
  // expected-remark-re @+1 {{[Missed] kvc-fuse-rope-missed | {{.*}}operand is not the result of kvc.rope}}
  kvc.append %x, %x into %c at %step : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
  %o = kvc.attend %q, %c at %step outs(%x) {scale = 1.0 : f32} : (!x, !cache, !kvc.step, !x) -> !x
  return %o : !x
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

// CHECK-LABEL: func.func @other_positions(
// CHECK-SAME:    !kvc.cache<kv_heads = 1, head_dim = 4, f32>,
func.func @other_positions(%x: !x, %step: !kvc.step, %c: !cache, %p: tensor<?xi32>) -> !x {
  %q = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e+04, dim = 4>} : !x, tensor<?xi32>
  kvc.append %q, %x into %c at %step : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
  // expected-remark-re @+1 {{[Missed] kvc-fuse-rope-missed | {{.*}}kvc.rope is not at this step's positions}}
  %o = kvc.attend %q, %c at %step outs(%x) {scale = 1.0 : f32} : (!x, !cache, !kvc.step, !x) -> !x
  return %o : !x
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

// CHECK-LABEL: func.func @two_rotations(
// CHECK-SAME:    !kvc.cache<kv_heads = 1, head_dim = 4, f32>)
func.func @two_rotations(%x: !x, %step: !kvc.step, %c: !cache) -> !x {
  %p = kvc.step.positions %step : tensor<?xi32>
  %q = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e+04, dim = 4>} : !x, tensor<?xi32>
  %k = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e+06, dim = 4>} : !x, tensor<?xi32>
  // expected-remark-re @+1 {{[Missed] kvc-fuse-rope-missed | {{.*}}queries and keys of one cache are rotated differently}}
  kvc.append %k, %x into %c at %step : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
  %o = kvc.attend %q, %c at %step outs(%x) {scale = 1.0 : f32} : (!x, !cache, !kvc.step, !x) -> !x
  return %o : !x
}
