// RUN: kvc-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @attention
func.func @attention(%q: tensor<1x4x?x64xf32>, %k: tensor<1x2x?x64xf32>, %m: tensor<1x1x?x?xi1>, %s: tensor<4xf32>, %t: tensor<8xf32>) -> (tensor<1x4x?x64xf32>, tensor<1x4x?xf32>) {
  // CHECK: kvc.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{.*}} sink_logits %{{.*}} captures(%{{.*}}) {causal, scale = 1.250000e-01 : f32, window = 8 : i64} score {
  %o, %l = kvc.attention %q, %k, %k mask %m sink_logits %s captures(%t) {scale = 0.125 : f32, causal, window = 8} score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index, %c: tensor<8xf32>):
    %y = arith.addf %x, %x : f32
    kvc.yield %y : f32
  } : (tensor<1x4x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x1x?x?xi1>, tensor<4xf32>, tensor<8xf32>) -> (tensor<1x4x?x64xf32>, tensor<1x4x?xf32>)
  return %o, %l : tensor<1x4x?x64xf32>, tensor<1x4x?xf32>
}

!cache = !kvc.cache<kv_heads = 2, head_dim = 64 : 32, f16, layout = #kvc.contiguous<capacity = 128>, key = #kvc.quant<i8, axis = token, symmetric>, position = #kvc.rope<theta = 1.0e4, dim = 64, at = attend>, retention = #kvc.streaming<sink_tokens = 4, window = 60>, rollback = 2, max_positions = 128>

// CHECK-LABEL: @cache
// CHECK-SAME: !kvc.cache<kv_heads = 2, head_dim = 64 : 32, f16, layout = #kvc.contiguous<capacity = 128>, key = #kvc.quant<i8, axis = token, symmetric>, position = #kvc.rope<theta = 1.000000e+04, dim = 64, at = attend>, retention = #kvc.streaming<sink_tokens = 4, window = 60>, rollback = 2, max_positions = 128>
func.func @cache(%q: tensor<?x4x64xf16>, %k: tensor<?x2x64xf16>, %v: tensor<?x2x32xf16>, %c: !cache, %step: !kvc.step, %init: tensor<?x4x32xf16>) -> tensor<?x4x32xf16> {
  // CHECK: kvc.append %{{.*}}, %{{.*}} into %{{.*}} at %{{.*}} :
  kvc.append %k, %v into %c at %step : tensor<?x2x64xf16>, tensor<?x2x32xf16>, !cache
  // CHECK: kvc.attend %{{.*}}, %{{.*}} at %{{.*}} outs(%{{.*}}) {scale = 1.250000e-01 : f32}
  %o = kvc.attend %q, %c at %step outs(%init) {scale = 0.125 : f32} : (tensor<?x4x64xf16>, !cache, !kvc.step, tensor<?x4x32xf16>) -> tensor<?x4x32xf16>
  return %o : tensor<?x4x32xf16>
}

// CHECK-LABEL: @rest
func.func @rest(%x: tensor<?x4x64xf32>, %step: !kvc.step, %po: tensor<2x?x4x64xf32>, %pl: tensor<2x?x4xf32>, %li: tensor<?x4xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %i: index) {
  // CHECK: kvc.step.positions %{{.*}} : tensor<?xi32>
  %p = kvc.step.positions %step : tensor<?xi32>
  // CHECK: kvc.step.logit_rows %{{.*}} : tensor<?xi32>
  %r = kvc.step.logit_rows %step : tensor<?xi32>
  // CHECK: kvc.step.num_tokens %{{.*}} : index
  %n = kvc.step.num_tokens %step : index
  // CHECK: kvc.rope %{{.*}} at %{{.*}} {rope = #kvc.rope<theta = 1.000000e+04, dim = 64>} : tensor<?x4x64xf32>, tensor<?xi32>
  %y = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e4, dim = 64>} : tensor<?x4x64xf32>, tensor<?xi32>
  // CHECK: kvc.merge %{{.*}}, %{{.*}} outs(%{{.*}}, %{{.*}}) :
  %o, %l = kvc.merge %po, %pl outs(%x, %li) : (tensor<2x?x4x64xf32>, tensor<2x?x4xf32>, tensor<?x4x64xf32>, tensor<?x4xf32>) -> (tensor<?x4x64xf32>, tensor<?x4xf32>)
  // CHECK: kvc.gather %{{.*}}[%{{.*}}] at %{{.*}} :
  %k, %v = kvc.gather %c[%i] at %step : !kvc.cache<kv_heads = 2, head_dim = 64, f32> -> tensor<?x2x64xf32>, tensor<?x2x64xf32>
  return
}

// CHECK: kvc.variant @decode {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16>, query_heads = 32 : i64}
kvc.variant @decode {cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16>, query_heads = 32}
