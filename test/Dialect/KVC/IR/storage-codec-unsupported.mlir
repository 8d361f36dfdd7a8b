// Formats that a type can say and no engine runs yet give their reason.
//
// RUN: kvc-opt %s --allow-unregistered-dialect --test-kvc-emit-policy --split-input-file --verify-diagnostics

func.func @i4(%x: vector<8xf32>) {
  // expected-error@+2 {{no engine runs this quantised storage yet; use #kvc.quant<i8, axis = token, symmetric>, #kvc.quant<f8E4M3FN, axis = token, symmetric> or #kvc.plain}}
  // expected-error@+1 {{expected a test op of this pass with 0 results, got 1}}
  %p = "test.encode"(%x) {storage = #kvc.quant<i4>} : (vector<8xf32>) -> vector<8xi4>
  return
}

// -----

func.func @residual(%x: vector<8xf32>) {
  // expected-error@+2 {{no engine runs this quantised storage yet}}
  // expected-error@+1 {{expected a test op}}
  %p = "test.encode"(%x) {storage = #kvc.quant<i8, residual = 16>} : (vector<8xf32>) -> vector<8xi8>
  return
}
