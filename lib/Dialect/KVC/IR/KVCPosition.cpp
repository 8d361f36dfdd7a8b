//===- KVCPosition.cpp - what append and attend do about positions --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The position axis: none, rope, alibi. Angles and slopes follow the papers
// that KVCAttrs.td names.
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/IR/KVC.h"
#include <cmath>

using namespace mlir;
using namespace kvc;

static_assert(int(RopeStyle::interleaved) == KVCRT_ROPE_INTERLEAVED &&
              int(RopeAt::attend) == KVCRT_ROPE_AT_ATTEND &&
              int(RopeScaling::dynamic) == KVCRT_ROPE_SCALING_DYNAMIC);

void NoneAttr::addToPolicy(kvcrt_policy &policy) const {
  policy.position = KVCRT_POSITION_NONE;
}

//===----------------------------------------------------------------------===//
// rope
//===----------------------------------------------------------------------===//

LogicalResult
RopeAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                 FloatAttr theta, int64_t dim, RopeStyle, RopeAt,
                 RopeScaling scaling, FloatAttr factor, FloatAttr lowFreqFactor,
                 FloatAttr highFreqFactor, int64_t originalMaxPositions) {
  double base = theta.getValueAsDouble();
  // rope_attr_c1
  if (!std::isfinite(base) || base <= 1.0)
    return emitError() << "expected a finite `theta` greater than 1, got "
                       << base;
  // rope_attr_c2
  if (dim < 2 || dim % 2 != 0 || dim > 65536)
    return emitError() << "expected an even `dim` in [2, 65536], got " << dim;
  if (scaling == RopeScaling::none)
    return success();
  // rope_attr_c3
  double stretch = factor.getValueAsDouble();
  if (!std::isfinite(stretch) || stretch < 1.0)
    return emitError() << "expected a finite `factor` of at least 1, got "
                       << stretch;
  // rope_attr_c4
  double low = lowFreqFactor.getValueAsDouble();
  double high = highFreqFactor.getValueAsDouble();
  if (scaling == RopeScaling::llama3 &&
      !(std::isfinite(high) && 0.0 < low && low < high))
    return emitError()
           << "expected 0 < `low_freq_factor` < `high_freq_factor`, got " << low
           << " and " << high;
  // rope_attr_c5
  if (scaling != RopeScaling::linear &&
      (originalMaxPositions < 1 || originalMaxPositions > INT32_MAX))
    return emitError()
           << "expected `original_max_positions` in [1, 2147483647], got "
           << originalMaxPositions;
  return success();
}

RopeAttr RopeAttr::withAt(RopeAt at) const {
  return get(getContext(), getThetaAttr(), getDim(), getStyle(), at,
             getScaling(), getFactorAttr(), getLowFreqFactorAttr(),
             getHighFreqFactorAttr(), getOriginalMaxPositions());
}

kvcrt_rope_params RopeAttr::getParams() const {
  kvcrt_rope_params params = {};
  params.theta = getTheta();
  params.dim = getDim();
  params.style = int32_t(getStyle());
  params.at = int32_t(getAt());
  params.scaling = int32_t(getScaling());
  params.factor = getFactor();
  params.low_freq_factor = getLowFreqFactor();
  params.high_freq_factor = getHighFreqFactor();
  params.original_max_positions = getOriginalMaxPositions();
  return params;
}

void RopeAttr::addToPolicy(kvcrt_policy &policy) const {
  policy.position = KVCRT_POSITION_ROPE;
  policy.rope = getParams();
}

Attribute RopeAttr::getRotation() const { return *this; }

bool RopeAttr::rotatesAtAppend() const { return getAt() == RopeAt::append; }

bool RopeAttr::rotatesAtAttend() const { return getAt() == RopeAt::attend; }

//===----------------------------------------------------------------------===//
// alibi
//===----------------------------------------------------------------------===//

LogicalResult
AlibiAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                  DenseF32ArrayAttr slopes) {
  if (!slopes)
    return success();
  // alibi_c1
  if (slopes.empty())
    return emitError() << "expected at least one slope, got none; leave "
                          "`slopes` out for the geometric ones";
  for (float slope : slopes.asArrayRef())
    if (!std::isfinite(slope))
      return emitError() << "expected finite slopes, got " << slope;
  return success();
}

void AlibiAttr::addToPolicy(kvcrt_policy &policy) const {
  policy.position = KVCRT_POSITION_ALIBI;
}

llvm::SmallVector<float> AlibiAttr::getSlopes(int64_t queryHeads) const {
  if (getSlopes())
    return llvm::SmallVector<float>(getSlopes().asArrayRef());
  int64_t power = 1;
  while (power * 2 <= queryHeads)
    power *= 2;
  llvm::SmallVector<float> slopes;
  for (int64_t h = 0; h < power; ++h)
    slopes.push_back(std::exp2(-8.0 * double(h + 1) / double(power)));
  for (int64_t h = 0; power + h < queryHeads; ++h)
    slopes.push_back(std::exp2(-8.0 * double(2 * h + 1) / double(2 * power)));
  return slopes;
}
