/*===- kvcrt/plan.h - which block of a GPU attends to which keys -*- C -*-===*
 *
 * Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Splits the attention of one step into tasks (kvcrt_task) of about equal
 * work, on the host, from upper bounds of lengths. Needs no device and no
 * runtime: an engine with a pool of its own calls it as well.
 *
 *   kvcrt_plan_attend_sizes  once: how large the arrays have to be
 *   kvcrt_plan_attend        once per step; the plan serves all layers of a
 *                            cache group
 *
 * An engine on our runtime calls neither: it gives each cache group a
 * kvcrt_plan_desc and finds a kvcrt_attend_plan per layer in the step's view.
 *
 * What a task means (kernels and planner both go by this):
 *  - Rows: a KV head of a sequence with n new tokens has n x group rows, in
 *    tiles of decode_rows (n <= decode_tokens) or of prefill_rows.
 *  - Keys: task k of a group of tasks covers [kv_begin, kv_end). The first task
 *    (index 0) also covers every visible key below its kv_begin: the sinks, and
 *    what a window uncovers when kv_len turns out lower than the bound. No key
 *    at or beyond kv_len is touched.
 *  - Rows without any visible key have a task too: it writes zeros.
 *  - Partial results: a slot is decode_rows rows. A decode task has one, a
 *    prefill task prefill_rows / decode_rows (rounded up) from partial_slot on,
 *    so those of a group follow one another.
 *
 * Invariants
 *  - Every (row, visible key) is covered by exactly one task.
 *  - Nothing allocates; the work is linear in sequences and tasks.
 *  - With split_keys > 0 the tasks of a sequence depend on that sequence alone,
 *    so results are bitwise equal whatever else is in the batch. Prefill is
 * then not cut.
 *===----------------------------------------------------------------------===*/
#ifndef KVCRT_PLAN_H
#define KVCRT_PLAN_H

#include "kvcrt/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most tasks that share their rows. */
#define KVCRT_PLAN_MAX_SPLITS 256

typedef struct kvcrt_plan_desc {
  uint32_t struct_size;
  uint32_t abi_version;
  int32_t kv_heads;
  int32_t group; /* query heads per KV head */
  /* of the kernels that will run the plan (manifest: kernels) */
  int32_t decode_rows;
  int32_t prefill_rows;
  int32_t tile_keys; /* tasks begin at multiples of it */
  /* blocks of each kernel that the device runs at once: SMs x blocks per SM */
  int32_t decode_resident;
  int32_t prefill_resident;
  int32_t causal; /* a query sees no key after itself */
  int32_t window; /* 0 = none */
  int32_t sink_tokens;
  /* > 0: every split of decode has this many keys (a multiple of tile_keys) and
   * prefill has none; 0: splits are chosen for the batch */
  int32_t split_keys;
  /* sequences with at most so many new tokens are decoded, in as many tiles of
   * decode_rows as they need; the others are prefilled */
  int32_t decode_tokens;
} kvcrt_plan_desc;

typedef struct kvcrt_plan_sizes {
  int32_t tasks;  /* entries of tasks */
  int32_t slots;  /* of decode_rows rows each: split_out, split_state */
  int32_t groups; /* entries of counters */
  int32_t reserved0;
} kvcrt_plan_sizes;

typedef struct kvcrt_plan {
  /* in: room for sizes.tasks; out: the tasks, decode first */
  kvcrt_task *tasks;
  kvcrt_plan_sizes capacity; /* in */
  kvcrt_plan_sizes used;     /* out */
  int32_t num_tasks;         /* out, for the step header: decode tasks */
  int32_t num_prefill_tasks; /* out, likewise */
  /* out, for kvcrt_params: one block a task, at most what runs at once times
   * a few, so that the device evens out what the plan did not foresee */
  int32_t decode_blocks;
  int32_t prefill_blocks;
  /* out: nonzero where each sequence's rows of a KV head are one decode tile,
   * so that each new token lies in the keys of exactly one task, which may
   * append it (kvcrt_params.attend_appends) */
  int32_t appends;
  int32_t reserved0;
} kvcrt_plan;

/* A plan where kernels read it: what kvcrt_params needs besides a step and a
 * cache. The header is one of its own per cache group, since the numbers of
 * tasks are the group's; all else in it is as in the step's header. */
typedef struct kvcrt_attend_plan {
  const kvcrt_step_header *header;
  const kvcrt_task *tasks;
  int32_t *counters; /* zero between launches */
  /* Scratch of one launch, shared by steps and layers: launches that use it
   * follow one another on one stream. */
  float *split_out;
  float *split_state;
  int32_t decode_blocks;
  int32_t prefill_blocks;
  int32_t appends; /* see kvcrt_plan */
  int32_t reserved0;
} kvcrt_attend_plan;

/* Points `params` at the plan: step.header, tasks, counters, split_out,
 * split_state, decode_blocks and prefill_blocks. Whether attend appends stays
 * the caller's choice. */
void kvcrt_attend_plan_apply(const kvcrt_attend_plan *plan,
                             kvcrt_params *params);

/* Sizes that no step with at most max_seqs sequences, max_tokens new tokens
 * and max_kv_len keys a sequence exceeds. KVCRT_INVALID_ARGUMENT: a field of
 * `desc` is out of range; KVCRT_CAPACITY_EXCEEDED: the sizes do not fit int32
 * (longer split_keys help). */
kvcrt_status kvcrt_plan_attend_sizes(const kvcrt_plan_desc *desc,
                                     int32_t max_seqs, int32_t max_tokens,
                                     int32_t max_kv_len,
                                     kvcrt_plan_sizes *out_sizes);

/* Plans one step. qo_indptr: [num_seqs + 1] rows of the batch; kv_len:
 * [num_seqs] upper bounds, this step's tokens included; below the new tokens
 * the first of them see nothing, with 0 none does, and their rows have a task
 * that says so. Sequences without new tokens get no task.
 * KVCRT_INVALID_ARGUMENT: indptr decreases or a kv_len is negative;
 * KVCRT_CAPACITY_EXCEEDED: plan->capacity is too small; the plan's outputs are
 * then undefined. */
kvcrt_status kvcrt_plan_attend(const kvcrt_plan_desc *desc, int32_t num_seqs,
                               const int32_t *qo_indptr, const int32_t *kv_len,
                               kvcrt_plan *plan);

#ifdef __cplusplus
}
#endif

#endif /* KVCRT_PLAN_H */
