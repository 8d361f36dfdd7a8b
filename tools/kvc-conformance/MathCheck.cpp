//===- MathCheck.cpp - elementary functions against libm ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each sequence of a step holds one key and asks one query, so its lse is its
// score, bit for bit; the score region answers f(t[batch]).
//
//===----------------------------------------------------------------------===//

#include "MathCheck.h"

#include "Fixture.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Format.h"
#include <algorithm>
#include <cmath>

using namespace llvm;

namespace kvc::conformance {

namespace {
struct Function {
  const char *name;
  double (*exact)(double);
  double low, high;
};
} // namespace

static std::string variantOf(const Function &f) {
  return std::string(R"(
kvc.variant @v {cache = !kvc.cache<kv_heads = 1, head_dim = 8, f32>,
                query_heads = 1 : i64, lse, captures = [tensor<?xf32>]} score {
^bb0(%s: f32, %b: index, %h: index, %q: index, %k: index, %t: tensor<?xf32>):
  %x = tensor.extract %t[%b] : tensor<?xf32>
  %y = math.)") +
         f.name + " %x : f32\n  kvc.yield %y : f32\n}\n";
}

/// Distance from the exact value in units of the last place of a float there.
static double ulps(float x, double exact) {
  int exponent;
  std::frexp(exact, &exponent);
  double unit = std::ldexp(1.0, std::max(exponent, -125) - 24);
  return std::abs(double(x) - exact) / unit;
}

/// f of each input, as lse; empty, after saying why, when that fails.
static std::vector<float> evaluate(const CompiledVariant &kernels,
                                   const std::vector<float> &inputs,
                                   raw_ostream &out) {
  int32_t count = int32_t(inputs.size());
  // All sequences share one block: a key of zeros.
  std::vector<int32_t> indptr(count + 1), ones(count, 1), zeros(count, 0);
  for (int32_t i = 0; i <= count; ++i)
    indptr[i] = i;
  std::vector<float> rows(std::max(count, 16) * 8, 0.0f), result(count * 8),
      lse(count);

  kvcrt_step_header header{};
  header.num_seqs = header.num_tokens = count;
  kvcrt_params p{};
  p.struct_size = sizeof(p);
  p.step.struct_size = sizeof(p.step);
  p.cache.struct_size = sizeof(p.cache);
  p.abi_version = p.step.abi_version = p.cache.abi_version = KVCRT_ABI_VERSION;
  p.step.header = &header;
  p.step.qo_indptr = indptr.data();
  p.step.kv_len = ones.data();
  p.cache.key.payload = p.cache.value.payload = rows.data();
  p.cache.block_table = zeros.data();
  p.cache.block_table_stride = 1;
  p.cache.block_size = 16;
  p.cache.num_blocks = 1;
  p.query = {rows.data(), 32, 32};
  p.out = {result.data(), 32, 32};
  p.lse = lse.data();
  p.lse_token_stride = 4;
  p.captures[0].data = inputs.data();
  p.captures[0].shape[0] = count;
  p.captures[0].stride[0] = 4;

  kvcrt_capacity capacity{
      sizeof(kvcrt_capacity), KVCRT_ABI_VERSION, count, count, 1, 1};
  Memory workspace(kernels.workspace(&capacity));
  const kvcrt_env env = serialEnv(workspace);
  if (int32_t status = kernels.attend(&env, &p)) {
    out << "attend answers status " << status << "\n";
    return {};
  }
  return lse;
}

/// Values at which a function answers something exact. NaN has many bit
/// patterns, and tricks with exponent bits know only some of them.
static bool checkSpecial(const Function &f, const CompiledVariant &kernels,
                         raw_ostream &out) {
  std::vector<float> inputs;
  for (uint32_t bits :
       {0x7fc00000u, 0xffc00000u, 0xffffffffu, 0x7fffffffu, 0xffc12345u})
    inputs.push_back(llvm::bit_cast<float>(bits));
  // A score of +inf has no softmax, so limits there cannot be seen.
  inputs.push_back(-INFINITY);
  inputs.push_back(0.0f);
  std::vector<float> results = evaluate(kernels, inputs, out);
  bool good = !results.empty();
  for (size_t i = 0; i < results.size(); ++i) {
    double exact = f.exact(inputs[i]);
    if (float(exact) == results[i] ||
        (std::isnan(exact) && std::isnan(results[i])))
      continue;
    out << "FAIL " << f.name << "(" << inputs[i] << "): expected " << exact
        << ", got " << results[i] << "\n";
    good = false;
  }
  return good;
}

static bool check(const Function &f, const JitOptions &options,
                  raw_ostream &out) {
  constexpr int32_t count = 1 << 16;
  Expected<CompiledVariant> kernels = compileVariant(variantOf(f), options);
  if (!kernels) {
    out << toString(kernels.takeError()) << "\n";
    return false;
  }
  std::vector<float> inputs(count);
  for (int32_t i = 0; i < count; ++i)
    inputs[i] = float(f.low + (f.high - f.low) * i / (count - 1));
  std::vector<float> results = evaluate(*kernels, inputs, out);
  if (results.empty())
    return false;
  double worst = 0, at = 0;
  for (int32_t i = 0; i < count; ++i) {
    double error = ulps(results[i], f.exact(inputs[i]));
    if (!(error <= worst)) {
      worst = error;
      at = inputs[i];
    }
  }
  bool good = worst <= 2;
  out << (good ? "ok   " : "FAIL ") << f.name
      << format(": %.2f ulp at %.9g, %d points in [%g, %g]\n", worst, at, count,
                f.low, f.high);
  return checkSpecial(f, *kernels, out) && good;
}

bool checkMath(const JitOptions &options, raw_ostream &out) {
  const Function functions[] = {
      {"exp", std::exp, -87.33, 88.72}, {"exp", std::exp, -1, 1},
      {"exp2", std::exp2, -126, 127.9}, {"exp2", std::exp2, -1, 1},
      {"log", std::log, 1e-38, 1e-30},  {"log", std::log, 0.01, 4},
      {"log", std::log, 1, 3e38},       {"tanh", std::tanh, -10, 10},
      {"tanh", std::tanh, -0.7, 0.7},   {"tanh", std::tanh, 20, 100}};
  bool good = true;
  for (const Function &f : functions)
    good = check(f, options, out) && good;
  return good;
}

} // namespace kvc::conformance
