// Every mistake planted in the tile of gemm-tile.mlir is noticed: by a finding,
// or by numbers that differ. The survivors are those of docs/simulator.md.
// RUN: kvc-opt %S/gemm-tile.mlir --pass-pipeline='builtin.module(kvc-sim-mutate{list=true})' -o /dev/null | FileCheck %s
// RUN: %python %S/Inputs/mutate_gemm.py %kvc_obj/bin %S/gemm-tile.mlir %t | FileCheck %s --check-prefix=ALL

// CHECK: 0 drop-commit gemm
// CHECK-NEXT: 1 drop-wait gemm
// CHECK-NEXT: 2 weaken-wait gemm
// CHECK-NEXT: 3 drop-warp-sync gemm
// CHECK: shift-lane-map gemm
// CHECK: shift-matrix gemm
// CHECK-NEXT: flip-transposition gemm
// CHECK: swap-fragments gemm

// RUN: not kvc-opt %S/gemm-tile.mlir --pass-pipeline='builtin.module(kvc-sim-mutate{number=999})' 2>&1 | FileCheck %s --check-prefix=RANGE
// RANGE: error: expected a mutation below [[#]], got 999

// ALL-NOT: -> survived
// ALL: mutations, 0 survived
