//===- KernelText.h - kernels in PTX text -----------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of PTX as emitPTX writes it: declarations, then kernels, each behind the line
// that says it is global, its labels numbered by its place.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_TARGET_NVPTX_KERNELTEXT_H
#define KVC_LIB_TARGET_NVPTX_KERNELTEXT_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace kvc::nvptx {

/// What replaceKernel did.
enum class Replaced { Yes, Same, No };

/// Makes kernel `name` of `ptx` that of `other`, which then is what emitting
/// all kernels at once gives. `Same`: it was that already. `No`: one of them
/// has no such kernel, or they declare other things, and `ptx` stays.
Replaced replaceKernel(std::string &ptx, llvm::StringRef other,
                       llvm::StringRef name);

} // namespace kvc::nvptx

#endif // KVC_LIB_TARGET_NVPTX_KERNELTEXT_H
