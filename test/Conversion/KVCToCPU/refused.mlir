// What the engine cannot run is an error with the reason.
// RUN: kvc-opt %s --convert-kvc-to-cpu --split-input-file --verify-diagnostics

// expected-error @below {{expected a key head_dim that is a multiple of 8 up to 256 for the cpu engine, got 20}}
kvc.variant @odd_head_dim {cache = !kvc.cache<kv_heads = 1, head_dim = 20, f32>, query_heads = 1}

// -----

// expected-error @below {{expected a value head_dim that is a multiple of 8 up to 256 for the cpu engine, got 512}}
kvc.variant @large_value_dim {cache = !kvc.cache<kv_heads = 1, head_dim = 64 : 512, f32>, query_heads = 1}

// -----

// expected-error @below {{cannot run this storage of keys}}
kvc.variant @int4_keys {cache = !kvc.cache<kv_heads = 1, head_dim = 64, f32, key = #kvc.quant<i4, axis = token, symmetric>>, query_heads = 1}

// -----

kvc.variant @sine_of_score {cache = !kvc.cache<kv_heads = 1, head_dim = 64, f32>, query_heads = 1} score {
^bb0(%s: f32, %b: index, %h: index, %q: index, %k: index):
  // expected-error @below {{expected a function that the cpu engine computes in a score region}}
  %r = math.sin %s : f32
  kvc.yield %r : f32
}
