//===- SpecAxes.h - how variants of the matrix are made ---------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function sets one axis of a plain variant.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_CONFORMANCE_SPECAXES_H
#define KVC_TOOLS_KVC_CONFORMANCE_SPECAXES_H

#include "Spec.h"

#include <functional>

namespace kvc::conformance {

/// The matrix as it is written: one variant after the other.
class SpecList {
public:
  explicit SpecList(std::vector<Spec> begin = {}) : specs(std::move(begin)) {}
  void add(Spec spec, const std::function<void(Spec &)> &change = {}) {
    if (change)
      change(spec);
    specs.push_back(std::move(spec));
  }
  std::vector<Spec> take() { return std::move(specs); }

private:
  std::vector<Spec> specs;
};

/// "bf16", as in types and in the names of variants.
std::string formatName(int32_t format);
/// Pages of 16 tokens, rows stored in the element type.
Spec makeSpec(std::string name, int32_t queryHeads, int32_t kvHeads,
              int32_t keyDim, int32_t valueDim, int32_t element);
/// Per token, symmetric, f32 scales.
void setQuant(kvcrt_storage &storage, int32_t format = KVCRT_I8);
void setRope(Spec &spec, int32_t dim, int32_t style, int32_t at);
/// Streaming where there are sinks.
void setWindow(Spec &spec, int32_t window, int32_t sinks = 0);
void setContiguous(Spec &spec, int32_t capacity);

} // namespace kvc::conformance

#endif // KVC_TOOLS_KVC_CONFORMANCE_SPECAXES_H
