// RUN: kvc-opt %s --kvc-plan-workspace --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

func.func private @read(memref<?x16xf32>)

// %a and %b live together, %c begins after %a's end and takes its place: two
// buffers of 16 x 4 = 64 bytes a token, 128 T in all.
// CHECK-LABEL: func.func private @reuse_workspace(%arg0: index) -> index
// CHECK: %[[UNIT:.*]] = arith.constant 128 : index
// CHECK: %[[BYTES:.*]] = arith.muli %arg0, %[[UNIT]]
// CHECK: return %[[BYTES]]
// CHECK-LABEL: func.func @reuse
// CHECK-SAME: %[[WS:arg1]]: memref<?xi8> {kvc.workspace}
// CHECK: %[[T:.*]] = memref.dim
// CHECK: %[[SECOND:.*]] = arith.muli %[[T]], %c64
// CHECK: %[[A:.*]] = memref.view %[[WS]][%c0][%[[T]]]
// CHECK: call @read(%[[A]])
// CHECK: %[[B:.*]] = memref.view %[[WS]][%[[SECOND]]][%[[T]]]
// CHECK: call @read(%[[B]])
// CHECK: call @read(%[[A]])
// CHECK: call @read(%[[A]])
// CHECK: call @read(%[[B]])
// CHECK-NOT: memref.alloc
func.func @reuse(%x: memref<?x16xf32>) {
  %c0 = arith.constant 0 : index
  %t = memref.dim %x, %c0 : memref<?x16xf32>
  %a = memref.alloc(%t) : memref<?x16xf32>
  call @read(%a) : (memref<?x16xf32>) -> ()
  %b = memref.alloc(%t) : memref<?x16xf32>
  call @read(%b) : (memref<?x16xf32>) -> ()
  call @read(%a) : (memref<?x16xf32>) -> ()
  %c = memref.alloc(%t) : memref<?x16xf32>
  call @read(%c) : (memref<?x16xf32>) -> ()
  call @read(%b) : (memref<?x16xf32>) -> ()
  return
}

// -----

func.func private @read(memref<?x?xi1>, memref<3xf32>)

// 12 bytes are one unit of 64; T x T bytes are rounded up to 64 at run time.
// CHECK-LABEL: func.func private @square_workspace(%arg0: index) -> index
// CHECK: %[[SQUARE:.*]] = arith.muli %arg0, %arg0
// CHECK: %[[UNITS:.*]] = arith.ceildivui %[[SQUARE]], %c64
// CHECK: %[[BYTES:.*]] = arith.muli %[[UNITS]], %c64
// CHECK: arith.addi %[[BYTES]], %c64
func.func @square(%x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %t = memref.dim %x, %c0 : memref<?xf32>
  %a = memref.alloc(%t, %t) : memref<?x?xi1>
  %b = memref.alloc() : memref<3xf32>
  call @read(%a, %b) : (memref<?x?xi1>, memref<3xf32>) -> ()
  return
}

// -----

func.func @unknown(%x: memref<1xindex>) {
  %c0 = arith.constant 0 : index
  %n = memref.load %x[%c0] : memref<1xindex>
  // expected-error @+1 {{expected a buffer size that depends only on the sizes of `unknown`'s arguments, got 'memref<?xf32>'}}
  %a = memref.alloc(%n) : memref<?xf32>
  memref.dealloc %a : memref<?xf32>
  return
}
