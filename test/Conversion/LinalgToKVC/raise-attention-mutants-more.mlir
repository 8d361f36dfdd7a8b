// Mutants whose numbers raise once changed, reduced (kvc-raise-check --mutants, make soak).
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// a score divided by its key's position is infinite at the first key, and -inf
// lies below the -9999 that hides the others
// REMARK-DAG: [Missed] mask-combination | Category:kvc-raise-attention | Function=below_what_hides | {{.*}}may be infinite
// CHECK-LABEL: @below_what_hides(
// CHECK-NOT: kvc.attention
func.func @below_what_hides(%arg0: tensor<2x6x4xf32>, %arg1: tensor<2x6x4xf32>, %arg2: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %cst = arith.constant 0.000000e+00 : f32
  %0 = tensor.empty() : tensor<2x6x6xf32>
  %1 = tensor.empty() : tensor<2x6x4xf32>
  %cst_0 = arith.constant dense<[5.000000e-01, 2.500000e-01]> : tensor<2xf32>
  %2 = linalg.fill ins(%cst : f32) outs(%0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %3 = linalg.batch_matmul indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>] ins(%arg0, %arg1 : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%2 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%3, %cst_0 : tensor<2x6x6xf32>, tensor<2xf32>) outs(%0 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %in_1: f32, %out: f32):
    %8 = linalg.index 1 : index
    %9 = linalg.index 2 : index
    %10 = arith.index_cast %9 : index to i32
    %11 = arith.sitofp %10 : i32 to f32
    %12 = arith.mulf %in_1, %11 : f32
    %13 = arith.divf %in, %12 : f32
    %cst_2 = arith.constant 5.000000e-01 : f32
    %14 = arith.subf %13, %cst_2 : f32
    %15 = arith.cmpi sle, %9, %8 : index
    %cst_3 = arith.constant -9.999000e+03 : f32
    %cst_4 = arith.constant 0xFF800000 : f32
    %16 = arith.select %15, %14, %cst_3 : f32
    linalg.yield %16 : f32
  } -> tensor<2x6x6xf32>
  %5 = linalg.softmax dimension(2) ins(%4 : tensor<2x6x6xf32>) outs(%0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %6 = linalg.fill ins(%cst : f32) outs(%1 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %7 = linalg.batch_matmul ins(%5, %arg2 : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%6 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %7 : tensor<2x6x4xf32>
}

// the scores count in powers of two, the sink beside them does not
// REMARK-DAG: [Missed] softmax-sum | Category:kvc-raise-attention | Function=natural_sink_beside_powers_of_two |
// CHECK-LABEL: @natural_sink_beside_powers_of_two(
// CHECK-NOT: kvc.attention
func.func @natural_sink_beside_powers_of_two(%arg0: tensor<2x6x4xf32>, %arg1: tensor<2x6x4xf32>, %arg2: tensor<2x6x4xf32>) -> tensor<2x6x4xf32> {
  %cst = arith.constant 0.000000e+00 : f32
  %0 = tensor.empty() : tensor<2x6x6xf32>
  %1 = tensor.empty() : tensor<2x6x4xf32>
  %2 = linalg.fill ins(%cst : f32) outs(%0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %3 = linalg.batch_matmul indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>] ins(%arg0, %arg1 : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%2 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%3 : tensor<2x6x6xf32>) outs(%0 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %out: f32):
    %17 = linalg.index 1 : index
    %18 = linalg.index 2 : index
    %cst_2 = arith.constant 0xFF800000 : f32
    %19 = arith.cmpi sle, %18, %17 : index
    %20 = arith.select %19, %in, %cst_2 : f32
    linalg.yield %20 : f32
  } -> tensor<2x6x6xf32>
  %5 = tensor.empty() : tensor<2x6xf32>
  %cst_0 = arith.constant 0xFF800000 : f32
  %6 = linalg.fill ins(%cst_0 : f32) outs(%5 : tensor<2x6xf32>) -> tensor<2x6xf32>
  %7 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%4 : tensor<2x6x6xf32>) outs(%6 : tensor<2x6xf32>) {
  ^bb0(%in: f32, %out: f32):
    %17 = arith.maximumf %in, %out : f32
    linalg.yield %17 : f32
  } -> tensor<2x6xf32>
  %8 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%4, %7 : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%0 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %in_2: f32, %out: f32):
    %17 = arith.subf %in, %in_2 : f32
    %18 = math.exp2 %17 : f32
    linalg.yield %18 : f32
  } -> tensor<2x6x6xf32>
  %9 = tensor.empty() : tensor<2x6xf32>
  %cst_1 = arith.constant 0.000000e+00 : f32
  %10 = linalg.fill ins(%cst_1 : f32) outs(%9 : tensor<2x6xf32>) -> tensor<2x6xf32>
  %11 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%8 : tensor<2x6x6xf32>) outs(%10 : tensor<2x6xf32>) {
  ^bb0(%in: f32, %out: f32):
    %17 = arith.addf %in, %out : f32
    linalg.yield %17 : f32
  } -> tensor<2x6xf32>
  %12 = tensor.empty() : tensor<2x6xf32>
  %13 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%11, %7 : tensor<2x6xf32>, tensor<2x6xf32>) outs(%12 : tensor<2x6xf32>) {
  ^bb0(%in: f32, %in_2: f32, %out: f32):
    %17 = arith.negf %in_2 : f32
    %18 = math.exp %17 : f32
    %19 = arith.addf %in, %18 : f32
    linalg.yield %19 : f32
  } -> tensor<2x6xf32>
  %14 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%8, %13 : tensor<2x6x6xf32>, tensor<2x6xf32>) outs(%0 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %in_2: f32, %out: f32):
    %17 = arith.divf %in, %in_2 : f32
    linalg.yield %17 : f32
  } -> tensor<2x6x6xf32>
  %15 = linalg.fill ins(%cst : f32) outs(%1 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %16 = linalg.batch_matmul ins(%14, %arg2 : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%15 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %16 : tensor<2x6x4xf32>
}

// a row of -inf alone is NaN, and so is NaN times zero: only a select makes it zero
// EXECUTE: nan_times_the_mask
// CHECK-LABEL: @nan_times_the_mask(
// CHECK: kvc.attention %{{.*}} mask %{{.*}} {scale = 1.000000e+00 : f32}
func.func @nan_times_the_mask(%arg0: tensor<2x6x4xf32>, %arg1: tensor<2x6x4xf32>, %arg2: tensor<2x6x4xf32>, %arg3: tensor<6x6xi1> {test.mask}) -> tensor<2x6x4xf32> {
  %cst = arith.constant 0.000000e+00 : f32
  %0 = tensor.empty() : tensor<2x6x6xf32>
  %1 = tensor.empty() : tensor<2x6x4xf32>
  %2 = math.tanh %1 : tensor<2x6x4xf32>
  %3 = linalg.fill ins(%cst : f32) outs(%0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %4 = linalg.batch_matmul indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>] ins(%arg0, %arg1 : tensor<2x6x4xf32>, tensor<2x6x4xf32>) outs(%3 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%4, %arg3 : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%0 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %in_0: i1, %out: f32):
    %10 = linalg.index 0 : index
    %11 = linalg.index 2 : index
    %cst_1 = arith.constant 0xFF800000 : f32
    %cst_2 = arith.constant -1.000000e+09 : f32
    %12 = arith.select %in_0, %in, %cst_1 : f32
    linalg.yield %12 : f32
  } -> tensor<2x6x6xf32>
  %6 = linalg.softmax dimension(2) ins(%5 : tensor<2x6x6xf32>) outs(%0 : tensor<2x6x6xf32>) -> tensor<2x6x6xf32>
  %7 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%6, %arg3 : tensor<2x6x6xf32>, tensor<6x6xi1>) outs(%0 : tensor<2x6x6xf32>) {
  ^bb0(%in: f32, %in_0: i1, %out: f32):
    %10 = arith.uitofp %in_0 : i1 to f32
    %11 = arith.mulf %in, %10 : f32
    linalg.yield %11 : f32
  } -> tensor<2x6x6xf32>
  %8 = linalg.fill ins(%cst : f32) outs(%2 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %9 = linalg.batch_matmul ins(%7, %arg2 : tensor<2x6x6xf32>, tensor<2x6x4xf32>) outs(%8 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return %9 : tensor<2x6x4xf32>
}
