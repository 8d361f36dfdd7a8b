// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-fuse-elementwise))' | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-fuse-elementwise,kvc-fuse-elementwise))' | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#id1 = affine_map<(d0) -> (d0)>
#a = affine_map<(d0, d1, d2) -> (d0, d2)>
#b = affine_map<(d0, d1, d2) -> (d2, d1)>
#c = affine_map<(d0, d1, d2) -> (d0, d1)>

// Two elementwise ops become one.
// CHECK-LABEL: @chain
// CHECK-COUNT-1: linalg.generic
// CHECK: arith.negf
// CHECK: math.exp
// CHECK-NOT: linalg.generic
func.func @chain(%x: tensor<?x8xf32>, %o: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x8xf32>) outs(%o : tensor<?x8xf32>) {
  ^bb0(%i: f32, %q: f32):
    %n = arith.negf %i : f32
    linalg.yield %n : f32
  } -> tensor<?x8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<?x8xf32>) outs(%o : tensor<?x8xf32>) {
  ^bb0(%i: f32, %q: f32):
    %n = math.exp %i : f32
    linalg.yield %n : f32
  } -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// Not into a contraction, which would compute it once per panel of columns.
// CHECK-LABEL: @product
// CHECK: arith.negf
// CHECK: linalg.generic
// CHECK: arith.mulf
func.func @product(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %e: tensor<?x8xf32>, %o: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%i: f32, %q: f32):
    %n = arith.negf %i : f32
    linalg.yield %n : f32
  } -> tensor<?x8xf32>
  %1 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]} ins(%0, %w : tensor<?x8xf32>, tensor<8x4xf32>) outs(%o : tensor<?x4xf32>) {
  ^bb0(%l: f32, %r: f32, %q: f32):
    %m = arith.mulf %l, %r : f32
    %s = arith.addf %q, %m : f32
    linalg.yield %s : f32
  } -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// A factor per row is not computed once per element.
// CHECK-LABEL: @row_factor
// CHECK-COUNT-2: linalg.generic
func.func @row_factor(%x: tensor<?x8xf32>, %f: tensor<?xf32>, %e: tensor<?xf32>, %o: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%f : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb0(%i: f32, %q: f32):
    %n = math.rsqrt %i : f32
    linalg.yield %n : f32
  } -> tensor<?xf32>
  %1 = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %0 : tensor<?x8xf32>, tensor<?xf32>) outs(%o : tensor<?x8xf32>) {
  ^bb0(%i: f32, %j: f32, %q: f32):
    %n = arith.mulf %i, %j : f32
    linalg.yield %n : f32
  } -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}
