// What the interpreter refuses, each with a location and a reason.
// RUN: not kvc-interpret %s --entry=unknown_op 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not kvc-interpret %s --entry=out_of_bounds 2>&1 | FileCheck %s --check-prefix=BOUNDS
// RUN: not kvc-interpret %s --entry=zero_divisor 2>&1 | FileCheck %s --check-prefix=DIVISOR
// RUN: not kvc-interpret %s --entry=huge 2>&1 | FileCheck %s --check-prefix=HUGE
// RUN: not kvc-interpret %s --entry=no_step 2>&1 | FileCheck %s --check-prefix=STEP
// RUN: not kvc-interpret %s --entry=uneven 2>&1 | FileCheck %s --check-prefix=UNEVEN
// RUN: not kvc-interpret %s --entry=tensor_argument 2>&1 | FileCheck %s --check-prefix=TENSOR
// RUN: not kvc-interpret %s --entry=wrong_tokens 2>&1 | FileCheck %s --check-prefix=TOKENS
// RUN: not kvc-interpret %s --entry=attend_first 2>&1 | FileCheck %s --check-prefix=FIRST
// RUN: not kvc-interpret %s --entry=unsupported 2>&1 | FileCheck %s --check-prefix=POLICY
// RUN: not kvc-interpret %s --entry=cache_zero,other_type 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not kvc-interpret %s --entry=in_region 2>&1 | FileCheck %s --check-prefix=REGION
// RUN: not kvc-interpret %s --entry=nobody 2>&1 | FileCheck %s --check-prefix=NOBODY

!cache = !kvc.cache<kv_heads = 1, head_dim = 1, f32>

// UNKNOWN: errors.mlir:[[#@LINE+2]]:{{.*}}error: expected an op that the interpreter knows, got `math.ctpop`
func.func @unknown_op(%step: !kvc.step {kvc.test_step = {sequences = [], tokens = []}}) {
  %c = arith.constant 1 : i32 %x = math.ctpop %c : i32
  return
}

// DIVISOR: errors.mlir:{{.*}}error: expected operands with a result that is defined
func.func @zero_divisor() -> i32 {
  %c = arith.constant 1 : i32 %z = arith.constant 0 : i32 %x = arith.divsi %c, %z : i32
  return %x : i32
}

// HUGE: errors.mlir:{{.*}}error: expected at most 2^31 elements, got more
func.func @huge() {
  %c = arith.constant 1000000007 : index %t = tensor.empty(%c, %c) : tensor<?x?xf32>
  return
}

// BOUNDS: error: expected indices within [2], got [2]
func.func @out_of_bounds() {
  %c = arith.constant 2 : index
  %t = tensor.empty() : tensor<2xf32>
  %x = tensor.extract %t[%c] : tensor<2xf32>
  return
}

// STEP: error: {{.*}}argument 0: expected {kvc.test_step = {sequences = [..], tokens = [..]}}
func.func @no_step(%step: !kvc.step) { return }

// UNEVEN: error: {{.*}}argument 0: expected lists of integers of one length
func.func @uneven(%step: !kvc.step {kvc.test_step = {sequences = [1, 2], tokens = [1]}}) {
  return
}

// TENSOR: error: {{.*}}argument 0: expected a step or a cache, got 'tensor<1xf32>'; write tensors as constants
func.func @tensor_argument(%t: tensor<1xf32>) { return }

// TOKENS: error: {{.*}}expected `key` of [2, 1, 1], got [3, 1, 1]
func.func @wrong_tokens(
    %step: !kvc.step {kvc.test_step = {sequences = [1], tokens = [2]}},
    %cache: !cache {kvc.cache = 0}) {
  %k = arith.constant dense<0.0> : tensor<3x1x1xf32>
  kvc.append %k, %k into %cache at %step : tensor<3x1x1xf32>, tensor<3x1x1xf32>, !cache
  return
}

// FIRST: error: {{.*}}expected sequence 1 to hold this step's 2 tokens, got 0; append comes before attend
func.func @attend_first(
    %step: !kvc.step {kvc.test_step = {sequences = [1], tokens = [2]}},
    %cache: !cache {kvc.cache = 0}) {
  %q = arith.constant dense<0.0> : tensor<2x1x1xf32>
  %o = kvc.attend %q, %cache at %step outs(%q) {scale = 1.0 : f32} :
    (tensor<2x1x1xf32>, !cache, !kvc.step, tensor<2x1x1xf32>) -> tensor<2x1x1xf32>
  return
}

// POLICY: error: {{.*}}argument 0: expected a policy that the reference runs, got '!kvc.cache<{{.*}}i4
func.func @unsupported(%cache: !kvc.cache<kv_heads = 1, head_dim = 2, f32,
    key = #kvc.quant<i4, axis = token, symmetric>> {kvc.cache = 1}) { return }

func.func @cache_zero(%cache: !cache {kvc.cache = 0}) { return }

// TYPE: error: {{.*}}argument 0: expected cache 0 to have one type everywhere
func.func @other_type(%cache: !kvc.cache<kv_heads = 2, head_dim = 1, f32> {kvc.cache = 0}) {
  return
}

// REGION: error: expected an op that the interpreter knows, got `math.cbrt`
// REGION-NOT: error:
func.func @in_region() {
  %q = arith.constant dense<0.0> : tensor<1x1x2x1xf32>
  %o = kvc.attention %q, %q, %q {scale = 1.0 : f32} score {
    ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
      %r = math.cbrt %s : f32
      kvc.yield %r : f32
    } :
    (tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>)
    -> tensor<1x1x2x1xf32>
  return
}

// NOBODY: error: {{.*}}expected --entry to name a function of the module, got `nobody`
