//===- Cell.h - one cell of the matrix on a device ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_CELL_H
#define KVC_TOOLS_GPU_BUNDLE_CELL_H

#include "Artefacts.h"
#include "Judge.h"

namespace kvc::bundle {

using conformance::Batch;
using conformance::Outcome;

/// Appends a history and a step, attends, and compares what is stored and what
/// comes out with the reference; then attends on other grids, which must give
/// the same bits. Throws a Failure where the device fails.
Outcome runCell(const Machine &machine, const Kernels &kernels,
                const Spec &spec, const Batch &batch, uint64_t seed);

/// A decode step of several layers (append and attend), captured once and
/// replayed as later steps with other lengths, each against the reference.
Outcome runGraphCell(const Machine &machine, const Kernels &kernels,
                     const Spec &spec, uint64_t seed);

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_CELL_H
