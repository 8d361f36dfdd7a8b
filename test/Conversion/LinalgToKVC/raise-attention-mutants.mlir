// Mutants whose numbers raise once changed, reduced (kvc-raise-check --mutants, make soak).
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
#map1 = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map3 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map4 = affine_map<(d0, d1, d2) -> (d0, d1)>
#map5 = affine_map<(d0, d1) -> (d0, d1)>

// the sink is not in the maximum, and the first query sees no key: NaN, not zero
// REMARK-DAG: [Missed] sink | Category:kvc-raise-attention | Function=sink_beside_an_empty_row |
// CHECK-LABEL: @sink_beside_an_empty_row(
// CHECK-NOT: kvc.attention
func.func @sink_beside_an_empty_row(%arg0: tensor<2x6x4xf32>, %arg1: tensor<2x6x4xf32>, %arg2: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %cst = arith.constant 0.000000e+00 : f32
  %0 = tensor.empty() : tensor<2x6x6xf32>
  %1 = tensor.empty() : tensor<2x6x4xf32>
  %2 = linalg.fill ins(%cst : f32) outs(%0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %3 = linalg.batch_matmul indexing_maps = [#map, #map1, #map2] ins(%arg0, %arg1 : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%2 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %4 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%3 : tensor<2x6x6xf32>) outs(%0 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %out: f32):
    %17 = linalg.index 1 : index
    %18 = linalg.index 2 : index
    %cst_2 = arith.constant 0xFF800000 : f32
    %19 = arith.cmpi slt, %18, %17 : index
    %20 = arith.select %19, %in, %cst_2 : f32
    linalg.yield %20 : f32
  } -> tensor<2x6x6xf32>
  %5 = tensor.empty() : tensor<2x6xf32>
  %cst_0 = arith.constant 0xFF800000 : f32
  %6 = linalg.fill ins(%cst_0 : f32) outs(%5 : tensor<2x6xf32>) -> tensor<2x6xf32>
  %7 = linalg.generic {indexing_maps = [#map3, #map4], iterator_types = ["parallel", "parallel", "reduction"]} ins(%4 : tensor<2x6x6xf32>) outs(%6 : tensor<2x6xf32>) {
  ^bb0(%in: f32, %out: f32):
    %17 = arith.maximumf %in, %out : f32
    linalg.yield %17 : f32
  } -> tensor<2x6xf32>
  %8 = linalg.generic {indexing_maps = [#map3, #map4, #map3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%4, %7 : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%0 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %in_2: f32, %out: f32):
    %17 = arith.subf %in, %in_2 : f32
    %18 = math.exp %17 : f32
    linalg.yield %18 : f32
  } -> tensor<2x6x6xf32>
  %9 = tensor.empty() : tensor<2x6xf32>
  %cst_1 = arith.constant 0.000000e+00 : f32
  %10 = linalg.fill ins(%cst_1 : f32) outs(%9 : tensor<2x6xf32>) -> tensor<2x6xf32>
  %11 = linalg.generic {indexing_maps = [#map3, #map4], iterator_types = ["parallel", "parallel", "reduction"]} ins(%8 : tensor<2x6x6xf32>) outs(%10 : tensor<2x6xf32>) {
  ^bb0(%in: f32, %out: f32):
    %17 = arith.addf %in, %out : f32
    linalg.yield %17 : f32
  } -> tensor<2x6xf32>
  %12 = tensor.empty() : tensor<2x6xf32>
  %13 = linalg.generic {indexing_maps = [#map5, #map5, #map5], iterator_types = ["parallel", "parallel"]} ins(%11, %7 : tensor<2x6xf32>, tensor<2x6xf32>) outs(%12 : tensor<2x6xf32>) {
  ^bb0(%in: f32, %in_2: f32, %out: f32):
    %17 = arith.negf %in_2 : f32
    %18 = math.exp %17 : f32
    %19 = arith.addf %in, %18 : f32
    linalg.yield %19 : f32
  } -> tensor<2x6xf32>
  %14 = linalg.generic {indexing_maps = [#map3, #map4, #map3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%8, %13 : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%0 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %in_2: f32, %out: f32):
    %17 = arith.divf %in, %in_2 : f32
    linalg.yield %17 : f32
  } -> tensor<2x6x6xf32>
  %15 = linalg.fill ins(%cst : f32) outs(%1 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %16 = linalg.batch_matmul ins(%14, %arg2 : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%15 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %16 : tensor<2x6x4xf32>
}

// a bias is infinite where the select hides the score, and stays hidden there:
// added to minus infinity it would be NaN
// EXECUTE: infinite_behind_a_select
// CHECK-LABEL: @infinite_behind_a_select(
// CHECK: math.powf
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<1x2x6x6xi1>, tensor<1x2x6x6xf32>)
// CHECK: arith.select
// CHECK-NOT: linalg.add
// CHECK: kvc.attention %{{.*}} mask %{{.*}} {scale = 1.000000e+00 : f32}
func.func @infinite_behind_a_select(%arg0: tensor<2x6x4xf32>, %arg1: tensor<2x6x4xf32>, %arg2: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %cst = arith.constant 0.000000e+00 : f32
  %0 = tensor.empty() : tensor<2x6x6xf32>
  %1 = tensor.empty() : tensor<2x6x4xf32>
  %2 = linalg.fill ins(%cst : f32) outs(%0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %3 = linalg.batch_matmul indexing_maps = [#map, #map1, #map2] ins(%arg0, %arg1 : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%2 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %4 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%3 : tensor<2x6x6xf32>) outs(%0 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %out: f32):
    %8 = linalg.index 1 : index
    %9 = linalg.index 2 : index
    %10 = linalg.index 0 : index
    %11 = arith.index_cast %10 : index to i32
    %12 = arith.sitofp %11 : i32 to f32
    %cst_0 = arith.constant -4.000000e+00 : f32
    %13 = arith.subf %cst_0, %12 : f32
    %14 = arith.index_cast %9 : index to i32
    %15 = arith.sitofp %14 : i32 to f32
    %16 = math.powf %15, %13 : f32
    %17 = arith.addf %in, %16 : f32
    %18 = arith.cmpi ugt, %9, %8 : index
    %cst_1 = arith.constant 0xFF800000 : f32
    %19 = arith.select %18, %17, %cst_1 : f32
    linalg.yield %19 : f32
  } -> tensor<2x6x6xf32>
  %5 = linalg.softmax dimension(2) ins(%4 : tensor<2x6x6xf32>) outs(%0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %6 = linalg.fill ins(%cst : f32) outs(%1 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %7 = linalg.batch_matmul ins(%5, %arg2 : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%6 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %7 : tensor<2x6x4xf32>
}

// the sum overflows to one infinity; scaled apart, score and mask may be two
// REMARK-DAG: [Missed] scale | Category:kvc-raise-attention | Function=scaled_to_infinity |
// CHECK-LABEL: @scaled_to_infinity(
// CHECK-NOT: kvc.attention
func.func @scaled_to_infinity(%arg0: tensor<2x6x4xf32>, %arg1: tensor<2x6x4xf32>, %arg2: tensor<2x6x4xf32>, %arg3: tensor<6x6xf32>) -> tensor<2x6x4xf32> {
  %cst = arith.constant 0.000000e+00 : f32
  %0 = tensor.empty() : tensor<2x6x6xf32>
  %1 = tensor.empty() : tensor<2x6x4xf32>
  %2 = linalg.fill ins(%cst : f32) outs(%0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %3 = linalg.batch_matmul indexing_maps = [#map, #map1, #map2] ins(%arg0, %arg1 : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%2 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %4 = linalg.generic {indexing_maps = [#map3, affine_map<(h, i, j) -> (i, j)>, #map3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%3, %arg3 : tensor<2x6x6xf32>, tensor<6x6xf32>) outs(%2 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %in_0: f32, %out: f32):
    %cst_1 = arith.constant -3.40282347E+38 : f32
    %8 = arith.addf %in, %in_0 : f32
    %9 = arith.mulf %8, %cst_1 : f32
    linalg.yield %9 : f32
  } -> tensor<2x6x6xf32>
  %5 = linalg.softmax dimension(2) ins(%4 : tensor<2x6x6xf32>) outs(%0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %6 = linalg.fill ins(%cst : f32) outs(%1 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %7 = linalg.batch_matmul ins(%5, %arg2 : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%6 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %7 : tensor<2x6x4xf32>
}

// one number added to the scores and to the sink beside them: it shifts the row,
// and may not be lost on one side alone
// EXECUTE: shifted_beside_a_sink
// CHECK-LABEL: @shifted_beside_a_sink(
// CHECK: kvc.attention {{.*}} sink_logits
func.func @shifted_beside_a_sink(%arg0: tensor<2x6x4xf32>, %arg1: tensor<2x6x4xf32>, %arg2: tensor<2x6x4xf32>, %arg3: tensor<2xf32>) -> tensor<2x6x4xf32> {
  %cst = arith.constant 0.000000e+00 : f32
  %0 = tensor.empty() : tensor<2x6x6xf32>
  %1 = tensor.empty() : tensor<2x6x4xf32>
  %2 = linalg.fill ins(%cst : f32) outs(%0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %3 = linalg.batch_matmul indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>] ins(%arg0, %arg1 : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%2 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%3 : tensor<2x6x6xf32>) outs(%0 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %out: f32):
    %12 = linalg.index 1 : index
    %13 = linalg.index 2 : index
    %cst_1 = arith.constant -1.000000e+09 : f32
    %14 = arith.cmpi sle, %13, %12 : index
    %15 = arith.select %14, %in, %cst_1 : f32
    linalg.yield %15 : f32
  } -> tensor<2x6x6xf32>
  %5 = tensor.empty() : tensor<2x6x1xf32>
  %6 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg3 : tensor<2xf32>) outs(%5 : tensor<2x6x1xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<2x6x1xf32>
  %concat = tensor.concat dim(2) %4, %6 : (tensor<2x6x6xf32>, tensor<2x6x1xf32>) -> tensor<2x6x7xf32>
  %cst_0 = arith.constant dense<1.000000e+00> : tensor<2x6x7xf32>
  %7 = arith.addf %concat, %cst_0 : tensor<2x6x7xf32>
  %8 = tensor.empty() : tensor<2x6x7xf32>
  %9 = linalg.softmax dimension(2) ins(%7 : tensor<2x6x7xf32>) outs(%8 : tensor<2x6x7xf32>) -> tensor<2x6x7xf32>
  %extracted_slice = tensor.extract_slice %9[0, 0, 0] [2, 6, 6] [1, 1, 1] : tensor<2x6x7xf32> to tensor<2x6x6xf32>
  %10 = linalg.fill ins(%cst : f32) outs(%1 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %11 = linalg.batch_matmul ins(%extracted_slice, %arg2 : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%10 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %11 : tensor<2x6x4xf32>
}
