/*===- kvcrt/abi.h - the contract between compiled code and its runtime -===*
 *
 * Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What compiled kernels and compiled models take, in plain C11 without an
 * allocation or a function definition. The compiler includes this file and
 * addresses fields by offsetof; a runtime (ours or a foreign one) fills the
 * structures. docs/abi.md draws it; docs/decisions/0001-abi-dry-run.md shows
 * ten real systems expressed in it.
 *
 * Invariants
 *  - By value go only addresses, strides and model constants. Everything that
 *    changes from step to step is device data behind a fixed address, so that
 *    a captured launch can be replayed with other lengths.
 *  - Token and block ids, lengths and offsets inside a block are int32;
 *    strides are int64 and count BYTES, so that int4 rows need no special case.
 *    block id x stride is computed in 64 bits.
 *  - kv_len includes this step's tokens. Query i of the n queries that a
 *    sequence has in this step has index kv_len - n + i. Masks, windows and
 *    sinks are about indices; RoPE and ALiBi are about positions.
 *  - Slots at or beyond kv_len may hold any bits, NaN included: a kernel
 *    selects, it never multiplies by zero.
 *  - kv_len = 0 gives out = 0 and lse = -inf.
 *  - The innermost dimension (head_dim) is always contiguous.
 *
 * Versioning: every structure begins with its size and KVCRT_ABI_VERSION. Code
 * that finds another version returns KVCRT_VERSION_MISMATCH and touches
 * nothing else.
 *===----------------------------------------------------------------------===*/
#ifndef KVCRT_ABI_H
#define KVCRT_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KVCRT_ABI_VERSION 2u

/* Most tensors that a score region can capture, and their highest rank. */
#define KVCRT_MAX_CAPTURES 4
#define KVCRT_MAX_CAPTURE_RANK 4

/* What a call answers. Zero is success; running out of blocks is an answer,
 * not a failure of the program. */
typedef enum kvcrt_status {
  KVCRT_OK = 0,
  /* the pool has fewer free blocks than asked for */
  KVCRT_OUT_OF_BLOCKS = 1,
  /* a value outside what the call documents */
  KVCRT_INVALID_ARGUMENT = 2,
  /* struct_size or abi_version is not ours */
  KVCRT_VERSION_MISMATCH = 3,
  /* more tokens, sequences or positions than promised */
  KVCRT_CAPACITY_EXCEEDED = 4,
  /* ask the _workspace function for the size */
  KVCRT_WORKSPACE_TOO_SMALL = 5,
  /* legal, but not by this build, device or CPU */
  KVCRT_UNSUPPORTED = 6,
  /* no such sequence, symbol, file or parameter */
  KVCRT_NOT_FOUND = 7,
  KVCRT_BUSY = 8, /* too many steps in flight */
  /* host or device memory, not cache blocks */
  KVCRT_OUT_OF_MEMORY = 9,
  /* bounds or checksum of an artefact are wrong */
  KVCRT_CORRUPT = 10,
  KVCRT_IO_ERROR = 11,
  KVCRT_DEVICE_ERROR = 12,
  KVCRT_ILLEGAL_POLICY = 13 /* a row of legality.def forbids the pair */
} kvcrt_status;

/* One piece of a parallel loop. `worker` is in [0, num_workers). */
typedef void (*kvcrt_task_fn)(void *closure, int64_t index, int32_t worker);

struct kvcrt_params;
struct kvcrt_env;

/* Replaces the kernels of a compiled model, one call per layer: how
 * `kvc-run --check` puts the double-precision reference in their place. A null
 * function leaves that kernel alone. */
typedef struct kvcrt_hooks {
  void *context;
  int32_t (*append)(void *context, const struct kvcrt_env *env,
                    const struct kvcrt_params *params);
  int32_t (*attend)(void *context, const struct kvcrt_env *env,
                    const struct kvcrt_params *params);
} kvcrt_hooks;

/*===-- GPU kernels: what compiled host code hands to a device --===*/

