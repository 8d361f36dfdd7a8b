// An op that nobody registered may end its block (found by make fuzz): raise
// used to write it out and leave a block without a terminator.
// RUN: kvc-opt %s --allow-unregistered-dialect --kvc-raise-attention --remarks-filter=kvc-raise-attention 2>&1 | FileCheck %s
// CHECK: [Missed] foreign-op | Category:kvc-raise-attention | Function=foreign_terminator | Remark="the op ends its block, and nothing else would"
// CHECK-LABEL: func.func @foreign_terminator
// CHECK-NEXT: "tm_tensor.attention"
func.func @foreign_terminator(%q: tensor<1x?x4xbf16>) -> tensor<1x?x4xbf16> {
  %0 = "tm_tensor.attention"(%q, %q, %q, %q) : (tensor<1x?x4xbf16>, tensor<1x?x4xbf16>, tensor<1x?x4xbf16>, tensor<1x?x4xbf16>) -> tensor<1x?x4xbf16>
}
