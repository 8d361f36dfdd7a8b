// What a score region must not do; kvc.attend and kvc.variant share the check.
//
// RUN: kvc-opt %s --split-input-file --verify-diagnostics

func.func @attention_c10_isolated(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>, %y: f32) {
  // expected-note@+1 {{required by region isolation constraints}}
  %o = kvc.attention %q, %k, %k {scale = 1.0 : f32} score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    // expected-error@+1 {{using value defined outside the region}}
    kvc.yield %y : f32
  } : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c10_yield(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>) {
  // expected-error@+1 {{expected the score region to end in kvc.yield}}
  %o = kvc.attention %q, %k, %k {scale = 1.0 : f32} score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %y = arith.addf %x, %x : f32
  } : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @yield_c1(%x: f32) {
  // expected-error@+1 {{expects parent op to be one of 'kvc.attention, kvc.attend, kvc.variant'}}
  kvc.yield %x : f32
}

// -----

func.func private @print(f32)

func.func @attention_c10_effects(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x8x64xf32>) {
  %o = kvc.attention %q, %k, %k {scale = 1.0 : f32} score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    // expected-error@+1 {{expected an op without side effects in a score region}}
    func.call @print(%x) : (f32) -> ()
    kvc.yield %x : f32
  } : (tensor<1x4x8x64xf32>, tensor<1x2x8x64xf32>, tensor<1x2x8x64xf32>) -> tensor<1x4x8x64xf32>
  return
}
