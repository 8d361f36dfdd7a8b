//===- plan_attend.cpp - attention of a step as tasks of equal work -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decode tasks are split along the keys so that no task is longer than what a
// block has to do anyway (plan_split.h). Prefill tasks are split where there
// are fewer of them than blocks: a short chunk of a prompt on a long cache.
// Long tasks come first, so that a device which hands tasks out in order (or
// with the stride of its grid) ends evenly.
//
//   split     a task's share of a span: `split` keys, the last one the rest
//
// An engine waits for its plan (docs/results/planner.md has the goal): tiles
// are made once and read a few times over in short loops, and a task is written
// once, in whole registers.
//
// Invariant: counting and writing cut each tile alike; slots and groups are
// numbered in the order of tiles, heads and pieces.
//
//===----------------------------------------------------------------------===//
#include "kvcrt/plan.h"
#include "message.h"
#include "plan_split.h"
#include "plan_tiles.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

using namespace kvcrt;

namespace {

/// Splits that a plan may have beyond one a tile, per resident block. Partial
/// results of prefill are several times as large, and few blocks are idle.
constexpr int64_t kSplitsPerBlock = 4, kPrefillSplitsPerBlock = 2;
/// Classes of length by which tasks are ordered.
constexpr int kClasses = 16;

/// Slots of decode_rows that a partial result of prefill takes.
int32_t prefillSlots(const kvcrt_plan_desc &desc) {
  return int32_t(ceilDiv(desc.prefill_rows, desc.decode_rows));
}

/// A task in two registers: most of a plan's time is stores, and compilers
/// write the eight fields one by one.
struct TaskHalves {
  typedef int32_t Half __attribute__((vector_size(16)));
  Half first;  // seq, kv_head, q_tile, kv_begin
  Half second; // kv_end, partial_slot, merge_group, splits

  void store(kvcrt_task *task) const { std::memcpy(task, this, sizeof(*task)); }
  void nextHead() { first += Half{0, 1, 0, 0}; }
};
static_assert(sizeof(TaskHalves) == sizeof(kvcrt_task) &&
              offsetof(kvcrt_task, kv_head) == 4 &&
              offsetof(kvcrt_task, kv_end) == 16);

/// How spans are cut into tasks, and how tasks are ordered.
class Cuts {
public:
  /// `longest`: keys of the longest tile.
  Cuts(int64_t split, int64_t longest)
      : split_(split), longest_(std::clamp<int64_t>(longest, 1, split)),
        classesPerKey_(double(kClasses - 1) / double(longest_)) {}
  int64_t split() const { return split_; }
  /// Tasks that so many keys are cut into.
  int64_t pieces(int64_t keys) const {
    return keys <= split_ ? 1 : ceilDiv(keys, split_);
  }
  /// 0 for the longest; tasks are written class by class.
  int classOf(int64_t keys) const {
    return std::min(int(double(longest_ - keys) * classesPerKey_),
                    kClasses - 1);
  }

private:
  int64_t split_, longest_; // longest_: of the tasks
  double classesPerKey_;
};

class Planner {
public:
  Planner(const kvcrt_plan_desc &desc, int32_t numSeqs, const int32_t *indptr,
          const int32_t *kvLen, kvcrt_plan &plan)
      : desc_(desc), numSeqs_(numSeqs), indptr_(indptr), kvLen_(kvLen),
        plan_(plan) {}

  kvcrt_status run();

private:
  bool isDecoded(int32_t seq) const {
    return int64_t(indptr_[seq + 1]) - indptr_[seq] <= desc_.decode_tokens;
  }
  kvcrt_status findParts(Part &decode, Part &prefill) const;
  int64_t chooseSplit(const Part &part, const TileTotals &totals,
                      Tiles &tiles) const;
  kvcrt_status emit(const Part &part);

