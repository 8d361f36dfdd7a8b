// RUN: kvc-opt %s --kvc-plan --split-input-file | FileCheck %s
// RUN: kvc-opt %s --kvc-plan --kvc-plan --split-input-file | FileCheck %s

!all = !kvc.cache<kv_heads = 2, head_dim = 64, f32, max_positions = 2048>
!window = !kvc.cache<kv_heads = 2, head_dim = 64, f32, key = #kvc.quant<i8, axis = token, symmetric>, retention = #kvc.window<128>, max_positions = 1024>

// Layers 0 and 2 share a type, so a group and a variant; layer 3 has the type
// of layer 1 and a soft-cap of its own.
// One token of an f32 layer: 2 heads x (64 x 4 + 64 x 4) = 1024 bytes; of an
// i8 K and f32 V layer: 2 heads x (64 + 4 + 256) = 648 bytes.
// CHECK: module attributes {kvc.plan = {bytes_per_token = 3344 : i64, function = @step
// CHECK-SAME: groups = [{bytes_per_token = 2048 : i64, cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32, max_positions = 2048>, layers = [0, 2]}
// CHECK-SAME: {bytes_per_token = 1296 : i64, cache = !kvc.cache<{{.*}}window<128>{{.*}}>, layers = [1, 3]}]
// CHECK-SAME: layers = [{query_heads = 4 : i64, scale = 1.250000e-01 : f32, variant = @[[A:[a-z_0-9]+]]}, {query_heads = 4 : i64, scale = 1.250000e-01 : f32, variant = @[[B:[a-z_0-9]+]]}
// CHECK-SAME: variant = @[[A]]}, {query_heads = 4 : i64, scale = 1.250000e-01 : f32, softcap = 5.000000e+01 : f32, variant = @[[C:[a-z_0-9]+]]}]
// CHECK-SAME: max_positions = 1024 : i64
// CHECK-LABEL: func.func @step
// CHECK: kvc.append {{.*}} {kvc.group = 0 : i64, kvc.layer = 0 : i64, kvc.variant = @[[A]]}
// CHECK: kvc.append {{.*}} {kvc.group = 1 : i64, kvc.layer = 0 : i64, kvc.variant = @[[B]]}
// CHECK: kvc.append {{.*}} {kvc.group = 0 : i64, kvc.layer = 1 : i64, kvc.variant = @[[A]]}
// CHECK: kvc.append {{.*}} {kvc.group = 1 : i64, kvc.layer = 1 : i64, kvc.variant = @[[C]]}
// CHECK: kvc.attend {{.*}} {kvc.group = 0 : i64, kvc.layer = 0 : i64, kvc.variant = @[[A]], scale
// CHECK: kvc.attend {{.*}} {kvc.group = 1 : i64, kvc.layer = 1 : i64, kvc.variant = @[[C]]
// CHECK: kvc.variant @[[A]] {
// CHECK-SAME: cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32, max_positions = 2048>
// CHECK: kvc.variant @[[B]] {
// CHECK: kvc.variant @[[C]] {
// CHECK-SAME: softcap
// CHECK-NOT: kvc.variant
module {
  func.func @step(%q: tensor<?x4x64xf32>, %k: tensor<?x2x64xf32>, %init: tensor<?x4x64xf32>, %step: !kvc.step, %a: !all, %b: !window, %c: !all, %d: !window) {
    kvc.append %k, %k into %a at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !all
    kvc.append %k, %k into %b at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !window
    kvc.append %k, %k into %c at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !all
    kvc.append %k, %k into %d at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !window
    %0 = kvc.attend %q, %a at %step outs(%init) {scale = 0.125 : f32} : (tensor<?x4x64xf32>, !all, !kvc.step, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
    %1 = kvc.attend %0, %b at %step outs(%init) {scale = 0.125 : f32} : (tensor<?x4x64xf32>, !window, !kvc.step, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
    %2 = kvc.attend %1, %c at %step outs(%init) {scale = 0.125 : f32} : (tensor<?x4x64xf32>, !all, !kvc.step, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
    %3 = kvc.attend %2, %d at %step outs(%init) {scale = 0.125 : f32, softcap = 50.0 : f32} : (tensor<?x4x64xf32>, !window, !kvc.step, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
    return
  }
}

// -----

// Nothing to plan: left alone.
// CHECK: module {
// CHECK-NOT: kvc.plan
module {
  func.func @stateless(%x: tensor<?xf32>) { return }
}
