// RUN: kvc-opt %s --kvc-label-tokens --split-input-file --verify-diagnostics -o /dev/null

#id1 = affine_map<(d0) -> (d0)>
#id2 = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#col = affine_map<(d0, d1) -> (d1)>

// Positions: read from the loop, kept by casts, moved by constants.

func.func @positions(%x: tensor<?xi64>, %s8: tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : i64
  // expected-remark @+1 {{extent S*1}}
  %s = tensor.dim %x, %c0 : tensor<?xi64>
  // expected-remark @+1 {{uniform [S]}}
  %e = tensor.empty(%s) : tensor<?xi64>
  // expected-remark @+1 {{per-token [S] position+0}}
  %iota = linalg.generic {indexing_maps = [#id1], iterator_types = ["parallel"]} outs(%e : tensor<?xi64>) {
  ^bb0(%out: i64):
    %i = linalg.index 0 : index
    %v = arith.index_cast %i : index to i64
    linalg.yield %v : i64
  } -> tensor<?xi64>
  // expected-remark @+1 {{per-token [S] position+2}}
  %moved = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%iota : tensor<?xi64>) outs(%e : tensor<?xi64>) {
  ^bb0(%in: i64, %out: i64):
    %v = arith.addi %in, %c2 : i64
    linalg.yield %v : i64
  } -> tensor<?xi64>
  // expected-remark-re @+1 {{per-token [S]{{$}}}}
  %twice = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%iota : tensor<?xi64>) outs(%e : tensor<?xi64>) {
  ^bb0(%in: i64, %out: i64):
    %v = arith.muli %in, %c2 : i64
    linalg.yield %v : i64
  } -> tensor<?xi64>
  // expected-remark @+1 {{per-token [_, S] position+0}}
  %wide = tensor.expand_shape %iota [[0, 1]] output_shape [1, %s] : tensor<?xi64> into tensor<1x?xi64>
  // expected-remark @+1 {{uniform [S, S]}}
  %e2 = tensor.empty(%s, %s) : tensor<?x?xi1>
  // expected-remark @+1 {{refused: `linalg.generic` relates tokens to one another}}
  %mask = linalg.generic {indexing_maps = [#row, #col, #id2], iterator_types = ["parallel", "parallel"]} ins(%iota, %iota : tensor<?xi64>, tensor<?xi64>) outs(%e2 : tensor<?x?xi1>) {
  ^bb0(%q: i64, %k: i64, %out: i1):
    %v = arith.cmpi sle, %k, %q : i64
    linalg.yield %v : i1
  } -> tensor<?x?xi1>
  return
}

// -----

#id2 = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#col = affine_map<(d0, d1) -> (d1)>
#swap = affine_map<(d0, d1) -> (d1, d0)>
#zero = affine_map<(d0, d1) -> (0, d1)>

// Loops: tokens in parallel, everything else as it likes.

func.func @loops(%x: tensor<?x8xf32> {kvc.input = "x"}, %w: tensor<8x8xf32>, %free: tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  // expected-remark @+1 {{extent S*1}}
  %s = tensor.dim %x, %c0 : tensor<?x8xf32>
  // expected-remark @+1 {{extent S*1}}
  %si = arith.index_cast %s : index to i32
  // expected-remark @+1 {{uniform [S, _]}}
  %e = tensor.empty(%s) : tensor<?x8xf32>
  // expected-remark @+1 {{uniform [S, _]}}
  %fill = linalg.fill ins(%zero : f32) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-remark @+1 {{per-token [S, _]}}
  %mm = linalg.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x8xf32>) outs(%fill : tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-remark @+1 {{uniform [_]}}
  %sum0 = tensor.empty() : tensor<8xf32>
  // expected-remark @+1 {{refused: `linalg.generic` reduces over tokens}}
  %sum = linalg.generic {indexing_maps = [#id2, #col], iterator_types = ["reduction", "parallel"]} ins(%x : tensor<?x8xf32>) outs(%sum0 : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %v = arith.addf %in, %out : f32
    linalg.yield %v : f32
  } -> tensor<8xf32>
  // expected-remark @+1 {{refused: `linalg.generic` reads one token for all}}
  %first = linalg.generic {indexing_maps = [#zero, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<?x8xf32>
  // expected-remark @+1 {{refused: `linalg.add` walks tokens and a dimension of another size together}}
  %add = linalg.add ins(%x, %free : tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-remark @+1 {{refused: `linalg.generic` computes with the number of tokens}}
  %mean = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %n = arith.sitofp %si : i32 to f32
    %v = arith.divf %in, %n : f32
    linalg.yield %v : f32
  } -> tensor<?x8xf32>
  // expected-remark @+1 {{refused: `linalg.generic` reads tokens at computed places}}
  %previous = linalg.generic {indexing_maps = [#id2], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<?x8xf32>) {
  ^bb0(%out: f32):
    %j = linalg.index 1 : index
    %v = tensor.extract %x[%c0, %j] : tensor<?x8xf32>
    linalg.yield %v : f32
  } -> tensor<?x8xf32>
  // expected-remark @+1 {{per-token [S, _]}}
  %soft = linalg.softmax dimension(1) ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-remark @+1 {{refused: `linalg.softmax` reduces over tokens}}
  %hard = linalg.softmax dimension(0) ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-remark @+1 {{per-token [S, _]}}
  %whole = arith.addf %x, %mm : tensor<?x8xf32>
  // expected-remark @+1 {{refused: `arith.addf` walks tokens and a dimension of another size together}}
  %odd = arith.addf %x, %free : tensor<?x8xf32>
  return
}

// -----

// expected-remark @+1 {{expected argument 0 of type tensor<1x?x...> or tensor<?x...>, got tensor<1x40xi64>; export the graph with a dynamic sequence dimension}}
func.func @static(%x: tensor<1x40xi64> {kvc.input = "tokens"}) {
  return
}

// -----

// expected-remark @+1 {{expected an argument of tokens}}
func.func @none(%x: tensor<8x8xf32>) {
  return
}
