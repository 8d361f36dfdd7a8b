//===- HostFunctions.h - what a host calls of a GPU variant -----*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_HOSTFUNCTIONS_H
#define KVC_LIB_CONVERSION_KVCTOGPU_HOSTFUNCTIONS_H

#include "../Kernel/Variant.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace kvc::gpu {

/// Emits behind `kernels` the functions <name>_append, _attend, _merge and
/// _workspace of kvcrt/abi.h, in the llvm dialect: they check what a host can
/// check and launch the variant's kernels through env->launch. A kernel's
/// kvcrt_kernel is the external constant @<kernel>_record, which the target
/// defines when it has made the images.
void emitHostFunctions(const kernel::Variant &variant,
                       mlir::gpu::GPUModuleOp kernels);

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_HOSTFUNCTIONS_H
