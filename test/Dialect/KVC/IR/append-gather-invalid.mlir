// One case per constraint of kvc.append and kvc.gather.
//
// RUN: kvc-opt %s --split-input-file --verify-diagnostics

func.func @append_c1(%k: tensor<8x2x64xf16>, %v: tensor<8x2x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step) {
  // expected-error@+1 {{expected `key` of 'f32', got 'tensor<8x2x64xf16>'}}
  kvc.append %k, %v into %c at %s : tensor<8x2x64xf16>, tensor<8x2x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>
  return
}

// -----

func.func @append_c1_rank(%k: tensor<8x2x64xf32>, %v: tensor<1x8x2x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step) {
  // expected-error@+1 {{expected `value` of rank 3, got 'tensor<1x8x2x64xf32>'}}
  kvc.append %k, %v into %c at %s : tensor<8x2x64xf32>, tensor<1x8x2x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>
  return
}

// -----

func.func @append_c2(%k: tensor<8x4x64xf32>, %v: tensor<8x2x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step) {
  // expected-error@+1 {{expected `key` of shape [8, 2, 64], got 'tensor<8x4x64xf32>'}}
  kvc.append %k, %v into %c at %s : tensor<8x4x64xf32>, tensor<8x2x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>
  return
}

// -----

func.func @append_c2_value_dim(%k: tensor<8x2x64xf32>, %v: tensor<8x2x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64 : 32, f32>, %s: !kvc.step) {
  // expected-error@+1 {{expected `value` of shape [8, 2, 32], got 'tensor<8x2x64xf32>'}}
  kvc.append %k, %v into %c at %s : tensor<8x2x64xf32>, tensor<8x2x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64 : 32, f32>
  return
}

// -----

func.func @append_c3(%k: tensor<8x2x64xf32>, %v: tensor<7x2x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step) {
  // expected-error@+1 {{expected `value` of shape [8, 2, 64], got 'tensor<7x2x64xf32>'}}
  kvc.append %k, %v into %c at %s : tensor<8x2x64xf32>, tensor<7x2x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>
  return
}

// -----

func.func @gather_c1(%c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %i: index) {
  // expected-error@+1 {{expected `key` of 'f32', got 'tensor<?x2x64xf16>'}}
  %k, %v = kvc.gather %c[%i] at %s : !kvc.cache<kv_heads = 2, head_dim = 64, f32> -> tensor<?x2x64xf16>, tensor<?x2x64xf32>
  return
}

// -----

func.func @gather_c2(%c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %i: index) {
  // expected-error@+1 {{expected `value` of shape [?, 2, 64], got 'tensor<?x4x64xf32>'}}
  %k, %v = kvc.gather %c[%i] at %s : !kvc.cache<kv_heads = 2, head_dim = 64, f32> -> tensor<?x2x64xf32>, tensor<?x4x64xf32>
  return
}
