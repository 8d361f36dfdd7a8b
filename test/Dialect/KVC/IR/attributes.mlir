// Every policy value, written in full and in the shortest form.
//
// RUN: kvc-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @layout
// CHECK-SAME: kvc.a = #kvc.paged, kvc.b = #kvc.paged<block = 1>, kvc.c = #kvc.paged<block = 256, order = nhd>, kvc.d = #kvc.paged<order = nhd>, kvc.e = #kvc.contiguous<capacity = 2048>
module @layout attributes {
  kvc.a = #kvc.paged<block = 16, order = hnd>, kvc.b = #kvc.paged<block = 1>,
  kvc.c = #kvc.paged<order = nhd, block = 256>, kvc.d = #kvc.paged<order = nhd>,
  kvc.e = #kvc.contiguous<capacity = 2048>} {}

// CHECK-LABEL: @storage
// CHECK-SAME: kvc.a = #kvc.plain<f32>, kvc.b = #kvc.plain<f16>, kvc.c = #kvc.plain<bf16>
// CHECK-SAME: kvc.d = #kvc.quant<i8, axis = token, symmetric>
// CHECK-SAME: kvc.e = #kvc.quant<i4, axis = channel, asymmetric, scale = f16, group = 64, residual = 128>
// CHECK-SAME: kvc.f = #kvc.quant<f8E4M3FN, axis = head, symmetric>
// CHECK-SAME: kvc.g = #kvc.quant<f8E5M2, axis = tensor, symmetric>
// CHECK-SAME: kvc.h = #kvc.quant<i2, axis = token, asymmetric, scale = bf16, group = 32>
module @storage attributes {
  kvc.a = #kvc.plain<f32>, kvc.b = #kvc.plain<f16>, kvc.c = #kvc.plain<bf16>,
  kvc.d = #kvc.quant<i8>,
  kvc.e = #kvc.quant<i4, residual = 128, group = 64, scale = f16, asymmetric, axis = channel>,
  kvc.f = #kvc.quant<f8E4M3FN, axis = head, symmetric, scale = f32, group = 0, residual = 0>,
  kvc.g = #kvc.quant<f8E5M2, axis = tensor>,
  kvc.h = #kvc.quant<i2, asymmetric, group = 32, scale = bf16>} {}

// CHECK-LABEL: @position
// CHECK-SAME: kvc.a = #kvc.none, kvc.b = #kvc.rope<theta = 1.000000e+04, dim = 64>
// CHECK-SAME: kvc.c = #kvc.rope<theta = 5.000000e+05, dim = 128, style = interleaved, at = attend>
// CHECK-SAME: kvc.d = #kvc.rope<theta = 1.000000e+04, dim = 64, scaling = linear<factor = 2.000000e+00>>
// CHECK-SAME: kvc.e = #kvc.rope<theta = 5.000000e+05, dim = 128, scaling = llama3<factor = 8.000000e+00, low_freq_factor = 1.000000e+00, high_freq_factor = 4.000000e+00, original_max_positions = 8192>>
// CHECK-SAME: kvc.f = #kvc.rope<theta = 1.000000e+04, dim = 64, at = attend, scaling = dynamic<factor = 2.000000e+00, original_max_positions = 2048>>
// CHECK-SAME: kvc.g = #kvc.alibi, kvc.h = #kvc.alibi<slopes = [5.000000e-01, -2.500000e-01, 1.000000e+00]>
module @position attributes {
  kvc.a = #kvc.none,
  kvc.b = #kvc.rope<dim = 64, theta = 10000, style = neox, at = append, scaling = none>,
  kvc.c = #kvc.rope<theta = 5.0e5, dim = 128, style = interleaved, at = attend>,
  kvc.d = #kvc.rope<theta = 1.0e4, dim = 64, scaling = linear<factor = 2>>,
  kvc.e = #kvc.rope<theta = 5.0e5, dim = 128, scaling = llama3<factor = 8.0, low_freq_factor = 1, high_freq_factor = 4.0, original_max_positions = 8192>>,
  kvc.f = #kvc.rope<theta = 1.0e4, dim = 64, at = attend, scaling = dynamic<factor = 2.0, original_max_positions = 2048>>,
  kvc.g = #kvc.alibi, kvc.h = #kvc.alibi<slopes = [0.5, -0.25, 1]>} {}

// CHECK-LABEL: @retention
// CHECK-SAME: kvc.a = #kvc.all, kvc.b = #kvc.window<1024>, kvc.c = #kvc.streaming<sink_tokens = 4, window = 1020>
module @retention attributes {
  kvc.a = #kvc.all, kvc.b = #kvc.window<1024>,
  kvc.c = #kvc.streaming<window = 1020, sink_tokens = 4>} {}

// CHECK-LABEL: @policy
// CHECK-SAME: kvc.a = #kvc.policy<>, kvc.b = #kvc.policy<layout = #kvc.paged<block = 32>, key = #kvc.plain<f16>, value = #kvc.quant<i8, axis = token, symmetric>, position = #kvc.none, retention = #kvc.window<64>, rollback = 8>
// CHECK-SAME: kvc.c = #kvc.policy<rollback = 0>
module @policy attributes {
  kvc.a = #kvc.policy<>,
  kvc.b = #kvc.policy<rollback = 8, retention = #kvc.window<64>, position = #kvc.none, value = #kvc.quant<i8>, key = #kvc.plain<f16>, layout = #kvc.paged<block = 32>>,
  kvc.c = #kvc.policy<rollback = 0>} {}

// Defaults of a cache type are not printed, whichever way they were written.
// CHECK-LABEL: @cache_defaults
// CHECK-SAME: !kvc.cache<kv_heads = 2, head_dim = 64, f16>, !kvc.cache<kv_heads = 2, head_dim = 64, f16>, !kvc.cache<kv_heads = 1, head_dim = 192 : 128, bf16, key = #kvc.plain<f16>>
func.func private @cache_defaults(
  !kvc.cache<kv_heads = 2, head_dim = 64, f16>,
  !kvc.cache<kv_heads = 2, head_dim = 64 : 64, f16, max_positions = 0, rollback = 0, retention = #kvc.all, position = #kvc.none, value = #kvc.plain<f16>, key = #kvc.plain<f16>, layout = #kvc.paged>,
  !kvc.cache<kv_heads = 1, head_dim = 192 : 128, bf16, key = #kvc.plain<f16>>)
