// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-lower-contractions{vector-bits=256}))' --split-input-file | FileCheck %s

#pa = affine_map<(m, p, n, k) -> (m, k)>
#pb = affine_map<(m, p, n, k) -> (p, k, n)>
#pc = affine_map<(m, p, n, k) -> (m, p, n)>

// Packed weights, AVX2: blocks of 3 rows by 4 x 8 columns; 32 columns are
// known, so nothing is masked; 1 and 2 rows left over have kernels of their own.
// CHECK-LABEL: @packed
// CHECK: scf.parallel
// CHECK-NOT: vector.create_mask
// CHECK: %[[LEFT:.*]] = arith.remui %{{.*}}, %c3
// CHECK: scf.for
// CHECK-COUNT-12: vector.load %arg2
// CHECK: scf.for {{.*}} iter_args
// CHECK-COUNT-3: vector.broadcast
// CHECK-COUNT-12: vector.fma
// CHECK: scf.yield
// CHECK-COUNT-12: vector.store
// CHECK: scf.index_switch %[[LEFT]]
// CHECK: case 1
// CHECK-COUNT-4: vector.fma
// CHECK: case 2
// CHECK-COUNT-8: vector.fma
// CHECK: } {kvc.grain = 128 : index}
// CHECK-NOT: linalg.generic
// 16 x 32 x 4 bytes are one panel; 128 of them are a task's 256 KiB.
func.func @packed(%a: memref<?x16xf32>, %b: memref<5x16x32xf32>, %c: memref<?x5x32xf32>) {
  linalg.generic {indexing_maps = [#pa, #pb, #pc], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<?x16xf32>, memref<5x16x32xf32>) outs(%c : memref<?x5x32xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %m = arith.mulf %l, %r : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// -----

// Dynamic columns: each vector has its mask; f16 weights are widened.
// CHECK-LABEL: @masked
// CHECK-COUNT-4: vector.create_mask
// CHECK: vector.maskedload %arg2
// CHECK: vector.maskedload %arg1
// CHECK: arith.extf {{.*}} : vector<8xf16> to vector<8xf32>
// CHECK: vector.maskedstore %arg2
func.func @masked(%a: memref<?x?xf32>, %b: memref<?x?xf16>, %c: memref<?x?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<?x?xf32>, memref<?x?xf16>) outs(%c : memref<?x?xf32>) {
  ^bb0(%l: f32, %r: f16, %o: f32):
    %w = arith.extf %r : f16 to f32
    %m = arith.mulf %l, %w : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}

// -----

// Left to the general pass: columns that are not contiguous on the right,
// integers, a sum that is no product.
// CHECK-LABEL: @others
// CHECK-COUNT-3: linalg.
// CHECK-NOT: vector.fma
func.func @others(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>, %i: memref<?x?xi32>, %v: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %m = arith.mulf %l, %r : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  linalg.matmul ins(%i, %i : memref<?x?xi32>, memref<?x?xi32>) outs(%i : memref<?x?xi32>)
  linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m)>], iterator_types = ["parallel", "reduction"]}
      ins(%a : memref<?x?xf32>) outs(%v : memref<?xf32>) {
  ^bb0(%l: f32, %o: f32):
    %s = arith.addf %o, %l : f32
    linalg.yield %s : f32
  }
  return
}
