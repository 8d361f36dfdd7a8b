// Sinks: a logit that only the denominator has.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-raise-check %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, j) -> (h, i, j)>
#h1 = affine_map<(h, i) -> (h)>
#hi = affine_map<(h, i) -> (h, i)>
#hh = affine_map<(h, i, j) -> (h)>
#row = affine_map<(h, i, j) -> (h, i)>

// gpt-oss: a column beside the scores, dropped after the softmax
// EXECUTE: column
// CHECK-LABEL: @column(
// CHECK: kvc.attention {{.*}} sink_logits %{{.*}} {causal, scale = 1.000000e+00 : f32} :
func.func @column(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %sink: tensor<2xf32>) -> tensor<2x6x4xf32> {
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
  %col = linalg.generic {indexing_maps = [#hh, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%sink : tensor<2xf32>) outs(%cole : tensor<2x6x1xf32>) {
  ^bb0(%a: f32, %o: f32):
  linalg.yield %a : f32
  } -> tensor<2x6x1xf32>
  %all = tensor.concat dim(2) %m, %col : (tensor<2x6x6xf32>, tensor<2x6x1xf32>) -> tensor<2x6x7xf32>
  %cell7 = tensor.empty() : tensor<2x6x7xf32>
  %mx0_i = tensor.empty() : tensor<2x6xf32>
  %mx0_c = arith.constant 0xFF800000 : f32
  %mx0 = linalg.fill ins(%mx0_c : f32) outs(%mx0_i : tensor<2x6xf32>) -> tensor<2x6xf32>
  %mx = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]} ins(%all : tensor<2x6x7xf32>) outs(%mx0 : tensor<2x6xf32>) {
  ^bb0(%a: f32, %b: f32):
  %r = arith.maximumf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %e = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%all, %mx : tensor<2x6x7xf32>, tensor<2x6xf32>) outs(%cell7 : tensor<2x6x7xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %d = arith.subf %a, %b : f32
  %r = math.exp %d : f32
  linalg.yield %r : f32
  } -> tensor<2x6x7xf32>
  %sm0_i = tensor.empty() : tensor<2x6xf32>
  %sm0_c = arith.constant 0.0 : f32
  %sm0 = linalg.fill ins(%sm0_c : f32) outs(%sm0_i : tensor<2x6xf32>) -> tensor<2x6xf32>
  %sm = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]} ins(%e : tensor<2x6x7xf32>) outs(%sm0 : tensor<2x6xf32>) {
  ^bb0(%a: f32, %b: f32):
  %r = arith.addf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %pp = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%e, %sm : tensor<2x6x7xf32>, tensor<2x6xf32>) outs(%cell7 : tensor<2x6x7xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
  %r = arith.divf %a, %b : f32
  linalg.yield %r : f32
  } -> tensor<2x6x7xf32>
  %p = tensor.extract_slice %pp[0, 0, 0] [2, 6, 6] [1, 1, 1] : tensor<2x6x7xf32> to tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// the same with linalg.softmax; a mask of -1e9 hides as well as -inf, since the sink is there
// EXECUTE: column_named
// CHECK-LABEL: @column_named(
// CHECK: kvc.attention {{.*}} sink_logits %{{.*}} {causal, scale = 1.000000e+00 : f32} :
func.func @column_named(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %sink: tensor<2xf32>) -> tensor<2x6x4xf32> {
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
    %ca = arith.cmpi sle, %j, %i : index
    %y = arith.select %ca, %x, %hide : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %cole = tensor.empty() : tensor<2x6x1xf32>
  %col = linalg.generic {indexing_maps = [#hh, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%sink : tensor<2xf32>) outs(%cole : tensor<2x6x1xf32>) {
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

// the column beside a number of keys known at run time
// EXECUTE: dynamic sizes=5,5,5
// CHECK-LABEL: @dynamic(
// CHECK: kvc.attention {{.*}} sink_logits %{{.*}} {scale = 1.000000e+00 : f32} :
func.func @dynamic(%q: tensor<2x?x4xf32>, %k: tensor<2x?x4xf32>, %v: tensor<2x?x4xf32>, %sink: tensor<2xf32>) -> tensor<2x?x4xf32> {
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
  %all = tensor.concat dim(2) %s, %col : (tensor<2x?x?xf32>, tensor<2x?x1xf32>) -> tensor<2x?x?xf32>
  %more = arith.addi %keys, %one : index
  %cellm = tensor.empty(%n, %more) : tensor<2x?x?xf32>
  %pp = linalg.softmax dimension(2) ins(%all : tensor<2x?x?xf32>) outs(%cellm : tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
  %p = tensor.extract_slice %pp[0, 0, 0] [2, %n, %keys] [1, 1, 1] : tensor<2x?x?xf32> to tensor<2x?x?xf32>
  %oute = tensor.empty(%n) : tensor<2x?x4xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x?x4xf32>) -> tensor<2x?x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x?x?xf32>, tensor<2x?x4xf32>) outs(%out0 : tensor<2x?x4xf32>) -> tensor<2x?x4xf32>
  return %out : tensor<2x?x4xf32>
}
