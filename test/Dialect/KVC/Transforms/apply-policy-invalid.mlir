// RUN: kvc-opt %s --kvc-apply-policy --split-input-file --verify-diagnostics
// RUN: not kvc-opt %s --kvc-apply-policy=policy-file=%t.absent 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: echo "module attributes {kvc.policies = [{policy = #kvc.policy<retention = #kvc.windw<4>>}]} {}" > %t.unknown.mlir
// RUN: not kvc-opt %s --kvc-apply-policy=policy-file=%t.unknown.mlir 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// ABSENT: absent
// ABSENT: expected a policy module in
// UNKNOWN: unknown.mlir:1:
// UNKNOWN: windw

module attributes {kvc.policies = [{layers = [2], policy = #kvc.policy<>}]} {
  // expected-error@+1 {{expected layers of a policy in [0, 0], got 2}}
  func.func @layer_range(%c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>) { return }
}

// -----

module attributes {kvc.policies = [{policy = #kvc.policy<value = #kvc.quant<i8, axis = token, symmetric, group = 7>>}]} {
  // expected-error@+1 {{layer 0: illegal policy (token_group)}}
  func.func @illegal_pair(%c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>) { return }
}

// -----

module attributes {kvc.policies = [{policy = #kvc.policy<position = #kvc.rope<theta = 1.0e4, dim = 64>>}]} {
  // expected-error@+1 {{expected the position of layer 0 to stay #kvc.none but for `at`, got #kvc.rope}}
  func.func @position_is_the_models(%c: !kvc.cache<kv_heads = 2, head_dim = 64, f32>) { return }
}

// -----

// expected-error@+1 {{expected module attribute `kvc.policies` to be an array}}
module attributes {kvc.policies = 4} {
}

// -----

// expected-error@+1 {{expected entries of `kvc.policies` to be dictionaries}}
module attributes {kvc.policies = [#kvc.policy<>]} {
}

// -----

// expected-error@+1 {{expected `policy` in each entry}}
module attributes {kvc.policies = [{layers = [0]}]} {
}

// -----

// expected-error@+1 {{expected `layers` to be an array of layer indices, got [0.000000e+00]}}
module attributes {kvc.policies = [{layers = [0.0], policy = #kvc.policy<>}]} {
}

// -----

// expected-error@+1 {{expected `layers` or `policy` in an entry}}
module attributes {kvc.policies = [{layer = [0], policy = #kvc.policy<>}]} {
}

// -----

// expected-error@+1 {{expected `policy` to be #kvc.policy<...>, got #kvc.all}}
module attributes {kvc.policies = [{policy = #kvc.all}]} {
}
