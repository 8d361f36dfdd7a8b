/*===- kvcrt/runtime.h - cache blocks, sequences and steps -===*
 *
 * Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The C API of the runtime: a device, a pool of cache blocks per cache group,
 * sequences with block tables, and steps (ragged batches) whose device arrays a
 * compiled kernel reads through kvcrt/abi.h. docs/runtime.md draws it.
 *
 *   kvcrt_device_create -> kvcrt_runtime_create -> kvcrt_sequence_create
 *   loop: kvcrt_step_begin   claims slots, fills the arrays   (all or nothing)
 *         kvcrt_step_submit  the step's place in the stream   (copies happen)
 *         ... kernels run on view.step and view.caches ...
 *         kvcrt_step_commit  tokens become permanent          (windows free)
 *         kvcrt_step_retire  freed blocks may be used again
 *
 * Conventions of every call
 *  - Returns a kvcrt_status; results go through out_ parameters, which are
 *    written only on KVCRT_OK. A call that fails changes nothing.
 *  - Units: tokens, blocks and rows are counted; sizes named bytes are bytes.
 *  - `message` / `message_size`: a caller's buffer for one line of text, always
 *    terminated; may be null. Written only on failure, so no state is shared.
 *  - Structures begin with struct_size and abi_version (KVCRT_ABI_VERSION); a
 *    wrong value is KVCRT_VERSION_MISMATCH. KVCRT_INIT(x) sets both and zeroes
 *    the rest.
 *  - Threads: a kvcrt_runtime holds one mutex; every call that takes a runtime
 *    may come from any thread at any time, and takes effect as a whole. A
 *    device's memory calls may come from any thread; its env serves one
 *    kernel at a time. Destroying is the caller's to order. What a step view
 *    points to is constant from begin to retire and is read without a lock.
 *===----------------------------------------------------------------------===*/
#ifndef KVCRT_RUNTIME_H
#define KVCRT_RUNTIME_H

#include "kvcrt/abi.h"
#include "kvcrt/plan.h"
#include "kvcrt/policy.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zeroes *x and sets its struct_size and abi_version. */
#define KVCRT_INIT(x) kvcrt_struct_init((x), (uint32_t)sizeof(*(x)))
void kvcrt_struct_init(void *structure, uint32_t struct_size);

/* The enumerator's name, e.g. "KVCRT_OUT_OF_BLOCKS"; never null. Takes what
 * kernels return. */
const char *kvcrt_status_string(int32_t status);

/*===-- Policies --===*/

/* Evaluates every row of kvcrt/legality.def. KVCRT_ILLEGAL_POLICY on the first
 * row that forbids the policy; message: "<label>: <pair>: <reason>; <fix>". */
kvcrt_status kvcrt_legality_check(const kvcrt_policy *policy, char *message,
                                  size_t message_size);

/* Fills table with [positions][rope->dim / 2] pairs {cos, sin}, computed in
 * double and rounded once. scaling none, linear (position / factor) and llama3
 * (Llama 3.1's per-frequency rule); KVCRT_UNSUPPORTED for the length-dependent
 * ones. table_size: floats that fit in table (>= positions * dim). */
kvcrt_status kvcrt_rope_table_fill(const kvcrt_rope_params *rope,
                                   int32_t positions, float *table,
                                   size_t table_size);

/*===-- Devices --===*/

typedef struct kvcrt_device kvcrt_device;

typedef enum kvcrt_device_kind {
  KVCRT_DEVICE_CPU = 0,
  /* addresses without memory, steps without kernels: schedulers and
   * bookkeeping at full size on a laptop */
  KVCRT_DEVICE_NULL = 1,
  /* this machine's memory, GPU kernels in the simulator (kvcrt/sim.h) */
  KVCRT_DEVICE_SIM = 2,
  /* an NVIDIA GPU (kvcrt/gpu.h); its driver is found when the device is
   * created, and needed by nothing else */
  KVCRT_DEVICE_CUDA = 3
} kvcrt_device_kind;

typedef enum kvcrt_memory_kind {
  KVCRT_MEMORY_PAYLOAD = 0, /* keys, values, weights, logits */
  KVCRT_MEMORY_CONTROL = 1  /* step arrays; the null device stores these too */
} kvcrt_memory_kind;