/* What an image is, and so which device can take it. */
typedef enum kvcrt_image_kind {
  KVCRT_IMAGE_PTX = 0,   /* NUL-terminated text; the driver assembles it */
  KVCRT_IMAGE_CUBIN = 1, /* for exactly one chip */
  /* data is a kvcrt_sim_kernel (kvcrt/sim.h), one kernel by itself */
  KVCRT_IMAGE_SIM = 2
} kvcrt_image_kind;

typedef struct kvcrt_image {
  int32_t kind; /* kvcrt_image_kind */
  int32_t sm;   /* compute capability: 90 */
  const void *data;
  uint64_t size;    /* bytes */
  const char *chip; /* "sm_90a" */
} kvcrt_image;

/* One GPU kernel of an artefact: constant data, identified by its address. */
typedef struct kvcrt_kernel {
  uint32_t struct_size;
  uint32_t abi_version;
  const char *name;      /* of the function in its images */
  uint32_t threads;      /* of a block, in one dimension */
  uint32_t shared_bytes; /* dynamic shared memory of a block */
  /* best first: a device takes the first that it can run */
  const kvcrt_image *images;
  uint32_t num_images;
  uint32_t reserved0;
} kvcrt_kernel;

/* One launch. `params` is the kernel's one parameter, by value, copied before
 * the call returns. */
typedef struct kvcrt_launch {
  uint32_t struct_size;
  uint32_t abi_version;
  const kvcrt_kernel *kernel;
  uint32_t grid[3]; /* blocks; none of them 0 */
  uint32_t reserved0;
  const void *params;
  uint64_t params_size; /* bytes */
} kvcrt_launch;

/* What host code may use while it runs. Compiled code calls nothing else: it
 * does not allocate, has no libm and no threads of its own. */
typedef struct kvcrt_env {
  uint32_t struct_size;
  uint32_t abi_version;
  void *context; /* handed to parallel_for and log */
  /* Runs body(closure, i, worker) for all i in [0, count), in any order and on
   * any of num_workers threads; returns when all are done. */
  void (*parallel_for)(void *context, int64_t count, kvcrt_task_fn body,
                       void *closure);
  int32_t num_workers;
  int32_t reserved0;
  void *workspace;         /* 64-byte aligned scratch, contents undefined */
  uint64_t workspace_size; /* bytes */
  /* nullable */
  void (*log)(void *context, int32_t level, const char *message);
  const kvcrt_hooks *hooks; /* nullable */
  /* Enqueues a GPU kernel on `stream` and answers a kvcrt_status; null where
   * the device runs none. */
  int32_t (*launch)(void *context, const struct kvcrt_env *env,
                    const kvcrt_launch *launch);
  void *stream; /* the device's own notion; null = its default */
} kvcrt_env;

/* What the caller promises never to exceed; sizes the workspace. */
typedef struct kvcrt_capacity {
  uint32_t struct_size;
  uint32_t abi_version;
  /* new tokens in one step, over all sequences */
  int32_t max_tokens;
  int32_t max_seqs; /* sequences in one step */
  /* tokens of one sequence, this step's included */
  int32_t max_kv_len;
  int32_t num_workers;
} kvcrt_capacity;

/*===-- The step: one ragged batch --===*/

/* Device data at a fixed address: the numbers that change from step to step. */
typedef struct kvcrt_step_header {
  int32_t num_seqs;
  int32_t num_tokens; /* qo_indptr[num_seqs] */
  int32_t num_logit_rows;
  /* leading entries of kvcrt_params.tasks, for attend's decode kernel; 0 when
   * kernels plan for themselves */
  int32_t num_tasks;
  /* upper bounds over the sequences of this step */
  int32_t max_q_len;
  int32_t max_kv_len;
  /* entries behind them, for attend's prefill kernel */
  int32_t num_prefill_tasks;
  int32_t reserved[9];
} kvcrt_step_header;

typedef struct kvcrt_step {
  uint32_t struct_size;
  uint32_t abi_version;
  const kvcrt_step_header *header;
  /* [max_seqs + 1] first token row of each sequence */
  const int32_t *qo_indptr;
  /* [max_seqs] tokens held after this step's append */
  const int32_t *kv_len;
  /* [max_tokens] position of each new token */
  const int32_t *positions;
  /* [max_tokens] row of qo_indptr each token is of */
  const int32_t *token_seq;
  /* [max_logit_rows] token rows whose logits are wanted */
  const int32_t *logit_rows;
  int32_t max_seqs; /* capacities of the arrays above */
  int32_t max_tokens;
  int32_t max_logit_rows;
  int32_t reserved0;
} kvcrt_step;

