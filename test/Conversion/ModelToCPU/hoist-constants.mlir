// RUN: kvc-opt %s --kvc-hoist-constants --split-input-file | FileCheck %s
// RUN: kvc-opt %s --kvc-hoist-constants --kvc-hoist-constants --split-input-file | FileCheck %s

// The transposition depends on %w alone and leaves the step; %b is read as it
// is and copied; %x + %b stays.
// CHECK-LABEL: func.func @init
// CHECK-SAME: (%[[W:.*]]: tensor<4x8xf32> {kvc.param = "w"}, %[[B:.*]]: tensor<4xf32> {kvc.param = "b"}) -> (tensor<4xf32>, tensor<8x4xf32>)
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[W]]
// CHECK: return %[[B]], %[[T]]
// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32> {kvc.input = "x"}, %[[BC:.*]]: tensor<4xf32> {kvc.constant = "b"}, %[[WT:.*]]: tensor<8x4xf32> {kvc.constant = "w"}, %{{.*}}: !kvc.step) -> tensor<?x4xf32>
// CHECK-NOT: linalg.transpose
// CHECK: linalg.broadcast ins(%[[BC]]
// CHECK: linalg.matmul ins(%[[X]], %[[WT]]
func.func @step(%x: tensor<?x8xf32> {kvc.input = "x"}, %w: tensor<4x8xf32> {kvc.param = "w"}, %b: tensor<4xf32> {kvc.param = "b"}, %s: !kvc.step) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty() : tensor<8x4xf32>
  %t = linalg.transpose ins(%w : tensor<4x8xf32>) outs(%e : tensor<8x4xf32>) permutation = [1, 0]
  %o = tensor.empty(%n) : tensor<?x4xf32>
  %bb = linalg.broadcast ins(%b : tensor<4xf32>) outs(%o : tensor<?x4xf32>) dimensions = [0]
  %y = linalg.matmul ins(%x, %t : tensor<?x8xf32>, tensor<8x4xf32>) outs(%bb : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// A parameter read inside a region counts as read.
// CHECK-LABEL: func.func @init
// CHECK: return %{{.*}} : tensor<9x2xf32>
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[TABLE:[a-z0-9]*]]: tensor<9x2xf32> {kvc.constant = "table"}
// CHECK: tensor.extract %[[TABLE]]
#m0 = affine_map<(d0, d1) -> (d0)>
#m1 = affine_map<(d0, d1) -> (d0, d1)>
func.func @step(%x: tensor<?xi64> {kvc.input = "x"}, %t: tensor<9x2xf32> {kvc.param = "table"}, %o: tensor<?x2xf32> {kvc.input = "o"}) -> tensor<?x2xf32> {
  %0 = linalg.generic {indexing_maps = [#m0, #m1], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?xi64>) outs(%o : tensor<?x2xf32>) {
  ^bb0(%a: i64, %b: f32):
    %i = arith.index_cast %a : i64 to index
    %j = linalg.index 1 : index
    %v = tensor.extract %t[%i, %j] : tensor<9x2xf32>
    linalg.yield %v : f32
  } -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

// No step: nothing to do.
// CHECK-LABEL: func.func @recompute
// CHECK-NOT: @init
func.func @recompute(%w: tensor<4xf32> {kvc.param = "w"}) -> tensor<4xf32> {
  return %w : tensor<4xf32>
}
