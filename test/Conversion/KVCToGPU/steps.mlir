// A finding of the simulator names the step of the kernel that an op is of, and
// the variant: every op of a kernel has both in its location.
// RUN: kvc-opt %s --convert-kvc-to-gpu --kvc-lower-gpu-kernels --kvc-sim-rewrite | FileCheck %s

// CHECK-DAG: "append rows at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (llvm.store)
// CHECK-DAG: "load task at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (llvm.load)
// CHECK-DAG: "copy keys and values at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (nvvm.cp.async.shared.global)
// CHECK-DAG: "load queries at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (llvm.store)
// CHECK-DAG: "attend keys at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (nvvm.cp.async.wait.group)
// CHECK-DAG: "queries times keys at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (nvvm.mma.sync)
// CHECK-DAG: "softmax at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (nvvm.shfl.sync)
// CHECK-DAG: "weights times values at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (nvvm.ldmatrix)
// CHECK-DAG: "share partial results of warps at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (nvvm.barrier0)
// CHECK-DAG: "fold splits at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (nvvm.barrier0)
// CHECK-DAG: "store output at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (llvm.store)
// CHECK-DAG: "merge rows at {{.*}}steps.mlir:[[#]]:{{[0-9]+}} (llvm.load)
kvc.variant @v {
  cache = !kvc.cache<kv_heads = 2, head_dim = 64, f16, layout = #kvc.paged<block = 16>>,
  query_heads = 8 : i64, lse}
