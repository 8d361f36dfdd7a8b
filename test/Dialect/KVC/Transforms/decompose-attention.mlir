// Every option of the stateless ops, as numbers, against the reference.
// RUN: %python %S/Inputs/decompose.py --bin %kvc_obj/bin \
// RUN:   --execute %S/../../../Conversion/LinalgToKVC/Inputs | FileCheck %s --check-prefix=VALUES
// VALUES-COUNT-26: equal
// VALUES-NOT: DIFFERENT
// And nothing else is touched.
// RUN: kvc-opt %s --split-input-file --verify-diagnostics \
// RUN:   --pass-pipeline='builtin.module(func.func(kvc-decompose-attention))' | FileCheck %s

// CHECK-LABEL: @others
// CHECK-NEXT: arith.addf
// CHECK-NEXT: return
func.func @others(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = arith.addf %x, %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @dynamic
// CHECK-NOT: kvc.
// CHECK: linalg.generic
func.func @dynamic(%q: tensor<?x4x?x8xbf16>, %k: tensor<?x2x?x8xbf16>, %p: tensor<?xi64>) -> tensor<?x4x?x8xbf16> {
  %r = kvc.rope %q at %p {rope = #kvc.rope<theta = 1.0e4, dim = 8>} : tensor<?x4x?x8xbf16>, tensor<?xi64>
  %o = kvc.attention %r, %k, %k {scale = 1.0 : f32, causal} : (tensor<?x4x?x8xbf16>, tensor<?x2x?x8xbf16>, tensor<?x2x?x8xbf16>) -> tensor<?x4x?x8xbf16>
  return %o : tensor<?x4x?x8xbf16>
}

// -----

func.func @unknown_heads(%q: tensor<1x?x4x8xf32>, %k: tensor<1x2x4x8xf32>) -> tensor<1x?x4x8xf32> {
  // expected-error @below {{expected a constant number of heads, got a dynamic one}}
  %o = kvc.attention %q, %k, %k {scale = 1.0 : f32} : (tensor<1x?x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x?x4x8xf32>
  return %o : tensor<1x?x4x8xf32>
}
