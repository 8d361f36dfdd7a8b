// RUN: kvc-opt %s --kvc-verify-step --split-input-file --verify-diagnostics -o /dev/null

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>

func.func @step(%x: !x, %step: !kvc.step, %c: !cache {kvc.cache = 0 : i64}) -> !x {
  kvc.append %x, %x into %c at %step : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
  return %x : !x
}

// -----

// expected-error @+1 {{expected a function @step, got none: kvc-introduce-cache did not apply; its missed remarks say why (kvc-opt --remarks-filter-missed=kvc-.*)}}
module {
  func.func @main() {
    return
  }
}

// -----

// expected-error @+1 {{expected a body of @step}}
func.func private @step(!kvc.step)

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
// expected-error @+1 {{expected one argument of type !kvc.step, got 0}}
func.func @step() {
  return
}

// -----

// expected-error @+1 {{expected an argument of type !kvc.cache}}
func.func @step(%step: !kvc.step) {
  return
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
// expected-error @+1 {{expected argument 1 to carry kvc.cache = 0}}
func.func @step(%step: !kvc.step, %c: !cache {kvc.cache = 1 : i64}) {
  return
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
// expected-error @+1 {{cache 0 is never appended to}}
func.func @step(%step: !kvc.step, %c: !cache {kvc.cache = 0 : i64}) {
  return
}

// -----

!cache = !kvc.cache<kv_heads = 1, head_dim = 4, f32>
!x = tensor<?x1x4xf32>
!y = tensor<1x1x?x4xf32>
func.func @step(%x: !x, %y: !y, %step: !kvc.step, %c: !cache {kvc.cache = 0 : i64}) -> !y {
  kvc.append %x, %x into %c at %step : !x, !x, !kvc.cache<kv_heads = 1, head_dim = 4, f32>
  // expected-error @+1 {{stateless attention is left in @step: its keys would be those of the new tokens alone}}
  %a = kvc.attention %y, %y, %y {causal, scale = 1.0 : f32} : (!y, !y, !y) -> !y
  return %a : !y
}
