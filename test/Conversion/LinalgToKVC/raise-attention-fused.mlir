// Elementwise fusion before raise pulls factors, biases, casts, the broadcast of
// a group and the softmax's division into the bodies of the two products.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
#qd = affine_map<(b, h, g, i, j, d) -> (b, h, g, i, d)>
#kd = affine_map<(b, h, g, i, j, d) -> (b, h, j, d)>
#bd = affine_map<(b, h, g, i, j, d) -> (d)>
#sd = affine_map<(b, h, g, i, j, d) -> (b, h, g, i, j)>
#cell = affine_map<(b, h, g, i, j) -> (b, h, g, i, j)>
#row = affine_map<(b, h, g, i, j) -> (b, h, g, i)>
#mask = affine_map<(b, h, g, i, j) -> (b, i, j)>
#pv = affine_map<(b, h, g, i, n, j) -> (b, h, g, i, j)>
#rv = affine_map<(b, h, g, i, n, j) -> (b, h, g, i)>
#vv = affine_map<(b, h, g, i, n, j) -> (b, h, j, n)>
#nv = affine_map<(b, h, g, i, n, j) -> (n)>
#ov = affine_map<(b, h, g, i, n, j) -> (b, i, h, g, n)>

// the queries' factor joins the scale; keys and values with their biases are
// computed on their own again, once for a group
// CHECK-LABEL: @factors_in_the_bodies
// CHECK: %[[K:.*]] = linalg.generic {{.*}} outs({{.*}} : tensor<2x2x5x4xf32>)
// CHECK: %[[V:.*]] = linalg.generic {{.*}} outs({{.*}} : tensor<2x2x5x6xf32>)
// CHECK: kvc.attention %{{.*}}, %[[K]], %[[V]] mask %{{.*}} {fully_masked = zero, scale = 5.000000e-01 : f32} : (tensor<2x6x3x4xf32>, tensor<2x2x5x4xf32>, tensor<2x2x5x6xf32>,
func.func @factors_in_the_bodies(%q: tensor<2x2x3x3x4xf32>, %k: tensor<2x2x5x4xf32>, %kb: tensor<4xf32>, %v: tensor<2x2x5x6xf32>, %vb: tensor<6xf32>, %m: tensor<2x3x5xi1>) -> tensor<2x3x2x3x6xf32> {
  %zero = arith.constant 0.0 : f32
  %half = arith.constant 0.5 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %cell = tensor.empty() : tensor<2x2x3x3x5xf32>
  %row = tensor.empty() : tensor<2x2x3x3xf32>
  %oute = tensor.empty() : tensor<2x3x2x3x6xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x2x3x3x5xf32>) -> tensor<2x2x3x3x5xf32>
  %raw = linalg.generic {indexing_maps = [#qd, #kd, #bd, #sd], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%q, %k, %kb : tensor<2x2x3x3x4xf32>, tensor<2x2x5x4xf32>, tensor<4xf32>) outs(%cell0 : tensor<2x2x3x3x5xf32>) {
  ^bb0(%a: f32, %x: f32, %y: f32, %acc: f32):
    %key = arith.addf %x, %y : f32
    %query = arith.mulf %a, %half : f32
    %product = arith.mulf %key, %query : f32
    %sum = arith.addf %acc, %product : f32
    linalg.yield %sum : f32
  } -> tensor<2x2x3x3x5xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<2x2x3x3xf32>) -> tensor<2x2x3x3xf32>
  // the mask is applied twice: where the maximum is taken, and where exp is
  %max = linalg.generic {indexing_maps = [#cell, #mask, #row], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%raw, %m : tensor<2x2x3x3x5xf32>, tensor<2x3x5xi1>) outs(%max0 : tensor<2x2x3x3xf32>) {
  ^bb0(%x: f32, %seen: i1, %acc: f32):
    %s = arith.select %seen, %x, %lowest : f32
    %y = arith.maximumf %s, %acc : f32
    linalg.yield %y : f32
  } -> tensor<2x2x3x3xf32>
  %e = linalg.generic {indexing_maps = [#cell, #mask, #row, #cell], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%raw, %m, %max : tensor<2x2x3x3x5xf32>, tensor<2x3x5xi1>, tensor<2x2x3x3xf32>) outs(%cell : tensor<2x2x3x3x5xf32>) {
  ^bb0(%x: f32, %seen: i1, %most: f32, %o: f32):
    %s = arith.select %seen, %x, %lowest : f32
    %less = arith.subf %s, %most : f32
    %y = math.exp %less : f32
    linalg.yield %y : f32
  } -> tensor<2x2x3x3x5xf32>
  %sum0 = linalg.fill ins(%zero : f32) outs(%row : tensor<2x2x3x3xf32>) -> tensor<2x2x3x3xf32>
  %sum = linalg.generic {indexing_maps = [#cell, #row], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%e : tensor<2x2x3x3x5xf32>) outs(%sum0 : tensor<2x2x3x3xf32>) {
  ^bb0(%x: f32, %acc: f32):
    %y = arith.addf %x, %acc : f32
    linalg.yield %y : f32
  } -> tensor<2x2x3x3xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x3x2x3x6xf32>) -> tensor<2x3x2x3x6xf32>
  %out = linalg.generic {indexing_maps = [#pv, #rv, #vv, #nv, #ov], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%e, %sum, %v, %vb : tensor<2x2x3x3x5xf32>, tensor<2x2x3x3xf32>, tensor<2x2x5x6xf32>, tensor<6xf32>) outs(%out0 : tensor<2x3x2x3x6xf32>) {
  ^bb0(%x: f32, %all: f32, %y: f32, %bias: f32, %acc: f32):
    %p = arith.divf %x, %all : f32
    %nothing = arith.cmpf uno, %p, %p : f32
    %kept = arith.select %nothing, %zero, %p : f32
    %value = arith.addf %y, %bias : f32
    %product = arith.mulf %kept, %value : f32
    %next = arith.addf %acc, %product : f32
    linalg.yield %next : f32
  } -> tensor<2x3x2x3x6xf32>
  return %out : tensor<2x3x2x3x6xf32>
}
