//===- plan_attend.cpp - attention of a step as tasks of equal work -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decode tasks are split along the keys so that no task is longer than what a
// block has to do anyway; the length of a split is chosen by a model of the
// last block's finish. Prefill tasks are split where there are fewer of them
// than blocks: a short chunk of a prompt on a long cache. Long tasks come
// first, so that a device which hands tasks out in order (or with the stride of
// its grid) ends evenly.
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
#include <cmath>
#include <cstdint>

namespace {

/// Splits that a plan may have beyond one a tile, per resident block. Partial
/// results of prefill are several times as large, and few blocks are idle.
constexpr int64_t kSplitsPerBlock = 4, kPrefillSplitsPerBlock = 2;
/// A split shorter than this costs more to merge than it saves.
constexpr int64_t kMinSplitTiles = 4;
/// What starting a task and folding a partial result cost, in tiles of keys.
constexpr double kTaskTiles = 0.5, kMergeTiles = 1.0;
/// Blocks launched per resident block, at most.
constexpr int64_t kBlocksPerResident = 8;
/// Classes of length by which tasks are ordered.
constexpr int kClasses = 16;

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Slots of decode_rows that a partial result of prefill takes.
int32_t prefillSlots(const kvcrt_plan_desc &desc) {
  return int32_t(ceilDiv(desc.prefill_rows, desc.decode_rows));
}

struct Span {
  int64_t begin, end;
  int64_t keys() const { return end - begin; }
};

/// One sequence of the step.
struct Sequence {
  int32_t index;
  int64_t newTokens, kvLen;
};

/// How many decode tiles have how many keys: what the choice of a split reads,
/// several times over, in place of the tiles. Exact while there are few
/// different runs of lengths; beyond, lengths that share their leading bits
/// share an entry.
class Lengths {
public:
  struct Entry {
    int64_t tiles = 0;
    int64_t keys = 0; // over these tiles
  };
  void add(int64_t keys) {
    if (exact_ && used_ > 0 && entries_[used_ - 1].tiles > 0 && last_ == keys) {
      entries_[used_ - 1].keys += keys;
      ++entries_[used_ - 1].tiles;
      return;
    }
    if (exact_ && used_ == kEntries)
      coarsen();
    last_ = keys;
    put(exact_ ? used_++ : binOf(keys), 1, keys);
  }
  template <typename Body> void forEach(Body body) const {
    for (int i = 0; i < used_; ++i)
      if (entries_[i].tiles > 0)
        body(entries_[i]);
  }

private:
  static constexpr int kBits = 3; // behind the leading one
  static constexpr int kEntries = 32 << kBits;
  /// Lengths are below 2^31.
  static int binOf(int64_t keys) {
    if (keys < (1 << kBits))
      return int(keys);
    const int lead = 63 - __builtin_clzll(uint64_t(keys));
    return ((lead - kBits + 1) << kBits) |
           int(keys >> (lead - kBits) & ((1 << kBits) - 1));
  }
  void put(int index, int64_t tiles, int64_t keys) {
    entries_[index].tiles += tiles;
    entries_[index].keys += keys;
  }
  void coarsen() {
    Entry runs[kEntries];
    std::copy(entries_, entries_ + kEntries, runs);
    std::fill(entries_, entries_ + kEntries, Entry());
    for (const Entry &run : runs)
      put(binOf(run.keys / run.tiles), run.tiles, run.keys);
    exact_ = false;
  }

  Entry entries_[kEntries];
  int used_ = 0;
  bool exact_ = true;
  int64_t last_ = -1;
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
  template <typename Body> void forEachSequence(Body body) const;
  /// body(tile, span) for the tiles of a sequence.
  template <typename Body> void forEachTile(const Sequence &s, Body body) const;
  template <typename Body> void forEachTile(bool decode, Body body) const {
    forEachSequence([&](const Sequence &s) {
      if (decodes(s) == decode)
        forEachTile(s, [&](int64_t tile, Span span) { body(s, tile, span); });
    });
  }

  kvcrt_status check() const;
  void measure(bool decode);
  double finish(int64_t split) const;
  int64_t chooseSplit() const;
  /// Tasks that a span is cut into.
  int64_t cut(Span span) const {
    return span.keys() <= split_ ? 1 : ceilDiv(span.keys(), split_);
  }
  Span share(Span span, int64_t k) const {
    return {span.begin + k * split_,
            std::min(span.begin + (k + 1) * split_, span.end)};
  }
  /// 0 for the longest; tasks are emitted class by class.
  int classOf(int64_t keys) const {
    return int(std::clamp(double(split_ - keys) * classesPerKey_, 0.0,
                          double(kClasses - 1)));
  }
  void setSplit(int64_t split) {
    split_ = split;
    classesPerKey_ = double(kClasses - 1) / double(std::max<int64_t>(split, 1));
  }
  kvcrt_status emit(bool decode);

