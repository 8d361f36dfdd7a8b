// A linked kernel needs nothing: no libm, no memset, no runtime. The linker
// refuses undefined symbols, also when loops of zeros are optimized.
// RUN: kvc-opt %s --convert-kvc-to-cpu=vector-bits=512 --kvc-lower-kernels-to-llvm | mlir-translate --mlir-to-llvmir | opt -O3 -mcpu=x86-64-v4 | llc -O3 -mcpu=x86-64-v4 -relocation-model=pic -filetype=obj -o %t.v4.o
// RUN: ld.lld -shared --no-undefined %t.v4.o -o %t.v4.so
// RUN: llvm-readelf -d --dyn-syms %t.v4.so | FileCheck %s
// RUN: kvc-opt %s --convert-kvc-to-cpu=vector-bits=256 --kvc-lower-kernels-to-llvm | mlir-translate --mlir-to-llvmir | opt -O3 -mcpu=x86-64-v3 | llc -O3 -mcpu=x86-64-v3 -relocation-model=pic -filetype=obj -o %t.v3.o
// RUN: ld.lld -shared --no-undefined %t.v3.o -o %t.v3.so
// RUN: llvm-readelf -d --dyn-syms %t.v3.so | FileCheck %s
// RUN: kvc-opt %s --convert-kvc-to-cpu="vector-bits=128 fma=false f16c=false round=false" --kvc-lower-kernels-to-llvm | mlir-translate --mlir-to-llvmir | opt -O3 -mcpu=x86-64 | llc -O3 -mcpu=x86-64 -relocation-model=pic -filetype=obj -o %t.v1.o
// RUN: ld.lld -shared --no-undefined %t.v1.o -o %t.v1.so
// RUN: llvm-readelf -d --dyn-syms %t.v1.so | FileCheck %s

// CHECK-NOT: NEEDED
// CHECK-NOT: UND {{[a-z]}}
// CHECK: all_attend
kvc.variant @all {
  cache = !kvc.cache<kv_heads = 2, head_dim = 72 : 40, bf16, layout = #kvc.paged<block = 24>,
                     key = #kvc.quant<i8, axis = token, symmetric>, value = #kvc.plain<f16>,
                     position = #kvc.rope<theta = 1.0e+04, dim = 20, style = interleaved, at = attend>,
                     retention = #kvc.streaming<sink_tokens = 4, window = 60>>,
  query_heads = 6, softcap, sink_logits, lse, mask = #kvc<mask_kind dense_i1>, captures = [tensor<?xf32>]} score {
^bb0(%s: f32, %b: index, %h: index, %q: index, %k: index, %t: tensor<?xf32>):
  %bias = tensor.extract %t[%h] : tensor<?xf32>
  %x = math.tanh %s : f32
  %y = math.exp %x : f32
  %z = math.log %y : f32
  %r = arith.addf %z, %bias : f32
  kvc.yield %r : f32
}
