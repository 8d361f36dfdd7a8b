// linalg on tensors and the tensor dialect; numbers worked out by hand.
// RUN: kvc-interpret %s | FileCheck %s

// [[1 2] [3 4]] times [[5 6] [7 8]]
// CHECK-LABEL: @matmul
// CHECK: [19, 22]
// CHECK: [43, 50]
func.func @matmul() -> tensor<2x2xf32> {
  %a = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x2xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
  %c = linalg.matmul ins(%a, %b : tensor<2x2xf32>, tensor<2x2xf32>) outs(%init : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %c : tensor<2x2xf32>
}

// 10 i + j, a gather of row 1 - i, and of a body with control flow
// CHECK-LABEL: @bodies
// CHECK: result 0: 2x3xf32
// CHECK: [13, 14, 15]
// CHECK: [0, 1, 2]
func.func @bodies() -> tensor<2x3xf32> {
  %t = arith.constant dense<[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]> : tensor<2x3xf32>
  %e = tensor.empty() : tensor<2x3xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<2x3xf32>) {
  ^bb0(%o: f32):
    %one = arith.constant 1 : index
    %ten = arith.constant 10.0 : f32
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = arith.subi %one, %i : index
    %x = tensor.extract %t[%k, %j] : tensor<2x3xf32>
    %first = arith.cmpi ult, %i, %one : index
    %y = scf.if %first -> f32 {
      %z = arith.addf %x, %ten : f32
      scf.yield %z : f32
    } else {
      scf.yield %x : f32
    }
    linalg.yield %y : f32
  } -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// an infinite score takes all; equal scores share
// CHECK-LABEL: @softmax
// CHECK: [0.25, 0.5]
// CHECK: [0.75, 0.5]
func.func @softmax() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[0.0, 7.0], [1.0986122886681098, 7.0]]> : tensor<2x2xf32>
  %e = tensor.empty() : tensor<2x2xf32>
  %p = linalg.softmax dimension(0) ins(%x : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %p : tensor<2x2xf32>
}

// CHECK-LABEL: @shapes
// CHECK: [0, 1, 2, 3, 4, 5, 2, 5]
// CHECK: [9, 9, 9]
// CHECK: [9, 0, 9]
// CHECK: [9, 1, 9]
// CHECK: 2x3xf32
// CHECK: [7, 1, 8]
// CHECK: [3, 4, 5]
func.func @shapes() -> (tensor<8xf32>, tensor<3x3xf32>, tensor<2x3xf32>) {
  %t = arith.constant dense<[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]> : tensor<2x3xf32>
  %flat = tensor.collapse_shape %t [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
  %last = tensor.extract_slice %t[0, 2] [2, 1] [1, 1] : tensor<2x3xf32> to tensor<2xf32>
  %both = tensor.concat dim(0) %flat, %last : (tensor<6xf32>, tensor<2xf32>) -> tensor<8xf32>
  %nine = arith.constant 9.0 : f32
  %pair = tensor.extract_slice %flat[0] [2] [1] : tensor<6xf32> to tensor<2xf32>
  %column = tensor.expand_shape %pair [[0, 1]] output_shape [2, 1] : tensor<2xf32> into tensor<2x1xf32>
  %padded = tensor.pad %column low[1, 1] high[0, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %nine : f32
  } : tensor<2x1xf32> to tensor<3x3xf32>
  %two = arith.constant dense<[7.0, 8.0]> : tensor<2xf32>
  %inserted = tensor.insert_slice %two into %t[0, 0] [1, 2] [1, 2] : tensor<2xf32> into tensor<2x3xf32>
  return %both, %padded, %inserted : tensor<8xf32>, tensor<3x3xf32>, tensor<2x3xf32>
}

// integers keep their width: 127 + 1, unsigned order, a true i1 in casts
// CHECK-LABEL: @widths
// CHECK: -128
// CHECK: 1
// CHECK: -1
// CHECK: 255
// CHECK: -3
func.func @widths() -> (i8, i1, f32, i32, index) {
  %big = arith.constant 127 : i8
  %one = arith.constant 1 : i8
  %minus = arith.constant -1 : i8
  %true = arith.constant true
  %sum = arith.addi %big, %one : i8
  %above = arith.cmpi ugt, %minus, %one : i8
  %real = arith.sitofp %true : i1 to f32
  %wide = arith.extui %minus : i8 to i32
  %m5 = arith.constant -5 : index
  %two = arith.constant 2 : index
  %down = arith.floordivsi %m5, %two : index
  return %sum, %above, %real, %wide, %down : i8, i1, f32, i32, index
}
