// Masks that are added, in their spellings.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: kvc-raise-check %s
#a = affine_map<(h, i, j, d) -> (h, i, d)>
#bt = affine_map<(h, i, j, d) -> (h, j, d)>
#c = affine_map<(h, i, j, d) -> (h, i, j)>
#id = affine_map<(h, i, j) -> (h, i, j)>
#j = affine_map<(h, i, j) -> (j)>

// the lower of two masks
// EXECUTE: lower_of_two
// CHECK-LABEL: @lower_of_two(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32, window = 3 : i64} :
func.func @lower_of_two(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
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
    %z = arith.constant 0.0 : f32
    %c2 = arith.constant 2 : index
    %a = arith.cmpi sle, %j, %i : index
    %d = arith.subi %i, %j : index
    %b = arith.cmpi sle, %d, %c2 : index
    %ma = arith.select %a, %z, %hide : f32
    %mb = arith.select %b, %z, %hide : f32
    %mask = arith.minimumf %ma, %mb : f32
    %y = arith.addf %x, %mask : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// (1 - causal * window) * -1e9
// EXECUTE: flags_of_floats
// CHECK-LABEL: @flags_of_floats(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32, window = 2 : i64} :
func.func @flags_of_floats(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant 1.0 : f32
    %big = arith.constant -1.0e9 : f32
    %a = arith.cmpi sle, %j, %i : index
    %d = arith.subi %i, %j : index
    %b = arith.cmpi slt, %d, %c2 : index
    %fa = arith.uitofp %a : i1 to f32
    %fb = arith.uitofp %b : i1 to f32
    %f = arith.mulf %fa, %fb : f32
    %g = arith.subf %one, %f : f32
    %mask = arith.mulf %g, %big : f32
    %y = arith.addf %x, %mask : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// a mask of positive numbers, negated
// EXECUTE: negated
// CHECK-LABEL: @negated(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32} :
func.func @negated(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %big = arith.constant 1.0e9 : f32
    %z = arith.constant 0.0 : f32
    %a = arith.cmpi sle, %j, %i : index
    %m = arith.select %a, %z, %big : f32
    %mask = arith.negf %m : f32
    %y = arith.addf %x, %mask : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// a row may be empty, and -1e4 keeps its scores apart: the numbers stay
// REMARK-DAG: [Missed] mask-dense | Category:kvc-raise-attention | Function=weak_and_padded |
// f32 holds scores near -1e4 to a thousandth
// EXECUTE: weak_and_padded bound=2e-3
// CHECK-LABEL: @weak_and_padded(
// CHECK: kvc.attention {{.*}} mask {{.*}} {scale = 1.000000e+00 : f32} : {{.*}}tensor<1x1x6x6xf32>
func.func @weak_and_padded(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>, %pad: tensor<6xi1> {test.mask}) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #j, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s, %pad : tensor<2x6x6xf32>, tensor<6xi1>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %n: i1, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %one = arith.constant 1.0 : f32
    %big = arith.constant -1.0e4 : f32
    %f = arith.uitofp %n : i1 to f32
    %g = arith.subf %one, %f : f32
    %mask = arith.mulf %g, %big : f32
    %y = arith.addf %x, %mask : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}

// MPT: an additive mask that is compared with zero and selects
// EXECUTE: compared_again
// CHECK-LABEL: @compared_again(
// CHECK: kvc.attention {{.*}} {causal, scale = 1.000000e+00 : f32} :
func.func @compared_again(%q: tensor<2x6x4xf32>, %k: tensor<2x6x4xf32>, %v: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %cell = tensor.empty() : tensor<2x6x6xf32>
  %oute = tensor.empty() : tensor<2x6x4xf32>
  %cell0 = linalg.fill ins(%zero : f32) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %s = linalg.batch_matmul indexing_maps = [#a, #bt, #c] ins(%q, %k : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%cell0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) {
  ^bb0(%x: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %z = arith.constant 0.0 : f32
    %low = arith.constant -3.40282347E+38 : f32
    %c = arith.cmpi sle, %j, %i : index
    %mask = arith.select %c, %z, %low : f32
    %hidden = arith.cmpf une, %mask, %z : f32
    %y = arith.select %hidden, %low, %x : f32
    linalg.yield %y : f32
  } -> tensor<2x6x6xf32>
  %p = linalg.softmax dimension(2) ins(%m : tensor<2x6x6xf32>) outs(%cell : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %out0 = linalg.fill ins(%zero : f32) outs(%oute : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %out = linalg.batch_matmul ins(%p, %v : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%out0 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %out : tensor<2x6x4xf32>
}
