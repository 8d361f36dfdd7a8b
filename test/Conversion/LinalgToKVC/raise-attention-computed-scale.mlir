// A scale that the graph computes from literals, as TorchScript's ONNX export of
// scaled_dot_product_attention does: sqrt(1 / sqrt(channels)) on both sides.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s

#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, d) -> (h, i, d)>
#one = affine_map<(h, i, d) -> (0)>
#row = affine_map<(i) -> (i)>

// CHECK-LABEL: @roots
// CHECK: kvc.attention {{.*}} {scale = 0.353553355 : f32} :
func.func @roots(%q: tensor<2x5x8xf32>, %k: tensor<2x4x8xf32>, %v: tensor<2x4x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %channels = arith.constant dense<8.0> : tensor<1xf32>
  %ones = arith.constant dense<1.0> : tensor<1xf32>
  %e1 = tensor.empty() : tensor<1xf32>
  %root = linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel"]} ins(%channels : tensor<1xf32>) outs(%e1 : tensor<1xf32>) {
  ^bb0(%x: f32, %o: f32):
    %y = math.sqrt %x : f32
    linalg.yield %y : f32
  } -> tensor<1xf32>
  %over = linalg.div ins(%ones, %root : tensor<1xf32>, tensor<1xf32>) outs(%e1 : tensor<1xf32>) -> tensor<1xf32>
  %side = linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel"]} ins(%over : tensor<1xf32>) outs(%e1 : tensor<1xf32>) {
  ^bb0(%x: f32, %o: f32):
    %y = math.sqrt %x : f32
    linalg.yield %y : f32
  } -> tensor<1xf32>
  %qe = tensor.empty() : tensor<2x5x8xf32>
  %ke = tensor.empty() : tensor<2x4x8xf32>
  %qs = linalg.generic {indexing_maps = [#id, #one, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %side : tensor<2x5x8xf32>, tensor<1xf32>) outs(%qe : tensor<2x5x8xf32>) {
  ^bb0(%x: f32, %f: f32, %o: f32):
    %y = arith.mulf %x, %f : f32
    linalg.yield %y : f32
  } -> tensor<2x5x8xf32>
  %ks = linalg.generic {indexing_maps = [#id, #one, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%k, %side : tensor<2x4x8xf32>, tensor<1xf32>) outs(%ke : tensor<2x4x8xf32>) {
  ^bb0(%x: f32, %f: f32, %o: f32):
    %y = arith.mulf %x, %f : f32
    linalg.yield %y : f32
  } -> tensor<2x4x8xf32>
  %cell = tensor.empty() : tensor<2x5x4xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%qs, %ks : tensor<2x5x8xf32>, tensor<2x4x8xf32>) outs(%s0 : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x5x4xf32>) outs(%cell : tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %o0 = linalg.fill ins(%zero : f32) outs(%qe : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x4xf32>, tensor<2x4x8xf32>) outs(%o0 : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return %out : tensor<2x5x8xf32>
}
