// A whole kernel through the simulator: numbers, surplus threads, two orders.
// RUN: kvc-sim-run %s --kernel=add --grid=4 --block=128 --repeat=3 --workers=2 \
// RUN:   --arg=in:f32:500:iota --arg=in:f32:500:const=0.5 --arg=out:f32:500 \
// RUN:   --arg=i32:500 --print=2 | FileCheck %s

// CHECK-NOT: finding
// CHECK: status: KVCRT_OK
// CHECK-NEXT: argument 2:
// CHECK-NEXT: 0.5 1.5 2.5 3.5
// CHECK: 496.5 497.5 498.5 499.5

gpu.module @kernels {
  llvm.func @add(%params: !llvm.ptr {llvm.byval = !llvm.struct<(ptr<1>, ptr<1>, ptr<1>, i32)>, nvvm.grid_constant})
      attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 128>} {
    %a = llvm.load %params : !llvm.ptr -> !llvm.ptr<1>
    %p1 = llvm.getelementptr %params[8] : (!llvm.ptr) -> !llvm.ptr, i8
    %b = llvm.load %p1 : !llvm.ptr -> !llvm.ptr<1>
    %p2 = llvm.getelementptr %params[16] : (!llvm.ptr) -> !llvm.ptr, i8
    %c = llvm.load %p2 : !llvm.ptr -> !llvm.ptr<1>
    %p3 = llvm.getelementptr %params[24] : (!llvm.ptr) -> !llvm.ptr, i8
    %n = llvm.load %p3 : !llvm.ptr -> i32
    %tid = nvvm.read.ptx.sreg.tid.x : i32
    %ctaid = nvvm.read.ptx.sreg.ctaid.x : i32
    %ntid = nvvm.read.ptx.sreg.ntid.x : i32
    %base = llvm.mul %ctaid, %ntid : i32
    %i = llvm.add %base, %tid : i32
    %in = llvm.icmp "slt" %i, %n : i32
    llvm.cond_br %in, ^body, ^exit
  ^body:
    %pa = llvm.getelementptr %a[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %pb = llvm.getelementptr %b[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %pc = llvm.getelementptr %c[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %x = llvm.load %pa invariant : !llvm.ptr<1> -> f32
    %y = llvm.load %pb : !llvm.ptr<1> -> f32
    %z = llvm.fadd %x, %y : f32
    llvm.store %z, %pc : f32, !llvm.ptr<1>
    llvm.br ^exit
  ^exit:
    llvm.return
  }
}
