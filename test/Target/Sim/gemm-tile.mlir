// cp.async, ldmatrix and mma.sync against a plain product in Python, and what
// the simulator says when a wait, a sync or a chunk of the copy is missing.
// RUN: kvc-sim-run %s --kernel=gemm --block=32 --shared=768 --repeat=4 \
// RUN:   --arg=in:f16:256:random=1 --arg=in:f16:128:random=2 --arg=out:f32:128 \
// RUN:   --save=0=%t.a --save=1=%t.b --save=2=%t.c | FileCheck %s --check-prefix=GOOD
// RUN: %python %S/Inputs/check_gemm.py %t.a %t.b %t.c
// GOOD-NOT: finding
// GOOD: status: KVCRT_OK

// RUN: sed '/WAIT/d' %s > %t.wait.mlir
// RUN: not kvc-sim-run %t.wait.mlir --kernel=gemm --block=32 --shared=768 \
// RUN:   --arg=in:f16:256 --arg=in:f16:128 --arg=out:f32:128 \
// RUN:   | FileCheck %s --check-prefix=NOWAIT
// NOWAIT: finding: {{.*}}wait.mlir:[[#]]:{{[0-9]+}} (nvvm.ldmatrix): missing wait, kernel gemm, block (0, 0, 0), thread (0, 0, 0): ldmatrix row of 16 bytes at shared 0x480, where the cp.async of thread 0 at {{.*}} (nvvm.cp.async.shared.global) has not been waited for
// NOWAIT: status: KVCRT_DEVICE_ERROR

// RUN: sed '/SYNC/d' %s > %t.sync.mlir
// RUN: not kvc-sim-run %t.sync.mlir --kernel=gemm --block=32 --shared=768 \
// RUN:   --arg=in:f16:256 --arg=in:f16:128 --arg=out:f32:128 \
// RUN:   | FileCheck %s --check-prefix=NOSYNC
// NOSYNC: finding: {{.*}} (nvvm.ldmatrix): race, kernel gemm, {{.*}} no barrier orders the two


// RUN: not kvc-sim-run %s --kernel=gemm --block=32 --shared=760 \
// RUN:   --arg=in:f16:256 --arg=in:f16:128 --arg=out:f32:128 \
// RUN:   | FileCheck %s --check-prefix=SMALL
// SMALL: finding: {{.*}} (nvvm.cp.async.shared.global): out of bounds, kernel gemm, {{.*}}thread (15, 0, 0): cp.async of 16 bytes to shared 0x770, the block has 0x400 to 0x778

