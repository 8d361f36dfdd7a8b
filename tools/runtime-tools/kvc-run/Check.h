//===- Check.h - is the cached run the right one? -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares the logits of every generated token with a second computation of
// them, teacher-forced with the tokens of the run:
//
//   recompute   one forward pass of the original stateless graph over each
//               finished sequence; right when every layer keeps all tokens,
//               unquantised
//   reference   the same steps with attention and cache in double precision
//               (kvcref); right for every policy
//
// Rounding alone makes the two differ, so "equal" means: every logit within a
// bound, and the same token wherever the second computation's margin between
// its first two candidates exceeds twice that bound.
//
//   bound = 8 (u sqrt(D) + e) max |logit|
//     u  unit roundoff of the model's element type (f32: 2^-24)
//     D  roundings on the way of one logit: the lengths of all contractions of
//        the graph, one after another (weights' last dimensions; per layer
//        head_dim and the longest sequence)
//     e  recompute: s sqrt(2 L), with s the storage's relative rounding (f16
//        2^-11, bf16 2^-8; 0 when it keeps the element type) and L the layers,
//        each of which rounds K and V
//        reference: sqrt(2 L u sqrt(D) 2s), for i8 s = 1/254: both round alike,
//        but a number that is off by u sqrt(D) falls into the next code with
//        probability u sqrt(D) / 2s, and is then off by 2s
//     Attention from GPU kernels rounds its operands to the type of their
//     products (w: f16 2^-11, bf16 2^-8, two tf32 2^-20): w sqrt(2 L) more, and
//     u sqrt(D) + w in the place of u sqrt(D) below the reference's root.
//
// Errors of n independent roundings grow as sqrt(n): they stay below
// lambda u sqrt(n) with probability 1 - 2 exp(-lambda^2 / 2), which for lambda
// = 8 means always (Higham and Mary, A New Approach to Probabilistic Rounding
// Error Analysis, SIAM J. Sci. Comput. 41(5), 2019). Not proven but assumed:
// the network itself amplifies a relative error by about 1.
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RUN_CHECK_H
#define KVC_TOOLS_KVC_RUN_CHECK_H

#include "Generate.h"

namespace kvctool {

struct Comparison {
  std::string against; // "full recompute"
  double factor = 0;   // bound / max |logit|
  double bound = 0;
  double largestError = 0;
  std::string largestAt;
  int64_t tokens = 0;
  int64_t decided = 0; // margin exceeds twice the bound
  int64_t equal = 0;   // the same token, decided or not
  bool passed = false;
  std::string firstDifference; // empty when passed
  double seconds = 0;
};

/// Whether the policies leave the model what it was: every layer keeps all
/// tokens visible and stores them as floating-point numbers. (Quantised, it
/// differs from recompute by more than a check of tokens could tell.)
bool matchesRecompute(const kvcrt_manifest &manifest);

/// `onGpu`: the run's attention came from GPU kernels.
Comparison checkRecompute(Model &model, const std::vector<Prompt> &prompts,
                          const GenerateResult &run, bool onGpu, bool progress);

/// `options`: those of the engine that made `run`.
Comparison checkReference(Model &model, const Engine::Options &options,
                          const std::vector<Prompt> &prompts,
                          const GenerateResult &run, bool progress);

} // namespace kvctool

#endif // KVC_TOOLS_KVC_RUN_CHECK_H
