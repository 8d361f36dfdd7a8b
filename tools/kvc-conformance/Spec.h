//===- Spec.h - one variant of the matrix -----------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A variant as the compiler gets it (text of a kvc.variant) and as the
// reference gets it. Invariant: both come from the same fields.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_CONFORMANCE_SPEC_H
#define KVC_TOOLS_KVC_CONFORMANCE_SPEC_H

#include "kvcref/kernels.h"
#include <string>
#include <vector>

namespace kvc::conformance {

/// Score regions of the matrix, each as MLIR and as C++.
enum class Score {
  None,
  HeadBias,    // s + t[head], one captured tensor<?xf32>
  RelativeBias // where q - k < n: s + t[head, q - k] of tensor<?x?xf32>, else
               // tanh(s); and -inf for keys whose index is 3 modulo 7
};

struct Spec {
  std::string name; // of the axis values that make it special
  kvcrt_policy policy{};
  int32_t queryHeads = 0;
  bool causal = true;
  bool softcap = false;
  bool window = false; // the op's own, under retention all
  bool sinkLogits = false;
  bool lse = true;
  kvcref::MaskKind mask = kvcref::MaskKind::None;
  Score score = Score::None;
  int32_t frugality = 0; // kvc.frugality of both kernels of a GPU
  // Run-time values.
  float scale = 0.125f;
  float softcapValue = 5.0f;
  int32_t windowSize = 0; // of the op or of the retention

  /// A module with this variant as @v.
  std::string toMlir() const;
  /// Without the score edit, which closes over a fixture's tensors.
  kvcref::Variant toReference() const;
};

/// The matrix: every axis value once around a plain variant, and the
/// combinations in which axes meet.
std::vector<Spec> allSpecs();
/// The same axes for kernels that multiply matrices: mostly 16-bit elements,
/// head dims that are multiples of 16.
std::vector<Spec> gpuSpecs();

} // namespace kvc::conformance

#endif // KVC_TOOLS_KVC_CONFORMANCE_SPEC_H