typedef struct kvcrt_device_desc {
  uint32_t struct_size;
  uint32_t abi_version;
  int32_t kind;        /* kvcrt_device_kind */
  int32_t num_workers; /* threads of parallel_for, the caller's counted;
                          0 = as many as the process may run on */
  void *log_context;
  void (*log)(void *context, int32_t level, const char *message); /* nullable */
  int32_t ordinal; /* cuda: which GPU, as CUDA_VISIBLE_DEVICES numbers them */
  int32_t reserved0;
  const char *driver; /* cuda: the driver's library; null = KVCRT_CUDA_DRIVER of
                         the environment, or libcuda.so.1 */
} kvcrt_device_desc;

/* KVCRT_INVALID_ARGUMENT: unknown kind, negative num_workers, or no GPU of that
 * ordinal. KVCRT_NOT_FOUND: no NVIDIA driver, or no GPU. KVCRT_UNSUPPORTED: the
 * driver is older than CUDA 12.0. */
kvcrt_status kvcrt_device_create(const kvcrt_device_desc *desc,
                                 kvcrt_device **out_device, char *message,
                                 size_t message_size);
/* Every runtime and allocation on the device must be gone; null is allowed. */
void kvcrt_device_destroy(kvcrt_device *device);

/* What compiled code is called with; the address stays the same for the
 * device's life. The null device's parallel_for runs nothing. */
const kvcrt_env *kvcrt_device_env(const kvcrt_device *device);
/* Makes env->workspace at least `bytes` (64-byte aligned); contents are lost.
 * Not while a kernel runs. KVCRT_OUT_OF_MEMORY leaves the old one in place. */
kvcrt_status kvcrt_device_reserve_workspace(kvcrt_device *device,
                                            uint64_t bytes);

/* kind: kvcrt_memory_kind. 128-byte aligned, zeroed. bytes = 0 gives
 * KVCRT_INVALID_ARGUMENT. */
kvcrt_status kvcrt_device_alloc(kvcrt_device *device, int32_t kind,
                                uint64_t bytes, void **out_address);
/* address: from kvcrt_device_alloc, or null. KVCRT_NOT_FOUND otherwise. */
kvcrt_status kvcrt_device_free(kvcrt_device *device, void *address);

/* Stream-ordered. `stream` is the device's own handle (cuda: a CUstream; null =
 * the default stream); cpu, null and sim have one stream, null, on which an
 * operation is complete when the call returns.
 * copy: device to device, regions must not overlap. update: host to device; the
 * source may be reused when the call returns. read: device to host, complete
 * on return. fill: every byte becomes `value`. */
kvcrt_status kvcrt_device_copy(kvcrt_device *device, void *destination,
                               const void *source, uint64_t bytes,
                               void *stream);
kvcrt_status kvcrt_device_update(kvcrt_device *device, void *destination,
                                 const void *host_source, uint64_t bytes,
                                 void *stream);
kvcrt_status kvcrt_device_read(kvcrt_device *device, void *host_destination,
                               const void *source, uint64_t bytes,
                               void *stream);
kvcrt_status kvcrt_device_fill(kvcrt_device *device, void *destination,
                               uint8_t value, uint64_t bytes, void *stream);
kvcrt_status kvcrt_device_synchronize(kvcrt_device *device, void *stream);

/*===-- The runtime: pools, tables, sequences --===*/

typedef struct kvcrt_runtime kvcrt_runtime;
/* Names one sequence of one runtime. Never reused: a released sequence's name
 * is answered by KVCRT_NOT_FOUND. 0 is no sequence. */
typedef uint64_t kvcrt_sequence;

/* Layers that share geometry and policy, and so one block table. */
typedef struct kvcrt_group_desc {
  kvcrt_policy policy;
  const int32_t *layers; /* [num_layers] index of each layer's kvcrt_cache in
                            step views (the manifest's "layers"); null = the
                            next indices in order */
  int32_t num_layers;
  int32_t num_blocks; /* 0 = this group's part of byte_budget */
  int32_t max_blocks; /* kvcrt_runtime_grow can reach it; 0 = num_blocks */
  int32_t reserved0;
  /* For kernels that take a plan (GPUs): steps then come with one. Null = the
   * kernels plan for themselves. kv_heads must be the policy's, and so must
   * window and sink_tokens where retention frees blocks. Copied. */
  const kvcrt_plan_desc *plan;
} kvcrt_group_desc;

