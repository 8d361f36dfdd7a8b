// RUN: kvc-opt %s --kvc-apply-policy=policy-file=%S/Inputs/policy.mlir | FileCheck %s
// RUN: kvc-opt %s --kvc-apply-policy=policy-file=%S/Inputs/policy.mlir \
// RUN:   --kvc-apply-policy=policy-file=%S/Inputs/policy.mlir | FileCheck %s
// RUN: kvc-opt %s --kvc-apply-policy | FileCheck %s --check-prefix=NONE

!plain = !kvc.cache<kv_heads = 2, head_dim = 64, f32, max_positions = 2048>
!rope = !kvc.cache<kv_heads = 2, head_dim = 64, f32, position = #kvc.rope<theta = 1.0e4, dim = 64>>

// The file names layer 1 twice; the later entry wins, and what it leaves out
// stays as the earlier one had it.
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[A:[a-z0-9]+]]: !kvc.cache<kv_heads = 2, head_dim = 64, f32, layout = #kvc.paged<block = 32>, max_positions = 2048>
// CHECK-SAME: %[[B:[a-z0-9]+]]: !kvc.cache<kv_heads = 2, head_dim = 64, f32, layout = #kvc.paged<block = 32>, position = #kvc.rope<theta = 1.000000e+04, dim = 64, at = attend>, retention = #kvc.window<256>>
// CHECK: kvc.append {{.*}} into %[[A]] {{.*}}layout = #kvc.paged<block = 32>
// NONE-LABEL: func.func @step
// NONE-SAME: !kvc.cache<kv_heads = 2, head_dim = 64, f32, max_positions = 2048>, %
func.func @step(%k: tensor<?x2x64xf32>, %step: !kvc.step, %a: !plain, %b: !rope) {
  kvc.append %k, %k into %a at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !plain
  kvc.append %k, %k into %b at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !rope
  return
}

// CHECK-LABEL: func.func @without_caches(%arg0: tensor<?xf32>)
func.func @without_caches(%x: tensor<?xf32>) {
  return
}
