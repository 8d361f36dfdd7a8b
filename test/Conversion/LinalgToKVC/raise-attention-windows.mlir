// Sliding windows in their spellings: never lost, never off by one.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, j) -> (h, i, j)>

// i - 2 <= j <= i: three keys, the own one counted
// EXECUTE: closed
// CHECK-LABEL: @closed(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32, window = 3 : i64} :
func.func @closed(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant 0xFF800000 : f32
    %c2 = arith.constant 2 : index
    %low = arith.subi %i, %c2 : index
    %a = arith.cmpi sge, %j, %low : index
    %b = arith.cmpi sle, %j, %i : index
    %c = arith.andi %a, %b : i1
    %y = arith.select %c, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// i - 2 < j <= i: two
// EXECUTE: open_end
// CHECK-LABEL: @open_end(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32, window = 2 : i64} :
func.func @open_end(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant 0xFF800000 : f32
    %c2 = arith.constant 2 : index
    %low = arith.subi %i, %c2 : index
    %a = arith.cmpi sgt, %j, %low : index
    %b = arith.cmpi sle, %j, %i : index
    %c = arith.andi %a, %b : i1
    %y = arith.select %c, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// 0 <= i - j < 3
// EXECUTE: distance
// CHECK-LABEL: @distance(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32, window = 3 : i64} :
func.func @distance(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant 0xFF800000 : f32
    %c3 = arith.constant 3 : index
    %c0 = arith.constant 0 : index
    %d = arith.subi %i, %j : index
    %a = arith.cmpi slt, %d, %c3 : index
    %b = arith.cmpi sge, %d, %c0 : index
    %c = arith.andi %a, %b : i1
    %y = arith.select %c, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// |i - j| <= 2, and causal
// EXECUTE: absolute
// CHECK-LABEL: @absolute(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32, window = 3 : i64} :
func.func @absolute(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant 0xFF800000 : f32
    %c3 = arith.constant 3 : index
    %ii = arith.index_cast %i : index to i32
    %jj = arith.index_cast %j : index to i32
    %d = arith.subi %ii, %jj : i32
    %e = math.absi %d : i32
    %l = arith.constant 2 : i32
    %a = arith.cmpi sle, %e, %l : i32
    %b = arith.cmpi sge, %ii, %jj : i32
    %c = arith.andi %a, %b : i1
    %y = arith.select %c, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// compared as floats
// EXECUTE: of_floats
// CHECK-LABEL: @of_floats(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32, window = 4 : i64} :
func.func @of_floats(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant 0xFF800000 : f32
    %ii = arith.index_cast %i : index to i32
    %jj = arith.index_cast %j : index to i32
    %fi = arith.sitofp %ii : i32 to f32
    %fj = arith.sitofp %jj : i32 to f32
    %d = arith.subf %fi, %fj : f32
    %z = arith.constant 0.0 : f32
    %l = arith.constant 3.5 : f32
    %w = arith.constant 4.0 : f32
    %a = arith.cmpf olt, %d, %w : f32
    %b = arith.cmpf oge, %d, %z : f32
    %c = arith.andi %a, %b : i1
    %y = arith.select %c, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// what is hidden, negated; any value that hides will do, since each row sees itself
// EXECUTE: hidden_or
// CHECK-LABEL: @hidden_or(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32, window = 3 : i64} :
func.func @hidden_or(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant -1.0e9 : f32
    %c3 = arith.constant 3 : index
    %d = arith.subi %i, %j : index
    %old = arith.cmpi sge, %d, %c3 : index
    %new = arith.cmpi sgt, %j, %i : index
    %h = arith.ori %old, %new : i1
    %t = arith.constant true
    %c = arith.xori %h, %t : i1
    %y = arith.select %c, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}
