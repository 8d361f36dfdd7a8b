// RUN: kvc-opt %s --pass-pipeline='builtin.module(func.func(kvc-vectorize-loops{vector-bits=256},canonicalize,cse))' --split-input-file | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#t = affine_map<(d0, d1) -> (d1, d0)>

// Rows in parallel, 16 columns a trip, 6 of 70 left over under a mask; the
// factor of a row stays a scalar until it meets the vector.
// CHECK-LABEL: @elementwise
// CHECK: scf.parallel (%[[I:.*]]) = (%c0) to (%{{.*}})
// CHECK: scf.for {{.*}} to %c64 step %c16
// CHECK-DAG: vector.load %arg0{{.*}} vector<16xf32>
// CHECK-DAG: %[[F:.*]] = memref.load %arg1[%[[I]]]
// CHECK: vector.broadcast %[[F]] : f32 to vector<16xf32>
// CHECK: vector.store
// CHECK: %[[MASK:.*]] = vector.constant_mask [6] : vector<16xi1>
// CHECK: vector.maskedload %arg0{{.*}}, %[[MASK]]
// CHECK: vector.maskedstore %arg2{{.*}}, %[[MASK]]
// CHECK: } {kvc.grain = 468 : index}
// 32 Ki elements are a task: 468 rows of 70.
func.func @elementwise(%x: memref<?x70xf32>, %f: memref<?xf32>, %o: memref<?x70xf32>) {
  linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %f : memref<?x70xf32>, memref<?xf32>) outs(%o : memref<?x70xf32>) {
  ^bb0(%a: f32, %b: f32, %q: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// A sum stays in a register until the end of its row; lanes that the tail
// leaves out keep what they had.
// CHECK-LABEL: @reduction
// CHECK: %[[ZERO:.*]] = arith.constant dense<{{-?}}0.000000e+00> : vector<32xf32>
// CHECK: scf.parallel
// CHECK: %[[FULL:.*]] = scf.for {{.*}} iter_args(%[[SUM:.*]] = %[[ZERO]])
// CHECK: arith.addf %{{.*}}, %[[SUM]] : vector<32xf32>
// CHECK: scf.if
// CHECK: arith.select %{{.*}}, %{{.*}}, %[[FULL]]
// CHECK: vector.reduction <add>, %{{.*}} fastmath<reassoc> : vector<32xf32> into f32
// CHECK: memref.store
func.func @reduction(%x: memref<?x?xf32>, %o: memref<?xf32>) {
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%x : memref<?x?xf32>) outs(%o : memref<?xf32>) {
  ^bb0(%a: f32, %q: f32):
    %m = arith.addf %a, %q : f32
    linalg.yield %m : f32
  }
  return
}

// -----

#row = affine_map<(d0, d1) -> (d0)>
#id = affine_map<(d0, d1) -> (d0, d1)>

// A row of a table is contiguous; an index that is computed per lane is not.
// CHECK-LABEL: @gather
// CHECK: vector.load %arg1[%{{.*}}, %{{.*}}] : memref<9x16xf32>, vector<16xf32>
// CHECK-COUNT-8: memref.load %arg1
// CHECK: vector.from_elements
func.func @gather(%ids: memref<?xi64>, %table: memref<9x16xf32>, %o: memref<?x16xf32>, %cols: memref<?x16xi64>) {
  linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel"]} ins(%ids : memref<?xi64>) outs(%o : memref<?x16xf32>) {
  ^bb0(%a: i64, %q: f32):
    %i = arith.index_cast %a : i64 to index
    %j = linalg.index 1 : index
    %v = memref.load %table[%i, %j] : memref<9x16xf32>
    linalg.yield %v : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%cols : memref<?x16xi64>) outs(%o : memref<?x16xf32>) {
  ^bb0(%a: i64, %q: f32):
    %i = linalg.index 0 : index
    %j = arith.index_cast %a : i64 to index
    %v = memref.load %table[%i, %j] : memref<9x16xf32>
    linalg.yield %v : f32
  }
  return
}

// -----

// No vector form: an op with a region, a buffer of tuples of no size; left for
// convert-linalg-to-loops. A copy is an op like the others.
// CHECK-LABEL: @others
// CHECK: linalg.generic
// CHECK: vector.store %{{.*}}, %arg1
func.func @others(%x: memref<?xf32>, %o: memref<?xf32>, %n: index) {
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : memref<?xf32>) outs(%o : memref<?xf32>) {
  ^bb0(%a: f32, %q: f32):
    %c = arith.cmpi eq, %n, %n : index
    %v = scf.if %c -> f32 {
      scf.yield %a : f32
    } else {
      scf.yield %q : f32
    }
    linalg.yield %v : f32
  }
  memref.copy %x, %o : memref<?xf32> to memref<?xf32>
  return
}
