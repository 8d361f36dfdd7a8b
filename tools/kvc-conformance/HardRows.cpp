//===- HardRows.cpp - rows that are hard to quantise, bit for bit ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Appends rows of zeros, denormals, the largest numbers, magnitudes far apart,
// elements next to the middle between two codes, infinities and NaN, and holds
// codes and scales against the reference's bits: an engine that divides in a
// way of its own shows here what it gets wrong.
//
// Invariant: rows that append turns are left as they are; an angle is not the
// same number in all engines.
//
//===----------------------------------------------------------------------===//

#include "Check.h"

#include "kvcref/formats.h"
#include "llvm/ADT/bit.h"
#include <array>
#include <cmath>

namespace kvc::conformance {

namespace {
enum Hard {
  zeros,
  denormals,
  largest,
  farApart,
  middles,
  infinite,
  notANumber
};
constexpr int kKinds = 7;

/// One plane's operand and where it goes.
struct Plane {
  const char *name;
  const kvcrt_storage &storage;
  kvcrt_tensor source;
  kvcrt_plane ours, theirs;
  int64_t dim;
};
} // namespace

/// The largest finite number of `format` and the smallest positive one.
static std::pair<double, double> rangeOf(int32_t format) {
  switch (format) {
  case KVCRT_F16:
    return {65504.0, 0x1p-24};
  case KVCRT_BF16:
    return {0x1.FEp127, 0x1p-133};
  default:
    return {0x1.FFFFFEp127, 0x1p-149};
  }
}

/// Element `i` of a row whose largest magnitude is `top`, near the middle
/// between two codes of the scale that the row gets.
static double nextToMiddle(const kvcref::Format &codes, double top, Random &r) {
  double scale = double(float(top / codes.largestCode));
  std::array<char, 4> code{};
  auto rounded = [&](double x) {
    codes.store(code.data(), 0, x);
    return codes.load(code.data(), 0);
  };
  // A code and the next one away from zero.
  double at = codes.largestCode * r.uniform() * r.uniform();
  double low = rounded(at), high = low;
  double step =
      codes.id == KVCRT_I8 ? 0.25 : std::max(std::abs(low) / 16, 0x1p-12);
  while (high == low && std::abs(high) < codes.largestCode)
    high = rounded(at += low < 0 ? -step : step);
  double middle = (low + high) / 2 * scale;
  return middle * (1 + double(r.below(5) - 2) * 0x1p-24);
}

static double hardElement(Hard kind, int64_t i, double top,
                          std::pair<double, double> range,
                          const kvcref::Format &codes, Random &r) {
  switch (kind) {
  case zeros:
    return r.below(2) ? 0.0 : -0.0;
  case denormals:
    return double(r.below(2 * 300) - 300) * range.second;
  case largest:
    return i == 0 ? range.first : range.first * r.uniform();
  case farApart:
    return std::ldexp(top * r.uniform(), -int(r.below(80)));
  case middles:
    return i == 0 ? top : nextToMiddle(codes, top, r);
  case infinite:
    return i == 3 ? -HUGE_VAL : r.uniform();
  case notANumber:
    return i == 5 ? std::nan("") : r.uniform();
  }
  return 0;
}

/// Row r of the step and head h becomes a hard row of kind (r + h) % kKinds.
static void makeHard(const Spec &spec, const Plane &plane, int64_t tokens,
                     Random &r) {
  const kvcref::Format &element = *kvcref::findFormat(spec.policy.element),
                       &codes = *kvcref::findFormat(plane.storage.format);
  const std::pair<double, double> range = rangeOf(spec.policy.element);
  const int lowest = std::ilogb(range.second) + 12,
            highest = std::ilogb(range.first);
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < spec.policy.kv_heads; ++h) {
      double top = std::ldexp(1 + std::abs(r.uniform()),
                              int(lowest + r.below(highest - lowest)));
      top = kvcref::roundTo(spec.policy.element, top);
      char *row = reinterpret_cast<char *>(uintptr_t(plane.source.data) +
                                           t * plane.source.token_stride +
                                           h * plane.source.head_stride);
      for (int64_t i = 0; i < plane.dim; ++i)
        element.store(
            row, i,
            hardElement(Hard((t + h) % kKinds), i, top, range, codes, r));
    }
}

