//===- plan_attend.cpp - attention of a step as tasks of equal work -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decode tasks are split along the keys so that no task is longer than what a
// block has to do anyway; the length of a split is chosen by a model of the
// last block's finish. Long tasks come first, so that a device which hands
// tasks out in order (or with the stride of its grid) ends evenly.
//
//   tile      all rows of one KV head of one sequence that a task can hold
//   span      keys that some row of a tile sees, sinks apart: [begin, end)
//   split     a task's share of a span: `split` keys, the last one the rest
//
// Invariant: the two passes below (count, emit) visit the same tiles in the
// same order and split them alike; slots and groups are numbered by the second.
//
//===----------------------------------------------------------------------===//
#include "kvcrt/plan.h"
#include "message.h"

#include <algorithm>
#include <cstdint>

namespace {

/// Splits that a plan may have beyond one a tile, per resident block.
constexpr int64_t kSplitsPerBlock = 4;
/// A split shorter than this costs more to merge than it saves.
constexpr int64_t kMinSplitTiles = 4;
/// What starting a task and folding a partial result cost, in tiles of keys.
constexpr double kTaskTiles = 0.5, kMergeTiles = 1.0;
/// Blocks launched per resident block, at most.
constexpr int64_t kBlocksPerResident = 8;
/// Classes of length by which tasks are ordered.
constexpr int kClasses = 16;

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Span {
  int64_t begin, end;
  int64_t keys() const { return end - begin; }
};

/// One sequence of the step.
struct Sequence {
  int32_t index;
  int64_t newTokens, kvLen;
};

class Planner {
public:
  Planner(const kvcrt_plan_desc &desc, int32_t numSeqs, const int32_t *indptr,
          const int32_t *kvLen, kvcrt_plan &plan)
      : desc_(desc), numSeqs_(numSeqs), indptr_(indptr), kvLen_(kvLen),
        plan_(plan) {}

  kvcrt_status run();

private:
  bool decodes(const Sequence &s) const {
    return s.newTokens <= desc_.decode_tokens;
  }
  int64_t tileRows(const Sequence &s) const {
    return decodes(s) ? desc_.decode_rows : desc_.prefill_rows;
  }
  int64_t numTiles(const Sequence &s) const {
    return ceilDiv(s.newTokens * desc_.group, tileRows(s));
  }
  Span spanOf(const Sequence &s, int64_t tile) const;
  template <typename Body> void forEachSequence(Body body) const;
  template <typename Body> void forEachTile(bool decode, Body body) const;

  kvcrt_status measure();
  double finish(int64_t split) const;
  int64_t chooseSplit() const;
  int classOf(int64_t keys) const;
  kvcrt_status emit(bool decode);

  const kvcrt_plan_desc &desc_;
  int32_t numSeqs_;
  const int32_t *indptr_, *kvLen_;
  kvcrt_plan &plan_;

