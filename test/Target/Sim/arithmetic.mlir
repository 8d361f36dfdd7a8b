// Arithmetic that host code generation would do otherwise: bf16 and f16 without
// a library, saturating conversions, approximate functions on vectors.
// RUN: kvc-sim-run %s --kernel=ops --block=1 --arg=in:bf16:8:iota \
// RUN:   --arg=out:f32:12 --print=1 | FileCheck %s

// Element i: b = 2 i, c = b b + 2 b in f16; log2(exp2(c)) is c but for i = 7,
// where exp2(224) is infinite: converted to the largest integer, cut back to c
// by minimum. Then sqrt(c) / 2; element 0 (0) becomes the sum of all.
// CHECK: status: KVCRT_OK
// CHECK-NEXT: argument 1:
// CHECK-NEXT: 31.241{{[0-9]*}} 1.41421354 2.44948983 3.46410155 4.47213602 5.47722578 6.48074055 7.48331499
// Then 3 i in bf16, in pairs: 0x40400000, 0x411040c0, 0x41704140, 0x41a84190.
// CHECK-SAME: 3 9.01580811 15.0159302 21.0320129
gpu.module @kernels {
  llvm.func @ops(%params: !llvm.ptr {llvm.byval = !llvm.struct<(ptr<1>, ptr<1>)>, nvvm.grid_constant})
      attributes {gpu.kernel, nvvm.kernel} {
    %from = llvm.load %params : !llvm.ptr -> !llvm.ptr<1>
    %p1 = llvm.getelementptr %params[8] : (!llvm.ptr) -> !llvm.ptr, i8
    %to = llvm.load %p1 : !llvm.ptr -> !llvm.ptr<1>
    %v = llvm.load %from {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xbf16>
    %f = llvm.fpext %v : vector<8xbf16> to vector<8xf32>
    %two = llvm.mlir.constant(dense<2.0> : vector<8xf32>) : vector<8xf32>
    %g = llvm.fmul %f, %two : vector<8xf32>
    %h = llvm.fptrunc %g : vector<8xf32> to vector<8xbf16>
    %k = llvm.fadd %h, %v : vector<8xbf16>
    %m = llvm.intr.maxnum(%k, %h) : (vector<8xbf16>, vector<8xbf16>) -> vector<8xbf16>
    %n = llvm.fneg %m : vector<8xbf16>
    %a = llvm.intr.fabs(%n) : (vector<8xbf16>) -> vector<8xbf16>
    %f16 = llvm.fptrunc %g : vector<8xf32> to vector<8xf16>
    %f16b = llvm.fadd %f16, %f16 : vector<8xf16>
    %f16c = llvm.intr.fma(%f16, %f16, %f16b) : (vector<8xf16>, vector<8xf16>, vector<8xf16>) -> vector<8xf16>
    %back = llvm.fpext %f16c : vector<8xf16> to vector<8xf32>
    %e = llvm.intr.exp2(%back) : (vector<8xf32>) -> vector<8xf32>
    %l = llvm.intr.log2(%e) : (vector<8xf32>) -> vector<8xf32>
    %r = llvm.intr.roundeven(%l) : (vector<8xf32>) -> vector<8xf32>
    %i = llvm.fptosi %r : vector<8xf32> to vector<8xi32>
    %s = llvm.sitofp %i : vector<8xi32> to vector<8xf32>
    %mx = llvm.intr.maximum(%s, %back) : (vector<8xf32>, vector<8xf32>) -> vector<8xf32>
    %mm = llvm.intr.minimum(%mx, %back) : (vector<8xf32>, vector<8xf32>) -> vector<8xf32>
    %q = llvm.intr.sqrt(%mm) : (vector<8xf32>) -> vector<8xf32>
    %rd = llvm.fdiv %q, %two : vector<8xf32>
    %sum0 = llvm.mlir.constant(0.0 : f32) : f32
    %sum = "llvm.intr.vector.reduce.fadd"(%sum0, %rd) <{fastmathFlags = #llvm.fastmath<reassoc>}> : (f32, vector<8xf32>) -> f32
    %c0 = llvm.mlir.constant(0 : i32) : i32
    %rd2 = llvm.insertelement %sum, %rd[%c0 : i32] : vector<8xf32>
    llvm.store %rd2, %to {alignment = 16 : i64} : vector<8xf32>, !llvm.ptr<1>
    %to2 = llvm.getelementptr %to[32] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i8
    llvm.store %a, %to2 {alignment = 16 : i64} : vector<8xbf16>, !llvm.ptr<1>
    llvm.return
  }
}
