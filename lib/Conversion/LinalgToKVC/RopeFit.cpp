//===- RopeFit.cpp - The theta and the scaling of frequencies -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Frequencies come as numbers. Parameters are solved for from a few of them,
// rounded to what a model's configuration would say, and accepted only when
// they give every frequency again.
//
//===----------------------------------------------------------------------===//

#include "RopeTurn.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

/// `value` as a round number where it is one but for rounding.
static double rounded(double value, double tolerance = 1e-4) {
  for (double unit : {1.0, 0.5, 0.25, 0.1, 0.01}) {
    double near = std::round(value / unit) * unit;
    if (near > 0 && std::fabs(value - near) < tolerance * value * unit)
      return near;
  }
  return value;
}

static double plain(double theta, int64_t p, int64_t pairs) {
  return std::pow(theta, -double(p) / pairs);
}

/// Llama 3.1's rule for one frequency.
static double stretched(const Rope &rope, double frequency) {
  double turns = rope.originalMaxPositions * frequency / (2 * M_PI);
  if (turns < rope.lowFreqFactor)
    return frequency / rope.factor;
  if (turns > rope.highFreqFactor)
    return frequency;
  double smooth =
      (turns - rope.lowFreqFactor) / (rope.highFreqFactor - rope.lowFreqFactor);
  return (1 - smooth) * frequency / rope.factor + smooth * frequency;
}

static bool gives(ArrayRef<double> frequencies, double tolerance,
                  llvm::function_ref<double(int64_t)> expected) {
  for (auto [p, value] : llvm::enumerate(frequencies))
    if (!(std::fabs(value - expected(p)) <= tolerance * expected(p)))
      return false;
  return true;
}

static bool fitPlain(ArrayRef<double> frequencies, double tolerance,
                     Rope &rope) {
  int64_t pairs = frequencies.size();
  double first = frequencies.front(), last = frequencies.back();
  // two frequencies fit any theta and factor
  double factor = pairs > 2 ? rounded(1 / first) : 1;
  double theta =
      pairs > 1 ? std::pow(last / first, -double(pairs) / (pairs - 1)) : 1e4;
  theta = rounded(theta);
  if (!(theta > 1) || !(factor >= 1) ||
      !gives(frequencies, tolerance,
             [&](int64_t p) { return plain(theta, p, pairs) / factor; }))
    return false;
  rope.theta = theta;
  rope.factor = factor;
  rope.scaling = factor == 1.0 ? RopeScaling::none : RopeScaling::linear;
  return true;
}

static bool fitLlama3(ArrayRef<double> frequencies, double tolerance,
                      Rope &rope) {
  int64_t pairs = frequencies.size();
  if (pairs < 8 || std::fabs(frequencies[0] - 1) > tolerance)
    return false;
  // the first frequencies are not stretched, the last ones all by one factor
  double theta = rounded(std::pow(frequencies[1], -double(pairs)));
  auto ratio = [&](int64_t p) {
    return frequencies[p] / plain(theta, p, pairs);
  };
  double factor = rounded(1 / ratio(pairs - 1));
  if (!(theta > 1) || !(factor > 1))
    return false;
  // between them the share that is kept is linear in the frequency
  SmallVector<std::pair<double, double>> between;
  for (int64_t p = 1; p < pairs; ++p) {
    double share = (ratio(p) - 1 / factor) / (1 - 1 / factor);
    if (share > 1e-3 && share < 1 - 1e-3)
      between.push_back({plain(theta, p, pairs), share});
  }
  if (between.size() < 2)
    return false;
  auto [x0, y0] = between.front();
  auto [x1, y1] = between.back();
  double slope = (y1 - y0) / (x1 - x0), offset = y0 - slope * x0;
  // share = (turns - low) / (high - low): one of the three is free to choose
  if (!(slope > 0) || !(offset < 0))
    return false;
  rope.theta = theta;
  rope.factor = factor;
  rope.scaling = RopeScaling::llama3;
  for (double high : {4.0, 2.0, 8.0, 16.0, 32.0}) {
    double ratioOfLow = -offset; // low / (high - low)
    double low = high * ratioOfLow / (1 + ratioOfLow);
    double original = slope * 2 * M_PI * (high - low);
    rope.highFreqFactor = high;
    rope.lowFreqFactor = rounded(low, 1e-3);
    rope.originalMaxPositions = static_cast<int64_t>(std::round(original));
    // a power of two is what configurations say
    for (int64_t power = 256; power <= (int64_t(1) << 20); power *= 2)
      if (std::fabs(original - power) < 1e-3 * power)
        rope.originalMaxPositions = power;
    if (gives(frequencies, tolerance, [&](int64_t p) {
          return stretched(rope, plain(theta, p, pairs));
        }))
      return true;
  }
  return false;
}

/// Few pairs leave the parameters open: those that configurations use are
/// tried.
static bool tryLlama3(ArrayRef<double> frequencies, double tolerance,
                      Rope &rope) {
  int64_t pairs = frequencies.size();
  rope.scaling = RopeScaling::llama3;
  rope.lowFreqFactor = 1;
  rope.highFreqFactor = 4;
  for (double theta : {1e4, 5e5, 1e5, 1e6, 5e6, 1e7})
    for (double factor : {8.0, 32.0, 2.0, 4.0, 16.0})
      for (int64_t power = 8; power <= (int64_t(1) << 18); power *= 2) {
        rope.theta = theta;
        rope.factor = factor;
        rope.originalMaxPositions = power;
        if (gives(frequencies, tolerance, [&](int64_t p) {
              return stretched(rope, plain(theta, p, pairs));
            }))
          return true;
      }
  return false;
}

bool fitFrequencies(ArrayRef<double> frequencies, double tolerance,
                    Rope &rope) {
  Rope fit = rope;
  if (!fitPlain(frequencies, tolerance, fit) &&
      !fitLlama3(frequencies, tolerance, fit) &&
      (frequencies.size() < 3 || !tryLlama3(frequencies, tolerance, fit)))
    return false;
  rope = fit;
  return true;
}

} // namespace kvc::raise
