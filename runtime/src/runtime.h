//===- runtime.h - groups, sequences and steps under one lock -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   kvcrt_runtime
//   |- groups_     pool (blocks, references, quarantine) + tables + layout
//   |- sequences_  lengths; a slot's number is its row in every group's tables
//   |- slots_      step arrays and the record of the step that uses them
//   |- pending_    copies on write that the next step to begin will make
//
// A call first plans (reads only, may fail), then applies (cannot fail): that
// is what makes every call all or nothing. One mutex guards everything below;
// what is marked constant is read without it.
//
// Files: runtime_create.cpp (descriptors -> groups, budget), sequence.cpp
// (create .. release), step_plan.cpp (what begin needs, attention as tasks),
// step.cpp (begin .. retire), stats.cpp (stats, verify).
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_RUNTIME_H
#define KVCRT_SRC_RUNTIME_H

#include "cow.h"
#include "sequence.h"
#include "step_arrays.h"

#include <mutex>

namespace kvcrt {

struct Group {
  kvcrt_policy policy;         // constant
  GroupLayout layout;          // constant
  std::vector<int32_t> layers; // constant: index of each layer's kvcrt_cache
  const float *ropeTable = nullptr; // constant; device memory, may be shared
  kvcrt_plan_desc plan = {};        // constant; struct_size 0 = none
  kvcrt_plan_sizes planSizes = {};  // constant
  BlockPool pool;
  BlockTable table;
};

/// One entry of a step in flight.
struct StepRecord {
  kvcrt_sequence sequence;
  int32_t start;  // index of its first token
  int32_t tokens; // that still stand: rollback shortens it
};

/// What a plan found out about an entry, for begin to apply.
struct PlannedRow {
  int32_t index; // slot of the sequence
  int32_t start; // its computed tokens
  int32_t tokens;
  bool fresh; // its row in the step slot holds another sequence's entries
};

struct StepSlot {
  StepArrays arrays;
  std::vector<kvcrt_cache> caches;      // in the order of Group::layers
  std::vector<kvcrt_attend_plan> plans; // likewise; empty without any plan
  std::vector<StepRecord> records;      // rows of this step
  std::vector<kvcrt_sequence> rowOwner; // [maxSeqs] whose entries a row holds
  std::vector<int32_t> rowOf; // [max_live_seqs] row that a sequence's tables
                              // were last brought up to date in
  CopyQueue copies;
  void *stream = nullptr; // that it was submitted to
  uint64_t id = 0;        // 0 = free
  bool submitted = false;
  bool committed = false;
  bool forked = false; // a fork holds tokens that this step will write
};

} // namespace kvcrt

/// The C API's opaque runtime.
struct kvcrt_runtime {
  explicit kvcrt_runtime(kvcrt_device &device) : device_(device) {}
  ~kvcrt_runtime();

  // Called once, before anybody else knows the runtime.
  kvcrt_status create(const kvcrt_runtime_desc &desc, kvcrt::Message message);

  // Each takes the lock; see kvcrt/runtime.h for what they promise.
  kvcrt_status grow(int32_t group, int32_t numBlocks);
  kvcrt_status createSequence(kvcrt_sequence *out);
  kvcrt_status extend(kvcrt_sequence name, int32_t tokens);
  kvcrt_status commit(kvcrt_sequence name, int32_t accepted);
  kvcrt_status rollback(kvcrt_sequence name, int32_t tokens);
  kvcrt_status fork(kvcrt_sequence name, kvcrt_sequence *out);
  kvcrt_status release(kvcrt_sequence name);
  kvcrt_status info(kvcrt_sequence name, kvcrt_sequence_info *out);
  kvcrt_status list(kvcrt_sequence *out, int32_t capacity, int32_t *count);
  kvcrt_status blocks(kvcrt_sequence name, int32_t group, int32_t *out,
                      int32_t capacity, int32_t *count);
  kvcrt_status beginStep(const kvcrt_step_entry *entries, int32_t count,
                         kvcrt_step_view *out, kvcrt::Message message);
  kvcrt_status queryStep(const kvcrt_step_entry *entries, int32_t count,
                         int32_t *needed, int32_t *free);
  kvcrt_status submitStep(uint64_t id, void *stream);
  kvcrt_status cancelStep(uint64_t id);
  kvcrt_status commitStep(uint64_t id, const int32_t *accepted);
  kvcrt_status retireStep(uint64_t id);
  kvcrt_status stepErrors(uint64_t id, int32_t *out);
  kvcrt_status stats(kvcrt_runtime_stats *out);
  kvcrt_status groupStats(int32_t group, kvcrt_group_stats *out);
  kvcrt_status verify(kvcrt::Message message);

private:
  // runtime_create.cpp
  kvcrt_status createGroup(const kvcrt_group_desc &desc, int32_t index,
                           kvcrt::Message message);
  kvcrt_status assignLayers(const kvcrt_runtime_desc &desc,
                            kvcrt::Message message);
  kvcrt_status dividePools(const kvcrt_runtime_desc &desc,
                           kvcrt::Message message);
  kvcrt_status fillRopeTable(kvcrt::Group &group, kvcrt::Message message);
  kvcrt_status checkPlan(const kvcrt_plan_desc &desc, int32_t index,
                         kvcrt::Message message);
  kvcrt_status createScratch(kvcrt::Message message);
  kvcrt_status createSlot(kvcrt::StepSlot &slot);

