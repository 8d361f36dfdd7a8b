// The dialect, its verifiers and our passes work inside the stock mlir-opt.
//
// UNSUPPORTED: sanitized
// RUN: mlir-opt %s --load-dialect-plugin=%kvc_plugin --load-pass-plugin=%kvc_plugin \
// RUN:   --pass-pipeline='builtin.module(canonicalize,cse,func.func(kvc-fuse-elementwise),one-shot-bufferize{bufferize-function-boundaries})' | FileCheck %s
!cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>

// CHECK-LABEL: func.func @append
// CHECK: kvc.append {{.*}} : memref<8x2x64xf32, {{.*}}>
func.func @append(%k: tensor<8x2x64xf32>, %c: !cache, %step: !kvc.step) {
  kvc.append %k, %k into %c at %step : tensor<8x2x64xf32>, tensor<8x2x64xf32>, !cache
  return
}