  const kvcrt_plan_desc &desc_;
  int32_t numSeqs_;
  const int32_t *indptr_, *kvLen_;
  kvcrt_plan &plan_;
};

kvcrt_status Planner::findParts(Part &decode, Part &prefill) const {
  bool bad = false;
  int64_t most = 0; // tokens that are decoded
  for (int32_t seq = 0; seq < numSeqs_; ++seq) {
    const int64_t tokens = int64_t(indptr_[seq + 1]) - indptr_[seq];
    const bool prefills = tokens > desc_.decode_tokens;
    bad |= tokens < 0 || (tokens > 0 && kvLen_[seq] < 0);
    decode.sequences += tokens > 0;
    prefill.sequences += prefills;
    most = std::max(most, prefills ? 0 : tokens);
  }
  if (bad)
    return KVCRT_INVALID_ARGUMENT;
  decode.sequences -= prefill.sequences;
  decode.end = numSeqs_;
  decode.oneTileEach = most * desc_.group <= desc_.decode_rows;
  if (prefill.sequences > 0) {
    prefill.end = numSeqs_;
    while (isDecoded(prefill.begin))
      ++prefill.begin;
    while (isDecoded(prefill.end - 1))
      --prefill.end;
  }
  return KVCRT_OK;
}

int64_t Planner::chooseSplit(const Part &part, const TileTotals &totals,
                             Tiles &tiles) const {
  const bool idle = totals.tiles * desc_.kv_heads < desc_.prefill_resident;
  if (!part.decode && (desc_.split_keys > 0 || !idle))
    return std::max<int64_t>(totals.longest, 1);
  if (desc_.split_keys > 0)
    return desc_.split_keys;
  const TileRunner runner = {
      desc_.kv_heads, desc_.tile_keys,
      part.decode ? desc_.decode_resident : desc_.prefill_resident,
      part.decode ? kSplitsPerBlock : kPrefillSplitsPerBlock};
  const SplitModel model(runner, totals);
  if (model.evenWithoutSplits())
    return model.uncut();
  Lengths lengths(totals);
  tiles.forEach([&](const Tile &tile) { lengths.add(tile.keys()); });
  lengths.close();
  return model.choose(lengths);
}

kvcrt_status Planner::emit(const Part &part) {
  Tiles tiles(desc_, indptr_, kvLen_, part);
  TileTotals totals;
  tiles.forEach([&](const Tile &tile) { totals.add(tile.keys()); });
  const Cuts cuts(chooseSplit(part, totals, tiles), totals.longest);

  const int32_t heads = desc_.kv_heads;
  const int32_t slotsOfTask = part.decode ? 1 : prefillSlots(desc_);
  int64_t counts[kClasses] = {}, total = 0, cutTiles = 0, cutPieces = 0;
  bool tooMany = false;
  tiles.forEach([&](const Tile &tile) {
    const int64_t pieces = cuts.pieces(tile.keys());
    total += pieces;
    int64_t last = tile.keys();
    if (pieces > 1) {
      tooMany |= pieces > KVCRT_PLAN_MAX_SPLITS;
      counts[0] += pieces - 1;
      cutPieces += pieces;
      ++cutTiles;
      last -= (pieces - 1) * cuts.split();
    }
    ++counts[cuts.classOf(last)];
  });
  const int64_t before = plan_.used.tasks;
  if (tooMany || before + total * heads > plan_.capacity.tasks ||
      plan_.used.slots + cutPieces * slotsOfTask * heads >
          plan_.capacity.slots ||
      plan_.used.groups + cutTiles * heads > plan_.capacity.groups)
    return KVCRT_CAPACITY_EXCEEDED;

  kvcrt_task *cursors[kClasses];
  kvcrt_task *at = plan_.tasks + before;
  for (int k = 0; k < kClasses; ++k) {
    cursors[k] = at;
    at += counts[k] * heads;
  }
  int32_t slot = plan_.used.slots, group = plan_.used.groups;
  tiles.forEach([&](const Tile &tile) {
    const int32_t pieces = int32_t(cuts.pieces(tile.keys()));
    if (pieces == 1) {
      kvcrt_task *&cursor = cursors[cuts.classOf(tile.keys())];
      kvcrt_task *task = cursor;
      cursor += heads;
      TaskHalves halves = {{tile.seq, 0, tile.index, tile.begin},
                           {tile.end, -1, -1, 1}};
      for (int32_t head = 0; head < heads; ++head, halves.nextHead())
        halves.store(&task[head]);
      return;
    }
    const int64_t lastBegin = tile.begin + (pieces - 1) * cuts.split();
    kvcrt_task *&cursor = cursors[cuts.classOf(tile.end - lastBegin)];
    for (int32_t head = 0; head < heads; ++head, ++group)
      for (int32_t k = 0; k < pieces; ++k, slot += slotsOfTask) {
        const bool last = k + 1 == pieces;
        const int32_t begin = int32_t(tile.begin + k * cuts.split());
        const TaskHalves halves = {
            {tile.seq, head, tile.index, begin},
            {last ? tile.end : int32_t(begin + cuts.split()), slot, group,
             pieces | k << 16}};
        // The last one's class may be that of the others.
        halves.store((last ? cursor : cursors[0])++);
      }
  });
  plan_.used.tasks += int32_t(total * heads);
  plan_.used.slots = slot;
  plan_.used.groups = group;
  (part.decode ? plan_.num_tasks : plan_.num_prefill_tasks) =
      int32_t(total * heads);
  return KVCRT_OK;
}

kvcrt_status Planner::run() {
  plan_.used = {};
  plan_.num_tasks = plan_.num_prefill_tasks = 0;
  plan_.decode_blocks = plan_.prefill_blocks = 0;
  Part decode = {true, desc_.decode_rows},
       prefill = {false, desc_.prefill_rows};
  if (kvcrt_status status = findParts(decode, prefill); status != KVCRT_OK)
    return status;
  plan_.appends = prefill.sequences == 0 && decode.oneTileEach;
  for (const Part *part : {&decode, &prefill})
    if (part->sequences > 0)
      if (kvcrt_status status = emit(*part); status != KVCRT_OK)
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
