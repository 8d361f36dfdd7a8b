/*===- kvcrt/policy.h - a cache policy as plain data -===*
 *
 * Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What !kvc.cache says, in plain C, so that the compiler's verifier, the
 * runtime and the manifest judge legality by the same text (legality.def).
 * Enumerators keep their numbers: artefacts store them by name, tests by value.
 *===----------------------------------------------------------------------===*/
#ifndef KVCRT_POLICY_H
#define KVCRT_POLICY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum kvcrt_format {
  KVCRT_F32 = 0,
  KVCRT_F16 = 1,
  KVCRT_BF16 = 2,
  KVCRT_I8 = 3,
  KVCRT_I4 = 4,
  KVCRT_I2 = 5,
  KVCRT_F8E4M3FN = 6,
  KVCRT_F8E5M2 = 7
} kvcrt_format;

typedef enum kvcrt_layout_kind {
  KVCRT_LAYOUT_PAGED = 0,
  KVCRT_LAYOUT_CONTIGUOUS = 1,
  KVCRT_LAYOUT_RING = 2
} kvcrt_layout_kind;
typedef enum kvcrt_order { KVCRT_HND = 0, KVCRT_NHD = 1 } kvcrt_order;

typedef enum kvcrt_storage_kind {
  KVCRT_STORAGE_PLAIN = 0,
  KVCRT_STORAGE_QUANT = 1
} kvcrt_storage_kind;
typedef enum kvcrt_quant_axis {
  KVCRT_AXIS_TENSOR = 0,
  KVCRT_AXIS_HEAD = 1,
  KVCRT_AXIS_TOKEN = 2,
  KVCRT_AXIS_CHANNEL = 3
} kvcrt_quant_axis;

typedef enum kvcrt_position_kind {
  KVCRT_POSITION_NONE = 0,
  KVCRT_POSITION_ROPE = 1,
  KVCRT_POSITION_ALIBI = 2
} kvcrt_position_kind;
typedef enum kvcrt_rope_style {
  KVCRT_ROPE_NEOX = 0,
  KVCRT_ROPE_INTERLEAVED = 1
} kvcrt_rope_style;
typedef enum kvcrt_rope_at {
  KVCRT_ROPE_AT_APPEND = 0,
  KVCRT_ROPE_AT_ATTEND = 1
} kvcrt_rope_at;
typedef enum kvcrt_rope_scaling {
  KVCRT_ROPE_SCALING_NONE = 0,
  KVCRT_ROPE_SCALING_LINEAR = 1, /* position / factor */
  /* per-frequency, fixed at compile time */
  KVCRT_ROPE_SCALING_LLAMA3 = 2,
  KVCRT_ROPE_SCALING_DYNAMIC = 3 /* length-dependent: needs rope at attend */
} kvcrt_rope_scaling;

typedef enum kvcrt_retention_kind {
  KVCRT_RETAIN_ALL = 0,
  KVCRT_RETAIN_WINDOW = 1,
  KVCRT_RETAIN_STREAMING = 2,
  KVCRT_RETAIN_HEAVY_HITTER = 3,
  KVCRT_RETAIN_SNAP = 4
} kvcrt_retention_kind;

typedef struct kvcrt_storage {
  int32_t kind;      /* kvcrt_storage_kind */
  int32_t format;    /* kvcrt_format of the payload */
  int32_t axis;      /* kvcrt_quant_axis, quant only */
  int32_t group;     /* elements along head_dim (token axis) or tokens (channel
                        axis) that share a scale; 0 = the whole row */
  int32_t symmetric; /* 0: a zero point per scale */
  int32_t scale_format; /* kvcrt_format of scales */
  int32_t residual;     /* newest tokens kept unquantised */
} kvcrt_storage;

typedef struct kvcrt_rope_params {
  double theta;
  int32_t dim; /* leading elements of a head that rotate; even */
  int32_t style;
  int32_t at;
  int32_t scaling;
  double factor;                  /* linear, llama3, dynamic */
  double low_freq_factor;         /* llama3 */
  double high_freq_factor;        /* llama3 */
  int32_t original_max_positions; /* llama3, dynamic */
  int32_t reserved0;
} kvcrt_rope_params;

typedef struct kvcrt_policy {
  int32_t kv_heads;
  int32_t key_dim;   /* head_dim of K, elements */
  int32_t value_dim; /* head_dim of V, elements */
  int32_t element;   /* kvcrt_format of q, k, v and out */
  int32_t layout;    /* kvcrt_layout_kind */
  /* tokens per block; contiguous: tokens per sequence */
  int32_t block;
  int32_t order;    /* kvcrt_order */
  int32_t position; /* kvcrt_position_kind */
  kvcrt_storage key;
  kvcrt_storage value;
  kvcrt_rope_params rope;
  int32_t retention; /* kvcrt_retention_kind */
  /* window, streaming: W, the query itself counted */
  int32_t window;
  int32_t sink_tokens;   /* streaming */
  int32_t budget;        /* heavy_hitter, snap: tokens per KV head */
  int32_t recent;        /* heavy_hitter */
  int32_t observe;       /* snap */
  int32_t rollback;      /* appended tokens that may be taken back */
  int32_t max_positions; /* 0 = unbounded */
} kvcrt_policy;

#ifdef __cplusplus
}
#endif

#endif /* KVCRT_POLICY_H */