/// The first difference; empty when there is none.
static std::string compareRows(const Spec &spec, const Plane &plane,
                               const int32_t *slots, int64_t tokens) {
  const int64_t block = spec.policy.block,
                bytes = kvcref::payloadBytes(plane.storage.format, plane.dim);
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < spec.policy.kv_heads; ++h) {
      auto codes = [&](const kvcrt_plane &p) {
        return reinterpret_cast<const uint8_t *>(
            uintptr_t(p.payload) + slots[t] / block * p.block_stride +
            h * p.head_stride + slots[t] % block * p.token_stride);
      };
      auto scale = [&](const kvcrt_plane &p) {
        return *reinterpret_cast<const float *>(
            uintptr_t(p.scale) + slots[t] / block * p.scale_block_stride +
            h * p.scale_head_stride + slots[t] % block * p.scale_token_stride);
      };
      std::string where = std::string(plane.name) + " of kind " +
                          std::to_string((t + h) % kKinds) + ", token " +
                          std::to_string(t) + ", head " + std::to_string(h);
      float ours = scale(plane.ours), theirs = scale(plane.theirs);
      if (llvm::bit_cast<uint32_t>(ours) != llvm::bit_cast<uint32_t>(theirs) &&
          !(std::isnan(ours) && std::isnan(theirs)))
        return where + ": scale " + std::to_string(ours) + " for " +
               std::to_string(theirs) + "; ";
      for (int64_t i = 0; i < bytes; ++i)
        if (codes(plane.ours)[i] != codes(plane.theirs)[i])
          return where + ", byte " + std::to_string(i) + ": code " +
                 std::to_string(codes(plane.ours)[i]) + " for " +
                 std::to_string(codes(plane.theirs)[i]) + "; ";
    }
  return {};
}

static bool isTurned(const kvcrt_policy &p) {
  return p.position == KVCRT_POSITION_ROPE && p.rope.at == KVCRT_ROPE_AT_APPEND;
}

bool hasHardRows(const Spec &spec) {
  const kvcrt_policy &p = spec.policy;
  return p.value.kind == KVCRT_STORAGE_QUANT ||
         (p.key.kind == KVCRT_STORAGE_QUANT && !isTurned(p));
}

Outcome runHardRows(const Spec &spec, const CompiledVariant &kernels,
                    uint64_t seed) {
  constexpr int32_t tokens = 42;
  Outcome outcome;
  Batch batch{"hard rows", {{tokens, tokens}}, Pool::Hnd, 1, 0};
  Fixture fixture(spec, batch, seed);
  kvcrt_params ours = fixture.attendParams(0), theirs = fixture.attendParams(1);
  const kvcrt_policy &p = spec.policy;
  std::vector<Plane> planes;
  if (p.key.kind == KVCRT_STORAGE_QUANT && !isTurned(p))
    planes.push_back({"key", p.key, ours.new_key, ours.cache.key,
                      theirs.cache.key, p.key_dim});
  if (p.value.kind == KVCRT_STORAGE_QUANT)
    planes.push_back({"value", p.value, ours.new_value, ours.cache.value,
                      theirs.cache.value, p.value_dim});
  Random random(seedOf(seed, "hard rows"));
  for (const Plane &plane : planes)
    makeHard(spec, plane, tokens, random);

  std::optional<SimEngine> sim;
  if (kernels.gpu) {
    sim.emplace(spec, batch, *kernels.gpu, seed);
    sim->add(fixture);
  }
  kvcrt_capacity capacity = fixture.capacity(1);
  Memory workspace(kernels.workspace(&capacity));
  kvcrt_env env = serialEnv(workspace);
  env.context = sim ? &*sim : nullptr;
  if (sim)
    env.launch = [](void *context, const kvcrt_env *,
                    const kvcrt_launch *launch) -> int32_t {
      return static_cast<SimEngine *>(context)->launch(*launch);
    };
  int32_t status = kernels.append(&env, &ours);
  std::string findings = sim ? sim->takeFindings() : "";
  if (status != KVCRT_OK || !findings.empty())
    outcome.problem += "append answers status " + std::to_string(status) +
                       ": " + findings + "; ";
  int32_t bits = fixture.errorWord;
  if (bits != KVCRT_ERROR_NAN_INPUT)
    outcome.problem += "expected error bits " +
                       std::to_string(KVCRT_ERROR_NAN_INPUT) + ", got " +
                       std::to_string(bits) + "; ";
  if (kvcref::append(fixture.reference(), theirs) != KVCRT_OK)
    outcome.problem += "reference append fails; ";
  for (const Plane &plane : planes)
    outcome.problem +=
        compareRows(spec, plane, ours.cache.slot_mapping, tokens);
  return outcome;
}

} // namespace kvc::conformance
