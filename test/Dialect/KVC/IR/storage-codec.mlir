// What storage formats emit, in arith, math and vector only. The numbers are
// held by kvc-conformance against the reference.
//
// RUN: kvc-opt %s --allow-unregistered-dialect --test-kvc-emit-policy | FileCheck %s

// CHECK-LABEL: @plain_f32
// CHECK-SAME: %[[X:.*]]: vector<8xf32>
// CHECK-NEXT: return %[[X]], %[[X]]
func.func @plain_f32(%x: vector<8xf32>) -> (vector<8xf32>, vector<8xf32>) {
  %p = "test.encode"(%x) {storage = #kvc.plain<f32>} : (vector<8xf32>) -> vector<8xf32>
  %d = "test.decode"(%x) {storage = #kvc.plain<f32>} : (vector<8xf32>) -> vector<8xf32>
  return %p, %d : vector<8xf32>, vector<8xf32>
}

// CHECK-LABEL: @plain_bf16
// CHECK-NEXT: %[[P:.*]] = arith.truncf %{{.*}} : vector<8xf32> to vector<8xbf16>
// CHECK-NEXT: %[[D:.*]] = arith.extf %[[P]] : vector<8xbf16> to vector<8xf32>
// CHECK-NEXT: return %[[D]]
func.func @plain_bf16(%x: vector<8xf32>) -> vector<8xf32> {
  %p = "test.encode"(%x) {storage = #kvc.plain<bf16>} : (vector<8xf32>) -> vector<8xbf16>
  %d = "test.decode"(%p) {storage = #kvc.plain<bf16>} : (vector<8xbf16>) -> vector<8xf32>
  return %d : vector<8xf32>
}

// A row in two pieces has one scale.
// CHECK-LABEL: @quant_i8_encode
// CHECK-SAME: %[[A:[^:]*]]: vector<8xf32>, %[[B:[^:]*]]: vector<8xf32>
// CHECK: %[[AA:.*]] = math.absf %[[A]]
// CHECK: %[[MA:.*]] = vector.reduction <maximumf>, %[[AA]]
// CHECK: %[[AB:.*]] = math.absf %[[B]]
// CHECK: %[[MB:.*]] = vector.reduction <maximumf>, %[[AB]]
// CHECK: %[[M:.*]] = arith.maximumf %[[MA]], %[[MB]]
// The scale in f64, which the rounding to f32 then finds as it finds the
// quotient; 0.0078740157480314959 is 1 / 127.
// CHECK: %[[C127:.*]] = arith.constant 0.0078740157480314959 : f64
// CHECK: %[[WIDE:.*]] = arith.extf %[[M]] : f32 to f64
// CHECK: %[[PRODUCT:.*]] = arith.mulf %[[WIDE]], %[[C127]] : f64
// CHECK: %[[S:.*]] = arith.truncf %[[PRODUCT]] : f64 to f32
// CHECK: %[[POS:.*]] = arith.cmpf ogt, %[[S]]
// CHECK: %[[FIN:.*]] = arith.cmpf olt, %[[S]]
// CHECK: %[[OK:.*]] = arith.andi %[[POS]], %[[FIN]]
// CHECK: %[[Q:.*]] = arith.divf %[[A]]
// CHECK: math.roundeven %[[Q]]
// CHECK: arith.maximumf
// CHECK: arith.minimumf
// CHECK: %[[SAFE:.*]] = arith.select %[[OK]]
// CHECK: arith.fptosi %[[SAFE]] : vector<8xf32> to vector<8xi8>
// CHECK: arith.divf %[[B]]
// CHECK: return {{.*}}, %[[S]]
func.func @quant_i8_encode(%a: vector<8xf32>, %b: vector<8xf32>) -> (vector<8xi8>, vector<8xi8>, f32) {
  %p:3 = "test.encode"(%a, %b) {storage = #kvc.quant<i8>} : (vector<8xf32>, vector<8xf32>) -> (vector<8xi8>, vector<8xi8>, f32)
  return %p#0, %p#1, %p#2 : vector<8xi8>, vector<8xi8>, f32
}

// CHECK-LABEL: @quant_i8_decode
// CHECK-SAME: %[[P:[^:]*]]: vector<8xi8>, %[[S:[^:]*]]: f32
// CHECK-NEXT: %[[C:.*]] = arith.sitofp %[[P]] : vector<8xi8> to vector<8xf32>
// CHECK-NEXT: %[[V:.*]] = vector.broadcast %[[S]] : f32 to vector<8xf32>
// CHECK-NEXT: %[[D:.*]] = arith.mulf %[[C]], %[[V]]
// CHECK-NEXT: return %[[D]]
func.func @quant_i8_decode(%p: vector<8xi8>, %s: f32) -> vector<8xf32> {
  %d = "test.decode"(%p, %s) {storage = #kvc.quant<i8>} : (vector<8xi8>, f32) -> vector<8xf32>
  return %d : vector<8xf32>
}

// Codes of an 8-bit float travel as the i8 of their bits; rows are scaled to
// 448 and saturated there.
// CHECK-LABEL: @quant_f8
// CHECK: arith.constant 0.002232142857142857 : f64
// CHECK-DAG: arith.constant dense<-4.480000e+02> : vector<8xf32>
// CHECK: %[[CODES:.*]] = arith.trunci %{{.*}} : vector<8xi32> to vector<8xi8>
// CHECK: arith.extui %[[CODES]] : vector<8xi8> to vector<8xi32>
// CHECK: arith.mulf
func.func @quant_f8(%x: vector<8xf32>) -> vector<8xf32> {
  %p, %s = "test.encode"(%x) {storage = #kvc.quant<f8E4M3FN>} : (vector<8xf32>) -> (vector<8xi8>, f32)
  %d = "test.decode"(%p, %s) {storage = #kvc.quant<f8E4M3FN>} : (vector<8xi8>, f32) -> vector<8xf32>
  return %d : vector<8xf32>
}
