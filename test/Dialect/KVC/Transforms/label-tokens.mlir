// RUN: kvc-opt %s --kvc-label-tokens --split-input-file --verify-diagnostics -o /dev/null

// Sizes: S follows tensor.dim through products and casts, and is lost in sums.

func.func @sizes(%tokens: tensor<1x?xi64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  // expected-remark @+1 {{uniform}}
  %one = tensor.dim %tokens, %c0 : tensor<1x?xi64>
  // expected-remark @+1 {{extent S*1}}
  %s = tensor.dim %tokens, %c1 : tensor<1x?xi64>
  // expected-remark @+1 {{extent S*4}}
  %s4 = arith.muli %s, %c4 : index
  // expected-remark @+1 {{extent S*4}}
  %s4i = arith.index_cast %s4 : index to i64
  // expected-remark @+1 {{extent f(S)}}
  %sum = arith.addi %s, %c4 : index
  // expected-remark @+1 {{uniform [S, _, S*4]}}
  %e = tensor.empty(%s, %c4, %s4) : tensor<?x?x?xf32>
  // expected-remark @+1 {{refused: `tensor.empty` has a size computed from the number of tokens}}
  %f = tensor.empty(%sum) : tensor<?xf32>
  return
}

// -----

// Shapes: the token dimension merges with inner ones and comes apart again.

func.func @shapes(%x: tensor<1x?x256xf32> {kvc.input = "embeddings"}) {
  %c1 = arith.constant 1 : index
  // expected-remark @+1 {{extent S*1}}
  %s = tensor.dim %x, %c1 : tensor<1x?x256xf32>
  // expected-remark @+1 {{per-token [S, _]}}
  %a = tensor.collapse_shape %x [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
  // expected-remark @+1 {{per-token [_, S, _, _]}}
  %b = tensor.expand_shape %a [[0, 1], [2, 3]] output_shape [1, %s, 4, 64] : tensor<?x256xf32> into tensor<1x?x4x64xf32>
  // expected-remark @+1 {{per-token [S*4, _]}}
  %c = tensor.collapse_shape %b [[0, 1, 2], [3]] : tensor<1x?x4x64xf32> into tensor<?x64xf32>
  // expected-remark @+1 {{per-token [S*2, _, _]}}
  %d = tensor.expand_shape %c [[0, 1], [2]] output_shape [%s, 2, 64] : tensor<?x64xf32> into tensor<?x2x64xf32>
  // expected-remark @+1 {{refused: `tensor.expand_shape` splits the token dimension}}
  %e = tensor.expand_shape %a [[0, 1], [2]] output_shape [2, %s, 256] : tensor<?x256xf32> into tensor<2x?x256xf32>
  // expected-remark @+1 {{uniform [_, S, _]}}
  %init = tensor.empty(%s) : tensor<4x?x64xf32>
  // expected-remark @+1 {{uniform [S, _, _]}}
  %from = tensor.empty(%s) : tensor<?x4x64xf32>
  // expected-remark @+1 {{per-token [S, _, _]}}
  %heads = tensor.expand_shape %a [[0], [1, 2]] output_shape [%s, 4, 64] : tensor<?x256xf32> into tensor<?x4x64xf32>
  // expected-remark @+1 {{per-token [_, S, _]}}
  %t = linalg.transpose ins(%heads : tensor<?x4x64xf32>) outs(%init : tensor<4x?x64xf32>) permutation = [1, 0, 2]
  // expected-remark @+1 {{refused: `tensor.collapse_shape` merges the token dimension into an outer one}}
  %g = tensor.collapse_shape %t [[0, 1], [2]] : tensor<4x?x64xf32> into tensor<?x64xf32>
  return
}

// -----

// Slices: whole tokens, tokens chosen, rows of a table by position.

// expected-remark @+1 {{positions below 40}}
func.func @slices(%x: tensor<?x8xf32> {kvc.input = "x"}, %table: tensor<40x8xf32>) {
  %c0 = arith.constant 0 : index
  // expected-remark @+1 {{extent S*1}}
  %s = tensor.dim %x, %c0 : tensor<?x8xf32>
  // expected-remark @+1 {{per-token [S, _]}}
  %half = tensor.extract_slice %x[0, 4] [%s, 4] [1, 1] : tensor<?x8xf32> to tensor<?x4xf32>
  // expected-remark @+1 {{per-token [S]}}
  %column = tensor.extract_slice %x[0, 4] [%s, 1] [1, 1] : tensor<?x8xf32> to tensor<?xf32>
  // expected-remark @+1 {{refused: `tensor.extract_slice` takes some of the tokens}}
  %first = tensor.extract_slice %x[0, 0] [1, 8] [1, 1] : tensor<?x8xf32> to tensor<1x8xf32>
  // expected-remark @+1 {{refused: `tensor.extract_slice` takes some of the tokens}}
  %shifted = tensor.extract_slice %x[1, 0] [%s, 8] [1, 1] : tensor<?x8xf32> to tensor<?x8xf32>
  // expected-remark @+1 {{refused: `tensor.extract_slice` takes tokens at a computed offset}}
  %last = tensor.extract_slice %x[%s, 0] [1, 8] [1, 1] : tensor<?x8xf32> to tensor<1x8xf32>
  // expected-remark @+1 {{per-token [S, _]}}
  %rows = tensor.extract_slice %table[0, 0] [%s, 8] [1, 1] : tensor<40x8xf32> to tensor<?x8xf32>
  // expected-remark @+1 {{per-token [S, _]}}
  %written = tensor.insert_slice %half into %x[0, 0] [%s, 4] [1, 1] : tensor<?x4xf32> into tensor<?x8xf32>
  // expected-remark @+1 {{refused: `tensor.insert_slice` writes some of the tokens}}
  %over = tensor.insert_slice %half into %x[1, 0] [%s, 4] [1, 1] : tensor<?x4xf32> into tensor<?x8xf32>
  // expected-remark @+1 {{per-token [S, _]}}
  %wide = tensor.concat dim(1) %x, %rows : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x16xf32>
  // expected-remark @+1 {{refused: `tensor.concat` joins along the token dimension}}
  %long = tensor.concat dim(0) %x, %rows : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-remark @+1 {{refused: `tensor.cast` fixes the number of tokens}}
  %cast = tensor.cast %x : tensor<?x8xf32> to tensor<16x8xf32>
  // expected-remark @+1 {{refused: `tensor.extract` is not known to work token by token}}
  %one = tensor.extract %x[%c0, %c0] : tensor<?x8xf32>
  return
}
