// Attention ops of other dialects that are not understood stay, with a reason.
// RUN: kvc-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// CHECK-NOT: kvc.
#q = affine_map<(m, n, c, s) -> (m, c)>
#k = affine_map<(m, n, c, s) -> (s, c)>
#v = affine_map<(m, n, c, s) -> (s, n)>
#none = affine_map<(m, n, c, s) -> ()>
#o = affine_map<(m, n, c, s) -> (m, n)>
#shifted = affine_map<(m, n, c, s) -> (s + 1, c)>

// CHECK-LABEL: @unknown_op_in_region
// CHECK: iree_linalg_ext.attention
// CHECK-NOT: linalg.generic
// REMARK-DAG: [Missed] foreign-op | {{.*}}Function=unknown_op_in_region | {{.*}}`some.edit` in its region is not understood
func.func @unknown_op_in_region(%q: tensor<3x4xf32>, %k: tensor<5x4xf32>, %v: tensor<5x6xf32>, %s: f32, %o: tensor<3x6xf32>) -> tensor<3x6xf32> {
  %0 = "iree_linalg_ext.attention"(%q, %k, %v, %s, %o) <{indexing_maps = [#q, #k, #v, #none, #o]}> ({
  ^bb0(%x: f32):
    %y = "some.edit"(%x) : (f32) -> f32
    "iree_linalg_ext.yield"(%y) : (f32) -> ()
  }) : (tensor<3x4xf32>, tensor<5x4xf32>, tensor<5x6xf32>, f32, tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// the region is understood, but exp is no score that kvc.attention can make:
// the op stands as it was
// CHECK-LABEL: @region_without_product
// CHECK: iree_linalg_ext.attention
// CHECK-NOT: linalg.generic
// REMARK-DAG: [Missed] score-op | {{.*}}Function=region_without_product
func.func @region_without_product(%q: tensor<3x4xf32>, %k: tensor<5x4xf32>, %v: tensor<5x6xf32>, %s: f32, %o: tensor<3x6xf32>) -> tensor<3x6xf32> {
  %0 = "iree_linalg_ext.attention"(%q, %k, %v, %s, %o) <{indexing_maps = [#q, #k, #v, #none, #o]}> ({
  ^bb0(%x: f32):
    %i = "iree_linalg_ext.index"() <{dim = 1 : i64}> : () -> index
    %n = arith.index_cast %i : index to i32
    %y = arith.sitofp %n : i32 to f32
    "iree_linalg_ext.yield"(%y) : (f32) -> ()
  }) : (tensor<3x4xf32>, tensor<5x4xf32>, tensor<5x6xf32>, f32, tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// CHECK-LABEL: @shifted_map
// REMARK-DAG: [Missed] foreign-op | {{.*}}Function=shifted_map | {{.*}}each with a map that permutes loops
func.func @shifted_map(%q: tensor<3x4xf32>, %k: tensor<5x4xf32>, %v: tensor<5x6xf32>, %s: f32, %o: tensor<3x6xf32>) -> tensor<3x6xf32> {
  %0 = "iree_linalg_ext.attention"(%q, %k, %v, %s, %o) <{indexing_maps = [#q, #shifted, #v, #none, #o]}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<3x4xf32>, tensor<5x4xf32>, tensor<5x6xf32>, f32, tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// CHECK-LABEL: @no_region
// REMARK-DAG: [Missed] foreign-op | {{.*}}Function=no_region | {{.*}}expected query, key, value, scale
func.func @no_region(%q: tensor<3x4xf32>, %k: tensor<5x4xf32>, %v: tensor<5x6xf32>, %s: f32, %o: tensor<3x6xf32>) -> tensor<3x6xf32> {
  %0 = "iree_linalg_ext.attention"(%q, %k, %v, %s, %o) <{indexing_maps = [#q, #k, #v, #none, #o]}> : (tensor<3x4xf32>, tensor<5x4xf32>, tensor<5x6xf32>, f32, tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// CHECK-LABEL: @sizes_disagree
// REMARK-DAG: [Missed] foreign-op | {{.*}}Function=sizes_disagree | {{.*}}sizes of its operands do not agree
func.func @sizes_disagree(%q: tensor<3x4xf32>, %k: tensor<5x7xf32>, %v: tensor<5x6xf32>, %o: tensor<3x6xf32>) -> tensor<3x6xf32> {
  %0 = "tm_tensor.attention"(%q, %k, %v, %o) <{operandSegmentSizes = array<i32: 3, 1>}> : (tensor<3x4xf32>, tensor<5x7xf32>, tensor<5x6xf32>, tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// CHECK-LABEL: @mask_of_bytes
// REMARK-DAG: [Missed] foreign-op | {{.*}}Function=mask_of_bytes | {{.*}}a mask of i1 or float
func.func @mask_of_bytes(%q: tensor<3x4xf32>, %k: tensor<5x4xf32>, %v: tensor<5x6xf32>, %m: tensor<3x5xi8>, %o: tensor<3x6xf32>) -> tensor<3x6xf32> {
  %0 = "tm_tensor.attention"(%q, %k, %v, %m, %o) <{operandSegmentSizes = array<i32: 4, 1>}> : (tensor<3x4xf32>, tensor<5x4xf32>, tensor<5x6xf32>, tensor<3x5xi8>, tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// ops of front ends that have lowerings of their own
// CHECK-LABEL: @not_lowered
// REMARK-DAG: [Missed] foreign-op | {{.*}}Function=not_lowered | {{.*}}`torch.aten.scaled_dot_product_attention`: {{.*}}lower it to linalg on tensors first
// REMARK-DAG: [Missed] foreign-op | {{.*}}Function=not_lowered | {{.*}}`stablehlo.exponential`: {{.*}}lower it to linalg on tensors first
func.func @not_lowered(%q: !torch.vtensor<[1,4,5,8],f32>, %x: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %0 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q) : (!torch.vtensor<[1,4,5,8],f32>, !torch.vtensor<[1,4,5,8],f32>, !torch.vtensor<[1,4,5,8],f32>) -> !torch.vtensor<[1,4,5,8],f32>
  %1 = "stablehlo.exponential"(%x) : (tensor<3x5xf32>) -> tensor<3x5xf32>
  return %1 : tensor<3x5xf32>
}
