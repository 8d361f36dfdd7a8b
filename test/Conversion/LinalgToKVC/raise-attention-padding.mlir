// Masks that ask tensors: padding, offsets, positions.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: kvc-raise-check %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, j) -> (h, i, j)>
#bj = affine_map<(h, i, j) -> (h, j)>
#i = affine_map<(h, i, j) -> (i)>
#j = affine_map<(h, i, j) -> (j)>

// padding and causal: rows may be empty
// REMARK-DAG: [Missed] mask-padding | Category:kvc-raise-attention | Function=padding |
// EXECUTE: padding
// CHECK-LABEL: @padding(
// CHECK: kvc.attention {{.*}} mask {{.*}} {causal, scale = 1.000000e+00 : f32} : {{.*}}tensor<1x2x6x6xi1>
func.func @padding(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %pad: tensor<2x6xi32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #bj, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %pad : tensor<2x6x6xf32>, tensor<2x6xi32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: i32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant 0xFF800000 : f32
    %z = arith.constant 0 : i32
    %a = arith.cmpi ne, %n, %z : i32
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

// the same through bytes
// REMARK-DAG: [Missed] mask-padding | Category:kvc-raise-attention | Function=padding_of_bits |
// EXECUTE: padding_of_bits
// CHECK-LABEL: @padding_of_bits(
// CHECK: kvc.attention {{.*}} mask {{.*}} {causal, scale = 1.000000e+00 : f32} : {{.*}}tensor<1x1x6x6xi1>
func.func @padding_of_bits(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %pad: tensor<6xi1> {test.mask}) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #j, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %pad : tensor<2x6x6xf32>, tensor<6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: i1, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant 0xFF800000 : f32
    %a = arith.cmpi sle, %j, %i : index
    %b = arith.andi %n, %a : i1
    %w = arith.extui %b : i1 to i8
    %wz = arith.constant 0 : i8
    %c = arith.cmpi ne, %w, %wz : i8
    %y = arith.select %c, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// queries that follow a past of run-time length
// REMARK-DAG: [Missed] mask-offset | Category:kvc-raise-attention | Function=offset |
// EXECUTE: offset
// CHECK-LABEL: @offset(
// CHECK: kvc.attention {{.*}} mask {{.*}} {scale = 1.000000e+00 : f32} : {{.*}}tensor<1x1x6x6xi1>
func.func @offset(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %past: tensor<i64>) -> tensor<2x6x4xf32> {
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
    %n = tensor.extract %past[] : tensor<i64>
    %ii = arith.index_cast %i : index to i64
    %jj = arith.index_cast %j : index to i64
    %at = arith.addi %ii, %n : i64
    %c = arith.cmpi sle, %jj, %at : i64
    %y = arith.select %c, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// a static cache: keys up to the query's position
// REMARK-DAG: [Missed] mask-positions | Category:kvc-raise-attention | Function=cache_positions |
// EXECUTE: cache_positions
// CHECK-LABEL: @cache_positions(
// CHECK: kvc.attention {{.*}} mask {{.*}} {scale = 1.000000e+00 : f32} : {{.*}}tensor<1x1x6x6xi1>
func.func @cache_positions(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %at: tensor<6xi64>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #i, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %at : tensor<2x6x6xf32>, tensor<6xi64>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: i64, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant 0xFF800000 : f32
    %jj = arith.index_cast %j : index to i64
    %c = arith.cmpi sle, %jj, %n : i64
    %y = arith.select %c, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// packed documents: keys of the query's own
// REMARK-DAG: [Missed] mask-positions | Category:kvc-raise-attention | Function=segments |
// EXECUTE: segments
// CHECK-LABEL: @segments(
// CHECK: kvc.attention {{.*}} mask {{.*}} {scale = 1.000000e+00 : f32} : {{.*}}tensor<1x1x6x6xi1>
func.func @segments(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %doc: tensor<6xi32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #i, #j, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %doc, %doc : tensor<2x6x6xf32>, tensor<6xi32>, tensor<6xi32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: i32, %o2: i32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant 0xFF800000 : f32
    %c = arith.cmpi eq, %n, %o2 : i32
    %y = arith.select %c, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}
