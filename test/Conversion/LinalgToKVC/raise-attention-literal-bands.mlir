// Literal masks: what each row shows is one range, fitted and then compared entry by entry.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: kvc-raise-check %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, j) -> (h, i, j)>
#ij = affine_map<(h, i, j) -> (i, j)>

// EXECUTE: window
// CHECK-LABEL: @window(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32, window = 3 : i64} :
func.func @window(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %t = arith.constant dense<[[0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000], [0xFF800000, 0.0, 0.0, 0.0, 0xFF800000, 0xFF800000], [0xFF800000, 0xFF800000, 0.0, 0.0, 0.0, 0xFF800000], [0xFF800000, 0xFF800000, 0xFF800000, 0.0, 0.0, 0.0]]> : tensor<6x6xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %t : tensor<2x6x6xf32>, tensor<6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: f32, %o: f32):
    %y = arith.addf %x, %n : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// EXECUTE: window_of_bits
// CHECK-LABEL: @window_of_bits(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32, window = 2 : i64} :
func.func @window_of_bits(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %t = arith.constant dense<[[true, false, false, false, false, false], [true, true, false, false, false, false], [false, true, true, false, false, false], [false, false, true, true, false, false], [false, false, false, true, true, false], [false, false, false, false, true, true]]> : tensor<6x6xi1>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %t : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: i1, %o: f32):
    %hide = arith.constant 0xFF800000 : f32
    %y = arith.select %n, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// REMARK-DAG: [Missed] mask-chunk | Category:kvc-raise-attention | Function=chunks |
// EXECUTE: chunks
// CHECK-LABEL: @chunks(
// CHECK: kvc.attention {{.*}} mask {{.*}} {causal, scale = 1.000000e+00 : f32} :
func.func @chunks(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %t = arith.constant dense<[[0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0xFF800000, 0xFF800000, 0.0, 0xFF800000, 0xFF800000, 0xFF800000], [0xFF800000, 0xFF800000, 0.0, 0.0, 0xFF800000, 0xFF800000], [0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0.0, 0xFF800000], [0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0.0, 0.0]]> : tensor<6x6xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %t : tensor<2x6x6xf32>, tensor<6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: f32, %o: f32):
    %y = arith.addf %x, %n : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// REMARK-DAG: [Missed] mask-prefix | Category:kvc-raise-attention | Function=prefix |
// EXECUTE: prefix
// CHECK-LABEL: @prefix(
// CHECK: kvc.attention {{.*}} mask {{.*}} {scale = 1.000000e+00 : f32} : {{.*}}tensor<1x1x6x6xi1>
func.func @prefix(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %t = arith.constant dense<[[true, true, false, false, false, false], [true, true, false, false, false, false], [true, true, true, false, false, false], [true, true, true, true, false, false], [true, true, true, true, true, false], [true, true, true, true, true, true]]> : tensor<6x6xi1>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %t : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: i1, %o: f32):
    %hide = arith.constant 0xFF800000 : f32
    %y = arith.select %n, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// REMARK-DAG: [Missed] mask-length | Category:kvc-raise-attention | Function=keys |
// EXECUTE: keys
// CHECK-LABEL: @keys(
// CHECK: kvc.attention {{.*}} mask {{.*}} {scale = 1.000000e+00 : f32} :
func.func @keys(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %t = arith.constant dense<[[0xFF800000, 0.0, 0.0, 0.0, 0.0, 0xFF800000], [0xFF800000, 0.0, 0.0, 0.0, 0.0, 0xFF800000], [0xFF800000, 0.0, 0.0, 0.0, 0.0, 0xFF800000], [0xFF800000, 0.0, 0.0, 0.0, 0.0, 0xFF800000], [0xFF800000, 0.0, 0.0, 0.0, 0.0, 0xFF800000], [0xFF800000, 0.0, 0.0, 0.0, 0.0, 0xFF800000]]> : tensor<6x6xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %t : tensor<2x6x6xf32>, tensor<6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: f32, %o: f32):
    %y = arith.addf %x, %n : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// REMARK-DAG: [Missed] mask-dense | Category:kvc-raise-attention | Function=one_entry_differs |
// EXECUTE: one_entry_differs
// CHECK-LABEL: @one_entry_differs(
// CHECK: kvc.attention {{.*}} mask {{.*}} {scale = 1.000000e+00 : f32} : {{.*}}tensor<1x1x6x6xf32>
func.func @one_entry_differs(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %t = arith.constant dense<[[0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0.0, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000, 0.0, 0.0, 0xFF800000], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<6x6xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %t : tensor<2x6x6xf32>, tensor<6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: f32, %o: f32):
    %y = arith.addf %x, %n : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}
