// Near misses of rotations: the attention is raised, the rotation stays.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, d) -> (h, i, d)>

// REMARK-DAG: [Missed] rope-table | Category:kvc-raise-attention | Function=one_entry_differs |
// EXECUTE: one_entry_differs
// CHECK-LABEL: @one_entry_differs(
// CHECK-NOT: kvc.rope
func.func @one_entry_differs(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %ct = arith.constant dense<[[1.000000000e+00, 1.000000000e+00, 1.000000000e+00, 1.000000000e+00], [5.403022766e-01, 9.950041771e-01, 9.999499917e-01, 9.999995232e-01], [-4.161468446e-01, 9.800665975e-01, 9.998000264e-01, 9.999979734e-01], [-9.899924994e-01, 9.553365111e-01, 9.995500445e-01, 9.999955297e-01], [-6.536436081e-01, 9.210609794e-01, 9.992001057e-01, 9.999920130e-01], [2.836622000e-01, 8.775825500e-01, 9.987502694e-01, 9.999874830e-01], [9.601702690e-01, 8.253356218e-01, 9.982005358e-01, 9.999819994e-01], [7.539022565e-01, 7.648422122e-01, 9.975510240e-01, 9.999755025e-01], [-1.455000341e-01, 6.967067122e-01, 9.968017340e-01, 9.999679923e-01], [-9.111302495e-01, 6.216099262e-01, 9.959527254e-01, 9.999595284e-01], [-8.390715122e-01, 5.403022766e-01, 9.950041771e-01, 9.999499917e-01], [4.425697960e-03, 4.535960853e-01, 9.939560890e-01, 9.999395013e-01]]> : tensor<12x4xf32>
  %st = arith.constant dense<[[0.000000000e+00, 0.000000000e+00, 0.000000000e+00, 0.000000000e+00], [8.414709568e-01, 9.983342141e-02, 9.999833070e-03, 9.999999311e-04], [9.092974067e-01, 1.986693293e-01, 1.999866590e-02, 1.999998698e-03], [1.411200017e-01, 2.955202162e-01, 2.999549918e-02, 2.999995602e-03], [-7.568024993e-01, 3.894183338e-01, 3.998933360e-02, 3.999989480e-03], [-9.589242935e-01, 4.794255495e-01, 4.997916520e-02, 4.999979399e-03], [-2.794154882e-01, 5.646424890e-01, 5.996400490e-02, 5.999964196e-03], [6.569865942e-01, -6.442176700e-01, 6.994284689e-02, 6.999942940e-03], [9.893582463e-01, 7.173560858e-01, 7.991468906e-02, 7.999914698e-03], [4.121184945e-01, 7.833269238e-01, 8.987854421e-02, 8.999879472e-03], [-5.440211296e-01, 8.414709568e-01, 9.983341396e-02, 9.999834001e-03], [-9.999902248e-01, 8.912073970e-01, 1.097782999e-01, 1.099977922e-02]]> : tensor<12x4xf32>
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
    %cos = tensor.extract %ct[%i, %p] : tensor<12x4xf32>
    %sin = tensor.extract %st[%i, %p] : tensor<12x4xf32>
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

// REMARK-DAG: [Missed] rope-table | Category:kvc-raise-attention | Function=tables_as_arguments |
// EXECUTE: tables_as_arguments
// CHECK-LABEL: @tables_as_arguments(
// CHECK-NOT: kvc.rope
func.func @tables_as_arguments(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>, %ct: tensor<5x4xf32>, %st: tensor<5x4xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
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
    %cos = tensor.extract %ct[%i, %p] : tensor<5x4xf32>
    %sin = tensor.extract %st[%i, %p] : tensor<5x4xf32>
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

// a sum instead of a rotation
// REMARK-DAG: [Missed] rope-form | Category:kvc-raise-attention | Function=both_turn_one_way |
// EXECUTE: both_turn_one_way
// CHECK-LABEL: @both_turn_one_way(
// CHECK-NOT: kvc.rope
func.func @both_turn_one_way(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %freq = arith.constant dense<[1.000000000e+00, 1.000000015e-01, 9.999999776e-03, 1.000000047e-03]> : tensor<4xf32>
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
    %ii = arith.index_cast %i : index to i64
    %pos = arith.sitofp %ii : i64 to f32
    %fr = tensor.extract %freq[%p] : tensor<4xf32>
    %angle = arith.mulf %pos, %fr : f32
    %cos = math.cos %angle : f32
    %sin = math.sin %angle : f32
    %x = tensor.extract %q[%h, %i, %d] : tensor<2x5x8xf32>
    %w = tensor.extract %q[%h, %i, %partner] : tensor<2x5x8xf32>
    %n = arith.negf %w : f32
    %z = arith.select %is_first, %w, %w : f32
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

// REMARK-DAG: [Missed] rope-frequencies | Category:kvc-raise-attention | Function=other_frequencies |
// EXECUTE: other_frequencies
// CHECK-LABEL: @other_frequencies(
// CHECK-NOT: kvc.rope
func.func @other_frequencies(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x5x5xf32>
  %oute = tensor.empty() : tensor<2x5x8xf32>
  %freq = arith.constant dense<[1.000000000e+00, 7.500000298e-02, 6.000000052e-03, 5.000000237e-04]> : tensor<4xf32>
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
    %ii = arith.index_cast %i : index to i64
    %pos = arith.sitofp %ii : i64 to f32
    %fr = tensor.extract %freq[%p] : tensor<4xf32>
    %angle = arith.mulf %pos, %fr : f32
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
