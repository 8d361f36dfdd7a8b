// What LLVM would abort on is an error with a place, the limit and the way out.
// What LLVM leaves behind when it is stopped is leaked, which a sanitizer is
// told not to mind.
// RUN: env ASAN_OPTIONS=allow_user_poisoning=0:detect_leaks=0 kvc-opt %s --split-input-file --verify-diagnostics --test-kvc-emit-ptx=chip=sm_86 | FileCheck %s
// RUN: not kvc-opt %s --split-input-file --test-kvc-emit-ptx=chip=sm_75 2>&1 | FileCheck %s --check-prefix=CHIP
// CHIP: error: expected a chip among sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120, got `sm_75`

// All that a block can have.
gpu.module @fits {
  // CHECK: .visible .entry fits(
  llvm.func @fits() attributes {gpu.kernel, nvvm.kernel, kvc.shared_bytes = 101376 : i64} {
    llvm.return
  }
}

// -----

gpu.module @large {
  // expected-error@+1 {{'llvm.func' op expected at most 101376 bytes of shared memory, which is what a block has on sm_86, got 101377; a smaller head_dim or a narrower storage needs less}}
  llvm.func @large() attributes {gpu.kernel, nvvm.kernel, kvc.shared_bytes = 101377 : i64} {
    llvm.return
  }
}

// -----

// An instruction of sm_100a alone.
// expected-error@+1 {{expected kernels that LLVM has instructions for on sm_86, got: Cannot select: }}
gpu.module @newer {
  llvm.func @newer(%x: f32, %p: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel, kvc.shared_bytes = 0 : i64} {
    %all = llvm.mlir.constant(-1 : i32) : i32
    %r = llvm.call_intrinsic "llvm.nvvm.redux.sync.fmin"(%x, %all) : (f32, i32) -> f32
    llvm.store %r, %p : f32, !llvm.ptr<1>
    llvm.return
  }
}

// -----

// The next one is compiled as if nothing had been.
gpu.module @after {
  // CHECK: .visible .entry after(
  llvm.func @after() attributes {gpu.kernel, nvvm.kernel, kvc.shared_bytes = 0 : i64} {
    llvm.return
  }
}

// -----

// Ops that were not lowered.
gpu.module @early {
  llvm.func @early() attributes {gpu.kernel, nvvm.kernel, kvc.shared_bytes = 0 : i64} {
    // expected-error@+1 {{cannot be converted to LLVM IR: missing `LLVMTranslationDialectInterface` registration for dialect for op: arith.constant}}
    %c = arith.constant 1 : i32
    llvm.return
  }
}
