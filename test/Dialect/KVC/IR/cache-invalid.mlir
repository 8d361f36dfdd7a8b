// One case per constraint of !kvc.cache. For cache_c4 the function has the name of
// the row of kvcrt/legality.def; rows that no text reaches (ring, eviction, values
// that an attribute refuses first) are tested in runtime/test/legality_test.cpp.
//
// RUN: kvc-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{expected `kv_heads` in [1, 65536], got 0}}
func.func private @cache_c1(!kvc.cache<kv_heads = 0, head_dim = 64, f32>)

// -----

// expected-error@+1 {{expected `head_dim` in [1, 65536], got -64}}
func.func private @cache_c1_head_dim(!kvc.cache<kv_heads = 1, head_dim = -64, f32>)

// -----

// expected-error@+1 {{expected `head_dim` in [1, 65536], got 65537}}
func.func private @cache_c1_value_dim(!kvc.cache<kv_heads = 1, head_dim = 64 : 65537, f32>)

// -----

// expected-error@+1 {{expected an element type of f32, f16 or bf16, got 'i8'}}
func.func private @cache_c2(!kvc.cache<kv_heads = 1, head_dim = 64, i8, key = #kvc.plain<f32>, value = #kvc.plain<f32>>)

// -----

// expected-error@+1 {{expected `rollback` in [0, 2147483647], got -1}}
func.func private @cache_c3(!kvc.cache<kv_heads = 2, head_dim = 64, f32, rollback = -1>)

// -----

// expected-error@+1 {{expected `max_positions` in [0, 2147483647], got 2147483648}}
func.func private @cache_c3_max_positions(!kvc.cache<kv_heads = 2, head_dim = 64, f32, max_positions = 2147483648>)

// -----

// expected-error@+1 {{illegal policy (row_bytes): quant x head_dim: a row is a whole number of bytes; use a head_dim divisible by 2 (i4) or 4 (i2), or i8}}
func.func private @cache_c4(!kvc.cache<kv_heads = 1, head_dim = 31, f32, key = #kvc.quant<i4>>)

// -----

// expected-error@+1 {{illegal policy (rope_dim): rope x head_dim: rotary embedding turns pairs of the key's leading elements; give an even dim of at most the key's head_dim}}
func.func private @rope_dim(!kvc.cache<kv_heads = 1, head_dim = 32 : 64, f32, position = #kvc.rope<theta = 1.0e4, dim = 64>>)

// -----

// expected-error@+1 {{illegal policy (row_bytes): quant x head_dim}}
func.func private @row_bytes(!kvc.cache<kv_heads = 1, head_dim = 64 : 63, f32, value = #kvc.quant<i4>>)

// -----

// expected-error@+1 {{illegal policy (token_group): quant group x head_dim}}
func.func private @token_group(!kvc.cache<kv_heads = 2, head_dim = 64, f32, key = #kvc.quant<i8, group = 48>>)

// -----

// expected-error@+1 {{illegal policy (channel_group_block): channel group x block size}}
func.func private @channel_group_block(!kvc.cache<kv_heads = 2, head_dim = 64, f32, layout = #kvc.paged<block = 16>, key = #kvc.quant<i4, axis = channel, group = 24, residual = 48>>)

// -----

// expected-error@+1 {{illegal policy (channel_residual): channel group x residual}}
func.func private @channel_residual(!kvc.cache<kv_heads = 2, head_dim = 64, f32, key = #kvc.quant<i4, axis = channel, group = 32>>)

// -----

// expected-error@+1 {{illegal policy (residual_rollback): residual x rollback}}
func.func private @residual_rollback(!kvc.cache<kv_heads = 2, head_dim = 64, f32, value = #kvc.quant<i4, residual = 32>, rollback = 1>)

// -----

// expected-error@+1 {{illegal policy (length_dependent_rope): length-dependent frequencies x rope at append}}
func.func private @length_dependent_rope(!kvc.cache<kv_heads = 2, head_dim = 64, f32, position = #kvc.rope<theta = 1.0e4, dim = 64, scaling = dynamic<factor = 2.0, original_max_positions = 2048>>>)
