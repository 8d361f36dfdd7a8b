// RUN: kvc-opt %s --kvc-sim-rewrite --split-input-file --verify-diagnostics

gpu.module @k {
  llvm.func @unknown_op(%a: i32) attributes {nvvm.kernel} {
    // expected-error@-1 {{expected a parameter `!llvm.ptr {llvm.byval = ...}`, got 'i32'}}
    llvm.return
  }
}

// -----

gpu.module @k {
  // expected-error@+1 {{expected a kernel with one parameter by value, got 2 parameters}}
  llvm.func @two(%a: i32, %b: i32) attributes {nvvm.kernel} {
    llvm.return
  }
}

// -----

gpu.module @k {
  llvm.func @wgmma() attributes {nvvm.kernel} {
    // expected-error@+1 {{expected an nvvm op that the simulator knows, got `nvvm.wgmma.fence.aligned`}}
    nvvm.wgmma.fence.aligned
    llvm.return
  }
}

// -----

gpu.module @k {
  llvm.func @mbarrier(%p: !llvm.ptr {llvm.byval = !llvm.struct<(i64)>}) attributes {nvvm.kernel} {
    %c = llvm.mlir.constant(1 : i32) : i32
    %b = llvm.mlir.zero : !llvm.ptr<3>
    // expected-error@+1 {{expected an nvvm op that the simulator knows, got `nvvm.mbarrier.init`}}
    nvvm.mbarrier.init %b, %c : !llvm.ptr<3>, i32
    llvm.return
  }
}

// -----

gpu.module @k {
  llvm.func @tma() attributes {nvvm.kernel} {
    // expected-error@+1 {{expected an nvvm op that the simulator knows, got `nvvm.cp.async.bulk.commit.group`}}
    nvvm.cp.async.bulk.commit.group
    llvm.return
  }
}

// -----

gpu.module @k {
  llvm.func @ptx() attributes {nvvm.kernel} {
    %c = llvm.mlir.constant(1 : i32) : i32
    // expected-error@+1 {{expected inline PTX that the simulator knows, got `popc.b32 $0, $1;`}}
    %r = nvvm.inline_ptx "popc.b32 $0, $1;" ro(%c : i32) -> i32
    llvm.return
  }
}

// -----

gpu.module @k {
  llvm.func @two_instructions() attributes {nvvm.kernel} {
    // expected-error@+1 {{expected inline PTX that the simulator knows, got `membar.gl; membar.gl;`}}
    llvm.inline_asm has_side_effects asm_dialect = att "membar.gl; membar.gl;", "" : () -> ()
    llvm.return
  }
}

// -----

gpu.module @k {
  llvm.func @modifier() attributes {nvvm.kernel} {
    %c = llvm.mlir.constant(1.0 : f32) : f32
    // expected-error@+1 {{expected inline PTX that the simulator knows, got `cvt.rz.bf16x2.f32 $0, $1, $2;`}}
    %r = nvvm.inline_ptx "cvt.rz.bf16x2.f32 $0, $1, $2;" ro(%c, %c : f32, f32) -> i32
    llvm.return
  }
}

// -----

gpu.module @k {
  llvm.func @__nv_expf(f32) -> f32
  llvm.func @library() attributes {nvvm.kernel} {
    %c = llvm.mlir.constant(1.0 : f32) : f32
    // expected-error@+1 {{got a call of `__nv_expf`; the simulator has no device library}}
    %r = llvm.call @__nv_expf(%c) : (f32) -> f32
    llvm.return
  }
}

// -----

gpu.module @k {
  llvm.func @exp() attributes {nvvm.kernel} {
    %c = llvm.mlir.constant(1.0 : f32) : f32
    // expected-error@+1 {{expected an op that the simulator knows, got `llvm.intr.exp`}}
    %r = llvm.intr.exp(%c) : (f32) -> f32
    llvm.return
  }
}

// -----

gpu.module @k {
  // expected-error@+1 {{expected the llvm and nvvm dialects alone in a kernel for the simulator, got `gpu.func`; run kvc-lower-gpu-kernels first}}
  gpu.func @not_lowered() kernel {
    gpu.return
  }
}

// -----

gpu.module @k {
  // expected-error@+1 {{expected shared variables and constants in a gpu.module, got the variable `state`}}
  llvm.mlir.global internal @state() {addr_space = 1 : i32} : i32
}

// -----

llvm.func @taken_kernel() {
  llvm.return
}
gpu.module @k {
  // expected-error@+1 {{expected no symbol `taken_kernel` or `taken_sim` beside the gpu.module}}
  llvm.func @taken() attributes {nvvm.kernel} {
    llvm.return
  }
}
