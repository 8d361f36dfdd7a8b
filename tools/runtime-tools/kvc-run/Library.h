//===- Library.h - an attention library by itself ---------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RUN_LIBRARY_H
#define KVC_TOOLS_KVC_RUN_LIBRARY_H

#include "Attention.h"

namespace kvctool {

/// Runs every variant of a library for the simulator on random operands: chunks
/// of prompts of several lengths, then steps that decode, over pools of the
/// runtime's. Throws for a variant with a mask or a score region, whose tensors
/// only a model has.
void runLibrary(Attention &attention, int32_t threads);

} // namespace kvctool

#endif // KVC_TOOLS_KVC_RUN_LIBRARY_H
