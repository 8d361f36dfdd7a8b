// Everything that the interesting op does not need goes.
//
// RUN: kvc-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/keeps-append.sh' | FileCheck %s

!cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>

// CHECK-NOT: @unrelated
func.func @unrelated(%x: f32) -> f32 {
  %y = arith.addf %x, %x : f32
  return %y : f32
}

// CHECK: func.func @interesting
// CHECK-NEXT: kvc.append
func.func @interesting(%k: tensor<8x2x64xf32>, %c: !cache, %step: !kvc.step) {
  kvc.append %k, %k into %c at %step : tensor<8x2x64xf32>, tensor<8x2x64xf32>, !cache
  return
}
