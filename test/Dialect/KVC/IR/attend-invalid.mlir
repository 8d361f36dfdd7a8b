// One case per constraint of kvc.attend.
//
// RUN: kvc-opt %s --split-input-file --verify-diagnostics

func.func @attend_c1(%q: tensor<8x4x64xf16>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected `query` of 'f32', got 'tensor<8x4x64xf16>'}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32} : (tensor<8x4x64xf16>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c2(%q: tensor<8x4x32xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected `query` of shape [8, 4, 64], got 'tensor<8x4x32xf32>'}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32} : (tensor<8x4x32xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c2_heads(%q: tensor<8x3x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected a static multiple of 2 query heads, got 'tensor<8x3x64xf32>'}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32} : (tensor<8x3x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c2_dynamic_heads(%q: tensor<8x?x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected a static multiple of 2 query heads, got 'tensor<8x?x64xf32>'}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32} : (tensor<8x?x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c3(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<7x4x64xf32>) {
  // expected-error@+1 {{expected `out` of shape [8, 4, 64], got 'tensor<7x4x64xf32>'}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<7x4x64xf32>) -> tensor<7x4x64xf32>
  return
}

// -----

func.func @attend_c4(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>, %l: tensor<8x2xf32>) {
  // expected-error@+1 {{expected `lse` of shape [8, 4], got 'tensor<8x2xf32>'}}
  %r:2 = kvc.attend %q, %c at %s outs(%o, %l) {scale = 1.0 : f32} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x4x64xf32>, tensor<8x2xf32>) -> (tensor<8x4x64xf32>, tensor<8x2xf32>)
  return
}

// -----

func.func @attend_c5(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected a finite `scale`, got}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 0x7FC00000 : f32} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c5_softcap(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected a finite, positive `softcap`, got 0.0}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32, softcap = 0.0} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c6(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected `window` in [1, 2147483647] tokens, got -8}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32, window = -8} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c6_not_causal(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected `causal` with `window`; a window counts back from the query}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32, window = 8, causal = false} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c6_streaming(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32, retention = #kvc.streaming<sink_tokens = 4, window = 60>>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected no `window` on a streaming cache, got 8; the retention has its own}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32, window = 8} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32, retention = #kvc.streaming<sink_tokens = 4, window = 60>>, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c7(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>, %m: tensor<9x32xi1>) {
  // expected-error@+1 {{expected `mask` of shape [8, ?], got 'tensor<9x32xi1>'}}
  %r = kvc.attend %q, %c at %s mask %m outs(%o) {scale = 1.0 : f32} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<9x32xi1>, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c7_element(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>, %m: tensor<8x32xf16>) {
  // expected-error@+1 {{expected `mask` of i1 or f32, got 'tensor<8x32xf16>'}}
  %r = kvc.attend %q, %c at %s mask %m outs(%o) {scale = 1.0 : f32} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x32xf16>, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c8(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>, %l: tensor<2xf32>) {
  // expected-error@+1 {{expected `sink_logits` of shape [4], got 'tensor<2xf32>'}}
  %r = kvc.attend %q, %c at %s sink_logits %l outs(%o) {scale = 1.0 : f32} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<2xf32>, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c9(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected score region arguments}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32} score {
  ^bb0(%x: f32):
    kvc.yield %x : f32
  } : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c10(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected result types 'tensor<8x4x64xf32>' as in `outs`, got 'tensor<?x4x64xf32>'}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, tensor<8x4x64xf32>) -> tensor<?x4x64xf32>
  return
}

// -----

func.func @attend_c10_no_result(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>, %s: !kvc.step, %o: memref<8x4x64xf32>) {
  // expected-error@+1 {{expected one result per tensor in `outs`, 0, got 1}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>, !kvc.step, memref<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}

// -----

func.func @attend_c11(%q: tensor<8x4x64xf32>, %c: !kvc.cache<kv_heads = 2, head_dim = 64, f32, position = #kvc.alibi<slopes = [0.5, 0.25]>>, %s: !kvc.step, %o: tensor<8x4x64xf32>) {
  // expected-error@+1 {{expected one ALiBi slope per query head, 4, got 2}}
  %r = kvc.attend %q, %c at %s outs(%o) {scale = 1.0 : f32} : (tensor<8x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32, position = #kvc.alibi<slopes = [0.5, 0.25]>>, !kvc.step, tensor<8x4x64xf32>) -> tensor<8x4x64xf32>
  return
}
