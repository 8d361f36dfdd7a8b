// A correct transpose of an 8 x 8 tile through shared memory is silent in any
// order; each bug planted into it is reported, with its place.
// DEFINE: %{args} = --kernel=transpose --block=64 --arg=in:f32:64:iota --arg=out:f32:64
// RUN: kvc-sim-run %s %{args} --repeat=6 --print=1 | FileCheck %s
// CHECK-NOT: finding
// CHECK: status: KVCRT_OK
// CHECK-NEXT: argument 1:
// CHECK-NEXT: 0 8 16 24 32 40 48 56 1 9 17

// RUN: sed '/SOURCE/s/index/next/' %s > %t.bounds.mlir
// RUN: not kvc-sim-run %t.bounds.mlir %{args} | FileCheck %s --check-prefix=BOUNDS
// BOUNDS: finding: {{.*}}bounds.mlir:[[#@LINE+58]]:{{[0-9]+}} (llvm.load): out of bounds, kernel transpose, block (0, 0, 0), thread (63, 0, 0): load of 4 bytes at {{.*}}, 0 bytes past the end of argument 0

// RUN: sed 's/base\[0\]/base[2]/' %s > %t.align.mlir
// RUN: not kvc-sim-run %t.align.mlir %{args} | FileCheck %s --check-prefix=ALIGN
// ALIGN: (llvm.store): misaligned, kernel transpose, {{.*}}: store of 4 bytes at 0x4{{.[26ae]}}, expected alignment 4

// RUN: sed '/HAS/s/c64/c63/' %s > %t.uninit.mlir
// RUN: not kvc-sim-run %t.uninit.mlir %{args} | FileCheck %s --check-prefix=UNINIT
// UNINIT: (llvm.load): uninitialised read, kernel transpose, {{.*}}thread (63, 0, 0): load of 4 bytes at shared 0x50c, nobody has written 0x50c

// RUN: sed '/BARRIER/d' %s > %t.barrier.mlir
// RUN: not kvc-sim-run %t.barrier.mlir %{args} --repeat=4 --seed=1 | FileCheck %s --check-prefix=BARRIER
// BARRIER: (llvm.load): {{race|uninitialised read}}, kernel transpose

// RUN: sed '/TILE/s/tid\]/column]/' %s > %t.race.mlir
// RUN: not kvc-sim-run %t.race.mlir %{args} | FileCheck %s --check-prefix=RACE
// RACE: (llvm.store): race, kernel transpose, {{.*}}: store of 4 bytes at shared 0x{{.*}}, which thread {{[0-9]+}} wrote at {{.*}} (llvm.store); no barrier orders the two

// RUN: sed 's/llvm.br ^write/llvm.cond_br %most, ^write, ^exit/' %s > %t.divergent.mlir
// RUN: not kvc-sim-run %t.divergent.mlir %{args} | FileCheck %s --check-prefix=DIVERGENT
// DIVERGENT: (nvvm.barrier0): divergent barrier, kernel transpose, {{.*}}: 24 of 64 threads exited without reaching this barrier, the first is thread 40

// RUN: sed 's/constant(-1 : i32)/constant(65535 : i32)/' %s > %t.mask.mlir
// RUN: not kvc-sim-run %t.mask.mlir %{args} | FileCheck %s --check-prefix=MASK
// MASK: (nvvm.shfl.sync): wrong lane mask, kernel transpose, {{.*}}thread (16, 0, 0): executed under mask 0x0000ffff, which lacks its own lane 16

gpu.module @kernels {
  llvm.mlir.global internal @tile() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<64 x f32>
  llvm.func @transpose(%params: !llvm.ptr {llvm.byval = !llvm.struct<(ptr<1>, ptr<1>)>, nvvm.grid_constant})
      attributes {gpu.kernel, nvvm.kernel} {
    %from = llvm.load %params : !llvm.ptr -> !llvm.ptr<1>
    %p1 = llvm.getelementptr %params[8] : (!llvm.ptr) -> !llvm.ptr, i8
    %to = llvm.load %p1 : !llvm.ptr -> !llvm.ptr<1>
    %base = llvm.mlir.addressof @tile : !llvm.ptr<3>
    %c0 = llvm.mlir.constant(0 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c3 = llvm.mlir.constant(3 : i32) : i32
    %c7 = llvm.mlir.constant(7 : i32) : i32
    %c31 = llvm.mlir.constant(31 : i32) : i32
    %c40 = llvm.mlir.constant(40 : i32) : i32
    %c63 = llvm.mlir.constant(63 : i32) : i32
    %c64 = llvm.mlir.constant(64 : i32) : i32
    %all = llvm.mlir.constant(-1 : i32) : i32
    %tid = nvvm.read.ptx.sreg.tid.x : i32
    %next = llvm.add %tid, %c1 : i32
    %index = llvm.add %tid, %c0 : i32
    %most = llvm.icmp "ult" %tid, %c40 : i32
    %tile = llvm.getelementptr %base[0] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %column = llvm.and %tid, %c7 : i32
    %row = llvm.lshr %tid, %c3 : i32
    %column8 = llvm.shl %column, %c3 : i32
    %other = llvm.add %column8, %row : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %s = nvvm.shfl.sync idx %all, %other, %lane, %c31 : i32 -> i32
    %place = llvm.getelementptr %tile[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32 // TILE
    %away = llvm.getelementptr %tile[%s] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    %in = llvm.getelementptr %from[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32 // SOURCE
    %out = llvm.getelementptr %to[%tid] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %x = llvm.load %in : !llvm.ptr<1> -> f32
    %has = llvm.icmp "ult" %tid, %c64 : i32 // HAS
    llvm.cond_br %has, ^store, ^stored
  ^store:
    llvm.store %x, %place : f32, !llvm.ptr<3>
    llvm.br ^stored
  ^stored:
    llvm.br ^write
  ^write:
    nvvm.barrier0 // BARRIER
    %y = llvm.load %away : !llvm.ptr<3> -> f32
    llvm.store %y, %out : f32, !llvm.ptr<1>
    llvm.br ^exit
  ^exit:
    llvm.return
  }
}