typedef struct kvcrt_runtime_desc {
  uint32_t struct_size;
  uint32_t abi_version;
  kvcrt_device *device; /* outlives the runtime */
  const kvcrt_group_desc *groups;
  int32_t num_groups;
  int32_t max_live_seqs;       /* sequences that exist; 0 = 2 * max_seqs */
  int32_t max_steps_in_flight; /* begun and not retired; 0 = 2, at most 8 */
  int32_t max_logit_rows;      /* per step; 0 = max_seqs */
  uint64_t byte_budget;    /* for groups without num_blocks, divided so that all
                              of them run out at the same number of
                              sequences of max_kv_len tokens */
  kvcrt_capacity capacity; /* max_tokens and max_seqs of one step, max_kv_len of
                              one sequence; num_workers is not read */
} kvcrt_runtime_desc;

/* Reserves address space for max_blocks of every group and allocates the step
 * arrays; nothing is allocated per token later. Rope tables are filled here.
 * KVCRT_ILLEGAL_POLICY: a row of legality.def. KVCRT_UNSUPPORTED: a legal
 * policy that no engine runs yet. KVCRT_INVALID_ARGUMENT: a count or capacity,
 * a budget below one sequence's first block, or a group's plan.
 * KVCRT_CAPACITY_EXCEEDED: more splits than a plan may have. */
kvcrt_status kvcrt_runtime_create(const kvcrt_runtime_desc *desc,
                                  kvcrt_runtime **out_runtime, char *message,
                                  size_t message_size);
/* Frees everything, steps in flight included: their kernels must have ended. */
void kvcrt_runtime_destroy(kvcrt_runtime *runtime);

/* Adds blocks to a group, up to its max_blocks. No address changes; steps that
 * begin later see the new num_blocks. KVCRT_CAPACITY_EXCEEDED beyond
 * max_blocks, KVCRT_INVALID_ARGUMENT below the present number. */
kvcrt_status kvcrt_runtime_grow(kvcrt_runtime *runtime, int32_t group,
                                int32_t num_blocks);

typedef struct kvcrt_group_stats {
  uint32_t struct_size;
  uint32_t abi_version;
  int32_t blocks_total;
  int32_t blocks_used;        /* held by at least one sequence */
  int32_t blocks_free;        /* can be given out now */
  int32_t blocks_quarantined; /* freed, but a step in flight may still read
                                 them; total = used + free + quarantined */
  int32_t blocks_shared;      /* used by more than one sequence */
  int32_t blocks_used_peak;   /* since creation */
  int32_t block_tokens;
  int32_t num_layers;
  int64_t block_bytes;    /* all layers, K and V, scales, padding */
  int64_t tokens;         /* sum of the sequences' lengths */
  double bytes_per_token; /* block_bytes / block_tokens: padding included */
  double bytes_per_token_dense; /* the same without padding */
  int64_t bytes_used;           /* blocks_used * block_bytes */
  int64_t bytes_contiguous;     /* what contiguous-at-maximum would hold: live
                                   sequences * max length * bytes_per_token */
} kvcrt_group_stats;

typedef struct kvcrt_runtime_stats {
  uint32_t struct_size;
  uint32_t abi_version;
  int32_t num_groups;
  int32_t num_layers;
  int32_t live_seqs;
  int32_t steps_in_flight;
  int32_t max_length; /* tokens a sequence can reach: the least of max_kv_len,
                         every policy's max_positions and contiguous capacity */
  int32_t reserved0;
  uint64_t steps_begun;
  uint64_t blocks_copied; /* by copy on write */
  int64_t bytes_used;     /* sums over groups */
  int64_t bytes_contiguous;
  double bytes_per_token;
} kvcrt_runtime_stats;

/* out structures are initialised by KVCRT_INIT. */
kvcrt_status kvcrt_runtime_get_stats(kvcrt_runtime *runtime,
                                     kvcrt_runtime_stats *out_stats);
kvcrt_status kvcrt_group_get_stats(kvcrt_runtime *runtime, int32_t group,
                                   kvcrt_group_stats *out_stats);

/* Checks every invariant of pools, tables and steps (linear in their size): for
 * tests and debugging. KVCRT_CORRUPT with the first contradiction. */
kvcrt_status kvcrt_runtime_verify(kvcrt_runtime *runtime, char *message,
                                  size_t message_size);

