/*===- kvcrt/sim.h - runs GPU kernels on the CPU and finds their errors -===*
 *
 * Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A kernel compiled for `sim:<chip>` is a host function that is run once per
 * GPU thread, on a fiber; all it knows of a GPU is a table of functions that
 * the thread carries (sim_intrinsics.def). The table checks every access and
 * every synchronisation and reports what a GPU would silently get wrong.
 * docs/simulator.md says what is found and what cannot be.
 *
 *   kvcrt_sim_create -> kvcrt_sim_add_memory ... -> kvcrt_sim_launch
 *                    -> kvcrt_sim_finding_at -> kvcrt_sim_destroy
 *
 * Invariants
 *  - A finding makes the launch return KVCRT_DEVICE_ERROR; it never harms the
 *    process: an access outside goes to a scratch page.
 *  - The same (kernel, arguments, seed) with one worker gives the same run.
 *  - Launches of one simulator come one after another; memory may be added and
 *    removed from any thread while none runs.
 *===----------------------------------------------------------------------===*/
#ifndef KVCRT_SIM_H
#define KVCRT_SIM_H

#include "kvcrt/abi.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*===-- What compiled kernels use --===*/

/* One GPU thread of a running block. */
typedef struct kvcrt_sim_thread kvcrt_sim_thread;

#define KVCRT_SIM_HEAD kvcrt_sim_thread *thread, uint32_t location

typedef struct kvcrt_sim_table {
#define KVCRT_SIM_INTRINSIC(name, result, parameters, ptx)                     \
  result(*name) parameters;
#include "kvcrt/sim_intrinsics.def"
} kvcrt_sim_table;

/* Its first word is the table; the rest is the simulator's. */
struct kvcrt_sim_thread {
  const kvcrt_sim_table *table;
};

/* special_register */
enum {
  KVCRT_SIM_REGISTER_TID_X = 0, /* then y, z */
  KVCRT_SIM_REGISTER_NTID_X = 3,
  KVCRT_SIM_REGISTER_CTAID_X = 6,
  KVCRT_SIM_REGISTER_NCTAID_X = 9,
  KVCRT_SIM_REGISTER_LANEID = 12,
  KVCRT_SIM_REGISTER_WARPID = 13,
  KVCRT_SIM_REGISTER_NWARPID = 14,
  KVCRT_SIM_REGISTER_WARPSIZE = 15,
  KVCRT_SIM_REGISTER_LANEMASK_EQ = 16,
  KVCRT_SIM_REGISTER_LANEMASK_LE = 17,
  KVCRT_SIM_REGISTER_LANEMASK_LT = 18,
  KVCRT_SIM_REGISTER_LANEMASK_GE = 19,
  KVCRT_SIM_REGISTER_LANEMASK_GT = 20,
  KVCRT_SIM_REGISTER_SMID = 21,
  KVCRT_SIM_REGISTER_NSMID = 22,
  KVCRT_SIM_REGISTER_GRIDID = 23,
  KVCRT_SIM_REGISTER_CLOCK = 24,
  KVCRT_SIM_REGISTER_DYNAMIC_SMEM = 25,
  KVCRT_SIM_REGISTER_TOTAL_SMEM = 26
};

/* `access` of loads and stores: bytes | log2(alignment) << 16 | flags. */
enum {
  KVCRT_SIM_ACCESS_ALIGN_SHIFT = 16,
  /* ld.global.nc: nobody writes the bytes while the kernel runs */
  KVCRT_SIM_ACCESS_INVARIANT = 1 << 24,
  /* volatile or relaxed: races with others of its kind are meant */
  KVCRT_SIM_ACCESS_STRONG = 1 << 25
};

/* Spaces, scopes and orders. */
enum { KVCRT_SIM_GENERIC = 0, KVCRT_SIM_GLOBAL = 1, KVCRT_SIM_SHARED = 3 };
enum {
  KVCRT_SIM_SCOPE_BLOCK = 0,
  KVCRT_SIM_SCOPE_GPU = 1,
  KVCRT_SIM_SCOPE_SYSTEM = 2
};
enum {
  KVCRT_SIM_RELAXED = 0,
  KVCRT_SIM_ACQUIRE = 1,
  KVCRT_SIM_RELEASE = 2,
  KVCRT_SIM_ACQUIRE_RELEASE = 3
};

