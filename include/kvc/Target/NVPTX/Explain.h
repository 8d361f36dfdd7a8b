//===- Explain.h - evidence of the kernels that were compiled ---*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_NVPTX_EXPLAIN_H
#define KVC_TARGET_NVPTX_EXPLAIN_H

#include "kvc/Target/NVPTX/NVPTX.h"
#include "kvc/Target/Sass/Evidence.h"

namespace kvc::nvptx {

/// Disassembles the cubins of `images` and counts. Fails on machine code that
/// is not understood, on a kernel that is not in its cubin, and on one with
/// `kvc.loop_tokens` and no hot loop.
mlir::FailureOr<std::vector<sass::ExplainedKernel>>
gatherEvidence(llvm::ArrayRef<Image> images, const GpuChip &chip,
               const sass::Nvdisasm &nvdisasm, EmitError emitError);

} // namespace kvc::nvptx

#endif // KVC_TARGET_NVPTX_EXPLAIN_H