/*===-- Sequences --===
 *
 *   index     0 ........ committed ........ computed ......... length
 *             | permanent | provisional      | has a slot, but  |
 *             |           | (a step wrote it)| no step covers it |
 *
 * Extend grows length, steps move computed, commit moves committed. Rollback
 * shortens from the right: all that is not committed, and of the committed
 * tokens as many as policy.rollback allows below the highest commit so far (the
 * least over the groups whose retention frees blocks). Blocks that no query
 * after such a rollback could see are given back on commit.
 *===----------------------------------------------------------------------===*/

typedef struct kvcrt_sequence_info {
  uint32_t struct_size;
  uint32_t abi_version;
  int32_t length;
  int32_t computed;
  int32_t committed;
  int32_t shortest; /* the length that rollback can reach */
} kvcrt_sequence_info;

/* An empty sequence; holds no block. KVCRT_CAPACITY_EXCEEDED: max_live_seqs. */
kvcrt_status kvcrt_sequence_create(kvcrt_runtime *runtime,
                                   kvcrt_sequence *out_sequence);

/* Claims slots for `tokens` more tokens in every group, or in none.
 * KVCRT_OUT_OF_BLOCKS; KVCRT_CAPACITY_EXCEEDED beyond max_length;
 * KVCRT_INVALID_ARGUMENT for tokens < 1. Steps extend by themselves: this call
 * is for a scheduler that wants a whole prompt's room before its first chunk;
 * after a fork the first of the chunks may need one block more.
 */
kvcrt_status kvcrt_sequence_extend(kvcrt_runtime *runtime,
                                   kvcrt_sequence sequence, int32_t tokens);

/* The next `accepted` computed tokens become permanent (0 is allowed); others
 * stay provisional. KVCRT_INVALID_ARGUMENT for more than there are. */
kvcrt_status kvcrt_sequence_commit(kvcrt_runtime *runtime,
                                   kvcrt_sequence sequence, int32_t accepted);

/* Takes the newest `tokens` back. KVCRT_INVALID_ARGUMENT beyond `shortest`. */
kvcrt_status kvcrt_sequence_rollback(kvcrt_runtime *runtime,
                                     kvcrt_sequence sequence, int32_t tokens);

/* A sequence with the computed tokens of `sequence`, all blocks shared. The
 * first of the sharers that writes into a shared block gets a copy of its own:
 * a step of either may then need one more block. KVCRT_UNSUPPORTED with a
 * contiguous group; KVCRT_CAPACITY_EXCEEDED: max_live_seqs. */
kvcrt_status kvcrt_sequence_fork(kvcrt_runtime *runtime,
                                 kvcrt_sequence sequence,
                                 kvcrt_sequence *out_sequence);

/* Gives all blocks back (quarantined while steps are in flight). */
kvcrt_status kvcrt_sequence_release(kvcrt_runtime *runtime,
                                    kvcrt_sequence sequence);

kvcrt_status kvcrt_sequence_get_info(kvcrt_runtime *runtime,
                                     kvcrt_sequence sequence,
                                     kvcrt_sequence_info *out_info);

/* The live sequences, oldest name first. Writes at most `capacity` names;
 * *out_count is the number there are. out_sequences may be null if capacity is
 * 0. */
kvcrt_status kvcrt_sequence_list(kvcrt_runtime *runtime,
                                 kvcrt_sequence *out_sequences,
                                 int32_t capacity, int32_t *out_count);

/* The block table of one group: entry j holds tokens [j * block, (j+1) *
 * block); -1 where retention has freed it. Counted as in kvcrt_sequence_list.
 */
kvcrt_status kvcrt_sequence_get_blocks(kvcrt_runtime *runtime,
                                       kvcrt_sequence sequence, int32_t group,
                                       int32_t *out_blocks, int32_t capacity,
                                       int32_t *out_count);

/*===-- Steps --===*/

typedef enum kvcrt_logits {
  KVCRT_LOGITS_LAST = 0, /* the sequence's last new token */
  KVCRT_LOGITS_ALL = 1,  /* every new token: scoring, speculative decoding */
  KVCRT_LOGITS_NONE = 2  /* a chunk in the middle of a prompt */
} kvcrt_logits;

typedef struct kvcrt_step_entry {
  kvcrt_sequence sequence;
  int32_t new_tokens; /* >= 1 */
  int32_t logits;     /* kvcrt_logits */
} kvcrt_step_entry;

/* One step in flight. The arrays behind `step` and `caches` have fixed
 * addresses per slot; a slot is used by one step at a time. Row s of every
 * array is entry s of the list given to begin; tokens follow in the same order.
 * An entry that keeps its row from step to step costs least: only what is new
 * is written. */
