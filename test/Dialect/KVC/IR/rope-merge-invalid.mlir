// One case per constraint of kvc.rope and kvc.merge.
//
// RUN: kvc-opt %s --split-input-file --verify-diagnostics

func.func @rope_c1(%x: tensor<4x64xf32>, %p: tensor<4xi32>) {
  // expected-error@+1 {{expected `input` [T, H, D] or [B, H, S, D], got 'tensor<4x64xf32>'}}
  %y = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e4, dim = 64>} : tensor<4x64xf32>, tensor<4xi32>
  return
}

// -----

func.func @rope_c1_element(%x: tensor<8x4x64xi32>, %p: tensor<8xi32>) {
  // expected-error@+1 {{expected `input` of a float type}}
  %y = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e4, dim = 64>} : tensor<8x4x64xi32>, tensor<8xi32>
  return
}

// -----

func.func @rope_c2(%x: tensor<8x4x64xf32>, %p: tensor<8xf32>) {
  // expected-error@+1 {{expected `positions` of i32 or i64, got 'tensor<8xf32>'}}
  %y = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e4, dim = 64>} : tensor<8x4x64xf32>, tensor<8xf32>
  return
}

// -----

func.func @rope_c2_tokens(%x: tensor<8x4x64xf32>, %p: tensor<7xi32>) {
  // expected-error@+1 {{expected `positions` of shape [8], got 'tensor<7xi32>'}}
  %y = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e4, dim = 64>} : tensor<8x4x64xf32>, tensor<7xi32>
  return
}

// -----

func.func @rope_c2_batched(%x: tensor<2x4x8x64xf32>, %p: tensor<3x8xi64>) {
  // expected-error@+1 {{expected `positions` of shape [2, 8], got 'tensor<3x8xi64>'}}
  %y = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e4, dim = 64>} : tensor<2x4x8x64xf32>, tensor<3x8xi64>
  return
}

// -----

func.func @rope_c3(%x: tensor<8x4x32xf32>, %p: tensor<8xi32>) {
  // expected-error@+1 {{expected `dim` of at most head_dim 32, got 64}}
  %y = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e4, dim = 64>} : tensor<8x4x32xf32>, tensor<8xi32>
  return
}

// -----

func.func @rope_c4(%x: tensor<8x4x64xf32>, %p: tensor<8xi32>) {
  // expected-error@+1 {{expected a scaling that does not depend on the length, got `dynamic`}}
  %y = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e4, dim = 64, scaling = dynamic<factor = 2.0, original_max_positions = 64>>} : tensor<8x4x64xf32>, tensor<8xi32>
  return
}

// -----

func.func @merge_c1(%po: tensor<2x8x4x64xf32>, %pl: tensor<3x8x4xf32>, %o: tensor<8x4x64xf32>, %l: tensor<8x4xf32>) {
  // expected-error@+1 {{expected `partial_lse` of shape [2, 8, 4], got 'tensor<3x8x4xf32>'}}
  %r:2 = kvc.merge %po, %pl outs(%o, %l) : (tensor<2x8x4x64xf32>, tensor<3x8x4xf32>, tensor<8x4x64xf32>, tensor<8x4xf32>) -> (tensor<8x4x64xf32>, tensor<8x4xf32>)
  return
}

// -----

func.func @merge_c1_element(%po: tensor<2x8x4x64xf16>, %pl: tensor<2x8x4xf32>, %o: tensor<8x4x64xf32>, %l: tensor<8x4xf32>) {
  // expected-error@+1 {{expected `partial_out` of 'f32'}}
  %r:2 = kvc.merge %po, %pl outs(%o, %l) : (tensor<2x8x4x64xf16>, tensor<2x8x4xf32>, tensor<8x4x64xf32>, tensor<8x4xf32>) -> (tensor<8x4x64xf32>, tensor<8x4xf32>)
  return
}

// -----

func.func @merge_c2(%po: tensor<2x8x4x64xf32>, %pl: tensor<2x8x4xf32>, %o: tensor<8x4x32xf32>, %l: tensor<8x4xf32>) {
  // expected-error@+1 {{expected `out` of shape [8, 4, 64], got 'tensor<8x4x32xf32>'}}
  %r:2 = kvc.merge %po, %pl outs(%o, %l) : (tensor<2x8x4x64xf32>, tensor<2x8x4xf32>, tensor<8x4x32xf32>, tensor<8x4xf32>) -> (tensor<8x4x32xf32>, tensor<8x4xf32>)
  return
}

// -----

func.func @merge_c2_lse(%po: tensor<2x8x4x64xf32>, %pl: tensor<2x8x4xf32>, %o: tensor<8x4x64xf32>, %l: tensor<8x5xf32>) {
  // expected-error@+1 {{expected `lse` of shape [8, 4], got 'tensor<8x5xf32>'}}
  %r:2 = kvc.merge %po, %pl outs(%o, %l) : (tensor<2x8x4x64xf32>, tensor<2x8x4xf32>, tensor<8x4x64xf32>, tensor<8x5xf32>) -> (tensor<8x4x64xf32>, tensor<8x5xf32>)
  return
}

// -----

func.func @merge_c3(%po: tensor<2x8x4x64xf32>, %pl: tensor<2x8x4xf32>, %o: tensor<8x4x64xf32>, %l: tensor<8x4xf32>, %s: tensor<5xf32>) {
  // expected-error@+1 {{expected `sink_logits` of shape [4], got 'tensor<5xf32>'}}
  %r:2 = kvc.merge %po, %pl sink_logits %s outs(%o, %l) : (tensor<2x8x4x64xf32>, tensor<2x8x4xf32>, tensor<5xf32>, tensor<8x4x64xf32>, tensor<8x4xf32>) -> (tensor<8x4x64xf32>, tensor<8x4xf32>)
  return
}

// -----

func.func @merge_c4(%po: tensor<2x8x4x64xf32>, %pl: tensor<2x8x4xf32>, %o: tensor<8x4x64xf32>, %l: tensor<8x4xf32>) {
  // expected-error@+1 {{expected result types 'tensor<8x4x64xf32>', 'tensor<8x4xf32>' as in `outs`, got 'tensor<8x4x?xf32>', 'tensor<8x4xf32>'}}
  %r:2 = kvc.merge %po, %pl outs(%o, %l) : (tensor<2x8x4x64xf32>, tensor<2x8x4xf32>, tensor<8x4x64xf32>, tensor<8x4xf32>) -> (tensor<8x4x?xf32>, tensor<8x4xf32>)
  return
}
