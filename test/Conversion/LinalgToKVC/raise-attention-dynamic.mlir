// Sizes known only at run time, as torch-mlir computes them: reshapes by computed
// shapes, inferred dimensions, asserted equalities, broadcasts that may be none.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s

// EXECUTE: computed_shapes sizes=5,4
// CHECK-LABEL: @computed_shapes
// CHECK: kvc.attention {{.*}} : (tensor<?x3x?x4xf32>, tensor<?x3x?x4xf32>, tensor<?x3x?x4xf32>) -> tensor<?x3x?x4xf32>
// CHECK-NOT: math.exp
func.func @computed_shapes(%q: tensor<?x?x12xf32>, %k: tensor<?x?x12xf32>, %v: tensor<?x?x12xf32>) -> tensor<?x?x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0w = arith.constant 0 : i64
  %c1w = arith.constant 1 : i64
  %c3 = arith.constant 3 : i64
  %c4 = arith.constant 4 : i64
  %c12 = arith.constant 12 : i64
  %bi = tensor.dim %q, %c0 : tensor<?x?x12xf32>
  %ni = tensor.dim %q, %c1 : tensor<?x?x12xf32>
  %bk = tensor.dim %k, %c0 : tensor<?x?x12xf32>
  %nk = tensor.dim %k, %c1 : tensor<?x?x12xf32>
  // what broadcasting demands
  %sameb = arith.cmpi eq, %bk, %bi : index
  cf.assert %sameb, "sizes differ"
  %samen = arith.cmpi eq, %nk, %ni : index
  cf.assert %samen, "sizes differ"
  %b = arith.index_cast %bi : index to i64
  %n = arith.index_cast %ni : index to i64
  // an inferred dimension: all elements over the known ones
  %negative = arith.cmpi slt, %n, %c0w : i64
  %bn = arith.muli %b, %n : i64
  %all = arith.muli %bn, %c12 : i64
  %others = arith.muli %bn, %c4 : i64
  %heads = arith.divsi %all, %others : i64
  %length = arith.select %negative, %heads, %n : i64
  %four = tensor.from_elements %b, %length, %heads, %c4 : tensor<4xi64>
  %q4 = tensor.reshape %q(%four) : (tensor<?x?x12xf32>, tensor<4xi64>) -> tensor<?x?x3x4xf32>
  %k4 = tensor.reshape %k(%four) : (tensor<?x?x12xf32>, tensor<4xi64>) -> tensor<?x?x3x4xf32>
  %v4 = tensor.reshape %v(%four) : (tensor<?x?x12xf32>, tensor<4xi64>) -> tensor<?x?x3x4xf32>
  %bx = arith.index_cast %b : i64 to index
  %nx = arith.index_cast %length : i64 to index
  %turned = tensor.empty(%bx, %nx) : tensor<?x3x?x4xf32>
  %qt = linalg.transpose ins(%q4 : tensor<?x?x3x4xf32>) outs(%turned : tensor<?x3x?x4xf32>) permutation = [0, 2, 1, 3]
  %kt = linalg.transpose ins(%k4 : tensor<?x?x3x4xf32>) outs(%turned : tensor<?x3x?x4xf32>) permutation = [0, 2, 1, 3]
  %vt = linalg.transpose ins(%v4 : tensor<?x?x3x4xf32>) outs(%turned : tensor<?x3x?x4xf32>) permutation = [0, 2, 1, 3]
  // expand to its own shape: element 0 where a size is one
  %wide = tensor.empty(%bi, %ni) : tensor<?x3x?x4xf32>
  %kw = linalg.generic {indexing_maps = [affine_map<(i, j, k, l) -> (i, j, k, l)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%wide : tensor<?x3x?x4xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %h = linalg.index 2 : index
    %d = linalg.index 3 : index
    %one = arith.cmpi eq, %bx, %c1 : index
    %at = arith.select %one, %c0, %i : index
    %x = tensor.extract %kt[%at, %j, %h, %d] : tensor<?x3x?x4xf32>
    linalg.yield %x : f32
  } -> tensor<?x3x?x4xf32>
  %bh = arith.muli %b, %c3 : i64
  %three = tensor.from_elements %bh, %n, %c4 : tensor<3xi64>
  %q3 = tensor.reshape %qt(%three) : (tensor<?x3x?x4xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
  %k3 = tensor.reshape %kw(%three) : (tensor<?x3x?x4xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
  %v3 = tensor.reshape %vt(%three) : (tensor<?x3x?x4xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
  %bhx = arith.index_cast %bh : i64 to index
  %row = tensor.empty(%bhx, %nx) : tensor<?x?xf32>
  %cell = tensor.empty(%bhx, %nx, %nx) : tensor<?x?x?xf32>
  %oute = tensor.empty(%bhx, %nx) : tensor<?x?x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %s = linalg.batch_matmul indexing_maps = [affine_map<(b, i, j, d) -> (b, i, d)>, affine_map<(b, i, j, d) -> (b, j, d)>, affine_map<(b, i, j, d) -> (b, i, j)>] ins(%q3, %k3 : tensor<?x?x4xf32>, tensor<?x?x4xf32>) outs(%cell0 : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<?x?xf32>) -> tensor<?x?xf32>
  %max = linalg.reduce { arith.maximumf } ins(%s : tensor<?x?x?xf32>) outs(%max0 : tensor<?x?xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<?x?xf32>) outs(%cell : tensor<?x?x?xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%s, %maxb : tensor<?x?x?xf32>, tensor<?x?x?xf32>) outs(%cell : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %e = linalg.exp ins(%shifted : tensor<?x?x?xf32>) outs(%cell : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %sum0 = linalg.fill ins(%zero : f32) outs(%row : tensor<?x?xf32>) -> tensor<?x?xf32>
  %sum = linalg.reduce { arith.addf } ins(%e : tensor<?x?x?xf32>) outs(%sum0 : tensor<?x?xf32>) dimensions = [2]
  %sumb = linalg.broadcast ins(%sum : tensor<?x?xf32>) outs(%cell : tensor<?x?x?xf32>) dimensions = [2]
  %p = linalg.div ins(%e, %sumb : tensor<?x?x?xf32>, tensor<?x?x?xf32>) outs(%cell : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %out = linalg.batch_matmul ins(%p, %v3 : tensor<?x?x?xf32>, tensor<?x?x4xf32>) outs(%out0 : tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %out : tensor<?x?x4xf32>
}

// the keys' batch is broadcast to a size of which nothing is known: that stays
// EXECUTE: true_broadcast sizes=5,4,5
// CHECK-LABEL: @true_broadcast
// CHECK: tensor.extract
// CHECK: %[[K:.*]] = tensor.reshape
// CHECK: %[[KEYS:.*]] = tensor.expand_shape %[[K]]
// CHECK: kvc.attention %{{.*}}, %[[KEYS]], %{{.*}} {scale
func.func @true_broadcast(%q: tensor<?x?x12xf32>, %k: tensor<?x?x12xf32>, %v: tensor<?x?x12xf32>, %w: index) -> tensor<?x?x4xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c0w = arith.constant 0 : i64
  %c1w = arith.constant 1 : i64
  %c3 = arith.constant 3 : i64
  %c4 = arith.constant 4 : i64
  %c12 = arith.constant 12 : i64
  %bi = tensor.dim %q, %c0 : tensor<?x?x12xf32>
  %ni = tensor.dim %q, %c1 : tensor<?x?x12xf32>
  %bk = tensor.dim %k, %c0 : tensor<?x?x12xf32>
  %nk = tensor.dim %k, %c1 : tensor<?x?x12xf32>
  // what broadcasting demands
  %sameb = arith.cmpi eq, %bk, %bi : index
  cf.assert %sameb, "sizes differ"
  %samen = arith.cmpi eq, %nk, %ni : index
  cf.assert %samen, "sizes differ"
  %b = arith.index_cast %bi : index to i64
  %n = arith.index_cast %ni : index to i64
  // an inferred dimension: all elements over the known ones
  %negative = arith.cmpi slt, %n, %c0w : i64
  %bn = arith.muli %b, %n : i64
  %all = arith.muli %bn, %c12 : i64
  %others = arith.muli %bn, %c4 : i64
  %heads = arith.divsi %all, %others : i64
  %length = arith.select %negative, %heads, %n : i64
  %four = tensor.from_elements %b, %length, %heads, %c4 : tensor<4xi64>
  %q4 = tensor.reshape %q(%four) : (tensor<?x?x12xf32>, tensor<4xi64>) -> tensor<?x?x3x4xf32>
  %k4 = tensor.reshape %k(%four) : (tensor<?x?x12xf32>, tensor<4xi64>) -> tensor<?x?x3x4xf32>
  %v4 = tensor.reshape %v(%four) : (tensor<?x?x12xf32>, tensor<4xi64>) -> tensor<?x?x3x4xf32>
  %bx = arith.index_cast %b : i64 to index
  %nx = arith.index_cast %length : i64 to index
  %turned = tensor.empty(%bx, %nx) : tensor<?x3x?x4xf32>
  %qt = linalg.transpose ins(%q4 : tensor<?x?x3x4xf32>) outs(%turned : tensor<?x3x?x4xf32>) permutation = [0, 2, 1, 3]
  %kt = linalg.transpose ins(%k4 : tensor<?x?x3x4xf32>) outs(%turned : tensor<?x3x?x4xf32>) permutation = [0, 2, 1, 3]
  %vt = linalg.transpose ins(%v4 : tensor<?x?x3x4xf32>) outs(%turned : tensor<?x3x?x4xf32>) permutation = [0, 2, 1, 3]
  // expand to its own shape: element 0 where a size is one
  %wide = tensor.empty(%w, %ni) : tensor<?x3x?x4xf32>
  %kw = linalg.generic {indexing_maps = [affine_map<(i, j, k, l) -> (i, j, k, l)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%wide : tensor<?x3x?x4xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %h = linalg.index 2 : index
    %d = linalg.index 3 : index
    %one = arith.cmpi eq, %bx, %c1 : index
    %at = arith.select %one, %c0, %i : index
    %x = tensor.extract %kt[%at, %j, %h, %d] : tensor<?x3x?x4xf32>
    linalg.yield %x : f32
  } -> tensor<?x3x?x4xf32>
  %bh = arith.muli %b, %c3 : i64
  %three = tensor.from_elements %bh, %n, %c4 : tensor<3xi64>
  %q3 = tensor.reshape %qt(%three) : (tensor<?x3x?x4xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
  %k3 = tensor.reshape %kw(%three) : (tensor<?x3x?x4xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
  %v3 = tensor.reshape %vt(%three) : (tensor<?x3x?x4xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
  %bhx = arith.index_cast %bh : i64 to index
  %row = tensor.empty(%bhx, %nx) : tensor<?x?xf32>
  %cell = tensor.empty(%bhx, %nx, %nx) : tensor<?x?x?xf32>
  %oute = tensor.empty(%bhx, %nx) : tensor<?x?x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %s = linalg.batch_matmul indexing_maps = [affine_map<(b, i, j, d) -> (b, i, d)>, affine_map<(b, i, j, d) -> (b, j, d)>, affine_map<(b, i, j, d) -> (b, i, j)>] ins(%q3, %k3 : tensor<?x?x4xf32>, tensor<?x?x4xf32>) outs(%cell0 : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %max0 = linalg.fill ins(%lowest : f32) outs(%row : tensor<?x?xf32>) -> tensor<?x?xf32>
  %max = linalg.reduce { arith.maximumf } ins(%s : tensor<?x?x?xf32>) outs(%max0 : tensor<?x?xf32>) dimensions = [2]
  %maxb = linalg.broadcast ins(%max : tensor<?x?xf32>) outs(%cell : tensor<?x?x?xf32>) dimensions = [2]
  %shifted = linalg.sub ins(%s, %maxb : tensor<?x?x?xf32>, tensor<?x?x?xf32>) outs(%cell : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %e = linalg.exp ins(%shifted : tensor<?x?x?xf32>) outs(%cell : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %sum0 = linalg.fill ins(%zero : f32) outs(%row : tensor<?x?xf32>) -> tensor<?x?xf32>
  %sum = linalg.reduce { arith.addf } ins(%e : tensor<?x?x?xf32>) outs(%sum0 : tensor<?x?xf32>) dimensions = [2]
  %sumb = linalg.broadcast ins(%sum : tensor<?x?xf32>) outs(%cell : tensor<?x?x?xf32>) dimensions = [2]
  %p = linalg.div ins(%e, %sumb : tensor<?x?x?xf32>, tensor<?x?x?xf32>) outs(%cell : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %out = linalg.batch_matmul ins(%p, %v3 : tensor<?x?x?xf32>, tensor<?x?x4xf32>) outs(%out0 : tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %out : tensor<?x?x4xf32>
}
