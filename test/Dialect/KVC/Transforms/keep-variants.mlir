// Only the kernels stay; what goes is told.
// RUN: kvc-opt %s --kvc-keep-variants --remarks-filter=kvc-keep-variants 2>&1 | FileCheck %s
// RUN: kvc-opt %s --kvc-keep-variants --kvc-keep-variants | FileCheck %s --check-prefix=TWICE
// RUN: echo 'func.func private @f()' | not kvc-opt --kvc-keep-variants 2>&1 | FileCheck %s --check-prefix=NONE

// CHECK-DAG: [Passed] left-out | Category:kvc-keep-variants | Remark="`func.func` is not part of an attention library"
// CHECK: module {
// CHECK-NEXT: kvc.variant @v {{.*}}
// CHECK-NEXT: }
// TWICE: module {
// TWICE-NEXT: kvc.variant @v {{.*}}
// TWICE-NEXT: }
// NONE: error: expected kvc.variant ops, got none; run kvc-plan
module attributes {kvc.plan = []} {
  kvc.variant @v {cache = !kvc.cache<kv_heads = 2, head_dim = 64, bf16>, query_heads = 8}
  func.func private @f()
  func.func @step() {
    call @f() : () -> ()
    return
  }
}
