// One case per constraint of the policy attributes; the label is in docs/dialect.md.
//
// RUN: kvc-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{expected `block` in [1, 1048576] tokens, got 0}}
module @paged_c1 attributes {kvc.a = #kvc.paged<block = 0>} {}

// -----

// expected-error@+1 {{expected `block` in [1, 1048576] tokens, got 1048577}}
module @paged_c1_large attributes {kvc.a = #kvc.paged<block = 1048577>} {}

// -----

// expected-error@+1 {{expected `capacity` in [1, 2147483647] tokens, got -1}}
module @contiguous_c1 attributes {kvc.a = #kvc.contiguous<capacity = -1>} {}

// -----

// expected-error@+1 {{expected `plain` of f32, f16 or bf16, got 'i8'; use #kvc.quant for other formats}}
module @plain_c1 attributes {kvc.a = #kvc.plain<i8>} {}

// -----

// expected-error@+1 {{expected `quant` of i8, i4, i2, f8E4M3FN or f8E5M2, got 'f16'}}
module @quant_c1 attributes {kvc.a = #kvc.quant<f16>} {}

// -----

// expected-error@+1 {{expected `quant` of i8, i4, i2, f8E4M3FN or f8E5M2, got 'ui8'}}
module @quant_c1_unsigned attributes {kvc.a = #kvc.quant<ui8>} {}

// -----

// expected-error@+1 {{expected `scale` of f32, f16 or bf16, got 'i8'}}
module @quant_c2 attributes {kvc.a = #kvc.quant<i8, scale = i8>} {}

// -----

// expected-error@+1 {{expected `symmetric` with the float payload 'f8E5M2', got `asymmetric`}}
module @quant_c3 attributes {kvc.a = #kvc.quant<f8E5M2, asymmetric>} {}

// -----

// expected-error@+1 {{expected `group` in [0, 2147483647], got -1}}
module @quant_c4 attributes {kvc.a = #kvc.quant<i8, group = -1>} {}

// -----

// expected-error@+1 {{expected `residual` in [0, 2147483647], got 4294967296}}
module @quant_c4_residual attributes {kvc.a = #kvc.quant<i8, residual = 4294967296>} {}

// -----

// expected-error@+1 {{expected `group = 0` with axis tensor, got 8; groups belong to token and channel}}
module @quant_c5 attributes {kvc.a = #kvc.quant<i8, axis = tensor, group = 8>} {}

// -----

// expected-error@+1 {{expected a finite `theta` greater than 1, got 1.0}}
module @rope_attr_c1 attributes {kvc.a = #kvc.rope<theta = 1.0, dim = 64>} {}

// -----

// expected-error@+1 {{expected a finite `theta` greater than 1, got}}
module @rope_attr_c1_infinite attributes {kvc.a = #kvc.rope<theta = 1.0e400, dim = 64>} {}

// -----

// expected-error@+1 {{expected an even `dim` in [2, 65536], got 63}}
module @rope_attr_c2 attributes {kvc.a = #kvc.rope<theta = 1.0e4, dim = 63>} {}

// -----

// expected-error@+1 {{expected an even `dim` in [2, 65536], got 0}}
module @rope_attr_c2_missing attributes {kvc.a = #kvc.rope<theta = 1.0e4>} {}

// -----

// expected-error@+1 {{expected a finite `factor` of at least 1, got 5.000000e-01}}
module @rope_attr_c3 attributes {kvc.a = #kvc.rope<theta = 1.0e4, dim = 64, scaling = linear<factor = 0.5>>} {}

// -----

// expected-error@+1 {{expected 0 < `low_freq_factor` < `high_freq_factor`, got 4.0}}
module @rope_attr_c4 attributes {kvc.a = #kvc.rope<theta = 1.0e4, dim = 64, scaling = llama3<factor = 8.0, low_freq_factor = 4.0, high_freq_factor = 1.0, original_max_positions = 8192>>} {}

// -----

// expected-error@+1 {{expected `original_max_positions` in [1, 2147483647], got 0}}
module @rope_attr_c5 attributes {kvc.a = #kvc.rope<theta = 1.0e4, dim = 64, scaling = dynamic<factor = 8.0>>} {}

// -----

// expected-error@+1 {{expected at least one slope, got none; leave `slopes` out for the geometric ones}}
module @alibi_c1 attributes {kvc.a = #kvc.alibi<slopes = []>} {}

// -----

// expected-error@+1 {{expected finite slopes, got INF}}
module @alibi_c1_infinite attributes {kvc.a = #kvc.alibi<slopes = [1.0e39]>} {}

// -----

// expected-error@+1 {{expected `size` in [1, 2147483647] tokens, got 0}}
module @window_c1 attributes {kvc.a = #kvc.window<0>} {}

// -----

// expected-error@+1 {{expected `sink_tokens` in [1, 2147483647] tokens, got 0}}
module @streaming_c1 attributes {kvc.a = #kvc.streaming<sink_tokens = 0, window = 8>} {}

// -----

// expected-error@+1 {{expected `window` in [1, 2147483647] tokens, got 2147483648}}
module @streaming_c1_window attributes {kvc.a = #kvc.streaming<sink_tokens = 4, window = 2147483648>} {}

// -----

// expected-error@+1 {{expected `rollback` in [0, 2147483647], got -1}}
module @policy_c1 attributes {kvc.a = #kvc.policy<rollback = -1>} {}