/*===-- The cache: one layer's keys and values --===*/

/* K or V of one layer. Address of a row's payload:
 *   payload + block * block_stride + head * head_stride + slot * token_stride
 * with slot in [0, block_size); NHD and HND differ only in strides. Scales and
 * zero points live in planes of their own, addressed in the same way. */
typedef struct kvcrt_plane {
  void *payload; /* the layer's offset is already added */
  int64_t block_stride;
  int64_t head_stride;
  int64_t token_stride;
  int64_t layer_stride; /* payload(layer + 1) - payload(layer) */
  void *scale;          /* null when the storage has none */
  /* null when symmetric; strides are the scale's */
  void *zero_point;
  int64_t scale_block_stride;
  int64_t scale_head_stride;
  int64_t scale_token_stride; /* per token, or per token group */
  int64_t scale_layer_stride;
  /* newest tokens, not yet quantised; null when none */
  void *residual;
  int64_t residual_seq_stride;
  int64_t residual_head_stride;
  int64_t residual_token_stride;
  /* [max_seqs] newest tokens of each sequence that are in the residual */
  const int32_t *residual_len;
} kvcrt_plane;

/* One number per (KV head, slot), kept beside the payload of a cache that
 * evicts: data + block * block_stride + head * head_stride + slot *
 * token_stride. */
typedef struct kvcrt_slot_plane {
  void *data; /* null when the policy needs none */
  int64_t block_stride;
  int64_t head_stride;
  int64_t token_stride;
} kvcrt_slot_plane;

typedef struct kvcrt_cache {
  uint32_t struct_size;
  uint32_t abi_version;
  kvcrt_plane key;
  kvcrt_plane value;
  /* [max_seqs][block_table_stride]: entry (s, j) is the block that holds tokens
   * [j * block_size, (j + 1) * block_size) of sequence s. Never read: entries
   * from ceil(kv_len / block_size) on, and those before first_block[s] unless
   * the block holds a sink (j * block_size < sink_tokens). */
  const int32_t *block_table;
  int64_t block_table_stride; /* entries, not bytes */
  /* [max_tokens] block * block_size + offset; -1 = skip */
  const int32_t *slot_mapping;
  /* [max_seqs] first block that a window has not freed; null = 0 */
  const int32_t *first_block;
  /* [max_seqs] position = index + offset; null = 0 */
  const int32_t *position_offset;
  /* [rope_positions][rope_dim / 2] pairs {cos, sin}, 16-byte aligned on a GPU;
   * null when the policy's position is not rope. kvcrt_rope_table_fill computes
   * it in double. */
  const float *rope_table;
  int32_t rope_positions;
  int32_t block_size;
  int32_t num_blocks; /* of the pool: ids are in [0, num_blocks) */
  int32_t layer;      /* index of this layer within its cache group */
  /* a kernel ors kvcrt_error bits into it; nullable */
  int32_t *error_word;
  /* [max_seqs] row of the residual planes that each sequence owns; token j of
   * it stands at row slot j mod residual_capacity. Null when there is none. */
  const int32_t *residual_slot;
  int32_t residual_capacity; /* tokens per residual row */
  int32_t reserved0;
  /* Caches that evict: slots held per sequence (null = kv_len), the index that
   * each held token had, i32, and its accumulated score, f32. */
  const int32_t *held_len; /* [max_seqs] */
  kvcrt_slot_plane kept_index;
  kvcrt_slot_plane score;
} kvcrt_cache;

/* Bits of the error word: what a kernel met and could not report otherwise. */
enum {
  /* a NaN reached a quantising append */
  KVCRT_ERROR_NAN_INPUT = 1 << 0,
  /* a position outside the rope table */
  KVCRT_ERROR_POSITION_RANGE = 1 << 1,
  KVCRT_ERROR_BLOCK_RANGE = 1 << 2 /* a block id outside [0, num_blocks) */
};

/*===-- Kernel parameters --===*/

