// Attention ops of dialects that are not registered become kvc.attention.
// RUN: kvc-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | kvc-opt --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
#q = affine_map<(b, h, m, n, c, s) -> (b, h, m, c)>
#k = affine_map<(b, h, m, n, c, s) -> (b, h, s, c)>
#v = affine_map<(b, h, m, n, c, s) -> (b, h, s, n)>
#none = affine_map<(b, h, m, n, c, s) -> ()>
#o = affine_map<(b, h, m, n, c, s) -> (b, h, m, n)>
#qg = affine_map<(b, h, g, m, n, c, s) -> (b, h, g, m, c)>
#kg = affine_map<(b, h, g, m, n, c, s) -> (b, h, s, c)>
#vg = affine_map<(b, h, g, m, n, c, s) -> (b, h, n, s)>
#noneg = affine_map<(b, h, g, m, n, c, s) -> ()>
#mg = affine_map<(b, h, g, m, n, c, s) -> (b, m, s)>
#og = affine_map<(b, h, g, m, n, c, s) -> (b, m, h, g, n)>

// groups of query heads, V transposed, the result's heads after its positions,
// a soft-cap in the region, a boolean mask, a scale known at run time
// CHECK-LABEL: @grouped_capped
// CHECK: kvc.attention {{.*}} mask {{.*}}softcap = 5.000000e+01 : f32} : (tensor<2x4x10x8xf16>, tensor<2x2x12x8xf16>, tensor<2x2x12x6xf16>, tensor<2x1x10x12xi1>) -> tensor<2x4x10x6xf16>
// CHECK-NOT: iree_linalg_ext
func.func @grouped_capped(%q: tensor<2x2x2x10x8xf16>, %k: tensor<2x2x12x8xf16>, %v: tensor<2x2x6x12xf16>, %m: tensor<2x10x12xi1>, %scale: f16) -> tensor<2x10x2x2x6xf16> {
  %o = tensor.empty() : tensor<2x10x2x2x6xf16>
  %0 = "iree_linalg_ext.attention"(%q, %k, %v, %scale, %m, %o) <{indexing_maps = [#qg, #kg, #vg, #noneg, #mg, #og]}> ({
  ^bb0(%x: f32):
    %c = arith.constant 50.0 : f32
    %d = arith.divf %x, %c : f32
    %t = math.tanh %d : f32
    %y = arith.mulf %t, %c : f32
    "iree_linalg_ext.yield"(%y) : (f32) -> ()
  }) : (tensor<2x2x2x10x8xf16>, tensor<2x2x12x8xf16>, tensor<2x2x6x12xf16>, f16, tensor<2x10x12xi1>, tensor<2x10x2x2x6xf16>) -> tensor<2x10x2x2x6xf16>
  return %0 : tensor<2x10x2x2x6xf16>
}

// the region's indices count batch, head, query, key: this hides later keys.
// attributes may stand beside the properties
// CHECK-LABEL: @region_is_causal
// CHECK: kvc.attention %arg0, %arg0, %arg1 {causal, scale = 5.000000e-01 : f32} : (tensor<2x4x?x8xf32>,
func.func @region_is_causal(%q: tensor<2x4x?x8xf32>, %v: tensor<2x4x?x6xf32>) -> tensor<2x4x?x6xf32> {
  %c2 = arith.constant 2 : index
  %dim = tensor.dim %q, %c2 : tensor<2x4x?x8xf32>
  %o = tensor.empty(%dim) : tensor<2x4x?x6xf32>
  %scale = arith.constant 0.5 : f64
  %0 = "iree_linalg_ext.attention"(%q, %q, %v, %scale, %o) ({
  ^bb0(%x: f32):
    %i = "iree_linalg_ext.index"() <{dim = 2 : i64}> : () -> index
    %j = "iree_linalg_ext.index"() <{dim = 3 : i64}> : () -> index
    %seen = arith.cmpi sge, %i, %j : index
    %low = arith.constant 0xFF800000 : f32
    %y = arith.select %seen, %x, %low : f32
    "iree_linalg_ext.yield"(%y) : (f32) -> ()
  }) {indexing_maps = [#q, #k, #v, #none, #o]} : (tensor<2x4x?x8xf32>, tensor<2x4x?x8xf32>, tensor<2x4x?x6xf32>, f64, tensor<2x4x?x6xf32>) -> tensor<2x4x?x6xf32>
  return %0 : tensor<2x4x?x6xf32>
}

// CHECK-LABEL: @torch_masked
// CHECK: kvc.attention {{.*}} mask {{.*}} {fully_masked = zero, scale = 0.353553385 : f32} : (tensor<2x4x10x8xbf16>, tensor<2x4x12x8xbf16>, tensor<2x4x12x6xbf16>,
// CHECK-NOT: tm_tensor
func.func @torch_masked(%q: tensor<2x4x10x8xbf16>, %k: tensor<2x4x12x8xbf16>, %v: tensor<2x4x12x6xbf16>, %m: tensor<2x4x10x12xi1>, %o: tensor<2x4x10x6xbf16>) -> tensor<2x4x10x6xbf16> {
  %0 = "tm_tensor.attention"(%q, %k, %v, %m, %o) <{operandSegmentSizes = array<i32: 4, 1>}> : (tensor<2x4x10x8xbf16>, tensor<2x4x12x8xbf16>, tensor<2x4x12x6xbf16>, tensor<2x4x10x12xi1>, tensor<2x4x10x6xbf16>) -> tensor<2x4x10x6xbf16>
  return %0 : tensor<2x4x10x6xbf16>
}

// CHECK-LABEL: @torch_rank_three
// CHECK: kvc.attention {{.*}} {fully_masked = zero, scale = 5.000000e-01 : f32} : (tensor<1x3x?x4xf32>
func.func @torch_rank_three(%q: tensor<3x?x4xf32>, %k: tensor<3x?x4xf32>, %o: tensor<3x?x4xf32>) -> tensor<3x?x4xf32> {
  %0 = "tm_tensor.attention"(%q, %k, %k, %o) <{operandSegmentSizes = array<i32: 3, 1>}> : (tensor<3x?x4xf32>, tensor<3x?x4xf32>, tensor<3x?x4xf32>, tensor<3x?x4xf32>) -> tensor<3x?x4xf32>
  return %0 : tensor<3x?x4xf32>
}