/* `descriptor` of atomic: operation | log2(bytes) << 8 | space << 12 |
 * scope << 16 | order << 20. Values travel in the low bits. */
enum {
  KVCRT_SIM_ATOMIC_LOAD = 0,
  KVCRT_SIM_ATOMIC_STORE = 1,
  KVCRT_SIM_ATOMIC_EXCHANGE = 2,
  KVCRT_SIM_ATOMIC_COMPARE_EXCHANGE = 3,
  KVCRT_SIM_ATOMIC_ADD = 4,
  KVCRT_SIM_ATOMIC_SUB = 5,
  KVCRT_SIM_ATOMIC_AND = 6,
  KVCRT_SIM_ATOMIC_OR = 7,
  KVCRT_SIM_ATOMIC_XOR = 8,
  KVCRT_SIM_ATOMIC_SMIN = 9,
  KVCRT_SIM_ATOMIC_SMAX = 10,
  KVCRT_SIM_ATOMIC_UMIN = 11,
  KVCRT_SIM_ATOMIC_UMAX = 12,
  KVCRT_SIM_ATOMIC_FADD = 13, /* f32, f64 */
  /* ((old >= operand) ? 0 : old + 1), as atom.inc */
  KVCRT_SIM_ATOMIC_INC = 14,
  /* ((old == 0 || old > operand) ? operand : old - 1), as atom.dec */
  KVCRT_SIM_ATOMIC_DEC = 15,
  KVCRT_SIM_ATOMIC_SIZE_SHIFT = 8,
  KVCRT_SIM_ATOMIC_SPACE_SHIFT = 12,
  KVCRT_SIM_ATOMIC_SCOPE_SHIFT = 16,
  KVCRT_SIM_ATOMIC_ORDER_SHIFT = 20
};

/* `mode` of barrier; `threads` 0 = all of the block. */
enum {
  KVCRT_SIM_BARRIER_SYNC = 0,
  KVCRT_SIM_BARRIER_ARRIVE = 1,
  KVCRT_SIM_BARRIER_POPC = 2,
  KVCRT_SIM_BARRIER_AND = 3,
  KVCRT_SIM_BARRIER_OR = 4,
  KVCRT_SIM_BARRIER_ALIGNED = 1 << 8
};
/* `mode` of shuffle, vote, match, reduce */
enum {
  KVCRT_SIM_SHUFFLE_IDX = 0,
  KVCRT_SIM_SHUFFLE_UP = 1,
  KVCRT_SIM_SHUFFLE_DOWN = 2,
  KVCRT_SIM_SHUFFLE_BFLY = 3
};
enum {
  KVCRT_SIM_VOTE_ANY = 0,
  KVCRT_SIM_VOTE_ALL = 1,
  KVCRT_SIM_VOTE_UNI = 2,
  KVCRT_SIM_VOTE_BALLOT = 3
};
enum { KVCRT_SIM_MATCH_ANY = 0, KVCRT_SIM_MATCH_ALL = 1 };
enum {
  KVCRT_SIM_REDUCE_ADD = 0,
  KVCRT_SIM_REDUCE_AND = 1,
  KVCRT_SIM_REDUCE_OR = 2,
  KVCRT_SIM_REDUCE_XOR = 3,
  KVCRT_SIM_REDUCE_SMIN = 4,
  KVCRT_SIM_REDUCE_SMAX = 5,
  KVCRT_SIM_REDUCE_UMIN = 6,
  KVCRT_SIM_REDUCE_UMAX = 7
};

/* `descriptor` of load_matrix, store_matrix: matrices (1, 2, 4) | flag. */
enum { KVCRT_SIM_MATRIX_TRANSPOSED = 1 << 8 };

/* `descriptor` of multiply: type of A | type of B << 4 | type of C and D << 8 |
 * k << 16 | flag. m = 16, n = 8, A by rows, B by columns. */
enum {
  KVCRT_SIM_TYPE_F16 = 0,
  KVCRT_SIM_TYPE_BF16 = 1,
  KVCRT_SIM_TYPE_F32 = 2,
  KVCRT_SIM_TYPE_S8 = 3,
  KVCRT_SIM_TYPE_U8 = 4,
  KVCRT_SIM_TYPE_E4M3 = 5,
  KVCRT_SIM_TYPE_E5M2 = 6,
  KVCRT_SIM_TYPE_S32 = 7,
  KVCRT_SIM_TYPE_TF32 = 8,
  KVCRT_SIM_MULTIPLY_SATURATE = 1 << 24
};