typedef struct kvcrt_step_view {
  uint32_t struct_size;
  uint32_t abi_version;
  uint64_t id;  /* names the step in the calls below; never reused */
  int32_t slot; /* [0, max_steps_in_flight) */
  int32_t num_caches;
  const kvcrt_step *step;
  const kvcrt_cache
      *caches; /* [num_caches], in the order of kvcrt_group_desc.layers */
  /* [num_caches] for groups with a kvcrt_plan_desc, zero for others; null when
   * there is none. One scratch serves all steps: their kernels run on one
   * stream. */
  const kvcrt_attend_plan *plans;
  /* The step's arrays where the host reads them: `step` itself, or, on a device
   * with memory of its own, what submit copies to it. */
  const kvcrt_step *host_step;
} kvcrt_step_view;

/* Starts a step: each entry's next new_tokens tokens (extending the sequence
 * where it has fewer uncomputed ones). All or nothing over entries and groups.
 * May run beside the kernels of earlier steps.
 *   KVCRT_OUT_OF_BLOCKS      retire a step in flight, release a sequence, or
 * grow KVCRT_BUSY               max_steps_in_flight steps are in flight
 *   KVCRT_CAPACITY_EXCEEDED  max_seqs, max_tokens, max_logit_rows or max_length
 *   KVCRT_INVALID_ARGUMENT   an empty list, new_tokens < 1, a sequence twice
 *   KVCRT_NOT_FOUND          an entry names no live sequence */
kvcrt_status kvcrt_step_begin(kvcrt_runtime *runtime,
                              const kvcrt_step_entry *entries,
                              int32_t num_entries, kvcrt_step_view *out_view,
                              char *message, size_t message_size);

/* Blocks that begin would claim now, per group, and the blocks that are free:
 * what a scheduler needs to choose victims before anything changes. Both arrays
 * [num_groups], nullable. Errors as begin's, without OUT_OF_BLOCKS and BUSY. */
kvcrt_status kvcrt_step_query(kvcrt_runtime *runtime,
                              const kvcrt_step_entry *entries,
                              int32_t num_entries, int32_t *out_needed,
                              int32_t *out_free);

/* The step's place in the stream: copies on write that it needs are done (cpu,
 * null) or enqueued here, and its kernels must follow on the same stream, after
 * those of every earlier step. Steps are submitted in the order they began:
 * KVCRT_INVALID_ARGUMENT otherwise, or for a second time. */
kvcrt_status kvcrt_step_submit(kvcrt_runtime *runtime, uint64_t step,
                               void *stream);

/* Takes a step back that is not submitted and is the newest: its tokens
 * are rolled back, with all that was claimed behind them.
 * KVCRT_INVALID_ARGUMENT otherwise, or if some of them were committed or
 * forked already.
 */
kvcrt_status kvcrt_step_cancel(kvcrt_runtime *runtime, uint64_t step);

/* Commits accepted[s] of entry s's tokens and takes its others back; null = all
 * are accepted. Once per step, at any time after submit and before retire.
 * Entries whose sequence was released meanwhile are passed over. All or
 * nothing: KVCRT_INVALID_ARGUMENT if an entry's tokens are not the sequence's
 * next to commit, if accepted[s] is outside [0, new_tokens], or if tokens to
 * take back are not its newest. */
kvcrt_status kvcrt_step_commit(kvcrt_runtime *runtime, uint64_t step,
                               const int32_t *accepted);

/* The step's kernels have ended: its slot is free, and blocks freed while it
 * was in flight return once no older step is. Steps may retire in any order;
 * tokens that are not committed stay provisional. KVCRT_INVALID_ARGUMENT if it
 * was never submitted. */
kvcrt_status kvcrt_step_retire(kvcrt_runtime *runtime, uint64_t step);

/* The kvcrt_error bits that kernels set since begin; none before submit. The
 * kernels must have ended. A device with memory of its own is asked on the
 * stream that the step was submitted to, behind all that it has got since:
 * who cannot wait copies kvcrt_cache.error_word behind the kernels. */
kvcrt_status kvcrt_step_get_errors(kvcrt_runtime *runtime, uint64_t step,
                                   int32_t *out_errors);

#ifdef __cplusplus
}
#endif

#endif /* KVCRT_RUNTIME_H */
