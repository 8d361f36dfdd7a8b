// TOSA ops that upstream does not lower stay, and attention beside them is found.
// What only stays cannot be run: kvc-raise-check is not told of this file.
// RUN: kvc-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// an op that only its maker can lower stays; what is beside it is found
// CHECK-LABEL: @custom
// CHECK: kvc.attention {{.*}} {scale = 5.000000e-01 : f32}
// CHECK-NOT: tosa.exp
// CHECK: tosa.custom
// REMARK-DAG: [Missed] tosa-lowering | Category:kvc-raise-attention | Function=custom | {{.*}}tosa.custom
func.func @custom(%q: tensor<3x5x4xf32>, %k: tensor<3x4x5xf32>, %v: tensor<3x5x4xf32>) -> tensor<3x5x4xf32> {
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %half = "tosa.const"() <{values = dense<0.5> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %score = tosa.matmul %q, %k, %zp, %zp : (tensor<3x5x4xf32>, tensor<3x4x5xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x5xf32>
  %scaled = tosa.mul %score, %half, %shift : (tensor<3x5x5xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<3x5x5xf32>
  %max = tosa.reduce_max %scaled {axis = 2 : i32} : (tensor<3x5x5xf32>) -> tensor<3x5x1xf32>
  %less = tosa.sub %scaled, %max : (tensor<3x5x5xf32>, tensor<3x5x1xf32>) -> tensor<3x5x5xf32>
  %e = tosa.exp %less : (tensor<3x5x5xf32>) -> tensor<3x5x5xf32>
  %sum = tosa.reduce_sum %e {axis = 2 : i32} : (tensor<3x5x5xf32>) -> tensor<3x5x1xf32>
  %over = tosa.reciprocal %sum : (tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %p = tosa.mul %e, %over, %shift : (tensor<3x5x5xf32>, tensor<3x5x1xf32>, tensor<1xi8>) -> tensor<3x5x5xf32>
  %out = tosa.matmul %p, %v, %zp, %zp : (tensor<3x5x5xf32>, tensor<3x5x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x4xf32>
  %turned = tosa.custom %out {operator_name = "turn", domain_name = "someone", implementation_attrs = ""} : (tensor<3x5x4xf32>) -> tensor<3x5x4xf32>
  return %turned : tensor<3x5x4xf32>
}

// a cache that is written
// CHECK-LABEL: @written_cache
// CHECK: tosa.scatter
// CHECK: kvc.attention {{.*}} {scale = 1.000000e+00 : f32}
// REMARK-DAG: [Missed] tosa-lowering | Category:kvc-raise-attention | Function=written_cache | {{.*}}`tosa.scatter`
func.func @written_cache(%q: tensor<3x5x4xf32>, %cache: tensor<3x5x4xf32>, %new: tensor<3x1x4xf32>, %slot: tensor<3x1xi32>) -> tensor<3x5x4xf32> {
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %kv = tosa.scatter %cache, %slot, %new : (tensor<3x5x4xf32>, tensor<3x1xi32>, tensor<3x1x4xf32>) -> tensor<3x5x4xf32>
  %k = tosa.transpose %kv {perms = array<i32: 0, 2, 1>} : (tensor<3x5x4xf32>) -> tensor<3x4x5xf32>
  %score = tosa.matmul %q, %k, %zp, %zp : (tensor<3x5x4xf32>, tensor<3x4x5xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x5xf32>
  %max = tosa.reduce_max %score {axis = 2 : i32} : (tensor<3x5x5xf32>) -> tensor<3x5x1xf32>
  %less = tosa.sub %score, %max : (tensor<3x5x5xf32>, tensor<3x5x1xf32>) -> tensor<3x5x5xf32>
  %e = tosa.exp %less : (tensor<3x5x5xf32>) -> tensor<3x5x5xf32>
  %sum = tosa.reduce_sum %e {axis = 2 : i32} : (tensor<3x5x5xf32>) -> tensor<3x5x1xf32>
  %over = tosa.reciprocal %sum : (tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %p = tosa.mul %e, %over, %shift : (tensor<3x5x5xf32>, tensor<3x5x1xf32>, tensor<1xi8>) -> tensor<3x5x5xf32>
  %out = tosa.matmul %p, %kv, %zp, %zp : (tensor<3x5x5xf32>, tensor<3x5x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x4xf32>
  return %out : tensor<3x5x4xf32>
}