/* `which` of approximate, + KVCRT_SIM_FLUSH: subnormals are zero */
enum {
  KVCRT_SIM_APPROXIMATE_EX2 = 0,
  KVCRT_SIM_APPROXIMATE_LG2 = 1,
  KVCRT_SIM_APPROXIMATE_RCP = 2,
  KVCRT_SIM_APPROXIMATE_RSQRT = 3,
  KVCRT_SIM_APPROXIMATE_SQRT = 4,
  KVCRT_SIM_APPROXIMATE_SIN = 5,
  KVCRT_SIM_APPROXIMATE_COS = 6,
  KVCRT_SIM_APPROXIMATE_TANH = 7,
  KVCRT_SIM_FLUSH = 1 << 8
};

/* `which` of convert. *X2 from f32: a goes to the upper half, b to the lower,
 * as the PTX operands do. *_SAT: beyond the largest number is the largest. */
enum {
  KVCRT_SIM_CONVERT_F32_BF16X2 = 0,
  KVCRT_SIM_CONVERT_F32_F16X2 = 1,
  KVCRT_SIM_CONVERT_F32_E4M3X2 = 2, /* satfinite, as PTX demands */
  KVCRT_SIM_CONVERT_F32_E5M2X2 = 3,
  KVCRT_SIM_CONVERT_E4M3X2_F16X2 = 4, /* a: 16 bits in */
  KVCRT_SIM_CONVERT_E5M2X2_F16X2 = 5,
  KVCRT_SIM_CONVERT_F16X2_E4M3X2 = 6,
  KVCRT_SIM_CONVERT_F16X2_E5M2X2 = 7,
  KVCRT_SIM_CONVERT_F32_TF32 = 8, /* rna */
  KVCRT_SIM_CONVERT_RELU = 1 << 8
};

/* `which` of half2: operation | KVCRT_SIM_TYPE_F16 or BF16 << 8; each of two
 * 16-bit halves by itself, rounded once */
enum {
  KVCRT_SIM_HALF2_ADD = 0,
  KVCRT_SIM_HALF2_SUB = 1,
  KVCRT_SIM_HALF2_MUL = 2,
  KVCRT_SIM_HALF2_FMA = 3,
  KVCRT_SIM_HALF2_MIN = 4,
  KVCRT_SIM_HALF2_MAX = 5,
  KVCRT_SIM_HALF2_EX2 = 6
};

/* A shared variable of a kernel. `bytes` 0: dynamic, as many as the launch
 * gives. Its GPU address is exactly as aligned as declared, never more. */
typedef struct kvcrt_sim_shared {
  const char *name;
  uint32_t address;
  uint32_t bytes;
  uint32_t alignment;
  uint32_t reserved0;
} kvcrt_sim_shared;

/* The lowest shared address; below it is the system's kilobyte. */
#define KVCRT_SIM_SHARED_BASE 1024u

/* What `sim:<chip>` makes of a kernel NAME: the constant NAME_sim. */
typedef struct kvcrt_sim_kernel {
  uint32_t struct_size;
  uint32_t abi_version;
  const char *name;
  /* NAME_kernel; params: the kernel's one by-value block */
  void (*function)(kvcrt_sim_thread *thread, const void *params);
  uint32_t table_size; /* bytes of kvcrt_sim_table it was made with */
  uint32_t params_size;
  uint32_t required_threads[3]; /* nvvm.reqntid; 0 = any */
  uint32_t num_shared;
  const kvcrt_sim_shared *shared;
  /* [num_locations] where each op came from; 0 is the kernel itself */
  const char *const *locations;
  uint32_t num_locations;
  uint32_t shared_bytes; /* kvc.shared_bytes: dynamic shared memory */
} kvcrt_sim_kernel;

/*===-- What a host uses --===*/

typedef struct kvcrt_sim kvcrt_sim;
struct kvcrt_device;

