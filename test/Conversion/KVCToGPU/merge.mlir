// NAME_merge: a lane reads four f32 of a partial result at a time and writes
// four 16-bit elements; a partial result that saw nothing is not read; no lane
// waits for another.
// RUN: kvc-opt %s --convert-kvc-to-gpu --kvc-lower-gpu-kernels -o %t
// RUN: FileCheck %s --input-file=%t

// CHECK: llvm.func @plain_merge(
// CHECK-SAME: gpu.kernel, kvc.shared_bytes = 0 : i64
// The greatest lse, then the weights: the count is the step's, not the variant's.
// CHECK: llvm.load {{.*}} {alignment = 4 : i64} : !llvm.ptr -> i32
// CHECK-NOT: nvvm.{{shfl|barrier|bar.warp|vote}}
// CHECK: llvm.load {{.*}} invariant {alignment = 4 : i64} : !llvm.ptr<1> -> f32
// CHECK-NOT: llvm.load {{.*}} vector<4xf32>
// CHECK: llvm.load {{.*}} invariant {alignment = 4 : i64} : !llvm.ptr<1> -> f32
// CHECK: llvm.fcmp "oeq"
// CHECK: llvm.cond_br
// CHECK: llvm.load {{.*}} invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-NOT: nvvm.{{shfl|barrier|bar.warp|vote}}
// Nothing visible divides nothing by nothing.
// CHECK: rcp.approx
// CHECK-NOT: llvm.cond_br
// CHECK: llvm.store {{.*}} {alignment = 8 : i64} : vector<2xi32>, !llvm.ptr<1>
// No lse is written.
// CHECK-NOT: llvm.store
// CHECK: llvm.return
kvc.variant @plain {cache = !kvc.cache<kv_heads = 2, head_dim = 64, bf16>, query_heads = 8}

// 80 elements are 20 pieces: the last 12 lanes of a row write nothing. The sink
// is read once a row, after the last partial result.
// CHECK: llvm.func @odd_merge(
// CHECK: llvm.load {{.*}} -> vector<4xf32>
// CHECK: llvm.load {{.*}} invariant {alignment = 4 : i64} : !llvm.ptr<1> -> f32
// CHECK: rcp.approx
// CHECK: lg2.approx
// CHECK: llvm.cond_br
// CHECK: llvm.store {{.*}} {alignment = 8 : i64} : vector<2xi32>, !llvm.ptr<1>
// CHECK: llvm.store {{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<1>
// CHECK: llvm.return
kvc.variant @odd {cache = !kvc.cache<kv_heads = 1, head_dim = 96 : 80, f16>, query_heads = 7, sink_logits, lse}

// The host function looks at what the kernel cannot: nulls, a negative count,
// addresses that 16-byte loads do not take.
// CHECK: llvm.func @odd_merge(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
// CHECK: llvm.mlir.addressof @odd_merge_record
// CHECK: llvm.call
