// Rotations whose tables, angles or halves are computed in other ways.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, d) -> (h, i, d)>

// a table of 12 rows computed in the graph, then gathered
// EXECUTE: gathered_computed
// CHECK-LABEL: @gathered_computed(
// CHECK-SAME: %[[POS:[^ ]*]]: tensor<5xi32>)
// CHECK: kvc.rope %{{.*}} at %[[POS]] {rope = #kvc.rope<theta = 1.000000e+04, dim = 8>}
func.func @gathered_computed(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>, %pos: tensor<5xi32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %freq = arith.constant dense<[1.000000000e+00, 1.000000015e-01, 9.999999776e-03, 1.000000047e-03]> : tensor<4xf32>
  %te = tensor.empty() : tensor<12x4xf32>
  %ct = linalg.generic {indexing_maps = [affine_map<(r, p) -> (p)>, affine_map<(r, p) -> (r, p)>], iterator_types = ["parallel", "parallel"]} ins(%freq : tensor<4xf32>) outs(%te : tensor<12x4xf32>) {
  ^bb0(%f: f32, %o: f32):
  %ri = linalg.index 0 : index
  %rj = arith.index_cast %ri : index to i64
  %rf = arith.sitofp %rj : i64 to f32
  %an = arith.mulf %rf, %f : f32
  %c = math.cos %an : f32
  linalg.yield %c : f32
  } -> tensor<12x4xf32>
  %st = linalg.generic {indexing_maps = [affine_map<(r, p) -> (p)>, affine_map<(r, p) -> (r, p)>], iterator_types = ["parallel", "parallel"]} ins(%freq : tensor<4xf32>) outs(%te : tensor<12x4xf32>) {
  ^bb0(%f: f32, %o: f32):
  %ri = linalg.index 0 : index
  %rj = arith.index_cast %ri : index to i64
  %rf = arith.sitofp %rj : i64 to f32
  %an = arith.mulf %rf, %f : f32
  %c = math.sin %an : f32
  linalg.yield %c : f32
  } -> tensor<12x4xf32>
  %r = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%oute : tensor<2x5x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %i = linalg.index 1 : index
    %d = linalg.index 2 : index
    %half = arith.constant 4 : index
    %is_first = arith.cmpi ult, %d, %half : index
    %p = arith.remui %d, %half : index
    %up = arith.addi %d, %half : index
    %down = arith.subi %d, %half : index
    %partner = arith.select %is_first, %up, %down : index
    %at = tensor.extract %pos[%i] : tensor<5xi32>
    %row = arith.index_cast %at : i32 to index
    %cos = tensor.extract %ct[%row, %p] : tensor<12x4xf32>
    %sin = tensor.extract %st[%row, %p] : tensor<12x4xf32>
    %x = tensor.extract %q[%h, %i, %d] : tensor<2x5x8xf32>
    %w = tensor.extract %q[%h, %i, %partner] : tensor<2x5x8xf32>
    %n = arith.negf %w : f32
    %z = arith.select %is_first, %n, %w : f32
    %u = arith.mulf %x, %cos : f32
    %t = arith.mulf %z, %sin : f32
    %y = arith.addf %u, %t : f32
    linalg.yield %y : f32
  } -> tensor<2x5x8xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%r, %k : tensor<2x5x8xf32>, tensor<2x5x8xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x5xf32>, tensor<2x5x8xf32>) outs(%out0 : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return %out : tensor<2x5x8xf32>
}

