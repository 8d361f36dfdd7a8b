// A TOSA graph is handed over as it is; one that holds no attention, or that
// upstream cannot lower, stays as it is.
// RUN: kvc-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' | FileCheck %s
// RUN: kvc-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(kvc-raise-attention))' --remarks-filter=kvc-raise-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// REMARK-NOT: error:

// CHECK-LABEL: @scaled
// CHECK: kvc.attention {{.*}} {scale = 5.000000e-01 : f32} : (tensor<1x3x5x4xf32>, tensor<1x3x5x4xf32>, tensor<1x3x5x4xf32>) -> tensor<1x3x5x4xf32>
// CHECK-NOT: tosa.
// REMARK-DAG: [Analysis] tosa-lowered | Category:kvc-raise-attention | Function=scaled
// REMARK-DAG: [Passed] raise-attention | Category:kvc-raise-attention | Function=scaled
func.func @scaled(%q: tensor<3x5x4xf32>, %k: tensor<3x4x5xf32>, %v: tensor<3x5x4xf32>) -> tensor<3x5x4xf32> {
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
  return %out : tensor<3x5x4xf32>
}

// no exponential, no attention
// CHECK-LABEL: @linear
// CHECK: tosa.matmul
// REMARK-NOT: Function=linear
func.func @linear(%q: tensor<3x5x4xf32>, %k: tensor<3x4x5xf32>, %v: tensor<3x5x4xf32>) -> tensor<3x5x4xf32> {
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %half = "tosa.const"() <{values = dense<0.5> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %s = tosa.matmul %q, %k, %zp, %zp : (tensor<3x5x4xf32>, tensor<3x4x5xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x5xf32>
  %out = tosa.matmul %s, %v, %zp, %zp : (tensor<3x5x5xf32>, tensor<3x5x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x4xf32>
  return %out : tensor<3x5x4xf32>
}

// ONNX's softmax of scaled_dot_product_attention: a probability that is no
// number becomes zero.
// CHECK-LABEL: @number_or_zero
// CHECK: kvc.attention {{.*}} {fully_masked = zero, scale = 1.000000e+00 : f32}
func.func @number_or_zero(%q: tensor<3x5x4xf32>, %kv: tensor<3x5x4xf32>) -> tensor<3x5x4xf32> {
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %k = tosa.transpose %kv {perms = array<i32: 0, 2, 1>} : (tensor<3x5x4xf32>) -> tensor<3x4x5xf32>
  %score = tosa.matmul %q, %k, %zp, %zp : (tensor<3x5x4xf32>, tensor<3x4x5xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x5xf32>
  %max = tosa.reduce_max %score {axis = 2 : i32} : (tensor<3x5x5xf32>) -> tensor<3x5x1xf32>
  %less = tosa.sub %score, %max : (tensor<3x5x5xf32>, tensor<3x5x1xf32>) -> tensor<3x5x5xf32>
  %e = tosa.exp %less : (tensor<3x5x5xf32>) -> tensor<3x5x5xf32>
  %sum = tosa.reduce_sum %e {axis = 2 : i32} : (tensor<3x5x5xf32>) -> tensor<3x5x1xf32>
  %over = tosa.reciprocal %sum : (tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %p = tosa.mul %e, %over, %shift : (tensor<3x5x5xf32>, tensor<3x5x1xf32>, tensor<1xi8>) -> tensor<3x5x5xf32>
  %is = tosa.equal %p, %p : (tensor<3x5x5xf32>, tensor<3x5x5xf32>) -> tensor<3x5x5xi1>
  %number = tosa.select %is, %p, %zero : (tensor<3x5x5xi1>, tensor<3x5x5xf32>, tensor<1x1x1xf32>) -> tensor<3x5x5xf32>
  %out = tosa.matmul %number, %kv, %zp, %zp : (tensor<3x5x5xf32>, tensor<3x5x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x4xf32>
  return %out : tensor<3x5x4xf32>
}

// one head of keys and values, repeated: upstream's lowering of a tile leaves a
// reshape, which is lowered as well
// CHECK-LABEL: @tiled
// CHECK-NOT: tosa.reshape
// CHECK: kvc.attention {{.*}} : (tensor<1x3x5x4xf32>, tensor<1x1x5x4xf32>, tensor<1x1x5x4xf32>)
func.func @tiled(%q: tensor<3x5x4xf32>, %k: tensor<1x5x4xf32>, %v: tensor<1x5x4xf32>) -> tensor<3x5x4xf32> {
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %times = tosa.const_shape {values = dense<[3, 1, 1]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %ks = tosa.tile %k, %times : (tensor<1x5x4xf32>, !tosa.shape<3>) -> tensor<3x5x4xf32>
  %vs = tosa.tile %v, %times : (tensor<1x5x4xf32>, !tosa.shape<3>) -> tensor<3x5x4xf32>
  %kt = tosa.transpose %ks {perms = array<i32: 0, 2, 1>} : (tensor<3x5x4xf32>) -> tensor<3x4x5xf32>
  %score = tosa.matmul %q, %kt, %zp, %zp : (tensor<3x5x4xf32>, tensor<3x4x5xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x5xf32>
  %max = tosa.reduce_max %score {axis = 2 : i32} : (tensor<3x5x5xf32>) -> tensor<3x5x1xf32>
  %less = tosa.sub %score, %max : (tensor<3x5x5xf32>, tensor<3x5x1xf32>) -> tensor<3x5x5xf32>
  %e = tosa.exp %less : (tensor<3x5x5xf32>) -> tensor<3x5x5xf32>
  %sum = tosa.reduce_sum %e {axis = 2 : i32} : (tensor<3x5x5xf32>) -> tensor<3x5x1xf32>
  %over = tosa.reciprocal %sum : (tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %p = tosa.mul %e, %over, %shift : (tensor<3x5x5xf32>, tensor<3x5x1xf32>, tensor<1xi8>) -> tensor<3x5x5xf32>
  %out = tosa.matmul %p, %vs, %zp, %zp : (tensor<3x5x5xf32>, tensor<3x5x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x4xf32>
  return %out : tensor<3x5x4xf32>
}

// heads that are repeated and then turned: what two slices fill between them is
// nowhere empty, and the keys depend on no more heads than the values
// CHECK-LABEL: @tiled_and_turned
// CHECK: kvc.attention {{.*}} : (tensor<1x3x5x4xf32>, tensor<1x1x5x4xf32>, tensor<1x1x5x4xf32>)
func.func @tiled_and_turned(%q: tensor<3x5x4xf32>, %k: tensor<1x5x4xf32>, %v: tensor<1x5x4xf32>) -> tensor<3x5x4xf32> {
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %times = tosa.const_shape {values = dense<[3, 1, 1]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %ks = tosa.tile %k, %times : (tensor<1x5x4xf32>, !tosa.shape<3>) -> tensor<3x5x4xf32>
  %vs = tosa.tile %v, %times : (tensor<1x5x4xf32>, !tosa.shape<3>) -> tensor<3x5x4xf32>
  %cos = "tosa.const"() <{values = dense<[[[1.000000000e+00, 1.000000000e+00, 1.000000000e+00, 1.000000000e+00], [5.403023059e-01, 9.999500004e-01, 5.403023059e-01, 9.999500004e-01], [-4.161468365e-01, 9.998000067e-01, -4.161468365e-01, 9.998000067e-01], [-9.899924966e-01, 9.995500337e-01, -9.899924966e-01, 9.995500337e-01], [-6.536436209e-01, 9.992001067e-01, -6.536436209e-01, 9.992001067e-01]]]> : tensor<1x5x4xf32>}> : () -> tensor<1x5x4xf32>
  %sin = "tosa.const"() <{values = dense<[[[0.000000000e+00, 0.000000000e+00, 0.000000000e+00, 0.000000000e+00], [8.414709848e-01, 9.999833334e-03, 8.414709848e-01, 9.999833334e-03], [9.092974268e-01, 1.999866669e-02, 9.092974268e-01, 1.999866669e-02], [1.411200081e-01, 2.999550020e-02, 1.411200081e-01, 2.999550020e-02], [-7.568024953e-01, 3.998933419e-02, -7.568024953e-01, 3.998933419e-02]]]> : tensor<1x5x4xf32>}> : () -> tensor<1x5x4xf32>
  %start = tosa.const_shape {values = dense<0> : tensor<3xindex>} : () -> !tosa.shape<3>
  %middle = tosa.const_shape {values = dense<[0, 0, 2]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %half = tosa.const_shape {values = dense<[3, 5, 2]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %low = tosa.slice %ks, %start, %half : (tensor<3x5x4xf32>, !tosa.shape<3>, !tosa.shape<3>) -> tensor<3x5x2xf32>
  %high = tosa.slice %ks, %middle, %half : (tensor<3x5x4xf32>, !tosa.shape<3>, !tosa.shape<3>) -> tensor<3x5x2xf32>
  %less_high = tosa.negate %high, %zp, %zp : (tensor<3x5x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x2xf32>
  %beside = tosa.concat %less_high, %low {axis = 2 : i32} : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x4xf32>
  %kc = tosa.mul %ks, %cos, %shift : (tensor<3x5x4xf32>, tensor<1x5x4xf32>, tensor<1xi8>) -> tensor<3x5x4xf32>
  %ksin = tosa.mul %beside, %sin, %shift : (tensor<3x5x4xf32>, tensor<1x5x4xf32>, tensor<1xi8>) -> tensor<3x5x4xf32>
  %turned = tosa.add %kc, %ksin : (tensor<3x5x4xf32>, tensor<3x5x4xf32>) -> tensor<3x5x4xf32>
  %kt = tosa.transpose %turned {perms = array<i32: 0, 2, 1>} : (tensor<3x5x4xf32>) -> tensor<3x4x5xf32>
  %score = tosa.matmul %q, %kt, %zp, %zp : (tensor<3x5x4xf32>, tensor<3x4x5xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x5xf32>
  %max = tosa.reduce_max %score {axis = 2 : i32} : (tensor<3x5x5xf32>) -> tensor<3x5x1xf32>
  %lower = tosa.sub %score, %max : (tensor<3x5x5xf32>, tensor<3x5x1xf32>) -> tensor<3x5x5xf32>
  %e = tosa.exp %lower : (tensor<3x5x5xf32>) -> tensor<3x5x5xf32>
  %sum = tosa.reduce_sum %e {axis = 2 : i32} : (tensor<3x5x5xf32>) -> tensor<3x5x1xf32>
  %over = tosa.reciprocal %sum : (tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %p = tosa.mul %e, %over, %shift : (tensor<3x5x5xf32>, tensor<3x5x1xf32>, tensor<1xi8>) -> tensor<3x5x5xf32>
  %out = tosa.matmul %p, %vs, %zp, %zp : (tensor<3x5x5xf32>, tensor<3x5x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x5x4xf32>
  return %out : tensor<3x5x4xf32>
}