/* The simulator behind a device of kind KVCRT_DEVICE_SIM, to add memory that
 * is not the device's, to choose the order of threads and to read findings;
 * null for other devices. The device owns it. */
kvcrt_sim *kvcrt_device_sim(struct kvcrt_device *device);

typedef struct kvcrt_sim_options {
  uint32_t struct_size;
  uint32_t abi_version;
  /* 0: threads and blocks in order; else a random order */
  uint64_t seed;
  /* shared memory of one block; 0 = 232448 (227 KiB, sm_90) */
  uint32_t max_shared_bytes;
  /* findings kept and logged, 0 = 64; all are counted */
  uint32_t max_findings;
} kvcrt_sim_options;

/* Flags of a range of global memory. */
enum {
  /* contents are undefined until a kernel or kvcrt_sim_mark writes them:
   * reading them is a finding */
  KVCRT_SIM_MEMORY_UNDEFINED = 1 << 0,
  /* kernels may not write it */
  KVCRT_SIM_MEMORY_CONSTANT = 1 << 1
};

typedef enum kvcrt_sim_finding_kind {
  KVCRT_SIM_OUT_OF_BOUNDS = 0,
  KVCRT_SIM_MISALIGNED = 1,
  KVCRT_SIM_UNINITIALISED = 2,
  KVCRT_SIM_MISSING_WAIT = 3, /* cp.async read or overwritten in flight */
  KVCRT_SIM_RACE = 4,         /* no barrier, fence or order between */
  KVCRT_SIM_DIVERGENT_BARRIER = 5,
  KVCRT_SIM_LANE_MASK = 6,
  KVCRT_SIM_DEADLOCK = 7,
  KVCRT_SIM_INVALID = 8, /* operands no GPU defines a result for; trap */
  KVCRT_SIM_LIMIT = 9    /* of the simulator itself */
} kvcrt_sim_finding_kind;

typedef struct kvcrt_sim_finding {
  int32_t kind;
  int32_t block[3];
  int32_t thread[3];
  const char *kernel;
  const char *location; /* of the op */
  const char *message;  /* one line, all of the above in it */
} kvcrt_sim_finding;

/* `options` may be null. */
kvcrt_status kvcrt_sim_create(const kvcrt_sim_options *options,
                              kvcrt_sim **out_sim);
void kvcrt_sim_destroy(kvcrt_sim *sim);
void kvcrt_sim_set_seed(kvcrt_sim *sim, uint64_t seed);

/* Global memory that kernels may touch: [base, base + bytes) of this process.
 * `name` (nullable, copied) is used in messages. KVCRT_INVALID_ARGUMENT when
 * it overlaps another range. */
kvcrt_status kvcrt_sim_add_memory(kvcrt_sim *sim, const void *base,
                                  uint64_t bytes, uint32_t flags,
                                  const char *name);
/* KVCRT_NOT_FOUND when no range begins at base. */
kvcrt_status kvcrt_sim_remove_memory(kvcrt_sim *sim, const void *base);
/* The host wrote (defined = 1) or dropped (0) these bytes; only ranges with
 * KVCRT_SIM_MEMORY_UNDEFINED remember. */
kvcrt_status kvcrt_sim_mark(kvcrt_sim *sim, const void *address, uint64_t bytes,
                            int32_t defined);

/* Runs a grid; returns when it is done. `env` (nullable) gives parallel_for
 * for the blocks and log for the findings. `params` is the kernel's block of
 * kernel->params_size bytes. KVCRT_DEVICE_ERROR: there are findings. */
kvcrt_status kvcrt_sim_launch(kvcrt_sim *sim, const kvcrt_env *env,
                              const kvcrt_sim_kernel *kernel,
                              const uint32_t grid[3], const uint32_t block[3],
                              uint32_t dynamic_shared_bytes,
                              const void *params);

/* Findings of all launches since the last clear; texts live until then. */
uint64_t kvcrt_sim_finding_count(const kvcrt_sim *sim);
kvcrt_status kvcrt_sim_finding_at(const kvcrt_sim *sim, uint64_t index,
                                  kvcrt_sim_finding *out_finding);
void kvcrt_sim_clear_findings(kvcrt_sim *sim);
const char *kvcrt_sim_finding_name(int32_t kind);

#ifdef __cplusplus
}
#endif

#endif /* KVCRT_SIM_H */
