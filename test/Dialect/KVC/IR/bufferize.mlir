// RUN: kvc-opt %s --split-input-file --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" --canonicalize | FileCheck %s

!cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>

// The init is overwritten, not read: no allocation but its own, and no copy.
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[Q:[^:]*]]: memref<?x4x64xf32>, %[[K:[^:]*]]: memref<?x2x64xf32>, %[[C:[^:]*]]: !kvc.cache<{{.*}}>, %[[S:[^:]*]]: !kvc.step
func.func @step(%q: tensor<?x4x64xf32>, %k: tensor<?x2x64xf32>, %c: !cache, %step: !kvc.step) -> tensor<?x4x64xf32> {
  // CHECK: kvc.append %[[K]], %[[K]] into %[[C]] at %[[S]] : memref<?x2x64xf32>, memref<?x2x64xf32>
  kvc.append %k, %k into %c at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !cache
  // CHECK: %[[T:.*]] = kvc.step.num_tokens
  %t = kvc.step.num_tokens %step : index
  // CHECK: %[[O:.*]] = memref.alloc(%[[T]])
  %init = tensor.empty(%t) : tensor<?x4x64xf32>
  // CHECK-NOT: memref.copy
  // CHECK: kvc.attend %[[Q]], %[[C]] at %[[S]] outs(%[[O]]) {scale = 1.250000e-01 : f32} : (memref<?x4x64xf32>, !kvc.cache<{{.*}}>, !kvc.step, memref<?x4x64xf32>) -> ()
  %o = kvc.attend %q, %c at %step outs(%init) {scale = 0.125 : f32} : (tensor<?x4x64xf32>, !cache, !kvc.step, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
  // CHECK-NEXT: return %[[O]]
  return %o : tensor<?x4x64xf32>
}

// -----

!cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>

// The query is read after attend: its buffer cannot take the result.
// CHECK-LABEL: func.func @init_still_needed
// CHECK-SAME: %[[Q:[^:]*]]: memref<8x4x64xf32>
func.func @init_still_needed(%q: tensor<8x4x64xf32>, %c: !cache, %step: !kvc.step) -> (tensor<8x4x64xf32>, tensor<8x4x64xf32>) {
  // CHECK: %[[O:.*]] = memref.alloc() {{.*}} : memref<8x4x64xf32>
  // CHECK-NOT: memref.copy
  // CHECK: kvc.attend %[[Q]], {{.*}} outs(%[[O]])
  %o = kvc.attend %q, %c at %step outs(%q) {scale = 0.125 : f32} : (tensor<8x4x64xf32>, !cache, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  // CHECK: return %[[O]], %[[Q]]
  return %o, %q : tensor<8x4x64xf32>, tensor<8x4x64xf32>
}

// -----

!cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>

// CHECK-LABEL: func.func @every_operand
// CHECK-SAME: %[[Q:[^:]*]]: memref<8x4x64xf32>, %[[M:[^:]*]]: memref<8x32xi1>, %[[SL:[^:]*]]: memref<4xf32>, %[[B:[^:]*]]: memref<4xf32>
func.func @every_operand(%q: tensor<8x4x64xf32>, %m: tensor<8x32xi1>, %sl: tensor<4xf32>, %bias: tensor<4xf32>, %c: !cache, %step: !kvc.step) -> (tensor<8x4x64xf32>, tensor<8x4xf32>) {
  %init = tensor.empty() : tensor<8x4x64xf32>
  %linit = tensor.empty() : tensor<8x4xf32>
  // CHECK-DAG: %[[O:.*]] = memref.alloc() {{.*}} : memref<8x4x64xf32>
  // CHECK-DAG: %[[L:.*]] = memref.alloc() {{.*}} : memref<8x4xf32>
  // CHECK: kvc.attend %[[Q]], %{{.*}} at %{{.*}} mask %[[M]] sink_logits %[[SL]] captures(%[[B]]) outs(%[[O]], %[[L]])
  %o, %l = kvc.attend %q, %c at %step mask %m sink_logits %sl captures(%bias) outs(%init, %linit) {scale = 0.125 : f32} score {
  // CHECK: ^bb0(%[[S:.*]]: f32, %{{.*}}: index, %[[H:.*]]: index, %{{.*}}: index, %{{.*}}: index, %[[CB:.*]]: memref<4xf32>)
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index, %t: tensor<4xf32>):
    // CHECK-NEXT: %[[E:.*]] = memref.load %[[CB]][%[[H]]]
    %e = tensor.extract %t[%h] : tensor<4xf32>
    // CHECK-NEXT: arith.addf %[[S]], %[[E]]
    %r = arith.addf %s, %e : f32
    kvc.yield %r : f32
  } : (tensor<8x4x64xf32>, !cache, !kvc.step, tensor<8x32xi1>, tensor<4xf32>, tensor<4xf32>, tensor<8x4x64xf32>, tensor<8x4xf32>) -> (tensor<8x4x64xf32>, tensor<8x4xf32>)
  // CHECK: return %[[O]], %[[L]]
  return %o, %l : tensor<8x4x64xf32>, tensor<8x4xf32>
}

// -----

// CHECK-LABEL: func.func @merge
func.func @merge(%po: tensor<2x8x4x64xf32>, %pl: tensor<2x8x4xf32>) -> (tensor<8x4x64xf32>, tensor<8x4xf32>) {
  %o = tensor.empty() : tensor<8x4x64xf32>
  %l = tensor.empty() : tensor<8x4xf32>
  // CHECK-NOT: memref.copy
  // CHECK: kvc.merge %{{.*}}, %{{.*}} outs(%[[O:.*]], %[[L:.*]]) : (memref<2x8x4x64xf32>, memref<2x8x4xf32>, memref<8x4x64xf32>, memref<8x4xf32>) -> ()
  %ro, %rl = kvc.merge %po, %pl outs(%o, %l) : (tensor<2x8x4x64xf32>, tensor<2x8x4xf32>, tensor<8x4x64xf32>, tensor<8x4xf32>) -> (tensor<8x4x64xf32>, tensor<8x4xf32>)
  // CHECK: return %[[O]], %[[L]]
  return %ro, %rl : tensor<8x4x64xf32>, tensor<8x4xf32>
}

// -----

// The step's array belongs to the runtime: a write goes to a copy.
// CHECK-LABEL: func.func @step_array_is_read_only
func.func @step_array_is_read_only(%step: !kvc.step, %i: index, %x: i32) -> tensor<?xi32> {
  // CHECK: %[[P:.*]] = kvc.step.positions %{{.*}} : memref<?xi32>
  %p = kvc.step.positions %step : tensor<?xi32>
  // CHECK: %[[A:.*]] = memref.alloc
  // CHECK: memref.copy %[[P]], %[[A]]
  // CHECK: memref.store %{{.*}}, %[[A]]
  %r = tensor.insert %x into %p[%i] : tensor<?xi32>
  return %r : tensor<?xi32>
}
