// Each rule is stated twice, as a C++ fact and as emitted IR. On constants the
// emitted IR folds; it must fold to the fact: one constant is left, returned
// twice. The expected bits are worked out by hand.
//
// RUN: kvc-opt %s --allow-unregistered-dialect --test-kvc-emit-policy --canonicalize --cse | FileCheck %s

// CHECK-LABEL: @all_0(
// CHECK-NEXT: %[[V:.*]] = arith.constant dense<true> : vector<8xi1>
// CHECK-NEXT: return %[[V]], %[[V]]
func.func @all_0() -> (vector<8xi1>, vector<8xi1>) {
  %q = arith.constant dense<0> : vector<8xi32>
  %k = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
  %w = arith.constant dense<0> : vector<8xi32>
  %s = arith.constant dense<0> : vector<8xi32>
  %a = "test.visible"(%q, %k, %w, %s) {retention = #kvc.all} : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<8xi1>
  %b = "test.visible_fact"() {retention = #kvc.all, query = 0} : () -> vector<8xi1>
  return %a, %b : vector<8xi1>, vector<8xi1>
}

// CHECK-LABEL: @all_5(
// CHECK-NEXT: %[[V:.*]] = arith.constant dense<true> : vector<8xi1>
// CHECK-NEXT: return %[[V]], %[[V]]
func.func @all_5() -> (vector<8xi1>, vector<8xi1>) {
  %q = arith.constant dense<5> : vector<8xi32>
  %k = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
  %w = arith.constant dense<0> : vector<8xi32>
  %s = arith.constant dense<0> : vector<8xi32>
  %a = "test.visible"(%q, %k, %w, %s) {retention = #kvc.all} : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<8xi1>
  %b = "test.visible_fact"() {retention = #kvc.all, query = 5} : () -> vector<8xi1>
  return %a, %b : vector<8xi1>, vector<8xi1>
}

// CHECK-LABEL: @window_0(
// CHECK-NEXT: %[[V:.*]] = arith.constant dense<{{\[}}true, false, false, false, false, false, false, false{{\]}}> : vector<8xi1>
// CHECK-NEXT: return %[[V]], %[[V]]
func.func @window_0() -> (vector<8xi1>, vector<8xi1>) {
  %q = arith.constant dense<0> : vector<8xi32>
  %k = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
  %w = arith.constant dense<3> : vector<8xi32>
  %s = arith.constant dense<0> : vector<8xi32>
  %a = "test.visible"(%q, %k, %w, %s) {retention = #kvc.window<3>} : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<8xi1>
  %b = "test.visible_fact"() {retention = #kvc.window<3>, query = 0} : () -> vector<8xi1>
  return %a, %b : vector<8xi1>, vector<8xi1>
}

// CHECK-LABEL: @window_2(
// CHECK-NEXT: %[[V:.*]] = arith.constant dense<{{\[}}true, true, true, false, false, false, false, false{{\]}}> : vector<8xi1>
// CHECK-NEXT: return %[[V]], %[[V]]
func.func @window_2() -> (vector<8xi1>, vector<8xi1>) {
  %q = arith.constant dense<2> : vector<8xi32>
  %k = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
  %w = arith.constant dense<3> : vector<8xi32>
  %s = arith.constant dense<0> : vector<8xi32>
  %a = "test.visible"(%q, %k, %w, %s) {retention = #kvc.window<3>} : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<8xi1>
  %b = "test.visible_fact"() {retention = #kvc.window<3>, query = 2} : () -> vector<8xi1>
  return %a, %b : vector<8xi1>, vector<8xi1>
}

// CHECK-LABEL: @window_3(
// CHECK-NEXT: %[[V:.*]] = arith.constant dense<{{\[}}false, true, true, true, false, false, false, false{{\]}}> : vector<8xi1>
// CHECK-NEXT: return %[[V]], %[[V]]
func.func @window_3() -> (vector<8xi1>, vector<8xi1>) {
  %q = arith.constant dense<3> : vector<8xi32>
  %k = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
  %w = arith.constant dense<3> : vector<8xi32>
  %s = arith.constant dense<0> : vector<8xi32>
  %a = "test.visible"(%q, %k, %w, %s) {retention = #kvc.window<3>} : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<8xi1>
  %b = "test.visible_fact"() {retention = #kvc.window<3>, query = 3} : () -> vector<8xi1>
  return %a, %b : vector<8xi1>, vector<8xi1>
}

// CHECK-LABEL: @window_7(
// CHECK-NEXT: %[[V:.*]] = arith.constant dense<{{\[}}false, false, false, false, false, true, true, true{{\]}}> : vector<8xi1>
// CHECK-NEXT: return %[[V]], %[[V]]
func.func @window_7() -> (vector<8xi1>, vector<8xi1>) {
  %q = arith.constant dense<7> : vector<8xi32>
  %k = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
  %w = arith.constant dense<3> : vector<8xi32>
  %s = arith.constant dense<0> : vector<8xi32>
  %a = "test.visible"(%q, %k, %w, %s) {retention = #kvc.window<3>} : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<8xi1>
  %b = "test.visible_fact"() {retention = #kvc.window<3>, query = 7} : () -> vector<8xi1>
  return %a, %b : vector<8xi1>, vector<8xi1>
}

// CHECK-LABEL: @streaming_0(
// CHECK-NEXT: %[[V:.*]] = arith.constant dense<{{\[}}true, false, false, false, false, false, false, false{{\]}}> : vector<8xi1>
// CHECK-NEXT: return %[[V]], %[[V]]
func.func @streaming_0() -> (vector<8xi1>, vector<8xi1>) {
  %q = arith.constant dense<0> : vector<8xi32>
  %k = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
  %w = arith.constant dense<3> : vector<8xi32>
  %s = arith.constant dense<2> : vector<8xi32>
  %a = "test.visible"(%q, %k, %w, %s) {retention = #kvc.streaming<sink_tokens = 2, window = 3>} : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<8xi1>
  %b = "test.visible_fact"() {retention = #kvc.streaming<sink_tokens = 2, window = 3>, query = 0} : () -> vector<8xi1>
  return %a, %b : vector<8xi1>, vector<8xi1>
}

// CHECK-LABEL: @streaming_1(
// CHECK-NEXT: %[[V:.*]] = arith.constant dense<{{\[}}true, true, false, false, false, false, false, false{{\]}}> : vector<8xi1>
// CHECK-NEXT: return %[[V]], %[[V]]
func.func @streaming_1() -> (vector<8xi1>, vector<8xi1>) {
  %q = arith.constant dense<1> : vector<8xi32>
  %k = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
  %w = arith.constant dense<3> : vector<8xi32>
  %s = arith.constant dense<2> : vector<8xi32>
  %a = "test.visible"(%q, %k, %w, %s) {retention = #kvc.streaming<sink_tokens = 2, window = 3>} : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<8xi1>
  %b = "test.visible_fact"() {retention = #kvc.streaming<sink_tokens = 2, window = 3>, query = 1} : () -> vector<8xi1>
  return %a, %b : vector<8xi1>, vector<8xi1>
}

// CHECK-LABEL: @streaming_4(
// CHECK-NEXT: %[[V:.*]] = arith.constant dense<{{\[}}true, true, true, true, true, false, false, false{{\]}}> : vector<8xi1>
// CHECK-NEXT: return %[[V]], %[[V]]
func.func @streaming_4() -> (vector<8xi1>, vector<8xi1>) {
  %q = arith.constant dense<4> : vector<8xi32>
  %k = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
  %w = arith.constant dense<3> : vector<8xi32>
  %s = arith.constant dense<2> : vector<8xi32>
  %a = "test.visible"(%q, %k, %w, %s) {retention = #kvc.streaming<sink_tokens = 2, window = 3>} : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<8xi1>
  %b = "test.visible_fact"() {retention = #kvc.streaming<sink_tokens = 2, window = 3>, query = 4} : () -> vector<8xi1>
  return %a, %b : vector<8xi1>, vector<8xi1>
}

// CHECK-LABEL: @streaming_5(
// CHECK-NEXT: %[[V:.*]] = arith.constant dense<{{\[}}true, true, false, true, true, true, false, false{{\]}}> : vector<8xi1>
// CHECK-NEXT: return %[[V]], %[[V]]
func.func @streaming_5() -> (vector<8xi1>, vector<8xi1>) {
  %q = arith.constant dense<5> : vector<8xi32>
  %k = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
  %w = arith.constant dense<3> : vector<8xi32>
  %s = arith.constant dense<2> : vector<8xi32>
  %a = "test.visible"(%q, %k, %w, %s) {retention = #kvc.streaming<sink_tokens = 2, window = 3>} : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<8xi1>
  %b = "test.visible_fact"() {retention = #kvc.streaming<sink_tokens = 2, window = 3>, query = 5} : () -> vector<8xi1>
  return %a, %b : vector<8xi1>, vector<8xi1>
}

// CHECK-LABEL: @streaming_7(
// CHECK-NEXT: %[[V:.*]] = arith.constant dense<{{\[}}true, true, false, false, false, true, true, true{{\]}}> : vector<8xi1>
// CHECK-NEXT: return %[[V]], %[[V]]
func.func @streaming_7() -> (vector<8xi1>, vector<8xi1>) {
  %q = arith.constant dense<7> : vector<8xi32>
  %k = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
  %w = arith.constant dense<3> : vector<8xi32>
  %s = arith.constant dense<2> : vector<8xi32>
  %a = "test.visible"(%q, %k, %w, %s) {retention = #kvc.streaming<sink_tokens = 2, window = 3>} : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<8xi1>
  %b = "test.visible_fact"() {retention = #kvc.streaming<sink_tokens = 2, window = 3>, query = 7} : () -> vector<8xi1>
  return %a, %b : vector<8xi1>, vector<8xi1>
}

// max(0, query - window + 1)
// CHECK-LABEL: @first_visible(
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[FIVE:.*]] = arith.constant 5 : index
// CHECK: return %[[ZERO]], %[[ZERO]], %[[FIVE]], %[[FIVE]]
func.func @first_visible() -> (index, index, index, index) {
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c7 = arith.constant 7 : index
  %a = "test.first_visible"(%c7, %c3) {retention = #kvc.all} : (index, index) -> index
  %b = "test.first_visible"(%c1, %c3) {retention = #kvc.window<3>} : (index, index) -> index
  %c = "test.first_visible"(%c7, %c3) {retention = #kvc.window<3>} : (index, index) -> index
  %d = "test.first_visible"(%c7, %c3) {retention = #kvc.streaming<sink_tokens = 2, window = 3>} : (index, index) -> index
  return %a, %b, %c, %d : index, index, index, index
}