/* Rows of [token][head][dim]; strides in bytes; dim contiguous. */
typedef struct kvcrt_tensor {
  void *data;
  int64_t token_stride;
  int64_t head_stride;
} kvcrt_tensor;

/* One unit of attention work, for engines that take a plan from the host
 * (kvcrt_plan_attend): rows [q_tile * tile_rows, ...) of the n x group rows
 * that a KV head of a sequence has, against keys [kv_begin, kv_end). Row r is
 * query token r / group, query head kv_head * group + r % group. */
typedef struct kvcrt_task {
  int32_t seq;
  int32_t kv_head;
  int32_t q_tile;
  int32_t kv_begin; /* a multiple of the tile's keys */
  int32_t kv_end;   /* an upper bound; kernels clamp it to kv_len */
  /* -1: the only task of its rows, writes out and lse itself; else the place of
   * its partial result in split_out and split_lse */
  int32_t partial_slot;
  /* Tasks of the same rows: they count their arrivals in counters[merge_group],
   * and the last one folds the num_splits partials from first slot on, in the
   * order of slots. */
  int32_t merge_group;
  /* number of tasks of the group | index of this one in it << 16 */
  int32_t splits;
} kvcrt_task;

typedef struct kvcrt_tensor_map {
  /* CUtensorMap; only a device makes or reads it */
  uint8_t opaque[128];
} kvcrt_tensor_map;

/* A tensor that a score region reads; strides in bytes. */
typedef struct kvcrt_capture {
  const void *data;
  int64_t shape[KVCRT_MAX_CAPTURE_RANK];
  int64_t stride[KVCRT_MAX_CAPTURE_RANK];
} kvcrt_capture;

/* The one parameter block of append, attend and merge. A field that a variant
 * does not use is never read and may hold anything. */
typedef struct kvcrt_params {
  uint32_t struct_size;
  uint32_t abi_version;
  kvcrt_step step;
  kvcrt_cache cache;

  kvcrt_tensor query;   /* [num_tokens][q_heads][key head_dim] */
  kvcrt_tensor out;     /* [num_tokens][q_heads][value head_dim] */
  kvcrt_tensor new_key; /* [num_tokens][kv_heads][key head_dim] */
  /* [num_tokens][kv_heads][value head_dim] */
  kvcrt_tensor new_value;

  float scale;   /* multiplies q.k before everything else */
  float softcap; /* c of c * tanh(score / c) */
  /* W: key j is visible to query i iff 0 <= i - j < W */
  int32_t window;
  int32_t sink_tokens; /* keys j < sink_tokens are visible as well */
  /* [q_heads] learned; enter the denominator once */
  const float *sink_logits;
  const float *alibi_slopes; /* [q_heads] */

  /* Dense mask: row t (token), column j (key index of t's own sequence);
   * additive f32 or one byte per entry (nonzero = visible). Packed mask: for
   * sequence s with f = mask_first_column[s] (null = 0), key j >= f of the
   * query in row r of the sequence is bit r * (kv_len - f) + (j - f) from byte
   * mask_indptr[s] on, low bit first; keys below f are visible. */
  const void *mask;
  int64_t mask_token_stride;        /* bytes; dense only */
  int64_t mask_head_stride;         /* bytes; 0 = the same for all heads */
  const int32_t *mask_indptr;       /* [max_seqs + 1] packed only */
  const int32_t *mask_first_column; /* [max_seqs] packed only */
  /* dense only; kv_len beyond it is KVCRT_INVALID_ARGUMENT */
  int32_t mask_columns;
  /* GPU variants: nonzero = attend also appends (new_key, new_value,
   * slot_mapping), in the launch that reads what it wrote, so that the step
   * needs no launch of append. Only for steps whose plan says `appends`;
   * KVCRT_INVALID_ARGUMENT beside prefill_blocks, KVCRT_UNSUPPORTED on a CPU.
   */
  int32_t attend_appends;

  /* natural log, [num_tokens][q_heads]; -inf where nothing is visible */
  float *lse;
  int64_t lse_token_stride; /* bytes */
  /* [num_tokens][kv_heads][blocks] sums of probabilities */
  float *score_mass;
  int64_t score_mass_token_stride;
  int64_t score_mass_head_stride;

  /* Plan and partial results. Engines that plan for themselves (cpu) keep them
   * in the workspace and ignore these. */
  const kvcrt_task *tasks;
  /* [num_tokens + 1] partials of each output row */
  const int32_t *merge_indptr;
  /* merge: [num_partials][num_tokens][q_heads][value head_dim] */
  float *partial_out;
  /* merge: [num_partials][num_tokens][q_heads] */
  float *partial_lse;
  int32_t num_partials;
  int32_t reserved1;
  /* last-arriver counters; kernels leave them zero */
  int32_t *counters;
  /* [slots][tile_rows][value head_dim] unnormalised, and [slots][tile_rows][2]
   * {maximum, sum} in powers of two; scratch of attend between its splits */
  float *split_out;
  float *split_state;
  /* blocks that attend launches of each kernel, from the plan; 0 = none. Any
   * number gives the same results. */
  int32_t decode_blocks;
  int32_t prefill_blocks;

  kvcrt_capture captures[KVCRT_MAX_CAPTURES];

  kvcrt_tensor_map key_map;
  kvcrt_tensor_map value_map;
} kvcrt_params;

