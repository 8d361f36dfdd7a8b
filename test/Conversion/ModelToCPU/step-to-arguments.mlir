// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-step-to-arguments))' --split-input-file --verify-diagnostics | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-step-to-arguments,kvc-step-to-arguments))' --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[X:.*]]: tensor<1x?xi64> {kvc.input = "tokens"}, %{{.*}}: !kvc.step, %[[P:.*]]: tensor<?xi32> {kvc.positions}, %[[R:.*]]: tensor<?xi32> {kvc.logit_rows})
// CHECK: %[[T:.*]] = tensor.dim %[[X]], %c1
// CHECK-NOT: kvc.step.
// CHECK: return %[[P]], %[[R]], %[[P]], %[[T]]
func.func @step(%x: tensor<1x?xi64> {kvc.input = "tokens"}, %s: !kvc.step) -> (tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, index) {
  %p = kvc.step.positions %s : tensor<?xi32>
  %r = kvc.step.logit_rows %s : tensor<?xi32>
  %q = kvc.step.positions %s : tensor<?xi32>
  %t = kvc.step.num_tokens %s : index
  return %p, %r, %q, %t : tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, index
}

// -----

// expected-error @+1 {{expected an argument with `kvc.input` and a dynamic size, got none}}
func.func @no_input(%s: !kvc.step) -> index {
  %t = kvc.step.num_tokens %s : index
  return %t : index
}
