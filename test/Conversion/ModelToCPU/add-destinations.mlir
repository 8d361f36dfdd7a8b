// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-add-destinations))' --split-input-file --verify-diagnostics | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-add-destinations,kvc-add-destinations))' --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @two(
// CHECK-SAME: %[[X:.*]]: tensor<?xf32>, %[[Y:.*]]: tensor<4xi64>, %[[A:.*]]: memref<4xi64> {kvc.output}, %[[B:.*]]: memref<?xf32> {kvc.output}) {
// CHECK: bufferization.materialize_in_destination %[[Y]] in restrict writable %[[A]]
// CHECK: bufferization.materialize_in_destination %[[X]] in restrict writable %[[B]]
// CHECK: return{{$}}
func.func @two(%x: tensor<?xf32>, %y: tensor<4xi64>) -> (tensor<4xi64>, tensor<?xf32>) {
  return %y, %x : tensor<4xi64>, tensor<?xf32>
}

// CHECK-LABEL: func.func @nothing(%{{.*}}: tensor<?xf32>) {
func.func @nothing(%x: tensor<?xf32>) {
  return
}

// -----

// expected-error @+1 {{expected only ranked tensors as results, got 'index'}}
func.func @scalar(%x: index) -> index {
  return %x : index
}
