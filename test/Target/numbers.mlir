// What the lowering computes, against sums and functions in Python's doubles.
// RUN: kvc-compile %s --stateless --mcpu=x86-64-v3 -o %t.so
// RUN: %python %S/Inputs/check_numbers.py %t.so

#id1 = affine_map<(d0) -> (d0)>
#id2 = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// T tokens; 33 and 70 are multiples of nothing that a kernel likes.
func.func @main(%tokens: tensor<1x?xi64> {kvc.input = "tokens"},
                %embed: tensor<50x33xf32> {kvc.param = "embed"},
                %weight: tensor<70x33xf32> {kvc.param = "weight"},
                %wide: tensor<33x3000xf32> {kvc.param = "wide"},
                %deep: tensor<3000x40xf32> {kvc.param = "deep"})
    -> (tensor<?x70xf32>, tensor<?x40xf32>, tensor<?x?xf32>, tensor<?x33xf32>,
        tensor<?x33xf32>, tensor<?x33xf32>, tensor<?xf32>, tensor<?x33xf32>) {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %big = arith.constant 4096.0 : f32
  %T = tensor.dim %tokens, %c1 : tensor<1x?xi64>
  %ids = tensor.collapse_shape %tokens [[0, 1]] : tensor<1x?xi64> into tensor<?xi64>
  %e33 = tensor.empty(%T) : tensor<?x33xf32>
  // rows of a table
  %x = linalg.generic {indexing_maps = [#row, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%ids : tensor<?xi64>) outs(%e33 : tensor<?x33xf32>) {
  ^bb0(%id: i64, %o: f32):
    %i = arith.index_cast %id : i64 to index
    %j = linalg.index 1 : index
    %v = tensor.extract %embed[%i, %j] : tensor<50x33xf32>
    linalg.yield %v : f32
  } -> tensor<?x33xf32>
  // a product with PyTorch's [N, K] weight, packed with padding
  %et = tensor.empty() : tensor<33x70xf32>
  %wt = linalg.transpose ins(%weight : tensor<70x33xf32>) outs(%et : tensor<33x70xf32>) permutation = [1, 0]
  %e70 = tensor.empty(%T) : tensor<?x70xf32>
  %f70 = linalg.fill ins(%zero : f32) outs(%e70 : tensor<?x70xf32>) -> tensor<?x70xf32>
  %product = linalg.matmul ins(%x, %wt : tensor<?x33xf32>, tensor<33x70xf32>) outs(%f70 : tensor<?x70xf32>) -> tensor<?x70xf32>
  // two products, the second deeper than one block of k
  %e3000 = tensor.empty(%T) : tensor<?x3000xf32>
  %f3000 = linalg.fill ins(%zero : f32) outs(%e3000 : tensor<?x3000xf32>) -> tensor<?x3000xf32>
  %hidden = linalg.matmul ins(%x, %wide : tensor<?x33xf32>, tensor<33x3000xf32>) outs(%f3000 : tensor<?x3000xf32>) -> tensor<?x3000xf32>
  %e40 = tensor.empty(%T) : tensor<?x40xf32>
  %f40 = linalg.fill ins(%zero : f32) outs(%e40 : tensor<?x40xf32>) -> tensor<?x40xf32>
  %back = linalg.matmul ins(%hidden, %deep : tensor<?x3000xf32>, tensor<3000x40xf32>) outs(%f40 : tensor<?x40xf32>) -> tensor<?x40xf32>
  // a softmax over T x T: dynamic columns under a mask
  %ex = tensor.empty(%T) : tensor<33x?xf32>
  %xt = linalg.transpose ins(%x : tensor<?x33xf32>) outs(%ex : tensor<33x?xf32>) permutation = [1, 0]
  %eTT = tensor.empty(%T, %T) : tensor<?x?xf32>
  %fTT = linalg.fill ins(%zero : f32) outs(%eTT : tensor<?x?xf32>) -> tensor<?x?xf32>
  %scores = linalg.matmul ins(%x, %xt : tensor<?x33xf32>, tensor<33x?xf32>) outs(%fTT : tensor<?x?xf32>) -> tensor<?x?xf32>
  %eT = tensor.empty(%T) : tensor<?xf32>
  %fl = linalg.fill ins(%low : f32) outs(%eT : tensor<?xf32>) -> tensor<?xf32>
  %fz = linalg.fill ins(%zero : f32) outs(%eT : tensor<?xf32>) -> tensor<?xf32>
  %max = linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]}
      ins(%scores : tensor<?x?xf32>) outs(%fl : tensor<?xf32>) {
  ^bb0(%s: f32, %o: f32):
    %m = arith.maximumf %s, %o : f32
    linalg.yield %m : f32
  } -> tensor<?xf32>
  %exp = linalg.generic {indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%scores, %max : tensor<?x?xf32>, tensor<?xf32>) outs(%eTT : tensor<?x?xf32>) {
  ^bb0(%s: f32, %m: f32, %o: f32):
    %d = arith.subf %s, %m : f32
    %p = math.exp %d : f32
    linalg.yield %p : f32
  } -> tensor<?x?xf32>
  %sum = linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]}
      ins(%exp : tensor<?x?xf32>) outs(%fz : tensor<?xf32>) {
  ^bb0(%s: f32, %o: f32):
    %m = arith.addf %s, %o : f32
    linalg.yield %m : f32
  } -> tensor<?xf32>
  %softmax = linalg.generic {indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%exp, %sum : tensor<?x?xf32>, tensor<?xf32>) outs(%eTT : tensor<?x?xf32>) {
  ^bb0(%s: f32, %m: f32, %o: f32):
    %d = arith.divf %s, %m : f32
    linalg.yield %d : f32
  } -> tensor<?x?xf32>
  // arguments of thousands, as positions make them
  %sin = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x33xf32>) outs(%e33 : tensor<?x33xf32>) {
  ^bb0(%a: f32, %o: f32):
    %b = arith.mulf %a, %big : f32
    %s = math.sin %b : f32
    linalg.yield %s : f32
  } -> tensor<?x33xf32>
  %cos = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x33xf32>) outs(%e33 : tensor<?x33xf32>) {
  ^bb0(%a: f32, %o: f32):
    %b = arith.mulf %a, %big : f32
    %s = math.cos %b : f32
    linalg.yield %s : f32
  } -> tensor<?x33xf32>
  %tanh = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x33xf32>) outs(%e33 : tensor<?x33xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = math.tanh %a : f32
    linalg.yield %s : f32
  } -> tensor<?x33xf32>
  %norm = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]}
      ins(%sum : tensor<?xf32>) outs(%eT : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = math.rsqrt %a : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  return %product, %back, %softmax, %sin, %cos, %tanh, %norm, %x
      : tensor<?x70xf32>, tensor<?x40xf32>, tensor<?x?xf32>, tensor<?x33xf32>,
        tensor<?x33xf32>, tensor<?x33xf32>, tensor<?xf32>, tensor<?x33xf32>
}
