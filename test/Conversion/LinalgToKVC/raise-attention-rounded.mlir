// bf16 models as torch-mlir writes them: products summed in f32 and rounded at
// once, softmax in f32. Attention is in the type that all three are rounded to,
// and a bias that was rounded on its own does not count as a rounded score.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
#p3 = affine_map<(b, i, j) -> (b, i, j)>
#one = affine_map<(b, i, j) -> (i, j)>

// CHECK-LABEL: @rounded
// CHECK: kvc.attention {{.*}} {scale = 5.000000e-01 : f32} : (tensor<1x2x3x4xbf16>, tensor<1x2x5x4xbf16>, tensor<1x2x5x4xbf16>{{.*}}) -> tensor<1x2x3x4xbf16>
func.func @rounded(%qf: tensor<2x3x4xf32>, %kf: tensor<2x5x4xf32>, %vf: tensor<2x5x4xf32>) -> tensor<2x3x4xbf16> {
  %zero = arith.constant 0.0 : f32
  %half = arith.constant 0.5 : bf16
  %lowest = arith.constant 0xFF800000 : f32
  %q0 = tensor.empty() : tensor<2x3x4xbf16>
  %k0 = tensor.empty() : tensor<2x5x4xbf16>
  %q = linalg.generic {indexing_maps = [#p3, #p3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%qf : tensor<2x3x4xf32>) outs(%q0 : tensor<2x3x4xbf16>) {
  ^bb0(%x: f32, %o: bf16):
    %y = arith.truncf %x : f32 to bf16
    linalg.yield %y : bf16
  } -> tensor<2x3x4xbf16>
  %k = linalg.generic {indexing_maps = [#p3, #p3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%kf : tensor<2x5x4xf32>) outs(%k0 : tensor<2x5x4xbf16>) {
  ^bb0(%x: f32, %o: bf16):
    %y = arith.truncf %x : f32 to bf16
    linalg.yield %y : bf16
  } -> tensor<2x5x4xbf16>
  %v = linalg.generic {indexing_maps = [#p3, #p3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%vf : tensor<2x5x4xf32>) outs(%k0 : tensor<2x5x4xbf16>) {
  ^bb0(%x: f32, %o: bf16):
    %y = arith.truncf %x : f32 to bf16
    linalg.yield %y : bf16
  } -> tensor<2x5x4xbf16>
  %cell = tensor.empty() : tensor<2x3x5xf32>
  %narrow = tensor.empty() : tensor<2x3x5xbf16>
  %rowe = tensor.empty() : tensor<2x3xf32>
  %wide = tensor.empty() : tensor<2x3x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %raw = linalg.batch_matmul indexing_maps = [affine_map<(b, i, j, d) -> (b, i, d)>, affine_map<(b, i, j, d) -> (b, j, d)>, affine_map<(b, i, j, d) -> (b, i, j)>] ins(%q, %k : tensor<2x3x4xbf16>, tensor<2x5x4xbf16>) outs(%cell0 : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %s16 = linalg.generic {indexing_maps = [#p3, #p3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%raw : tensor<2x3x5xf32>) outs(%narrow : tensor<2x3x5xbf16>) {
  ^bb0(%x: f32, %o: bf16):
    %r = arith.truncf %x : f32 to bf16
    %y = arith.mulf %r, %half : bf16
    linalg.yield %y : bf16
  } -> tensor<2x3x5xbf16>
  %s = linalg.generic {indexing_maps = [#p3, #p3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s16 : tensor<2x3x5xbf16>) outs(%cell : tensor<2x3x5xf32>) {
  ^bb0(%x: bf16, %o: f32):
    %y = arith.extf %x : bf16 to f32
    linalg.yield %y : f32
  } -> tensor<2x3x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x3x5xf32>) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %p16 = linalg.generic {indexing_maps = [#p3, #p3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%p : tensor<2x3x5xf32>) outs(%narrow : tensor<2x3x5xbf16>) {
  ^bb0(%x: f32, %o: bf16):
    %y = arith.truncf %x : f32 to bf16
    linalg.yield %y : bf16
  } -> tensor<2x3x5xbf16>
  %out0 = linalg.fill ins(%zero : f32) outs(%wide : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %out = linalg.batch_matmul ins(%p16, %v : tensor<2x3x5xbf16>, tensor<2x5x4xbf16>) outs(%out0 : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %out16 = linalg.generic {indexing_maps = [#p3, #p3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%out : tensor<2x3x4xf32>) outs(%q0 : tensor<2x3x4xbf16>) {
  ^bb0(%x: f32, %o: bf16):
    %y = arith.truncf %x : f32 to bf16
    linalg.yield %y : bf16
  } -> tensor<2x3x4xbf16>
  return %out16 : tensor<2x3x4xbf16>
}

// only the bias is rounded to bf16: the score is not
// CHECK-LABEL: @rounded_bias
// CHECK: kvc.attention {{.*}} mask %{{.*}} {scale = 1.000000e+00 : f32} : (tensor<1x2x3x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>,
func.func @rounded_bias(%q: tensor<2x3x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %bias: tensor<3x5xf32>) -> tensor<2x3x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x3x5xf32>
  %wide = tensor.empty() : tensor<2x3x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %raw = linalg.batch_matmul indexing_maps = [affine_map<(b, i, j, d) -> (b, i, d)>, affine_map<(b, i, j, d) -> (b, j, d)>, affine_map<(b, i, j, d) -> (b, i, j)>] ins(%q, %k : tensor<2x3x4xf32>, tensor<2x5x4xf32>) outs(%cell0 : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %s = linalg.generic {indexing_maps = [#p3, #one, #p3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%raw, %bias : tensor<2x3x5xf32>, tensor<3x5xf32>) outs(%cell : tensor<2x3x5xf32>) {
  ^bb0(%x: f32, %a: f32, %o: f32):
    %r = arith.truncf %a : f32 to bf16
    %w = arith.extf %r : bf16 to f32
    %y = arith.addf %x, %w : f32
    linalg.yield %y : f32
  } -> tensor<2x3x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x3x5xf32>) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%wide : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x3x5xf32>, tensor<2x5x4xf32>) outs(%out0 : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %out : tensor<2x3x4xf32>
}

// beside -8 a score of 16 bits keeps what it keeps of its own size (-100: raise-attention-refused-rest.mlir)
// CHECK-LABEL: @shifted_little_in_bf16(
// CHECK: kvc.attention {{.*}} {scale = 1.000000e+00 : f32} : (tensor<1x2x3x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>) -> tensor<1x2x3x4xf32>
func.func @shifted_little_in_bf16(%q: tensor<2x3x4xbf16>, %k: tensor<2x5x4xbf16>, %v: tensor<2x5x4xbf16>) -> tensor<2x3x4xf32> {
  %zero = arith.constant 0.0 : f32
  %little = arith.constant dense<-8.0> : tensor<2x3x5xbf16>
  %cell = tensor.empty() : tensor<2x3x5xf32>
  %oute = tensor.empty() : tensor<2x3x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %raw = linalg.batch_matmul indexing_maps = [affine_map<(b, i, j, d) -> (b, i, d)>, affine_map<(b, i, j, d) -> (b, j, d)>, affine_map<(b, i, j, d) -> (b, i, j)>] ins(%q, %k : tensor<2x3x4xbf16>, tensor<2x5x4xbf16>) outs(%cell0 : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %s16 = arith.truncf %raw : tensor<2x3x5xf32> to tensor<2x3x5xbf16>
  %shifted = arith.addf %s16, %little : tensor<2x3x5xbf16>
  %s = arith.extf %shifted : tensor<2x3x5xbf16> to tensor<2x3x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x3x5xf32>) outs(%cell : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %p16 = arith.truncf %p : tensor<2x3x5xf32> to tensor<2x3x5xbf16>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %out = linalg.batch_matmul ins(%p16, %v : tensor<2x3x5xbf16>, tensor<2x5x4xbf16>) outs(%out0 : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %out : tensor<2x3x4xf32>
}
