// RUN: kvc-opt %s --kvc-plan --split-input-file --verify-diagnostics

!cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>
func.func private @make() -> !cache
func.func @cache_made_inside(%k: tensor<?x2x64xf32>, %step: !kvc.step) {
  %c = call @make() : () -> !cache
  // expected-error@+1 {{expected `cache` to be an argument of the function}}
  kvc.append %k, %k into %c at %step : tensor<?x2x64xf32>, tensor<?x2x64xf32>, !cache
  return
}

// -----

!cache = !kvc.cache<kv_heads = 2, head_dim = 64, f32>
// expected-note@+1 {{first one here}}
func.func @first(%c: !cache) { return }
// expected-error@+1 {{expected one function with caches, got a second one}}
func.func @second(%c: !cache) { return }