  const kvcrt_plan_desc &desc_;
  int32_t numSeqs_;
  const int32_t *indptr_, *kvLen_;
  kvcrt_plan &plan_;

  /// Fewer prefill tasks than blocks, and results that may depend on it.
  bool cutsPrefill() const {
    return desc_.split_keys == 0 && tasks_ < desc_.prefill_resident;
  }

  // Of the tiles that are planned (decode, then prefill); tasks_ and work_
  // times the number of heads.
  Lengths lengths_;
  int64_t tasks_ = 0, longest_ = 0;
  double work_ = 0; // keys
  int64_t resident_ = 0, splitsPerBlock_ = 0;
  int64_t split_ = 0; // keys of a split
  double classesPerKey_ = 0;
};

template <typename Body> void Planner::forEachSequence(Body body) const {
  for (int32_t s = 0; s < numSeqs_; ++s)
    if (indptr_[s + 1] > indptr_[s])
      body(Sequence{s, int64_t(indptr_[s + 1]) - indptr_[s], kvLen_[s]});
}

/// A span: the keys that the rows of a tile see, by the host's bounds. With a
/// lower kv_len a window begins earlier: the first task of a group looks there.
template <typename Body>
void Planner::forEachTile(const Sequence &s, Body body) const {
  const int64_t rows = decodes(s) ? desc_.decode_rows : desc_.prefill_rows;
  const int64_t all = s.newTokens * desc_.group, base = s.kvLen - s.newTokens;
  auto span = [&](int64_t lowQuery, int64_t highQuery) {
    // A bound below the new tokens leaves the first of them without keys.
    const int64_t end =
        std::max<int64_t>(desc_.causal ? highQuery + 1 : s.kvLen, 0);
    if (desc_.window == 0)
      return Span{0, end};
    int64_t begin = std::max<int64_t>(lowQuery - desc_.window + 1, 0);
    begin -= begin % desc_.tile_keys;
    return Span{std::min(begin, end), end};
  };
  if (all <= rows)
    return body(0, span(base, s.kvLen - 1));
  for (int64_t tile = 0, first = 0; first < all; ++tile, first += rows)
    body(tile, span(base + first / desc_.group,
                    base + (std::min(first + rows, all) - 1) / desc_.group));
}

kvcrt_status Planner::check() const {
  for (int32_t s = 0; s < numSeqs_; ++s)
    if (indptr_[s + 1] < indptr_[s] ||
        (indptr_[s + 1] > indptr_[s] && kvLen_[s] < 0))
      return KVCRT_INVALID_ARGUMENT;
  return KVCRT_OK;
}

void Planner::measure(bool decode) {
  resident_ = decode ? desc_.decode_resident : desc_.prefill_resident;
  splitsPerBlock_ = decode ? kSplitsPerBlock : kPrefillSplitsPerBlock;
  int64_t keys = 0;
  forEachTile(decode, [&](const Sequence &, int64_t, Span span) {
    ++tasks_;
    keys += span.keys();
    longest_ = std::max(longest_, span.keys());
    lengths_.add(span.keys());
  });
  tasks_ *= desc_.kv_heads;
  work_ = double(keys) * desc_.kv_heads;
}

/// When the last block is done, in keys, if spans are cut into splits of
/// `split` keys: full splits go in waves, shorter ones fill the gaps.
double Planner::finish(int64_t split) const {
  double big = 0, bigKeys = 0, tasks = 0, merged = 0;
  lengths_.forEach([&](const Lengths::Entry &entry) {
    const double tiles = double(entry.tiles);
    if (entry.keys <= split * entry.tiles) { // whole, as most are
      tasks += tiles;
      if (2 * entry.keys > split * entry.tiles) {
        big += tiles;
        bigKeys += double(entry.keys);
      }
      return;
    }
    const int64_t keys = entry.keys / entry.tiles;
    const int64_t full = keys / split, rest = keys % split;
    const double count = double(full + (rest > 0));
    tasks += tiles * count;
    merged += tiles * count;
    big += tiles * double(full);
    bigKeys += tiles * double(full * split);
    if (2 * rest > split) {
      big += tiles;
      bigKeys += tiles * double(rest);
    }
  });
  const double heads = desc_.kv_heads, resident = double(resident_);
  big *= heads;
  bigKeys *= heads;
  const double waves =
      big > 0
          ? double(ceilDiv(int64_t(big), int64_t(resident))) * (bigKeys / big)
          : 0.0;
  const double overhead = (kTaskTiles * tasks + kMergeTiles * merged) * heads /
                          resident * desc_.tile_keys;
  return std::max(waves, work_ / resident) + overhead;
}

int64_t Planner::chooseSplit() const {
  const int64_t tile = desc_.tile_keys;
  auto whole = [&](double keys) {
    // Rounded up, fractions too: a key less makes one split too many.
    return std::max<int64_t>(ceilDiv(int64_t(std::ceil(keys)), tile), 1) * tile;
  };
  const int64_t uncut = whole(double(longest_));
  if (desc_.split_keys > 0)
    return desc_.split_keys;
  const double perBlock = work_ / double(resident_);
  // Many more tasks than blocks and none of them long: order evens them out.
  if (tasks_ >= kBlocksPerResident * resident_ && double(longest_) <= perBlock)
    return uncut;
  const int64_t least = std::max(
      {kMinSplitTiles * tile, whole(perBlock / double(splitsPerBlock_)),
       whole(double(longest_) / KVCRT_PLAN_MAX_SPLITS)});
  int64_t best = uncut;
  int64_t tried = uncut;
  double bestFinish = finish(uncut);
  auto consider = [&](double keys) {
    const int64_t split =
        std::clamp(whole(keys), least, std::max(least, uncut));
    if (split >= uncut || split == tried)
      return;
    tried = split;
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

kvcrt_status Planner::emit(bool decode) {
  const int32_t heads = desc_.kv_heads;
  const int32_t slotsOfTask = decode ? 1 : prefillSlots(desc_);
  int64_t counts[kClasses] = {}, total = 0, slots = 0, groups = 0;
  bool tooMany = false;
  forEachTile(decode, [&](const Sequence &, int64_t, Span span) {
    const int64_t pieces = cut(span);
    tooMany |= pieces > KVCRT_PLAN_MAX_SPLITS;
    counts[0] += pieces - 1;
    ++counts[classOf(share(span, pieces - 1).keys())];
    total += pieces;
    if (pieces > 1) {
      slots += pieces * slotsOfTask;
      ++groups;
    }
  });
  const int64_t before = plan_.used.tasks;
  if (tooMany || before + total * heads > plan_.capacity.tasks ||
      plan_.used.slots + slots * heads > plan_.capacity.slots ||
      plan_.used.groups + groups * heads > plan_.capacity.groups)
    return KVCRT_CAPACITY_EXCEEDED;

  kvcrt_task *cursors[kClasses];
  kvcrt_task *at = plan_.tasks + before;
  for (int k = 0; k < kClasses; ++k) {
    cursors[k] = at;
    at += counts[k] * heads;
  }
  int32_t slot = plan_.used.slots, group = plan_.used.groups;
  forEachTile(decode, [&](const Sequence &s, int64_t tile, Span span) {
    const int32_t pieces = int32_t(cut(span));
    const Span last = share(span, pieces - 1);
    kvcrt_task *&cursor = cursors[classOf(last.keys())];
    kvcrt_task task = {
        s.index, 0, int32_t(tile), int32_t(last.begin), int32_t(last.end), -1,
        -1,      1};
    if (pieces == 1) {
      *cursor = task;
      cursor += heads;
      return;
    }
    for (int32_t head = 0; head < heads; ++head, ++group) {
      task.kv_head = head;
      task.merge_group = group;
      for (int32_t k = 0; k < pieces; ++k) {
        const Span keys = share(span, k);
        task.kv_begin = int32_t(keys.begin);
        task.kv_end = int32_t(keys.end);
        task.partial_slot = slot;
        slot += slotsOfTask;
        task.splits = pieces | k << 16;
        // The last one's class may be that of the others.
        *(k + 1 < pieces ? cursors[0] : cursor)++ = task;
      }
    }
  });
  // A tile that is not cut has only its first head so far: the others follow
  // here, in the order of memory, where sixteen streams of stores would wait
  // for one another.
  const kvcrt_task *end = plan_.tasks + before + total * heads;
  for (kvcrt_task *run = plan_.tasks + before; run < end;) {
    if (run->splits != 1) {
      ++run;
      continue;
    }
    kvcrt_task task = *run;
    for (int32_t head = 1; head < heads; ++head) {
      task.kv_head = head;
      run[head] = task;
    }
    run += heads;
  }
  plan_.used.tasks += int32_t(total * heads);
  plan_.used.slots = slot;
  plan_.used.groups = group;
  (decode ? plan_.num_tasks : plan_.num_prefill_tasks) = int32_t(total * heads);
  return KVCRT_OK;
}

kvcrt_status Planner::run() {
  plan_.used = {};
  plan_.num_tasks = plan_.num_prefill_tasks = 0;
  plan_.decode_blocks = plan_.prefill_blocks = 0;
  plan_.appends = 1;
  bool prefills = false;
  forEachSequence([&](const Sequence &s) {
    prefills |= !decodes(s);
    if (!decodes(s) || s.newTokens * desc_.group > desc_.decode_rows)
      plan_.appends = 0;
  });
  if (kvcrt_status status = check(); status != KVCRT_OK)
    return status;
  measure(true);
  setSplit(chooseSplit());
  if (kvcrt_status status = emit(true); status != KVCRT_OK)
    return status;
  if (prefills) {
    lengths_ = Lengths();
    tasks_ = longest_ = 0;
    measure(false);
    setSplit(cutsPrefill() ? chooseSplit() : std::max<int64_t>(longest_, 1));
    if (kvcrt_status status = emit(false); status != KVCRT_OK)
      return status;
  }
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
      int64_t(desc->kv_heads) * desc->group <= INT32_MAX &&
      desc->decode_resident > 0 && desc->prefill_resident > 0 &&
      desc->window >= 0 && desc->sink_tokens >= 0 && desc->decode_tokens >= 0 &&
      desc->split_keys >= 0 && desc->split_keys % desc->tile_keys == 0;
  return good ? KVCRT_OK : KVCRT_INVALID_ARGUMENT;
}

} // namespace

extern "C" {

void kvcrt_attend_plan_apply(const kvcrt_attend_plan *plan,
                             kvcrt_params *params) {
  params->step.header = plan->header;
  params->tasks = plan->tasks;
  params->counters = plan->counters;
  params->split_out = plan->split_out;
  params->split_state = plan->split_state;
  params->decode_blocks = plan->decode_blocks;
  params->prefill_blocks = plan->prefill_blocks;
}

kvcrt_status kvcrt_plan_attend_sizes(const kvcrt_plan_desc *desc,
                                     int32_t max_seqs, int32_t max_tokens,
                                     int32_t max_kv_len,
                                     kvcrt_plan_sizes *out_sizes) {
  if (kvcrt_status status = checkDesc(desc); status != KVCRT_OK)
    return status;
  if (max_seqs < 0 || max_tokens < 0 || max_kv_len < 0 || !out_sizes)
    return KVCRT_INVALID_ARGUMENT;
  // A sequence of n tokens has at most n * group / rows + 1 tiles. All of them
  // may be decoded or prefilled.
  const int64_t rows = std::min(desc->decode_rows, desc->prefill_rows);
  const int64_t seqs = std::min(max_seqs, max_tokens);
  const int64_t tiles = int64_t(max_tokens) * desc->group / rows + seqs;
  if (tiles > INT32_MAX || tiles * desc->kv_heads > INT32_MAX)
    return KVCRT_CAPACITY_EXCEEDED; // before a product below overflows
  const int64_t decodeTiles = std::min(
      int64_t(max_tokens) * desc->group / desc->decode_rows + seqs,
      seqs * ceilDiv(int64_t(std::min(desc->decode_tokens, max_tokens)) *
                         desc->group,
                     desc->decode_rows));
  const int64_t uncut = tiles * desc->kv_heads;
  const int64_t decoded = decodeTiles * desc->kv_heads;
  int64_t tasks, slots, groups;
  if (desc->split_keys > 0) {
    // A span begins at a multiple of tile_keys, up to a tile before its keys.
    const int64_t pieces =
        ceilDiv(int64_t(max_kv_len) + desc->tile_keys, desc->split_keys);
    if (pieces > KVCRT_PLAN_MAX_SPLITS)
      return KVCRT_CAPACITY_EXCEEDED;
    tasks = uncut + decoded * (pieces - 1);
    slots = pieces > 1 ? decoded * pieces : 0;
    groups = pieces > 1 ? decoded : 0;
  } else {
    // Splits beyond one a tile: work / split <= kSplitsPerBlock a block, and
    // as many again at least at the end of each tile that is cut.
    const int64_t more =
        decoded > 0 ? (kSplitsPerBlock + 1) * desc->decode_resident : 0;
    tasks = uncut + more;
    slots = 2 * more;
    groups = std::min(more, decoded);
    // Where prefill is cut it has fewer tasks than blocks.
    if (max_tokens > desc->decode_tokens) {
      const int64_t pieces =
          (kPrefillSplitsPerBlock + 1) * int64_t(desc->prefill_resident);
      tasks += pieces;
      slots += pieces * prefillSlots(*desc);
      groups += std::min<int64_t>(desc->prefill_resident, uncut);
    }
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
