//===- kvcref/cache.h - append, attend and gather on a cache --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of kvc.append, kvc.attend and kvc.gather under a policy. Nothing
// is paged here and nothing is ever freed: a sequence is the list of what was
// stored of its tokens, and a policy decides what was stored and who sees it.
//
//   index      0, 1, 2, ... of a token in its sequence: masks, windows, sinks
//   position   what RoPE and ALiBi count: index + an offset of the sequence
//
// Invariant: attend sees what is stored (rotated if the policy rotates at
// append, rounded to the storage format), and what it sees depends on query
// index and key index alone, never on how the prompt was cut into steps.
//===----------------------------------------------------------------------===//
#ifndef KVCREF_CACHE_H
#define KVCREF_CACHE_H

#include "kvcref/attention.h"
#include "kvcref/view.h"
#include "kvcrt/abi.h"
#include "kvcrt/policy.h"

#include <unordered_map>

namespace kvcref {

/// KVCRT_OK when the reference gives the policy a meaning; KVCRT_UNSUPPORTED
/// for axes that no engine runs yet; KVCRT_INVALID_ARGUMENT for nonsense.
kvcrt_status checkPolicy(const kvcrt_policy &policy);

/// A policy of these shapes with every other axis at its default: paged<16>,
/// plain<element>, no positions, retention all.
kvcrt_policy makePolicy(int32_t kvHeads, int32_t keyDim, int32_t valueDim,
                        int32_t element);

/// The retention rule: may query index `query` see key index `key`? (Causality
/// and kv_len are attend's own business.)
///   all         yes
///   window<W>   0 <= query - key < W
///   streaming   that, or key < sink_tokens
bool isRetained(const kvcrt_policy &policy, int64_t query, int64_t key);

/// The position at which a query meets key `key`. Under streaming a sink is met
/// from the query's place *in the cache*, min(query, sink_tokens + window - 1):
/// once tokens between sinks and window are gone, the distance to the sinks no
/// longer grows (Xiao et al., StreamingLLM, 2023).
int64_t queryPositionFor(const kvcrt_policy &policy, int64_t query,
                         int64_t queryPosition, int64_t key);

struct AttendOptions {
  ScoreRule score; // alibiSlopes are used iff the policy's position is alibi
  bool causal = true;
  int64_t window = 0; // the op's own, on top of the retention's; 0 = none
  /// [T][Hq][M], column = key index, strides of 0 to broadcast.
  View<const double, 3> additiveMask;
  View<const uint8_t, 3> booleanMask;
  View<const double, 1> sinkLogits; // [Hq]
};

/// What one sequence holds. Rows that no query of the step sees are not read.
struct History {
  View<const double, 3> key;        // [kv_len][Hkv][Dk], as stored
  View<const double, 3> value;      // [kv_len][Hkv][Dv]
  View<const int64_t, 1> positions; // [kv_len]
};

/// Everything but the mask and the score: j < kv_len, causal, the op's window,
/// the retention rule.
bool isVisible(const kvcrt_policy &policy, const AttendOptions &options,
               int64_t query, int64_t key);

/// kvc.append for one row: rotates when the policy rotates at append, then
/// stores and loads again. True when a NaN or an infinity met a quantised
/// storage.
bool storedKey(const kvcrt_policy &policy, int64_t position,
               View<double, 1> row);
bool storedValue(const kvcrt_policy &policy, View<double, 1> row);

/// kvc.attend for the n queries of one sequence; query i has index
/// kv_len - n + i. A row with nothing visible gives 0 and lse -inf (with sink
/// logits: 0 and the sink logit).
///   batch      the sequence's row in the step, handed to score.edit
///   q          [n][Hq][Dk], unrotated when the policy's position is rope
///   positions  [n]
///   out        [n][Hq][Dv]
///   lse        [n][Hq] or absent; natural log, sink logit included
/// Masks of `options` are the sequence's own n rows.
void attendSequence(const kvcrt_policy &policy, const AttendOptions &options,
                    int64_t batch, View<const double, 3> q,
                    View<const int64_t, 1> positions, const History &history,
                    View<double, 3> out, View<double, 2> lse);

/// One row of a ragged batch.
struct StepRow {
  int64_t sequence;  // id, the caller's
  int64_t newTokens; // of this step
};

/// One layer's cache of any number of sequences.
class Cache {
public:
  /// `policy` must pass checkPolicy.
  explicit Cache(const kvcrt_policy &policy) : policy(policy) {}

  const kvcrt_policy &getPolicy() const { return policy; }
  /// Tokens held of a sequence; 0 when it is unknown.
  int64_t length(int64_t sequence) const;

  /// kvc.append. Tokens of all rows lie one after another:
  ///   k [T][Hkv][Dk], v [T][Hkv][Dv], positions [T].
  /// True when a NaN or an infinity met a quantised storage.
  bool append(const std::vector<StepRow> &rows, View<const double, 3> k,
              View<const double, 3> v, View<const int64_t, 1> positions);

  /// kvc.attend, after append: q [T][Hq][Dk], out [T][Hq][Dv], lse [T][Hq] or
  /// absent.
  void attend(const AttendOptions &options, const std::vector<StepRow> &rows,
              View<const double, 3> q, View<const int64_t, 1> positions,
              View<double, 3> out, View<double, 2> lse) const;

  /// kvc.gather: as stored. Lives until the next call that changes the cache.
  History gather(int64_t sequence) const;

  /// Forgets the tokens from `length` on (rollback), or the whole sequence.
  void truncate(int64_t sequence, int64_t length);
  void release(int64_t sequence) { sequences.erase(sequence); }
  /// `to` begins as a copy of `from`.
  void fork(int64_t from, int64_t to) { sequences[to] = sequences[from]; }

private:
  struct Tokens {
    std::vector<double> key, value;
    std::vector<int64_t> positions;
  };
  kvcrt_policy policy;
  std::unordered_map<int64_t, Tokens> sequences;
};

} // namespace kvcref

#endif // KVCREF_CACHE_H