  // sequence.cpp
  /// Whether `sequence` would write next into a block that others hold too;
  /// sets the index of that table entry. That can only be where `computed` lies
  /// inside a block: fork shares blocks below `computed` alone, and rollback
  /// drops the blocks behind it.
  static bool writesShared(const kvcrt::Sequence &sequence, int32_t index,
                           const kvcrt::Group &group, int32_t &entry) {
    if (!sequence.mayShare || group.table.offsetOf(sequence.computed) == 0)
      return false;
    entry = group.table.blockOf(sequence.computed);
    return group.pool.references(group.table.blockAt(index, entry)) > 1;
  }
  void commitTokens(kvcrt::Sequence &sequence, int32_t index,
                    int32_t accepted) {
    sequence.committed += accepted;
    if (rollback_ < 0)
      return; // no group frees anything
    sequence.raiseFloor(rollback_);
    for (kvcrt::Group &group : groups_)
      if (sequence.floor >= group.table.row(index).freeAt)
        group.table.retain(index, sequence.floor, group.pool, newestInFlight());
  }
  void truncate(kvcrt::Sequence &sequence, int32_t index, int32_t length);
  /// The record of a sequence in the step that uses a slot, or null.
  kvcrt::StepRecord *recordOf(int32_t index, size_t slot);
  /// The least length that rollback may leave.
  int32_t shortest(const kvcrt::Sequence &sequence) const {
    return rollback_ < 0 ? 0 : sequence.floor;
  }

  // step_plan.cpp
  kvcrt_status plan(const kvcrt_step_entry *entries, int32_t count,
                    kvcrt::Message message);
  kvcrt_status planAttention(kvcrt::StepSlot &slot, kvcrt::Message message);
  // step.cpp
  void fillRows(const kvcrt_step_entry *entries, kvcrt::StepSlot &slot);
  void fillGroup(kvcrt::StepSlot &slot, int32_t slotIndex, int32_t group);
  kvcrt::StepSlot *findStep(uint64_t id);
  uint64_t newestInFlight() const { return inFlight_ ? newestStep_ : 0; }
  void leaveFlight(kvcrt::StepSlot &slot);

  kvcrt_device &device_;            // constant
  kvcrt_capacity capacity_ = {};    // constant
  int32_t maxLength_ = 0;           // constant: tokens a sequence can reach
  int32_t maxLogitRows_ = 0;        // constant
  int32_t numCaches_ = 0;           // constant
  int32_t rollback_ = -1;           // constant; -1: no group frees blocks
  bool contiguous_ = false;         // constant: a group forbids fork
  std::vector<float *> ropeTables_; // constant; owner: this, device memory
  // Constant, device memory, owner: this; null without plans. One for all steps
  // and groups: their kernels follow one another on one stream.
  void *counters_ = nullptr, *splitOut_ = nullptr, *splitState_ = nullptr;

  std::mutex mutex_; // guards all that follows, and what it contains
  std::vector<kvcrt::Group> groups_; // never resized: pools do not move
  kvcrt::SequenceTable sequences_;
  std::vector<kvcrt::StepSlot> slots_; // never resized
  kvcrt::CopyQueue pending_;
  std::vector<kvcrt::PlannedRow> planned_; // [entries] of the last plan
  std::vector<int32_t> needed_; // [groups] blocks that the last plan takes
  std::vector<int32_t> tableEntries_; // [groups] scratch of submit
  uint64_t plan_ = 0;                 // number of the last plan
  uint64_t newestStep_ = 0;           // number of the last step begun
  uint64_t copied_ = 0;               // blocks copied on write
  int64_t tokens_ = 0;                // sum of the sequences' lengths
  int32_t inFlight_ = 0;
};

#endif // KVCRT_SRC_RUNTIME_H