gpu.module @kernels {
  llvm.mlir.global external @kvc_shared() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<0 x i8>
  llvm.func @gemm(%params: !llvm.ptr {llvm.byval = !llvm.struct<(ptr<1>, ptr<1>, ptr<1>)>, nvvm.grid_constant})
      attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 32>} {
    %a = llvm.load %params : !llvm.ptr -> !llvm.ptr<1>
    %p1 = llvm.getelementptr %params[8] : (!llvm.ptr) -> !llvm.ptr, i8
    %b = llvm.load %p1 : !llvm.ptr -> !llvm.ptr<1>
    %p2 = llvm.getelementptr %params[16] : (!llvm.ptr) -> !llvm.ptr, i8
    %c = llvm.load %p2 : !llvm.ptr -> !llvm.ptr<1>
    %shared = llvm.mlir.addressof @kvc_shared : !llvm.ptr<3>
    %sharedB = llvm.getelementptr %shared[512] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c2 = llvm.mlir.constant(2 : i32) : i32
    %c3 = llvm.mlir.constant(3 : i32) : i32
    %c4 = llvm.mlir.constant(4 : i32) : i32
    %c5 = llvm.mlir.constant(5 : i32) : i32
    %c7 = llvm.mlir.constant(7 : i32) : i32
    %c8 = llvm.mlir.constant(8 : i32) : i32
    %c15 = llvm.mlir.constant(15 : i32) : i32
    %c16 = llvm.mlir.constant(16 : i32) : i32
    %all = llvm.mlir.constant(-1 : i32) : i32
    // A: 32 chunks of 16 bytes, one a lane; B: 16 chunks.
    %offset = llvm.mul %lane, %c16 : i32
    %ga = llvm.getelementptr %a[%offset] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
    %sa = llvm.getelementptr %shared[%offset] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    nvvm.cp.async.shared.global %sa, %ga, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    %isB = llvm.icmp "ult" %lane, %c16 : i32
    llvm.cond_br %isB, ^copyB, ^commit
  ^copyB:
    %gb = llvm.getelementptr %b[%offset] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
    %sb = llvm.getelementptr %sharedB[%offset] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    nvvm.cp.async.shared.global %sb, %gb, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    llvm.br ^commit
  ^commit:
    nvvm.cp.async.commit.group
    nvvm.cp.async.wait.group 0 // WAIT
    nvvm.bar.warp.sync %all : i32 // SYNC
    // A's matrices: rows 0-7 and 8-15 of the left half, then of the right.
    %row = llvm.and %lane, %c15 : i32
    %half = llvm.lshr %lane, %c4 : i32
    %rowBytes = llvm.shl %row, %c5 : i32
    %halfBytes = llvm.shl %half, %c4 : i32
    %oa = llvm.add %rowBytes, %halfBytes : i32
    %la = llvm.getelementptr %shared[%oa] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %fa = nvvm.ldmatrix %la {num = 4 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
    %n = llvm.and %lane, %c7 : i32
    %k8 = llvm.lshr %lane, %c3 : i32
    %k1 = llvm.and %k8, %c1 : i32
    %nBytes = llvm.shl %n, %c5 : i32
    %kBytes = llvm.shl %k1, %c4 : i32
    %ob = llvm.add %nBytes, %kBytes : i32
    %lb = llvm.getelementptr %sharedB[%ob] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %fb = nvvm.ldmatrix %lb {num = 2 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32)>
    %a0 = llvm.extractvalue %fa[0] : !llvm.struct<(i32, i32, i32, i32)>
    %a1 = llvm.extractvalue %fa[1] : !llvm.struct<(i32, i32, i32, i32)>
    %a2 = llvm.extractvalue %fa[2] : !llvm.struct<(i32, i32, i32, i32)>
    %a3 = llvm.extractvalue %fa[3] : !llvm.struct<(i32, i32, i32, i32)>
    %b0 = llvm.extractvalue %fb[0] : !llvm.struct<(i32, i32)>
    %b1 = llvm.extractvalue %fb[1] : !llvm.struct<(i32, i32)>
    %va0 = llvm.bitcast %a0 : i32 to vector<2xf16>
    %va1 = llvm.bitcast %a1 : i32 to vector<2xf16>
    %va2 = llvm.bitcast %a2 : i32 to vector<2xf16>
    %va3 = llvm.bitcast %a3 : i32 to vector<2xf16>
    %vb0 = llvm.bitcast %b0 : i32 to vector<2xf16>
    %vb1 = llvm.bitcast %b1 : i32 to vector<2xf16>
    %zero = llvm.mlir.constant(0.0 : f32) : f32
    %d = nvvm.mma.sync A[%va0, %va1, %va2, %va3] B[%vb0, %vb1] C[%zero, %zero, %zero, %zero]
      {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, shape = #nvvm.shape<m = 16, n = 8, k = 16>}
      : (vector<2xf16>, vector<2xf16>, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    %d0 = llvm.extractvalue %d[0] : !llvm.struct<(f32, f32, f32, f32)>
    %d1 = llvm.extractvalue %d[1] : !llvm.struct<(f32, f32, f32, f32)>
    %d2 = llvm.extractvalue %d[2] : !llvm.struct<(f32, f32, f32, f32)>
    %d3 = llvm.extractvalue %d[3] : !llvm.struct<(f32, f32, f32, f32)>
    // Row g = lane / 4 of C[16][8] and row g + 8, columns 2 (lane mod 4) and next.
    %g = llvm.lshr %lane, %c2 : i32
    %t = llvm.and %lane, %c3 : i32
    %t2 = llvm.shl %t, %c1 : i32
    %g8 = llvm.shl %g, %c3 : i32
    %i = llvm.add %g8, %t2 : i32
    %pc = llvm.getelementptr %c[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %pc1 = llvm.getelementptr %pc[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    %pc2 = llvm.getelementptr %pc[64] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    %pc3 = llvm.getelementptr %pc[65] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    llvm.store %d0, %pc : f32, !llvm.ptr<1>
    llvm.store %d1, %pc1 : f32, !llvm.ptr<1>
    llvm.store %d2, %pc2 : f32, !llvm.ptr<1>
    llvm.store %d3, %pc3 : f32, !llvm.ptr<1>
    llvm.return
  }
}
