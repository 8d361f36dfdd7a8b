//===- Judge.cpp - what counts as agreement -------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Judge.h"

#include "kvcref/bounds.h"

#include <algorithm>
#include <cmath>

namespace kvc::conformance {

Bounds boundsFor(const Spec &spec) {
  const kvcrt_policy &p = spec.policy;
  // Both sides round to the output's type, where a number beside a boundary may
  // take either neighbour: a step of 2^-7 (bf16) or 2^-10 (f16) of an element
  // that is three times the mean of the 512 that the smallest cell has.
  double out = p.element == KVCRT_F32   ? 2e-6
               : p.element == KVCRT_F16 ? 1.5e-4
                                        : 1.2e-3;
  // One rounding to the storage's type of a number that f32 arithmetic made; a
  // quotient beside a rounding boundary may take the neighbouring code.
  double append = 1e-6;
  for (const kvcrt_storage *s : {&p.key, &p.value})
    append = std::max(append, s->format == KVCRT_I8         ? 1e-3
                              : s->format == KVCRT_F8E4M3FN ? 1e-2
                              : s->format == KVCRT_F16      ? 2e-5
                              : s->format == KVCRT_BF16     ? 2e-4
                                                            : 1e-6);
  return {append, out, 1e-5};
}

Bounds boundsForGpu(const Spec &spec) {
  kvcref::GpuBounds gpu = kvcref::gpuBounds(spec.policy);
  return {boundsFor(spec).append, gpu.out, gpu.lse};
}

double relativeError(const kvcref::Array<double, 3> &x,
                     const kvcref::Array<double, 3> &reference) {
  kvcref::RelativeError error;
  error.add(x, reference);
  return error.get();
}

double outputError(const Batch &batch, const kvcref::Array<double, 3> &x,
                   const kvcref::Array<double, 3> &reference) {
  if (!batch.wideRanges)
    return relativeError(x, reference);
  double worst = 0;
  const int64_t dim = reference.shape[2];
  for (size_t row = 0; row < reference.elements.size(); row += dim) {
    kvcref::RelativeError error;
    for (int64_t d = 0; d < dim; ++d)
      error.add(x.elements[row + d], reference.elements[row + d]);
    worst = std::max(worst, error.get());
  }
  return worst / 4;
}

double compareStored(const Spec &spec, const Batch &batch,
                     const kvcrt_params &ours, const kvcrt_params &theirs) {
  kvcref::RelativeError error;
  for (size_t s = 0; s < batch.sequences.size(); ++s) {
    kvcref::Gathered mine, reference;
    kvcref::gather(spec.policy, ours, int32_t(s), mine);
    kvcref::gather(spec.policy, theirs, int32_t(s), reference);
    error.add(mine.key, reference.key);
    error.add(mine.value, reference.value);
  }
  return error.get();
}

std::vector<float> copyLse(Fixture &fixture) {
  const float *begin = fixture.lse.as<float>();
  return {begin, begin + fixture.lse.size() / 4};
}

kvcref::LseRange expectLse(const Spec &spec, const kvcref::Variant &reference,
                           const kvcrt_params &params, Fixture &fixture,
                           bool onGpu) {
  kvcref::LseRange range;
  if (onGpu && kvcref::roundsOperands(spec.policy) &&
      kvcref::attendLseRange(reference, params, range) == KVCRT_OK)
    return range;
  const std::vector<float> lse = copyLse(fixture);
  range.low = kvcref::Array<double, 2>({fixture.numTokens(), spec.queryHeads});
  for (int64_t t = 0; t < fixture.numTokens(); ++t)
    for (int64_t h = 0; h < spec.queryHeads; ++h)
      range.low(t, h) = lse[t * (spec.queryHeads + 1) + h];
  range.high = range.low;
  return range;
}

double compareLse(const std::vector<float> &ours,
                  const kvcref::LseRange &expected) {
  const auto [tokens, heads] = expected.low.shape;
  double worst = 0;
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < heads; ++h)
      worst =
          std::max(worst, expected.distance(t, h, ours[t * (heads + 1) + h]));
  return worst;
}

} // namespace kvc::conformance
