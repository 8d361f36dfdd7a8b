// Text that is not a cache type: an error at its place, never a crash.
//
// RUN: kvc-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{expected '<'}}
func.func private @no_parameters(!kvc.cache)

// -----

// expected-error@+1 {{expected 'kv_heads'}}
func.func private @empty(!kvc.cache<>)

// -----

// expected-error@+1 {{expected 'kv_heads'}}
func.func private @wrong_order(!kvc.cache<head_dim = 64, kv_heads = 2, f32>)

// -----

// expected-error@+1 {{expected '='}}
func.func private @missing_equal(!kvc.cache<kv_heads 2, head_dim = 64, f32>)

// -----

// expected-error@+1 {{expected ','}}
func.func private @missing_comma(!kvc.cache<kv_heads = 2 head_dim = 64, f32>)

// -----

// expected-error@+1 {{expected ','}}
func.func private @missing_element(!kvc.cache<kv_heads = 2, head_dim = 64>)

// -----

// expected-error@+1 {{expected non-function type}}
func.func private @not_an_element(!kvc.cache<kv_heads = 2, head_dim = 64, float>)

// -----

// expected-error@+1 {{expected `plain` of f32, f16 or bf16, got 'f64'}}
func.func private @element_without_default_storage(!kvc.cache<kv_heads = 2, head_dim = 64, f64>)

// -----

// expected-error@+1 {{integer value too large}}
func.func private @integer_too_large(!kvc.cache<kv_heads = 99999999999999999999, head_dim = 64, f32>)

// -----

// expected-error@+1 {{expected integer value}}
func.func private @missing_value_dim(!kvc.cache<kv_heads = 2, head_dim = 64 :, f32>)

// -----

// expected-error@+1 {{expected layout, key, value, position, retention, rollback or max_positions in !kvc.cache, got `placement`}}
func.func private @unknown_axis(!kvc.cache<kv_heads = 2, head_dim = 64, f32, placement = #kvc.all>)

// -----

// expected-error@+1 {{expected `rollback` once in !kvc.cache, got it twice}}
func.func private @axis_twice(!kvc.cache<kv_heads = 2, head_dim = 64, f32, rollback = 1, rollback = 2>)

// -----

// expected-error@+1 {{expected a value of the layout axis, got #kvc.window<8>}}
func.func private @wrong_axis(!kvc.cache<kv_heads = 2, head_dim = 64, f32, layout = #kvc.window<8>>)

// -----

// expected-error@+1 {{expected a value of the retention axis, got 8 : i64}}
func.func private @not_a_policy_attribute(!kvc.cache<kv_heads = 2, head_dim = 64, f32, retention = 8>)

// -----

// expected-error@+1 {{expected attribute value}}
func.func private @missing_axis_value(!kvc.cache<kv_heads = 2, head_dim = 64, f32, layout = >)

// -----

// expected-error@+1 {{expected valid keyword}}
func.func private @trailing_comma(!kvc.cache<kv_heads = 2, head_dim = 64, f32,>)

// -----

// expected-error@+1 {{unbalanced '<' character in pretty dialect name}}
func.func private @unclosed(!kvc.cache<kv_heads = 2, head_dim = 64, f32)
