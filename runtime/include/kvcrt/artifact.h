/*===- kvcrt/artifact.h - compiled libraries: seal, verify, open -===*
 *
 * Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The file that kvc-compile writes and kvc-run loads:
 *
 *   0            elf_size        elf_size + manifest_size      file end
 *   | ELF shared | manifest JSON | 64-byte footer             |
 *   | library    | (UTF-8)       | "KVCART01" sizes, XXH3-128 |
 *
 * Nothing of it runs before all of it is verified: sizes, checksum, ELF headers
 * and segments within bounds (a truncated library would kill the process with
 * SIGBUS), no dependency on another library, ABI version, target, CPU features.
 * The verified bytes themselves are then loaded, from a sealed copy in memory,
 * so that a file which changes afterwards cannot matter.
 *
 * Conventions as in kvcrt/runtime.h. An opened artefact is immutable: all calls
 * on it but close may come from any thread.
 *===----------------------------------------------------------------------===*/
#ifndef KVCRT_ARTIFACT_H
#define KVCRT_ARTIFACT_H

#include "kvcrt/abi.h"
#include "kvcrt/policy.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KVCRT_ARTIFACT_MAGIC "KVCART01"
#define KVCRT_ARTIFACT_VERSION 1u
#define KVCRT_MAX_TENSOR_RANK 8

/* The last 64 bytes of an artefact, little endian. */
typedef struct kvcrt_artifact_footer {
  char magic[8];
  uint32_t version;
  uint32_t reserved0;     /* 0 */
  uint64_t elf_size;      /* bytes */
  uint64_t manifest_size; /* bytes */
  uint64_t xxh3_lo; /* XXH3-128 (seed 0) of everything before the footer */
  uint64_t xxh3_hi;
  uint64_t reserved1; /* 0 */
  uint64_t reserved2; /* 0 */
} kvcrt_artifact_footer;

/* Element types of tensors in manifests and safetensors files. */
typedef enum kvcrt_dtype {
  KVCRT_DTYPE_BOOL = 0,
  KVCRT_DTYPE_U8 = 1,
  KVCRT_DTYPE_I8 = 2,
  KVCRT_DTYPE_F8_E5M2 = 3,
  KVCRT_DTYPE_F8_E4M3 = 4,
  KVCRT_DTYPE_I16 = 5,
  KVCRT_DTYPE_U16 = 6,
  KVCRT_DTYPE_F16 = 7,
  KVCRT_DTYPE_BF16 = 8,
  KVCRT_DTYPE_I32 = 9,
  KVCRT_DTYPE_U32 = 10,
  KVCRT_DTYPE_F32 = 11,
  KVCRT_DTYPE_F64 = 12,
  KVCRT_DTYPE_I64 = 13,
  KVCRT_DTYPE_U64 = 14
} kvcrt_dtype;
/* As files spell it, e.g. "BF16"; null for a value outside the enumeration. */
const char *kvcrt_dtype_name(int32_t dtype);
/* Bytes of one element; 0 for a value outside the enumeration. */
size_t kvcrt_dtype_size(int32_t dtype);

/*===-- Manifest --===*/

/* Read-only views, valid until the artefact is closed. Strings that the
 * manifest lacks are "" and numbers 0, unless said otherwise. Keys that are not
 * listed here are ignored (kvcrt_manifest.json has them). */

typedef struct kvcrt_manifest_tensor {
  const char
      *name;     /* {"name":, "dtype":, "shape":[..]}; constants have "bytes" */
  int32_t dtype; /* kvcrt_dtype */
  int32_t rank;
  int64_t shape[KVCRT_MAX_TENSOR_RANK]; /* -1 = known only at run time */
  uint64_t bytes; /* "bytes", or the product when the shape is static, or 0 */
} kvcrt_manifest_tensor;

typedef struct kvcrt_manifest_group {
  kvcrt_policy policy;   /* already checked against legality.def */
  const int32_t *layers; /* [num_layers] indices into kvcrt_manifest.layers and
                            kvcrt_step_view.caches */
  int32_t num_layers;
  int32_t reserved0;
} kvcrt_manifest_group;

typedef struct kvcrt_manifest_layer {
  const char *name;
  const char *variant; /* name of an entry of kvcrt_manifest.variants */
  float scale;
  float softcap; /* 0 = none */
  int32_t query_heads;
  int32_t group;          /* index of the group that lists this layer */
  int32_t index_in_group; /* kvcrt_cache.layer */
  int32_t reserved0;
} kvcrt_manifest_layer;

/* What a variant's kernels read and do: "features": ["causal", ..], the names
 * below in lower case. */
enum {
  KVCRT_FEATURE_CAUSAL = 1 << 0,
  KVCRT_FEATURE_SOFTCAP = 1 << 1,
  KVCRT_FEATURE_WINDOW = 1 << 2, /* the op's own, beside the policy's */
  KVCRT_FEATURE_SINK_LOGITS = 1 << 3,
  KVCRT_FEATURE_LSE = 1 << 4,
  KVCRT_FEATURE_MASK = 1 << 5,
  KVCRT_FEATURE_SCORE = 1 << 6 /* a score region */
};

typedef struct kvcrt_manifest_variant {
  const char *name;
  /* "symbols": {"append":, "attend":, "merge":, "workspace":} */
  const char *append;
  const char *attend;
  const char *merge;
  const char *workspace;
  int32_t query_heads;
  int32_t
      group; /* index into kvcrt_manifest.groups: its policy; -1 = not said */
  int32_t features; /* KVCRT_FEATURE bits */
  int32_t reserved0;
} kvcrt_manifest_variant;