  // Of decode tiles, times the number of heads where it says work or tasks.
  int64_t tasks_ = 0, longest_ = 0;
  double work_ = 0; // keys
  int64_t longestPrefill_ = 0;
  int64_t split_ = 0; // keys of a decode split
  int64_t prefillTasks_ = 0;
};

/// Keys that the rows of a tile see, by the host's bounds. With a lower kv_len
/// a window begins earlier: the first task of a group looks there.
Span Planner::spanOf(const Sequence &s, int64_t tile) const {
  const int64_t rows = tileRows(s), first = tile * rows;
  const int64_t last = std::min(first + rows, s.newTokens * desc_.group) - 1;
  const int64_t base = s.kvLen - s.newTokens;
  const int64_t lowQuery = base + first / desc_.group;
  const int64_t highQuery = base + last / desc_.group;
  const int64_t end = desc_.causal ? highQuery + 1 : s.kvLen;
  int64_t begin =
      desc_.window > 0 ? std::max<int64_t>(lowQuery - desc_.window + 1, 0) : 0;
  begin -= begin % desc_.tile_keys;
  return {std::min(begin, end), end};
}

template <typename Body> void Planner::forEachSequence(Body body) const {
  for (int32_t s = 0; s < numSeqs_; ++s)
    if (indptr_[s + 1] > indptr_[s])
      body(Sequence{s, int64_t(indptr_[s + 1]) - indptr_[s], kvLen_[s]});
}

template <typename Body>
void Planner::forEachTile(bool decode, Body body) const {
  forEachSequence([&](const Sequence &s) {
    if (decodes(s) != decode)
      return;
    for (int64_t tile = 0, tiles = numTiles(s); tile < tiles; ++tile)
      body(s, tile, spanOf(s, tile));
  });
}

kvcrt_status Planner::measure() {
  for (int32_t s = 0; s < numSeqs_; ++s) {
    const int64_t tokens = int64_t(indptr_[s + 1]) - indptr_[s];
    if (tokens < 0 || (tokens > 0 && kvLen_[s] < tokens))
      return KVCRT_INVALID_ARGUMENT;
  }
  forEachTile(true, [&](const Sequence &, int64_t, Span span) {
    tasks_ += desc_.kv_heads;
    work_ += double(span.keys()) * desc_.kv_heads;
    longest_ = std::max(longest_, span.keys());
  });
  forEachTile(false, [&](const Sequence &, int64_t, Span span) {
    prefillTasks_ += desc_.kv_heads;
    longestPrefill_ = std::max(longestPrefill_, span.keys());
  });
  return KVCRT_OK;
}

/// When the last block is done, in keys, if spans are cut into splits of
/// `split` keys: full splits go in waves, shorter ones fill the gaps.
double Planner::finish(int64_t split) const {
  double big = 0, bigKeys = 0, tasks = 0, merged = 0;
  forEachTile(true, [&](const Sequence &, int64_t, Span span) {
    const int64_t full = span.keys() / split, rest = span.keys() % split;
    const int64_t count = std::max<int64_t>(full + (rest > 0), 1);
    tasks += count;
    if (count > 1)
      merged += count;
    big += full;
    bigKeys += double(full) * split;
    if (2 * rest > split) {
      ++big;
      bigKeys += rest;
    }
  });
  const double heads = desc_.kv_heads, resident = desc_.decode_resident;
  big *= heads;
  bigKeys *= heads;
  const double waves =
      big > 0
          ? std::max(double(ceilDiv(int64_t(big), resident)) * (bigKeys / big),
                     0.0)
          : 0.0;
  const double overhead = (kTaskTiles * tasks + kMergeTiles * merged) * heads /
                          resident * desc_.tile_keys;
  return std::max(waves, work_ / resident) + overhead;
}

int64_t Planner::chooseSplit() const {
  const int64_t tile = desc_.tile_keys;
  auto whole = [&](double keys) {
    return std::max<int64_t>(ceilDiv(int64_t(keys), tile), 1) * tile;
  };
  const int64_t uncut = whole(double(longest_));
  if (desc_.split_keys > 0)
    return desc_.split_keys;
  const double perBlock = work_ / desc_.decode_resident;
  // Many more tasks than blocks and none of them long: order evens them out.
  if (tasks_ >= kBlocksPerResident * desc_.decode_resident &&
      double(longest_) <= perBlock)
    return uncut;
  const int64_t least =
      std::max({kMinSplitTiles * tile, whole(perBlock / kSplitsPerBlock),
                whole(double(longest_) / KVCRT_PLAN_MAX_SPLITS)});
  int64_t best = uncut;
  double bestFinish = finish(uncut);
  auto consider = [&](double keys) {
    const int64_t split =
        std::clamp(whole(keys), least, std::max(least, uncut));
    if (split >= uncut)
      return;
    const double end = finish(split);
    // A tie goes to fewer splits: they were tried first.
    if (end < bestFinish * 0.99) {
      best = split;
      bestFinish = end;
    }
  };
  for (double parts : {1.0, 2.0, 3.0, 4.0}) {
    consider(double(longest_) / (parts + 1));
    consider(perBlock / parts);
  }
  return best;
}

/// 0 for the longest; tasks are emitted class by class.
int Planner::classOf(int64_t keys) const {
  const int64_t longest = std::max<int64_t>(split_, 1);
  return int(std::clamp<int64_t>((longest - keys) * (kClasses - 1) / longest, 0,
                                 kClasses - 1));
}

kvcrt_status Planner::emit(bool decode) {
  // How a span is cut.
  auto cut = [&](Span span) {
    return std::max<int64_t>(ceilDiv(span.keys(), split_), 1);
  };
  auto share = [&](Span span, int64_t k) {
    return Span{span.begin + k * split_,
                std::min(span.begin + (k + 1) * split_, span.end)};
  };

  int64_t counts[kClasses] = {}, total = 0, slots = 0, groups = 0;
  bool tooMany = false;
  forEachTile(decode, [&](const Sequence &, int64_t, Span span) {
    const int64_t pieces = cut(span);
    tooMany |= pieces > KVCRT_PLAN_MAX_SPLITS;
    counts[0] += (pieces - 1) * desc_.kv_heads;
    counts[classOf(share(span, pieces - 1).keys())] += desc_.kv_heads;
    total += pieces * desc_.kv_heads;
    if (pieces > 1) {
      slots += pieces * desc_.kv_heads;
      groups += desc_.kv_heads;
    }
  });
  const int64_t before = plan_.used.tasks;
  if (tooMany || before + total > plan_.capacity.tasks ||
      slots > plan_.capacity.slots || groups > plan_.capacity.groups)
    return KVCRT_CAPACITY_EXCEEDED;

  kvcrt_task *cursors[kClasses];
  kvcrt_task *at = plan_.tasks + before;
  for (int k = 0; k < kClasses; ++k) {
    cursors[k] = at;
    at += counts[k];
  }
  int32_t slot = 0, group = 0;
  forEachTile(decode, [&](const Sequence &s, int64_t tile, Span span) {
    const int32_t pieces = int32_t(cut(span));
    for (int32_t head = 0; head < desc_.kv_heads; ++head) {
      for (int32_t k = 0; k < pieces; ++k) {
        const Span keys = share(span, k);
        const int rank = k + 1 < pieces ? 0 : classOf(keys.keys());
        kvcrt_task &task = *cursors[rank]++;
        task.seq = s.index;
        task.kv_head = head;
        task.q_tile = int32_t(tile);
        task.kv_begin = int32_t(keys.begin);
        task.kv_end = int32_t(keys.end);
        task.partial_slot = pieces > 1 ? slot + k : -1;
        task.merge_group = pieces > 1 ? group : -1;
        task.splits = pieces | k << 16;
      }
      if (pieces > 1) {
        slot += pieces;
        ++group;
      }
    }
  });
  plan_.used.tasks += int32_t(total);
  plan_.used.slots += slot;
  plan_.used.groups += group;
  (decode ? plan_.num_tasks : plan_.num_prefill_tasks) = int32_t(total);
  return KVCRT_OK;
}

kvcrt_status Planner::run() {
  plan_.used = {};
  plan_.num_tasks = plan_.num_prefill_tasks = 0;
  plan_.decode_blocks = plan_.prefill_blocks = 0;
  if (kvcrt_status status = measure(); status != KVCRT_OK)
    return status;
  split_ = chooseSplit();
  if (kvcrt_status status = emit(true); status != KVCRT_OK)
    return status;
  // Prefill tasks are whole: their number grows with the rows.
  split_ = std::max<int64_t>(longestPrefill_, 1);
  if (kvcrt_status status = emit(false); status != KVCRT_OK)
    return status;
  auto blocks = [](int64_t tasks, int64_t resident) {
    return int32_t(std::min(tasks, resident * kBlocksPerResident));
  };
  plan_.decode_blocks = blocks(plan_.num_tasks, desc_.decode_resident);
  plan_.prefill_blocks =
      blocks(plan_.num_prefill_tasks, desc_.prefill_resident);
  return KVCRT_OK;
}

kvcrt_status checkDesc(const kvcrt_plan_desc *desc) {
  if (kvcrt_status status = kvcrt::checkStruct(desc); status != KVCRT_OK)
    return status;
  const bool good =
      desc->kv_heads > 0 && desc->group > 0 && desc->decode_rows > 0 &&
      desc->prefill_rows > 0 && desc->tile_keys > 0 &&
      desc->decode_resident > 0 && desc->prefill_resident > 0 &&
      desc->window >= 0 && desc->sink_tokens >= 0 && desc->decode_tokens >= 0 &&
      desc->split_keys >= 0 && desc->split_keys % desc->tile_keys == 0;
  return good ? KVCRT_OK : KVCRT_INVALID_ARGUMENT;
}

} // namespace

