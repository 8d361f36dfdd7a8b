// A decoder of three layers in the forms that llama-tiny does not have: learned
// positions, a window, keys that two layers share, a table cut to the sequence,
// rotation of half a head.
#row = affine_map<(d0, d1, d2) -> (d0, d1)>
#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#table = affine_map<(d0, d1, d2) -> (d1, d2)>
#id1 = affine_map<(d0) -> (d0)>
!h = tensor<1x?x32xf32>
!m = tensor<?x32xf32>
!x = tensor<1x2x?x16xf32>
!y = tensor<1x?x2x16xf32>
func.func @main(%tokens: tensor<1x?xi64> {kvc.input = "tokens"},
    %wte: tensor<256x32xf32> {kvc.param = "wte"}, %wpe: tensor<512x32xf32> {kvc.param = "wpe"},
    %gate: tensor<400x32xf32> {kvc.param = "gate"}, %wq0: tensor<32x32xf32> {kvc.param = "wq0"},
    %wk0: tensor<32x32xf32> {kvc.param = "wk0"}, %wq1: tensor<32x32xf32> {kvc.param = "wq1"},
    %wk1: tensor<32x32xf32> {kvc.param = "wk1"}, %wq2: tensor<32x32xf32> {kvc.param = "wq2"},
    %head: tensor<32x256xf32> {kvc.param = "head"}) -> tensor<1x?x256xf32> {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %s = tensor.dim %tokens, %c1 : tensor<1x?xi64>
  %pe = tensor.empty(%s) : tensor<?xi64>
  %pos = linalg.generic {indexing_maps = [#id1], iterator_types = ["parallel"]} outs(%pe : tensor<?xi64>) {
  ^bb0(%out: i64):
    %i = linalg.index 0 : index
    %v = arith.index_cast %i : index to i64
    linalg.yield %v : i64
  } -> tensor<?xi64>
  %he = tensor.empty(%s) : !h
  %ye = tensor.empty(%s) : !y
  %xe = tensor.empty(%s) : !x
  %me = tensor.empty(%s) : !m
  %mz = linalg.fill ins(%zero : f32) outs(%me : !m) -> !m
  %x0 = linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%tokens : tensor<1x?xi64>) outs(%he : !h) {
  ^bb0(%t: i64, %out: f32):
    %i = arith.index_cast %t : i64 to index
    %p = linalg.index 1 : index
    %j = linalg.index 2 : index
    %a = tensor.extract %wte[%i, %j] : tensor<256x32xf32>
    %b = tensor.extract %wpe[%p, %j] : tensor<512x32xf32>
    %v = arith.addf %a, %b : f32
    linalg.yield %v : f32
  } -> !h
  %f0 = tensor.collapse_shape %x0 [[0, 1], [2]] : !h into !m
  %q0m = linalg.matmul ins(%f0, %wq0 : !m, tensor<32x32xf32>) outs(%mz : !m) -> !m
  %q0h = tensor.expand_shape %q0m [[0, 1], [2, 3]] output_shape [1, %s, 2, 16] : !m into !y
  %q0 = linalg.transpose ins(%q0h : !y) outs(%xe : !x) permutation = [0, 2, 1, 3]
  %k0m = linalg.matmul ins(%f0, %wk0 : !m, tensor<32x32xf32>) outs(%mz : !m) -> !m
  %k0h = tensor.expand_shape %k0m [[0, 1], [2, 3]] output_shape [1, %s, 2, 16] : !m into !y
  %k0 = linalg.transpose ins(%k0h : !y) outs(%xe : !x) permutation = [0, 2, 1, 3]
  %a0 = kvc.attention %q0, %k0, %k0 {causal, scale = 0.25 : f32} : (!x, !x, !x) -> !x
  %b0 = linalg.transpose ins(%a0 : !x) outs(%ye : !y) permutation = [0, 2, 1, 3]
  %o0 = tensor.collapse_shape %b0 [[0], [1], [2, 3]] : !y into !h
  %x1 = linalg.add ins(%x0, %o0 : !h, !h) outs(%he : !h) -> !h
  %f1 = tensor.collapse_shape %x1 [[0, 1], [2]] : !h into !m
  %q1m = linalg.matmul ins(%f1, %wq1 : !m, tensor<32x32xf32>) outs(%mz : !m) -> !m
  %q1h = tensor.expand_shape %q1m [[0, 1], [2, 3]] output_shape [1, %s, 2, 16] : !m into !y
  %q1 = linalg.transpose ins(%q1h : !y) outs(%xe : !x) permutation = [0, 2, 1, 3]
  %k1m = linalg.matmul ins(%f1, %wk1 : !m, tensor<32x32xf32>) outs(%mz : !m) -> !m
  %k1h = tensor.expand_shape %k1m [[0, 1], [2, 3]] output_shape [1, %s, 2, 16] : !m into !y
  %k1 = linalg.transpose ins(%k1h : !y) outs(%xe : !x) permutation = [0, 2, 1, 3]
  %kr1 = kvc.rope %k1 at %pos {rope = #kvc.rope<theta = 1.0e+04, dim = 8>} : !x, tensor<?xi64>
  %qr1 = kvc.rope %q1 at %pos {rope = #kvc.rope<theta = 1.0e+04, dim = 8>} : !x, tensor<?xi64>
  %a1 = kvc.attention %qr1, %kr1, %k1 {causal, scale = 0.25 : f32, window = 24 : i64} : (!x, !x, !x) -> !x
  %b1 = linalg.transpose ins(%a1 : !x) outs(%ye : !y) permutation = [0, 2, 1, 3]
  %o1 = tensor.collapse_shape %b1 [[0], [1], [2, 3]] : !y into !h
  %x2 = linalg.add ins(%x1, %o1 : !h, !h) outs(%he : !h) -> !h
  %f2 = tensor.collapse_shape %x2 [[0, 1], [2]] : !h into !m
  %q2m = linalg.matmul ins(%f2, %wq2 : !m, tensor<32x32xf32>) outs(%mz : !m) -> !m
  %q2h = tensor.expand_shape %q2m [[0, 1], [2, 3]] output_shape [1, %s, 2, 16] : !m into !y
  %q2 = linalg.transpose ins(%q2h : !y) outs(%xe : !x) permutation = [0, 2, 1, 3]
  %qr2 = kvc.rope %q2 at %pos {rope = #kvc.rope<theta = 1.0e+04, dim = 8>} : !x, tensor<?xi64>
  %a2 = kvc.attention %qr2, %kr1, %k1 {causal, scale = 0.25 : f32, window = 9 : i64} : (!x, !x, !x) -> !x
  %b2 = linalg.transpose ins(%a2 : !x) outs(%ye : !y) permutation = [0, 2, 1, 3]
  %o2 = tensor.collapse_shape %b2 [[0], [1], [2, 3]] : !y into !h
  %x3 = linalg.add ins(%x2, %o2 : !h, !h) outs(%he : !h) -> !h
  %rows = tensor.extract_slice %gate[0, 0] [%s, 32] [1, 1] : tensor<400x32xf32> to !m
  %g = linalg.generic {indexing_maps = [#id, #table, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x3, %rows : !h, !m) outs(%he : !h) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %v = arith.mulf %a, %b : f32
    linalg.yield %v : f32
  } -> !h
  %gf = tensor.collapse_shape %g [[0, 1], [2]] : !h into !m
  %le = tensor.empty(%s) : tensor<?x256xf32>
  %lz = linalg.fill ins(%zero : f32) outs(%le : tensor<?x256xf32>) -> tensor<?x256xf32>
  %l = linalg.matmul ins(%gf, %head : !m, tensor<32x256xf32>) outs(%lz : tensor<?x256xf32>) -> tensor<?x256xf32>
  %logits = tensor.expand_shape %l [[0, 1], [2]] output_shape [1, %s, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
  return %logits : tensor<1x?x256xf32>
}