typedef struct kvcrt_manifest {
  uint32_t abi;       /* "abi": KVCRT_ABI_VERSION of the compiler */
  const char *target; /* "target": "cpu" */
  const char *triple;
  const char *kind; /* "model" or "attention" */
  const char *const
      *cpu_features; /* [num_cpu_features] names as LLVM has them */
  int32_t num_cpu_features;
  int32_t max_positions; /* tokens of one sequence; 0 = unbounded */
  int32_t vocab;
  int32_t reserved0;
  /* "entry": {"init":, "step":, "recompute":, "init_workspace":,
   * "step_workspace":, "recompute_workspace":}: symbol names */
  const char *entry_init;
  const char *entry_step;
  const char *entry_recompute;
  const char *entry_init_workspace;
  const char *entry_step_workspace;
  const char *entry_recompute_workspace;
  const kvcrt_manifest_group *groups;
  const kvcrt_manifest_layer *layers;
  const kvcrt_manifest_tensor *params; /* the weights file's tensors */
  const kvcrt_manifest_tensor *constants;
  const kvcrt_manifest_tensor *inputs;
  const kvcrt_manifest_tensor *outputs;
  const kvcrt_manifest_variant *variants;
  int32_t num_groups;
  int32_t num_layers;
  int32_t num_params;
  int32_t num_constants;
  int32_t num_inputs;
  int32_t num_outputs;
  int32_t num_variants;
  /* "tasks": {"decode_rows":, "prefill_rows":, "tile_keys":} of kernels that
   * take a plan (kvcrt_plan_desc); 0 = they take none */
  int32_t decode_rows;
  int32_t prefill_rows;
  int32_t tile_keys;
  double bytes_per_token; /* over all groups, padding included */
  const char *json; /* the manifest's own text, json_size bytes, terminated */
  size_t json_size;
} kvcrt_manifest;

/*===-- Opening --===*/

typedef struct kvcrt_artifact kvcrt_artifact;

/* Verifies `path` and loads it.
 *   KVCRT_NOT_FOUND         no such file
 *   KVCRT_IO_ERROR          it cannot be read or loaded
 *   KVCRT_CORRUPT           magic, sizes, checksum, ELF bounds or manifest
 *   KVCRT_VERSION_MISMATCH  of the format or of the ABI
 *   KVCRT_UNSUPPORTED       another target or machine, CPU features missing, or
 * a library that needs other libraries KVCRT_ILLEGAL_POLICY    a group's policy
 * message: what was expected, what was found, where, and the way out. */
kvcrt_status kvcrt_artifact_open(const char *path,
                                 kvcrt_artifact **out_artifact, char *message,
                                 size_t message_size);
/* The same checks without loading: nothing of the file runs, and symbols cannot
 * be looked up. CPU features are not checked, so that any machine can read the
 * manifest of an artefact for another one. */
kvcrt_status kvcrt_artifact_inspect(const char *path,
                                    kvcrt_artifact **out_artifact,
                                    char *message, size_t message_size);
/* Unloads the code and frees the manifest; null is allowed. */
void kvcrt_artifact_close(kvcrt_artifact *artifact);

const kvcrt_manifest *kvcrt_artifact_manifest(const kvcrt_artifact *artifact);

/* Address of an exported symbol. KVCRT_NOT_FOUND; KVCRT_INVALID_ARGUMENT for an
 * inspected artefact or an empty name. */
kvcrt_status kvcrt_artifact_symbol(const kvcrt_artifact *artifact,
                                   const char *name, void **out_address);

/* Whether this CPU (and its operating system) has a feature, by LLVM's name. A
 * name unknown to this build counts as missing. */
int kvcrt_cpu_has_feature(const char *name);

/*===-- Sealing: called by the compiler --===*/

/* Writes elf ++ manifest ++ footer to `path`, through a temporary file in the
 * same folder and a rename: readers see the old file or the new one. What open
 * would refuse on any machine is refused here already, with open's message. */
kvcrt_status kvcrt_artifact_seal(const void *elf, size_t elf_size,
                                 const char *manifest, size_t manifest_size,
                                 const char *path, char *message,
                                 size_t message_size);

/* The manifest's form of a policy, so that it is written and read in one place:
 *   {"kv_heads":2,"key_dim":64,"value_dim":64,"element":"f32","layout":"paged",
 *    "block":16,"order":"hnd","key":{"kind":"plain","format":"f32"},
 *    "value":{"kind":"quant","format":"i8","axis":"token","group":0,
 *             "symmetric":true,"scale":"f32","residual":0},
 *    "position":{"kind":"rope","theta":1e4,"dim":64,"style":"neox","at":"append",
 *                "scaling":"none"},
 *    "retention":{"kind":"window","window":1024,"sink_tokens":0},
 *    "rollback":0,"max_positions":2048}
 * format writes the terminated text to `text` if it fits and always sets
 * *out_size to the bytes it needs, terminator included;
 * KVCRT_WORKSPACE_TOO_SMALL if it did not fit. parse takes the same form;
 * absent keys have the dialect's defaults (paged, block 16, hnd, plain storage
 * of the element type, value_dim = key_dim, none, all, 0). */
kvcrt_status kvcrt_policy_format(const kvcrt_policy *policy, char *text,
                                 size_t text_size, size_t *out_size);
kvcrt_status kvcrt_policy_parse(const char *text, size_t text_size,
                                kvcrt_policy *out_policy, char *message,
                                size_t message_size);

#ifdef __cplusplus
}
#endif

#endif /* KVCRT_ARTIFACT_H */