extern "C" {

kvcrt_status kvcrt_plan_attend_sizes(const kvcrt_plan_desc *desc,
                                     int32_t max_seqs, int32_t max_tokens,
                                     int32_t max_kv_len,
                                     kvcrt_plan_sizes *out_sizes) {
  if (kvcrt_status status = checkDesc(desc); status != KVCRT_OK)
    return status;
  if (max_seqs < 0 || max_tokens < 0 || max_kv_len < 0 || !out_sizes)
    return KVCRT_INVALID_ARGUMENT;
  // A sequence of n tokens has at most n * group / rows + 1 tiles.
  const int64_t rows = std::min(desc->decode_rows, desc->prefill_rows);
  const int64_t tiles =
      int64_t(max_tokens) * desc->group / rows + std::min(max_seqs, max_tokens);
  const int64_t uncut = tiles * desc->kv_heads;
  int64_t tasks, slots, groups;
  if (desc->split_keys > 0) {
    // A span begins at a multiple of tile_keys, up to a tile before its keys.
    const int64_t pieces =
        ceilDiv(int64_t(max_kv_len) + desc->tile_keys, desc->split_keys);
    if (pieces > KVCRT_PLAN_MAX_SPLITS)
      return KVCRT_CAPACITY_EXCEEDED;
    tasks = uncut * pieces;
    slots = pieces > 1 ? tasks : 0;
    groups = pieces > 1 ? uncut : 0;
  } else {
    // Splits beyond one a tile: work / split <= kSplitsPerBlock a block, and
    // as many again at least at the end of each tile that is cut.
    const int64_t more = (kSplitsPerBlock + 1) * desc->decode_resident;
    tasks = uncut + more;
    slots = 2 * more;
    groups = std::min(more, uncut);
  }
  if (std::max(tasks, slots) > INT32_MAX)
    return KVCRT_CAPACITY_EXCEEDED;
  *out_sizes = {int32_t(tasks), int32_t(slots), int32_t(groups), 0};
  return KVCRT_OK;
}

kvcrt_status kvcrt_plan_attend(const kvcrt_plan_desc *desc, int32_t num_seqs,
                               const int32_t *qo_indptr, const int32_t *kv_len,
                               kvcrt_plan *plan) {
  if (kvcrt_status status = checkDesc(desc); status != KVCRT_OK)
    return status;
  if (num_seqs < 0 || !plan || (num_seqs > 0 && (!qo_indptr || !kv_len)) ||
      (plan->capacity.tasks > 0 && !plan->tasks))
    return KVCRT_INVALID_ARGUMENT;
  return Planner(*desc, num_seqs, qo_indptr, kv_len, *plan).run();
}

} // extern "C"
