// One case per constraint of kvc.attention.
//
// RUN: kvc-opt %s --split-input-file --verify-diagnostics

func.func @attention_c1(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf16>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected `key` of 'f32', got 'tensor<1x2x8x64xf16>'}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf16>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c1_integer(%q: tensor<1x4x8x64xi32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected `query` of f32, f16, bf16 or f64, got 'tensor<1x4x8x64xi32>'}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x8x64xi32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c1_rank(%q: tensor<4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected `query` of rank 4, got 'tensor<4x8x64xf32>'}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<1x4x8x64xf32>, %k: tensor<1x3x8x32xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected `key` of shape [1, 3, 8, 64], got 'tensor<1x3x8x32xf32>'}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x3x8x32xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c2_heads(%q: tensor<1x4x8x64xf32>, %k: tensor<1x3x8x64xf32>, %v: tensor<1x3x8x64xf32>) {
  // expected-error@+1 {{expected a multiple of 3 query heads, got 4}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x3x8x64xf32>, tensor<1x3x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c2_lengths(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x9x64xf32>) {
  // expected-error@+1 {{expected `value` of shape [1, 2, 8, ?], got 'tensor<1x2x9x64xf32>'}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x9x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c3(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x32xf32>) {
  // expected-error@+1 {{expected `result` of shape [1, 4, 8, 32], got 'tensor<1x4x8x64xf32>'}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x32xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c4(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected a finite `scale`, got}}
  %o = kvc.attention %q, %k, %v {scale = 0x7F800000 : f32} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c5(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected `window` in [1, 2147483647] tokens, got 0}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32, causal, window = 0} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c5_not_causal(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected `causal` with `window`; a window counts back from the query}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32, window = 8} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c6(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected a finite, positive `softcap`, got -1.0}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32, softcap = -1.0} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c7(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>, %m: tensor<2x4x8x8xi1>) {
  // expected-error@+1 {{expected `mask` of shape [1, 4, 8, 8], got 'tensor<2x4x8x8xi1>'}}
  %o = kvc.attention %q, %k, %v mask %m {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>, tensor<2x4x8x8xi1>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c7_element(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>, %m: tensor<1x1x8x8xi8>) {
  // expected-error@+1 {{expected `mask` of i1 or a float type, got 'tensor<1x1x8x8xi8>'}}
  %o = kvc.attention %q, %k, %v mask %m {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x1x8x8xi8>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c8(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>, %s: tensor<2xf32>) {
  // expected-error@+1 {{expected `sink_logits` of shape [4], got 'tensor<2xf32>'}}
  %o = kvc.attention %q, %k, %v sink_logits %s {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>, tensor<2xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c9(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected `lse` of shape [1, 4, 8], got 'tensor<1x4x9xf32>'}}
  %o:2 = kvc.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> (tensor<1x4x8x64xf32>, tensor<1x4x9xf32>)
  return
}

// -----

func.func @attention_c9_element(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected `lse` of 'f32', got 'tensor<1x4x8xf16>'}}
  %o:2 = kvc.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> (tensor<1x4x8x64xf32>, tensor<1x4x8xf16>)
  return
}

// -----

func.func @attention_c10(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected score region arguments}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32} score {
  ^bb0(%x: f32):
    kvc.yield %x : f32
  } : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c10_captures(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>, %t: tensor<4xf32>) {
  // expected-error@+1 {{expected a score region that reads the 1 captures, got none}}
  %o = kvc.attention %q, %k, %v captures(%t) {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>, tensor<4xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c10_capture_rank(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>, %t: tensor<1x1x1x1x1xf32>) {
  // expected-error@+1 {{expected captures of rank at most 4, got 'tensor<1x1x1x1x1xf32>'}}
  %o = kvc.attention %q, %k, %v captures(%t) {scale = 1.0 : f32} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x1x1x1x1xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @unknown_rule(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected one of nan, uniform, zero, got `mean`}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32, fully_masked = mean} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @missing_scale(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{requires attribute 'scale'}}
  %o = kvc.attention %q, %k, %v {causal} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @option_twice(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %v: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected `causal` once, got it twice}}
  %o = kvc.attention %q, %k, %v {scale = 1.0 : f32, causal, causal} : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}
