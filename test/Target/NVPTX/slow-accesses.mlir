// Accesses whose space LLVM does not know, or that are in local memory, are
// found in PTX; those of kernels that know their memory are not.
// RUN: kvc-opt %s --split-input-file --verify-diagnostics --test-kvc-emit-ptx=chip=sm_80 | FileCheck %s

// CHECK: .entry known(
gpu.module @known_gpu {
  llvm.mlir.global external @shared() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>
  llvm.func @known(%p: !llvm.ptr<1>, %q: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %a = llvm.load %p : !llvm.ptr<1> -> f32
    llvm.store %a, %shared : f32, !llvm.ptr<3>
    %one = llvm.mlir.constant(1 : i32) : i32
    %old = llvm.atomicrmw add %q, %one acq_rel : !llvm.ptr<1>, i32
    %b = llvm.load %shared : !llvm.ptr<3> -> f32
    llvm.store %b, %p : f32, !llvm.ptr<1>
    llvm.return
  }
}

// -----

// A pointer that was loaded, as one would be whose addrspacecast was forgotten.
// expected-remark@+1 {{`generic` with 2 accesses of local or unknown memory, the first `ld.volatile.b32}}
gpu.module @generic_gpu {
  llvm.func @generic(%p: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %q = llvm.load %p : !llvm.ptr<1> -> !llvm.ptr
    %a = llvm.load volatile %q : !llvm.ptr -> i32
    %two = llvm.mul %a, %a : i32
    llvm.store %two, %q : i32, !llvm.ptr
    llvm.return
  }
}

// -----

// An array that is indexed by what is not known.
// expected-remark@+1 {{`local` with 2 accesses of local or unknown memory, the first `st.local.b32}}
gpu.module @local_gpu {
  llvm.func @local(%p: !llvm.ptr<1>, %i: i32) attributes {gpu.kernel, nvvm.kernel} {
    %n = llvm.mlir.constant(64 : i32) : i32
    %array = llvm.alloca %n x i32 : (i32) -> !llvm.ptr
    %at = llvm.getelementptr %array[%i] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    llvm.store volatile %i, %at : i32, !llvm.ptr
    %first = llvm.load volatile %array : !llvm.ptr -> i32
    llvm.store %first, %p : i32, !llvm.ptr<1>
    llvm.return
  }
}
