// Text that is not a policy attribute: an error at its place, never a crash.
//
// RUN: kvc-opt %s --split-input-file --verify-diagnostics

// expected-error@+2 {{failed to parse KVC_PagedAttr parameter 'block'}}
// expected-error@+1 {{expected integer value}}
module @missing_value attributes {kvc.a = #kvc.paged<block = >} {}

// -----

// expected-error@+2 {{failed to parse KVC_PagedAttr parameter 'order'}}
// expected-error@+1 {{expected}}
module @unknown_order attributes {kvc.a = #kvc.paged<order = dnh>} {}

// -----

// expected-error@+2 {{failed to parse KVC_PagedAttr parameter 'block'}}
// expected-error@+1 {{integer value too large}}
module @integer_too_large attributes {kvc.a = #kvc.paged<block = 99999999999999999999>} {}

// -----

// expected-error@+1 {{expected}}
module @missing_capacity attributes {kvc.a = #kvc.contiguous<>} {}

// -----

// expected-error@+1 {{expected '<'}}
module @no_parameters attributes {kvc.a = #kvc.contiguous} {}

// -----

// expected-error@+1 {{expected '>'}}
module @missing_comma attributes {kvc.a = #kvc.quant<i8 axis = token>} {}

// -----

// expected-error@+1 {{expected tensor, head, token or channel, got `row`}}
module @unknown_axis_word attributes {kvc.a = #kvc.quant<i8, axis = row>} {}

// -----

// expected-error@+1 {{expected axis, symmetric, asymmetric, scale, group or residual in #kvc.quant, got `zero`}}
module @unknown_key attributes {kvc.a = #kvc.quant<i8, zero = 3>} {}

// -----

// expected-error@+1 {{expected `group` once in #kvc.quant, got it twice}}
module @key_twice attributes {kvc.a = #kvc.quant<i8, group = 0, group = 8>} {}

// -----

// expected-error@+1 {{expected valid keyword}}
module @trailing_comma attributes {kvc.a = #kvc.quant<i8,>} {}

// -----

// expected-error@+1 {{expected}}
module @not_a_type attributes {kvc.a = #kvc.quant<int8>} {}

// -----

// expected-error@+1 {{expected `theta` in #kvc.rope, got none}}
module @missing_theta attributes {kvc.a = #kvc.rope<dim = 64>} {}

// -----

// expected-error@+1 {{expected neox or interleaved, got `gptj`}}
module @unknown_style attributes {kvc.a = #kvc.rope<theta = 1.0e4, dim = 64, style = gptj>} {}

// -----

// expected-error@+1 {{expected factor in the rope scaling, got `low_freq_factor`}}
module @factor_is_not_linear attributes {kvc.a = #kvc.rope<theta = 1.0e4, dim = 64, scaling = linear<low_freq_factor = 1.0>>} {}

// -----

// expected-error@+1 {{expected none, linear, llama3 or dynamic, got `yarn`}}
module @unknown_scaling attributes {kvc.a = #kvc.rope<theta = 1.0e4, dim = 64, scaling = yarn>} {}

// -----

// expected-error@+1 {{expected attribute value}}
module @slopes_not_numbers attributes {kvc.a = #kvc.alibi<slopes = [a]>} {}

// -----

// expected-error@+1 {{expected a number, got true}}
module @slopes_not_real attributes {kvc.a = #kvc.alibi<slopes = [true]>} {}

// -----

// expected-error@+2 {{failed to parse KVC_WindowAttr parameter 'size'}}
// expected-error@+1 {{expected integer value}}
module @window_is_not_a_number attributes {kvc.a = #kvc.window<size>} {}

// -----

// expected-error@+1 {{expected a value of the layout axis, got #kvc.all}}
module @wrong_axis attributes {kvc.a = #kvc.policy<layout = #kvc.all>} {}

// -----

// expected-error@+1 {{expected a value of the storage axis, got f32}}
module @wrong_axis_of_another_dialect attributes {kvc.a = #kvc.policy<key = f32>} {}

// -----

// expected-error@+1 {{unknown attribute `ring` in dialect `kvc`}}
module @layout_of_a_later_version attributes {kvc.a = #kvc.ring<capacity = 64>} {}

// -----

// expected-error@+1 {{unknown attribute `heavy_hitter` in dialect `kvc`}}
module @retention_of_a_later_version attributes {kvc.a = #kvc.heavy_hitter<budget = 64>} {}