/* append, attend and merge of a compiled variant NAME are
 *   kvcrt_status NAME_append(const kvcrt_env *, const kvcrt_params *);
 *   kvcrt_status NAME_attend(const kvcrt_env *, const kvcrt_params *);
 *   kvcrt_status NAME_merge(const kvcrt_env *, const kvcrt_params *);
 *   uint64_t NAME_workspace(const kvcrt_capacity *);
 * as the generated header declares them. */
typedef int32_t (*kvcrt_kernel_fn)(const kvcrt_env *env,
                                   const kvcrt_params *params);
typedef uint64_t (*kvcrt_workspace_fn)(const kvcrt_capacity *capacity);

/*===-- Whole models --===*/

/* Arguments of a compiled model's step. The manifest lists names, shapes and
 * element types in the order of the arrays. */
typedef struct kvcrt_model_args {
  uint32_t struct_size;
  uint32_t abi_version;
  const kvcrt_step *step;
  /* [manifest: caches], one per caching layer */
  const kvcrt_cache *caches;
  /* [manifest: constants], made by kvc_model_init */
  const void *const *constants;
  /* [manifest: inputs], e.g. token ids [num_tokens] */
  const void *const *inputs;
  /* [manifest: outputs], e.g. logits [num_logit_rows][vocab] */
  void *const *outputs;
} kvcrt_model_args;

/* Arguments of kvc_model_init, run once after loading: turns parameters as the
 * weights file has them into the constants that a step reads (transposed,
 * packed). */
typedef struct kvcrt_init_args {
  uint32_t struct_size;
  uint32_t abi_version;
  const void *const *params; /* [manifest: params] */
  /* [manifest: constants], 64-byte aligned */
  void *const *constants;
} kvcrt_init_args;

/* Arguments of kvc_model_recompute: the original stateless graph, lowered
 * through upstream passes only; what a cached run is compared with. */
typedef struct kvcrt_recompute_args {
  uint32_t struct_size;
  uint32_t abi_version;
  int64_t num_tokens;        /* of the one sequence */
  const void *const *params; /* [manifest: params] */
  const void *const *inputs; /* [manifest: inputs] */
  /* logits of all positions [num_tokens][vocab] */
  void *const *outputs;
} kvcrt_recompute_args;

/* Symbols of a model artefact:
 *   kvcrt_status kvc_model_init(const kvcrt_env *, const kvcrt_init_args *);
 *   kvcrt_status kvc_model_step(const kvcrt_env *, const kvcrt_model_args *);
 *   kvcrt_status kvc_model_recompute(const kvcrt_env *,
 *                                    const kvcrt_recompute_args *);
 *   uint64_t kvc_model_step_workspace(const kvcrt_capacity *);
 *   uint64_t kvc_model_init_workspace(const kvcrt_capacity *);
 *   uint64_t kvc_model_recompute_workspace(const kvcrt_capacity *);
 */

#ifdef __cplusplus
}
#endif

#endif /* KVCRT_ABI_H */
