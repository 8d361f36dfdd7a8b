// Near misses of sinks and of probabilities that are masked again.
// CHECK-NOT: kvc.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, j) -> (h, i, j)>
#h1 = affine_map<(h, i) -> (h)>
#hi = affine_map<(h, i) -> (h, i)>
#hh = affine_map<(h, i, j) -> (h)>
#row = affine_map<(h, i, j) -> (h, i)>
#ij = affine_map<(h, i, j) -> (i, j)>

// REMARK-DAG: [Missed] softmax-guard | Category:kvc-raise-attention | Function=masked_by_another |
func.func @masked_by_another(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %keep: tensor<6x6xi1> {test.mask}, %other: tensor<6x6xi1>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %keep : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %keep1: i1, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.constant -1.0e9 : f32
    %y = arith.select %keep1, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %q0 = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %p = linalg.generic {indexing_maps = [#id, #ij, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q0, %other : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: i1, %o: f32):
  %z = arith.constant 0.0 : f32
  %r = arith.select %b, %a, %z : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// REMARK-DAG: [Missed] softmax-axis | Category:kvc-raise-attention | Function=two_columns |
func.func @two_columns(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %sink: tensor<2xf32>) -> tensor<2x6x4xf32> {
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
    %ca = arith.cmpi sle, %j, %i : index
    %y = arith.select %ca, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %cole = tensor.empty() : tensor<2x6x2xf32>
  %col = linalg.generic {indexing_maps = [#hh, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%sink : tensor<2xf32>) outs(%cole : tensor<2x6x2xf32>) {
  ^bb0(%a: f32, %o: f32):
  linalg.yield %a : f32
  } -> tensor<2x6x2xf32>
  %all = tensor.concat dim(2) %m, %col : (tensor<2x6x6xf32>, tensor<2x6x2xf32>) -> tensor<2x6x8xf32>
  %cell7 = tensor.empty() : tensor<2x6x8xf32>
  %pp = linalg.softmax dimension(2) ins(%all : tensor<2x6x8xf32>) outs(%cell7 : tensor<2x6x8xf32>) -> tensor<2x6x8xf32>
  %p = tensor.extract_slice %pp[0, 0, 0] [2, 6, 6] [1, 1, 1] : tensor<2x6x8xf32> to tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// REMARK-DAG: [Missed] sink | Category:kvc-raise-attention | Function=sink_of_queries |
func.func @sink_of_queries(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %sink: tensor<2x6xf32>) -> tensor<2x6x4xf32> {
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
    %ca = arith.cmpi sle, %j, %i : index
    %y = arith.select %ca, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %cole = tensor.empty() : tensor<2x6x1xf32>
  %col = linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%sink : tensor<2x6xf32>) outs(%cole : tensor<2x6x1xf32>) {
  ^bb0(%a: f32, %o: f32):
  linalg.yield %a : f32
  } -> tensor<2x6x1xf32>
  %all = tensor.concat dim(2) %m, %col : (tensor<2x6x6xf32>, tensor<2x6x1xf32>) -> tensor<2x6x7xf32>
  %cell7 = tensor.empty() : tensor<2x6x7xf32>
  %pp = linalg.softmax dimension(2) ins(%all : tensor<2x6x7xf32>) outs(%cell7 : tensor<2x6x7xf32>) -> tensor<2x6x7xf32>
  %p = tensor.extract_slice %pp[0, 0, 0] [2, 6, 6] [1, 1, 1] : tensor<2x6x7xf32> to tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// REMARK-DAG: [Missed] sink | Category:kvc-raise-attention | Function=sink_in_the_maximum_only |
func.func @sink_in_the_maximum_only(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %sink: tensor<2xf32>) -> tensor<2x6x4xf32> {
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
    %ca = arith.cmpi sle, %j, %i : index
    %y = arith.select %ca, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %m00_i = tensor.empty() : tensor<2x6xf32>
  %m00_c = arith.constant 0xFF800000 : f32
  %m00 = linalg.fill ins(%m00_c : f32) outs(%m00_i : tensor<2x6xf32>) -> tensor<2x6xf32>
  %m0 = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]} ins(%m : tensor<2x6x6xf32>) outs(%m00 : tensor<2x6xf32>) {
  ^bb0(%a: f32, %b: f32):
  %r = arith.maximumf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %mx_e = tensor.empty() : tensor<2x6xf32>
  %mx = linalg.generic {indexing_maps = [#hi, #h1, #hi], iterator_types = ["parallel", "parallel"]} ins(%m0, %sink : tensor<2x6xf32>, tensor<2xf32>) outs(%mx_e : tensor<2x6xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
  %r = arith.maximumf %a0, %a1 : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %e = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%m, %mx : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %d = arith.subf %a, %b : f32
  %r = math.exp %d : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %sm0_i = tensor.empty() : tensor<2x6xf32>
  %sm0_c = arith.constant 0.0 : f32
  %sm0 = linalg.fill ins(%sm0_c : f32) outs(%sm0_i : tensor<2x6xf32>) -> tensor<2x6xf32>
  %sm = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]} ins(%e : tensor<2x6x6xf32>) outs(%sm0 : tensor<2x6xf32>) {
  ^bb0(%a: f32, %b: f32):
  %r = arith.addf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %p = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%e, %sm : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %r = arith.divf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// keys that the softmax counts, but the product with values does not
// REMARK-DAG: [Missed] softmax-axis | Category:kvc-raise-attention | Function=fewer_keys |
func.func @fewer_keys(%q: tensor<2x?x4xf32>, %k: tensor<2x?x4xf32>, %v: tensor<2x?x4xf32>, %sink: tensor<2xf32>) -> tensor<2x?x4xf32> {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1 : index
  %n = tensor.dim %q, %one : tensor<2x?x4xf32>
  %keys = tensor.dim %k, %one : tensor<2x?x4xf32>
  %cell = tensor.empty(%n, %keys) : tensor<2x?x?xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x?x4xf32>, tensor<2x?x4xf32>) outs(%cell0 : tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
  %cole = tensor.empty(%n) : tensor<2x?x1xf32>
  %col = linalg.generic {indexing_maps = [#hh, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%sink : tensor<2xf32>) outs(%cole : tensor<2x?x1xf32>) {
  ^bb0(%x: f32, %o: f32):
    linalg.yield %x : f32
  } -> tensor<2x?x1xf32>
  %fewer = arith.subi %keys, %one : index
  %cellm = tensor.empty(%n, %keys) : tensor<2x?x?xf32>
  %pp = linalg.softmax dimension(2) ins(%s : tensor<2x?x?xf32>) outs(%cellm : tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
  %p = tensor.extract_slice %pp[0, 0, 0] [2, %n, %fewer] [1, 1, 1] : tensor<2x?x?xf32> to tensor<2x?x?xf32>
  %oute = tensor.empty(%n) : tensor<2x?x4xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x?x4xf32>) -> tensor<2x?x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x?x?xf32>, tensor<2x?x4xf32>) outs(%out0 : tensor<2x?x4xf32>) -> tensor<2x?x4xf32>
  return %out : tensor<2x?x4xf32>
}
