// One case per constraint of kvc.variant.
//
// RUN: kvc-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{expected `query_heads` to be a positive multiple of 2 up to 65536, got 3}}
kvc.variant @variant_c1 {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 3}

// -----

// expected-error@+1 {{expected `query_heads` to be a positive multiple of 2 up to 65536, got 0}}
kvc.variant @variant_c1_zero {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 0}

// -----

// expected-error@+1 {{expected captures that are ranked tensors, got 'f32'}}
kvc.variant @variant_c2 {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 4, captures = [f32]}

// -----

// expected-error@+1 {{expected at most 4 captures, got 5}}
kvc.variant @variant_c2_count {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 4, captures = [tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>]}

// -----

// expected-error@+1 {{expected a score region that reads the 1 captures, got none}}
kvc.variant @variant_c2_region {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 4, captures = [tensor<f32>]}

// -----

// expected-error@+1 {{expected score region arguments}}
kvc.variant @variant_c3 {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 4} score {
^bb0(%x: f32):
  kvc.yield %x : f32
}

// -----

// expected-error@+1 {{expected no `window` with a streaming cache; the retention has its own}}
kvc.variant @variant_c4 {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32, retention = #kvc.streaming<sink_tokens = 4, window = 60>>, query_heads = 4, window}

// -----

// expected-error@+1 {{expected one ALiBi slope per query head, 4, got 1}}
kvc.variant @variant_c5 {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32, position = #kvc.alibi<slopes = [0.5]>>, query_heads = 4}

// -----

// expected-error@+1 {{attribute 'cache' failed to satisfy constraint}}
kvc.variant @not_a_cache {cache = f32, query_heads = 4}

// -----

// expected-error@+1 {{expected one of none, dense_f32, dense_i1, packed, got `sparse`}}
kvc.variant @unknown_mask {cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>, query_heads = 4, mask = sparse}
