// Malformed graphs: the place and the way out, never a crash.
// RUN: split-file %s %t
// RUN: not kvc-compile -o %t.so %t/no-main.mlir 2>&1 | FileCheck %s --check-prefix=NOMAIN
// RUN: not kvc-compile -o %t.so %t/blocks.mlir 2>&1 | FileCheck %s --check-prefix=BLOCKS
// RUN: not kvc-compile -o %t.so %t/names.mlir 2>&1 | FileCheck %s --check-prefix=NAMES
// RUN: not kvc-compile -o %t.so %t/types.mlir 2>&1 | FileCheck %s --check-prefix=TYPES
// RUN: not kvc-compile -o %t.so %t/no-attention.mlir 2>&1 | FileCheck %s --check-prefix=NOATTENTION
// RUN: not kvc-compile -o %t.so --attention=%t/no-attention.mlir 2>&1 | FileCheck %s --check-prefix=NOVARIANT
// RUN: not kvc-compile -o %t.so --attention=%t/mixed.mlir 2>&1 | FileCheck %s --check-prefix=MIXED
// RUN: not kvc-compile -o %t.so %t/mixed-only.mlir 2>&1 | FileCheck %s --check-prefix=VARIANTS
// RUN: not kvc-compile -o %t.so --attention=%t/illegal.mlir 2>&1 | FileCheck %s --check-prefix=ILLEGAL
// RUN: not kvc-compile -o %t.so %t/libm.mlir --stateless 2>&1 | FileCheck %s --check-prefix=LIBM
// RUN: not kvc-compile -o %t.so %t/data-size.mlir --stateless 2>&1 | FileCheck %s --check-prefix=SIZE

//--- no-main.mlir
// NOMAIN: no-main.mlir:2:1: error: expected a function `@main` with a body, got none
module { func.func private @main() }
//--- blocks.mlir
// BLOCKS: blocks.mlir:2:1: error: expected straight-line code in `@main`, got 2 blocks
func.func @main(%x: tensor<1x?xi64> {kvc.input = "tokens"}) -> tensor<1x?xi64> {
  cf.br ^bb1
^bb1:
  return %x : tensor<1x?xi64>
}
//--- names.mlir
// NAMES: names.mlir:2:1: error: expected `kvc.input` or `kvc.param` on argument 1 of `@main`; name the tensor of the weights file, or the input, that it stands for
func.func @main(%x: tensor<1x?xi64> {kvc.input = "tokens"}, %w: tensor<4xf32>) -> tensor<1x?xi64> {
  return %x : tensor<1x?xi64>
}
//--- types.mlir
// TYPES: types.mlir:2:1: error: expected ranked tensors as arguments of `@main`, got 'memref<4xf32>' as argument 1
func.func @main(%x: tensor<1x?xi64> {kvc.input = "tokens"}, %w: memref<4xf32> {kvc.param = "w"}) -> tensor<1x?xi64> {
  return %x : tensor<1x?xi64>
}
//--- no-attention.mlir
// NOATTENTION: remark: {{.*}}no-attention
// NOATTENTION: error: expected
// NOVARIANT: error: expected at least one kvc.variant in an attention spec, got none
func.func @main(%x: tensor<1x?xi64> {kvc.input = "tokens"}) -> tensor<1x?xi64> {
  return %x : tensor<1x?xi64>
}
//--- mixed.mlir
kvc.variant @v {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 4}
// MIXED: mixed.mlir:3:1: error: expected only kvc.variant in an attention spec, got `func.func`; compile graphs without --attention
func.func private @f()
//--- mixed-only.mlir
// VARIANTS: expected a function `@main` with a body, got none; compile kvc.variant ops with --attention
kvc.variant @v {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 4}
//--- illegal.mlir
// ILLEGAL: illegal.mlir:2:{{[0-9]+}}: error:
kvc.variant @v {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 3}
//--- libm.mlir
// LIBM: libm.mlir:6:{{[0-9]+}}: error: expected a math op that can be computed without libm, got `math.sin`
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%x: tensor<1x?xf64> {kvc.input = "x"}) -> tensor<1x?xf64> {
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<1x?xf64>) outs(%x : tensor<1x?xf64>) {
  ^bb0(%a: f64, %b: f64):
    %s = math.sin %a : f64
    linalg.yield %s : f64
  } -> tensor<1x?xf64>
  return %0 : tensor<1x?xf64>
}
//--- data-size.mlir
// SIZE: error: expected a buffer size that depends only on the sizes of `recompute`'s arguments
func.func @main(%x: tensor<1x?xi64> {kvc.input = "x"}, %n: tensor<1xi64> {kvc.param = "n"}) -> tensor<f32> {
  %c0 = arith.constant 0 : index
  %v = tensor.extract %n[%c0] : tensor<1xi64>
  %i = arith.index_cast %v : i64 to index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%i) : tensor<?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %o = tensor.empty() : tensor<f32>
  %g = linalg.reduce ins(%f : tensor<?xf32>) outs(%o : tensor<f32>) dimensions = [0]
    (%a: f32, %b: f32) {
      %s = arith.addf %a, %b : f32
      linalg.yield %s : f32
    }
  return %g : tensor<f32>
}
