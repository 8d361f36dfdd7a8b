// RUN: kvc-opt %s --kvc-fuse --canonicalize | FileCheck %s
// RUN: kvc-opt %s --kvc-fuse --kvc-fuse --canonicalize | FileCheck %s
// RUN: kvc-opt %s --kvc-fuse --remarks-filter=kvc-fuse --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

!cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>
#rope = #kvc.rope<theta = 1.0e4, dim = 64>

// Through transpose and collapse; the cache gets the rotation.
// CHECK-LABEL: func.func @fires
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x4x?x64xf32>, %[[K:[a-z0-9]+]]: tensor<?x2x64xf32>
// CHECK-SAME: %[[CACHE:[a-z0-9]+]]: !kvc.cache<kv_heads = 2, head_dim = 64, f32, position = #kvc.rope<theta = 1.000000e+04, dim = 64>>
// CHECK-NOT: kvc.rope %
// CHECK: kvc.append %[[K]], %[[K]] into %[[CACHE]]
// CHECK: %[[FLAT:.*]] = tensor.collapse_shape %[[Q]]
// CHECK: %[[ROWS:.*]] = linalg.transpose ins(%[[FLAT]]
// CHECK: kvc.attend %[[ROWS]], %[[CACHE]]
func.func @fires(%q: tensor<1x4x?x64xf32>, %k: tensor<?x2x64xf32>, %init: tensor<?x4x64xf32>, %c: !cache, %step: !kvc.step) -> tensor<?x4x64xf32> {
  %p = kvc.step.positions %step : tensor<?xi32>
  %kr = kvc.rope %k at %p {rope = #rope} : tensor<?x2x64xf32>, tensor<?xi32>
  kvc.append %kr, %k into %c at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !cache
  %qr = kvc.rope %q at %p {rope = #rope} : tensor<1x4x?x64xf32>, tensor<?xi32>
  %flat = tensor.collapse_shape %qr [[0, 1], [2], [3]] : tensor<1x4x?x64xf32> into tensor<4x?x64xf32>
  %rows = linalg.transpose ins(%flat : tensor<4x?x64xf32>) outs(%init : tensor<?x4x64xf32>) permutation = [1, 0, 2]
  %o = kvc.attend %rows, %c at %step outs(%init) {scale = 0.125 : f32} : (tensor<?x4x64xf32>, !cache, !kvc.step, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
  return %o : tensor<?x4x64xf32>
}

// REMARK-DAG: kvc-fuse-rope |{{.*}}rotation moved into append and attend

// CHECK-LABEL: func.func @query_not_rotated
// CHECK: kvc.rope
// REMARK-DAG: operand is not the result of kvc.rope
func.func @query_not_rotated(%q: tensor<?x4x64xf32>, %k: tensor<?x2x64xf32>, %init: tensor<?x4x64xf32>, %c: !cache, %step: !kvc.step) -> tensor<?x4x64xf32> {
  %p = kvc.step.positions %step : tensor<?xi32>
  %kr = kvc.rope %k at %p {rope = #rope} : tensor<?x2x64xf32>, tensor<?xi32>
  kvc.append %kr, %k into %c at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !cache
  %o = kvc.attend %q, %c at %step outs(%init) {scale = 0.125 : f32} : (tensor<?x4x64xf32>, !cache, !kvc.step, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
  return %o : tensor<?x4x64xf32>
}

// CHECK-LABEL: func.func @other_theta
// CHECK-COUNT-2: kvc.rope %
// REMARK-DAG: queries and keys of one cache are rotated differently
func.func @other_theta(%q: tensor<?x4x64xf32>, %k: tensor<?x2x64xf32>, %init: tensor<?x4x64xf32>, %c: !cache, %step: !kvc.step) -> tensor<?x4x64xf32> {
  %p = kvc.step.positions %step : tensor<?xi32>
  %kr = kvc.rope %k at %p {rope = #rope} : tensor<?x2x64xf32>, tensor<?xi32>
  kvc.append %kr, %k into %c at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !cache
  %qr = kvc.rope %q at %p {rope = #kvc.rope<theta = 5.0e5, dim = 64>} : tensor<?x4x64xf32>, tensor<?xi32>
  %o = kvc.attend %qr, %c at %step outs(%init) {scale = 0.125 : f32} : (tensor<?x4x64xf32>, !cache, !kvc.step, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
  return %o : tensor<?x4x64xf32>
}

// CHECK-LABEL: func.func @other_positions
// CHECK-COUNT-2: kvc.rope %
// REMARK-DAG: kvc.rope is not at this step's positions
func.func @other_positions(%q: tensor<?x4x64xf32>, %k: tensor<?x2x64xf32>, %p: tensor<?xi32>, %init: tensor<?x4x64xf32>, %c: !cache, %step: !kvc.step) -> tensor<?x4x64xf32> {
  %kr = kvc.rope %k at %p {rope = #rope} : tensor<?x2x64xf32>, tensor<?xi32>
  kvc.append %kr, %k into %c at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !cache
  %qr = kvc.rope %q at %p {rope = #rope} : tensor<?x4x64xf32>, tensor<?xi32>
  %o = kvc.attend %qr, %c at %step outs(%init) {scale = 0.125 : f32} : (tensor<?x4x64xf32>, !cache, !kvc.step, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
  return %o : tensor<?x4x64xf32>
}

// Tokens and heads change places on the way to append.
// CHECK-LABEL: func.func @rows_moved
// CHECK-COUNT-2: kvc.rope %
// REMARK-DAG: the rows of kvc.rope are not the rows of its user
func.func @rows_moved(%q: tensor<?x4x64xf32>, %k: tensor<2x2x64xf32>, %init: tensor<?x4x64xf32>, %kinit: tensor<2x2x64xf32>, %c: !cache, %step: !kvc.step) -> tensor<?x4x64xf32> {
  %p = kvc.step.positions %step : tensor<?xi32>
  %ps = kvc.step.positions %step : tensor<2xi32>
  %kr = kvc.rope %k at %ps {rope = #rope} : tensor<2x2x64xf32>, tensor<2xi32>
  %kt = linalg.transpose ins(%kr : tensor<2x2x64xf32>) outs(%kinit : tensor<2x2x64xf32>) permutation = [1, 0, 2]
  kvc.append %kt, %k into %c at %step : tensor<2x2x64xf32>, tensor<2x2x64xf32>, !cache
  %qr = kvc.rope %q at %p {rope = #rope} : tensor<?x4x64xf32>, tensor<?xi32>
  %o = kvc.attend %qr, %c at %step outs(%init) {scale = 0.125 : f32} : (tensor<?x4x64xf32>, !cache, !kvc.step, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
  return %o : tensor<?x4x64xf32>
}
