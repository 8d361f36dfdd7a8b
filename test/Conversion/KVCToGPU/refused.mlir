// What the GPU engine has no kernel for is an error that names the limit and
// the way out.
// RUN: kvc-opt %s --convert-kvc-to-gpu --split-input-file --verify-diagnostics
// RUN: not kvc-opt %s --convert-kvc-to-gpu=chip=sm_70 --split-input-file 2>&1 | FileCheck %s
// CHECK: error: expected a chip among sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120, got `sm_70`

// expected-error@+1 {{expected a head_dim of at most 128 for plain f32 rows of keys in the gpu engine, got 256; store them as #kvc.plain<f16> or use the cpu engine}}
kvc.variant @f32 {cache = !kvc.cache<kv_heads = 2, head_dim = 256, f32>, query_heads = 8}

// -----

// expected-error@+1 {{expected a key head_dim that is a multiple of 16 up to 256 for the gpu engine, got 72; pad the heads or use the cpu engine}}
kvc.variant @dim {cache = !kvc.cache<kv_heads = 2, head_dim = 72, bf16>, query_heads = 8}

// -----

// expected-error@+1 {{expected a value head_dim that is a multiple of 16 up to 256 for the gpu engine, got 512; pad the heads or use the cpu engine}}
kvc.variant @value {cache = !kvc.cache<kv_heads = 2, head_dim = 64 : 512, bf16>, query_heads = 8}

// -----

// expected-error@+1 {{expected array<i32: decode, prefill> of 0 to 3 as `kvc.frugality`, got 1 : i32}}
kvc.variant @frugality {cache = !kvc.cache<kv_heads = 2, head_dim = 64, bf16>, query_heads = 8, kvc.frugality = 1 : i32}

// -----

// expected-error@+1 {{expected array<i32: decode, prefill> of 0 to 3 as `kvc.frugality`, got array<i32: 0>}}
kvc.variant @levels {cache = !kvc.cache<kv_heads = 2, head_dim = 64, bf16>, query_heads = 8, kvc.frugality = array<i32: 0>}

// -----

// expected-error@+1 {{cannot run this storage of keys: the gpu engine keeps plain rows in the element type 'bf16', got 'f32'; use #kvc.plain<'bf16'> or an 8-bit format}}
kvc.variant @plain {cache = !kvc.cache<kv_heads = 2, head_dim = 64, bf16, key = #kvc.plain<f32>>, query_heads = 8}

// -----

// expected-error@+1 {{cannot run this storage of values: no engine runs this quantised storage yet}}
kvc.variant @i4 {cache = !kvc.cache<kv_heads = 2, head_dim = 64, bf16, value = #kvc.quant<i4>>, query_heads = 8}
