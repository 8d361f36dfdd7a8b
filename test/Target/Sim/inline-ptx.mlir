// Inline PTX runs as the instruction it names: conversions, approximations, an
// e4m3 product, accesses with cache hints, and the chain of a last arriver.
// RUN: kvc-sim-run %s --kernel=ptx --grid=2 --block=32 --repeat=3 \
// RUN:   --arg=in:f32:64:iota --arg=out:f32:64 --arg=inout:i32:1 --arg=inout:f32:4 \
// RUN:   --print=1 --print=2 --print=3 | FileCheck %s
// The same text after convert-nvvm-to-llvm, where it is inline assembly.
// RUN: kvc-opt %s --pass-pipeline='builtin.module(gpu.module(convert-nvvm-to-llvm))' -o %t.mlir
// RUN: grep -q llvm.inline_asm %t.mlir
// RUN: kvc-sim-run %t.mlir --kernel=ptx --grid=2 --block=32 --repeat=3 \
// RUN:   --arg=in:f32:64:iota --arg=out:f32:64 --arg=inout:i32:1 --arg=inout:f32:4 \
// RUN:   --print=1 --print=2 --print=3 | FileCheck %s
// RUN: sed '/FENCE/d' %s > %t.fence.mlir
// RUN: not kvc-sim-run %t.fence.mlir --kernel=ptx --grid=2 --block=32 \
// RUN:   --arg=in:f32:64:iota --arg=out:f32:64 --arg=inout:i32:1 --arg=inout:f32:4 \
// RUN:   | FileCheck %s --check-prefix=FENCE
// FENCE: race, kernel ptx, {{.*}} no release and acquire at gpu scope order the two

// 2^x rounded to e4m3 and read back as f16: the largest is 448.
// CHECK-NOT: finding
// CHECK: status: KVCRT_OK
// CHECK-NEXT: argument 1:
// CHECK-NEXT: 1 2 4 8 16 32 64 128 256 448 448 448
// CHECK: argument 2:
// CHECK-NEXT: {{^}}6{{$}}
// 32 products of 1 x 1; the sum of out[0] and out[32], by the last arriver.
// CHECK-NEXT: argument 3:
// CHECK-NEXT: 32 449 0 0
gpu.module @kernels {
  llvm.func @ptx(%params: !llvm.ptr {llvm.byval = !llvm.struct<(ptr<1>, ptr<1>, ptr<1>, ptr<1>)>, nvvm.grid_constant})
      attributes {gpu.kernel, nvvm.kernel} {
    %from = llvm.load %params : !llvm.ptr -> !llvm.ptr<1>
    %p1 = llvm.getelementptr %params[8] : (!llvm.ptr) -> !llvm.ptr, i8
    %to = llvm.load %p1 : !llvm.ptr -> !llvm.ptr<1>
    %p2 = llvm.getelementptr %params[16] : (!llvm.ptr) -> !llvm.ptr, i8
    %counter = llvm.load %p2 : !llvm.ptr -> !llvm.ptr<1>
    %p3 = llvm.getelementptr %params[24] : (!llvm.ptr) -> !llvm.ptr, i8
    %sum = llvm.load %p3 : !llvm.ptr -> !llvm.ptr<1>
    %sum1 = llvm.getelementptr %sum[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    %c0 = llvm.mlir.constant(0 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %f0 = llvm.mlir.constant(0.0 : f32) : f32
    %ones = llvm.mlir.constant(0x38383838 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    %c32 = llvm.mlir.constant(32 : i32) : i32
    %base = llvm.mul %block, %c32 : i32
    %i = llvm.add %base, %lane : i32
    %in = llvm.getelementptr %from[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %out = llvm.getelementptr %to[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %bits = nvvm.inline_ptx "ld.global.nc.L1::no_allocate.L2::128B.b32 $0, [$1];" ro(%in : !llvm.ptr<1>) -> i32
    %x = llvm.bitcast %bits : i32 to f32
    %power = nvvm.inline_ptx "ex2.approx.ftz.f32 $0, $1;" ro(%x : f32) -> f32
    %f8 = nvvm.inline_ptx "cvt.rn.satfinite.e4m3x2.f32 $0, $1, $2;" ro(%f0, %power : f32, f32) -> i16
    %halves = nvvm.inline_ptx "cvt.rn.f16x2.e4m3x2 $0, $1;" ro(%f8 : i16) -> i32
    %pair = llvm.bitcast %halves : i32 to vector<2xf16>
    %low = llvm.extractelement %pair[%c0 : i32] : vector<2xf16>
    %y = llvm.fpext %low : f16 to f32
    nvvm.inline_ptx "st.global.L1::no_allocate.f32 [$0], $1;" ro(%out, %y : !llvm.ptr<1>, f32)
    %d:4 = nvvm.inline_ptx "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};"
      ro(%ones, %ones, %ones, %ones, %ones, %ones, %f0, %f0, %f0, %f0 : i32, i32, i32, i32, i32, i32, f32, f32, f32, f32) -> f32, f32, f32, f32
    %first = llvm.icmp "eq" %lane, %c0 : i32
    llvm.cond_br %first, ^arrive, ^exit
  ^arrive:
    nvvm.inline_ptx "fence.acq_rel.gpu;" // FENCE
    %old = nvvm.inline_ptx "atom.global.gpu.relaxed.add.u32 $0, [$1], $2;" ro(%counter, %c1 : !llvm.ptr<1>, i32) -> i32
    nvvm.inline_ptx "fence.acq_rel.gpu;" // FENCE
    %parity = llvm.and %old, %c1 : i32
    %last = llvm.icmp "eq" %parity, %c1 : i32
    llvm.cond_br %last, ^merge, ^exit
  ^merge:
    %b = llvm.getelementptr %to[32] : (!llvm.ptr<1>) -> !llvm.ptr<1>, f32
    %ya = llvm.load %to : !llvm.ptr<1> -> f32
    %yb = llvm.load %b : !llvm.ptr<1> -> f32
    %total = llvm.fadd %ya, %yb : f32
    llvm.store %d#0, %sum : f32, !llvm.ptr<1>
    llvm.store %total, %sum1 : f32, !llvm.ptr<1>
    llvm.br ^exit
  ^exit:
    llvm.return
  }
}