// frequencies times positions as a matmul over one element
// EXECUTE: outer_product
// CHECK-LABEL: @outer_product(
// CHECK: kvc.rope %{{.*}} at %{{.*}} {rope = #kvc.rope<theta = 1.000000e+04, dim = 8>}
func.func @outer_product(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %freq = arith.constant dense<[1.000000000e+00, 1.000000015e-01, 9.999999776e-03, 1.000000047e-03]> : tensor<4xf32>
  %col = tensor.expand_shape %freq [[0, 1]] output_shape [4, 1] : tensor<4xf32> into tensor<4x1xf32>
  %re = tensor.empty() : tensor<1x5xf32>
  %rowp = linalg.generic {indexing_maps = [affine_map<(u, i) -> (u, i)>], iterator_types = ["parallel", "parallel"]} outs(%re : tensor<1x5xf32>) {
  ^bb0(%o: f32):
  %ri = linalg.index 1 : index
  %rj = arith.index_cast %ri : index to i64
  %rf = arith.sitofp %rj : i64 to f32
  linalg.yield %rf : f32
  } -> tensor<1x5xf32>
  %ae = tensor.empty() : tensor<4x5xf32>
  %a0 = linalg.fill ins(%zero : f32) outs(%ae : tensor<4x5xf32>) -> tensor<4x5xf32>
  %angles = linalg.matmul ins(%col, %rowp : tensor<4x1xf32>, tensor<1x5xf32>) outs(%a0 : tensor<4x5xf32>) -> tensor<4x5xf32>
  %r = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%oute : tensor<2x5x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %i = linalg.index 1 : index
    %d = linalg.index 2 : index
    %half = arith.constant 4 : index
    %is_first = arith.cmpi ult, %d, %half : index
    %p = arith.remui %d, %half : index
    %up = arith.addi %d, %half : index
    %down = arith.subi %d, %half : index
    %partner = arith.select %is_first, %up, %down : index
    %angle = tensor.extract %angles[%p, %i] : tensor<4x5xf32>
    %cos = math.cos %angle : f32
    %sin = math.sin %angle : f32
    %x = tensor.extract %q[%h, %i, %d] : tensor<2x5x8xf32>
    %w = tensor.extract %q[%h, %i, %partner] : tensor<2x5x8xf32>
    %n = arith.negf %w : f32
    %z = arith.select %is_first, %n, %w : f32
    %u = arith.mulf %x, %cos : f32
    %t = arith.mulf %z, %sin : f32
    %y = arith.addf %u, %t : f32
    linalg.yield %y : f32
  } -> tensor<2x5x8xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%r, %k : tensor<2x5x8xf32>, tensor<2x5x8xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x5xf32>, tensor<2x5x8xf32>) outs(%out0 : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return %out : tensor<2x5x8xf32>
}

// the swapped half is a product with a literal of 0, 1 and -1
// EXECUTE: selection_matmul
// CHECK-LABEL: @selection_matmul(
// CHECK: kvc.rope %{{.*}} at %{{.*}} {rope = #kvc.rope<theta = 1.000000e+04, dim = 8>}
func.func @selection_matmul(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %freq = arith.constant dense<[1.000000000e+00, 1.000000015e-01, 9.999999776e-03, 1.000000047e-03]> : tensor<4xf32>
  %select = arith.constant dense<[[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], [-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<8x8xf32>
  %zero3 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %turned = linalg.generic {indexing_maps = [affine_map<(h, i, d, c) -> (h, i, c)>, affine_map<(h, i, d, c) -> (c, d)>, affine_map<(h, i, d, c) -> (h, i, d)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %select : tensor<2x5x8xf32>, tensor<8x8xf32>) outs(%zero3 : tensor<2x5x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %m = arith.mulf %a, %b : f32
  %s0 = arith.addf %o, %m : f32
  linalg.yield %s0 : f32
  } -> tensor<2x5x8xf32>
  %r = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel"]} outs(%oute : tensor<2x5x8xf32>) {
  ^bb0(%o: f32):
    %h = linalg.index 0 : index
    %i = linalg.index 1 : index
    %d = linalg.index 2 : index
    %half = arith.constant 4 : index
    %p = arith.remui %d, %half : index
    %ii = arith.index_cast %i : index to i64
    %pos = arith.sitofp %ii : i64 to f32
    %fr = tensor.extract %freq[%p] : tensor<4xf32>
    %angle = arith.mulf %pos, %fr : f32
    %cos = math.cos %angle : f32
    %sin = math.sin %angle : f32
    %x = tensor.extract %q[%h, %i, %d] : tensor<2x5x8xf32>
    %z = tensor.extract %turned[%h, %i, %d] : tensor<2x5x8xf32>
    %u = arith.mulf %x, %cos : f32
    %t = arith.mulf %z, %sin : f32
    %y = arith.addf %u, %t : f32
    linalg.yield %y : f32
  } -> tensor<2x5x8xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%r, %k : tensor<2x5x8xf32>, tensor<2x5x8xf32>) outs(%cell0 : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = linalg.softmax dimension(2) ins(%s : tensor<2x5x5xf32>) outs(%cell : tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x5x5xf32>, tensor<2x5x8xf32>) outs(%out0 : tensor<2x5x8xf32>) -> tensor<2x5x8xf32>
  return %out : tensor<2x5x8xf32>
}
