/*===- toy-model.c - a decoder small enough to read ------------------------===*
 *
 * Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Stands in for a compiled model in the tests of kvc-run, so that they do not
 * depend on the compiler: one layer, one KV head of 8, two query heads.
 *
 *   x = embed[token]; q = x (two heads); k = k_proj x; v = v_proj x
 *   logits = lm_head (x + attention(q, k, v))
 *
 * TOY_WINDOW: keys a query sees, 0 = all. TOY_WRONG: attend overlooks each
 * sequence's first key, as a broken kernel might; TOY_ERROR: it raises these
 * bits.
 *===----------------------------------------------------------------------===*/
#include "kvcrt/abi.h"

#include <stddef.h>

enum { kVocab = 256, kHidden = 16, kHeads = 2, kDim = 8 };
#ifndef TOY_WINDOW
#define TOY_WINDOW 0
#endif
#ifndef TOY_WRONG
#define TOY_WRONG 0
#endif
#ifndef TOY_ERROR
#define TOY_ERROR 0
#endif
#define TOY_EXPORT __attribute__((visibility("default")))

/* A compiled artefact has no libc; the C compiler may still ask for these. */
void *memset(void *target, int value, size_t size) {
  for (volatile char *p = target; size--; ++p)
    *p = (char)value;
  return target;
}
void *memcpy(void *target, const void *source, size_t size) {
  const char *from = source;
  for (volatile char *p = target; size--; ++p)
    *p = *from++;
  return target;
}

/* e^x for x <= 0: squared ten times after a Taylor step. */
static double exponential(double x) {
  double r = x / 1024, e = 1 + r * (1 + r / 2 * (1 + r / 3 * (1 + r / 4)));
  if (x < -700)
    return 0;
  for (int i = 0; i < 10; ++i)
    e *= e;
  return e;
}

static void multiply(const float *matrix, const float *x, int rows,
                     float *out) {
  for (int r = 0; r < rows; ++r) {
    out[r] = 0;
    for (int c = 0; c < kHidden; ++c)
      out[r] += matrix[r * kHidden + c] * x[c];
  }
}

static void embed(const float *table, int64_t token, float *x) {
  for (int c = 0; c < kHidden; ++c)
    x[c] = table[token * kHidden + c];
}

static const float kScale = 0.35355339f; /* 1 / sqrt(8) */

/* One head of one query over keys first..last; row j at base + offset(j). */
static void attendHead(const float *q, const float *const *keys,
                       const float *const *values, int first, int last,
                       float *out) {
  double most = -1e30, sum = 0, mean[kDim] = {0};
  for (int pass = 0; pass < 2; ++pass)
    for (int j = first; j <= last; ++j) {
      double score = 0;
      for (int d = 0; d < kDim; ++d)
        score += (double)q[d] * keys[j][d];
      score *= kScale;
      if (pass == 0) {
        most = score > most ? score : most;
        continue;
      }
      double weight = exponential(score - most);
      sum += weight;
      for (int d = 0; d < kDim; ++d)
        mean[d] += weight * values[j][d];
    }
  for (int d = 0; d < kDim; ++d)
    out[d] = (float)(mean[d] / sum);
}

static int firstVisible(int query) {
  return TOY_WINDOW && query >= TOY_WINDOW ? query - TOY_WINDOW + 1 : 0;
}

static float *row(const kvcrt_plane *plane, int64_t slot, int64_t block) {
  return (float *)((char *)plane->payload + slot / block * plane->block_stride +
                   slot % block * plane->token_stride);
}

static int32_t append(const kvcrt_params *p) {
  for (int t = 0; t < p->step.header->num_tokens; ++t) {
    int64_t slot = p->cache.slot_mapping[t];
    const float *k = (const float *)p->new_key.data + t * kDim;
    const float *v = (const float *)p->new_value.data + t * kDim;
    for (int d = 0; d < kDim; ++d) {
      row(&p->cache.key, slot, p->cache.block_size)[d] = k[d];
      row(&p->cache.value, slot, p->cache.block_size)[d] = v[d];
    }
  }
  return KVCRT_OK;
}

/* The workspace holds the addresses of one sequence's rows. */
static int32_t attend(const kvcrt_env *env, const kvcrt_params *p,
                      const float **keys, const float **values) {
  const kvcrt_step *step = &p->step;
  for (int s = 0; s < step->header->num_seqs; ++s) {
    int begin = step->qo_indptr[s], end = step->qo_indptr[s + 1];
    int length = step->kv_len[s], block = p->cache.block_size;
    const int32_t *table =
        p->cache.block_table + s * p->cache.block_table_stride;
    for (int j = firstVisible(length - (end - begin)); j < length; ++j) {
      int64_t slot = (int64_t)table[j / block] * block + j % block;
      keys[j] = row(&p->cache.key, slot, block);
      values[j] = row(&p->cache.value, slot, block);
    }
    for (int t = begin; t < end; ++t) {
      int query = length - end + t, first = firstVisible(query);
      if (TOY_WRONG && first == 0 && query > 0)
        first = 1;
      *p->cache.error_word |= TOY_ERROR;
      for (int h = 0; h < kHeads; ++h)
        attendHead((const float *)p->query.data + (t * kHeads + h) * kDim, keys,
                   values, first, query,
                   (float *)p->out.data + (t * kHeads + h) * kDim);
    }
  }
  return KVCRT_OK;
}

/* Constants: the parameters as they are, in the manifest's order. */
enum { kEmbed, kKeyProj, kValueProj, kHead, kNumParams };
static const int kRows[kNumParams] = {kVocab, kDim, kDim, kVocab};

TOY_EXPORT int32_t kvc_model_init(const kvcrt_env *env,
                                  const kvcrt_init_args *args) {
  if (args->struct_size != sizeof(*args))
    return KVCRT_VERSION_MISMATCH;
  for (int i = 0; i < kNumParams; ++i)
    memcpy(args->constants[i], args->params[i],
           sizeof(float) * kRows[i] * kHidden);
  return KVCRT_OK;
}

static uint64_t workspaceFor(int64_t tokens, int64_t length) {
  return sizeof(float) * tokens * (2 * kHidden + 2 * kDim) +
         2 * sizeof(float *) * length;
}
TOY_EXPORT uint64_t kvc_model_step_workspace(const kvcrt_capacity *capacity) {
  return workspaceFor(capacity->max_tokens, capacity->max_kv_len);
}
TOY_EXPORT uint64_t
kvc_model_recompute_workspace(const kvcrt_capacity *capacity) {
  return workspaceFor(capacity->max_tokens, capacity->max_tokens);
}

/* Where things are in the workspace: row addresses first, they need eight
 * bytes. */
struct scratch {
  const float **keys, **values;
  float *x, *o, *k, *v;
};
static int32_t divide(const kvcrt_env *env, int64_t tokens, int64_t length,
                      struct scratch *s) {
  if (env->workspace_size < workspaceFor(tokens, length))
    return KVCRT_WORKSPACE_TOO_SMALL;
  s->keys = env->workspace;
  s->values = s->keys + length;
  s->x = (float *)(s->values + length);
  s->o = s->x + tokens * kHidden;
  s->k = s->o + tokens * kHidden;
  s->v = s->k + tokens * kDim;
  return KVCRT_OK;
}

static void project(const float *const *w, const int64_t *ids, int64_t tokens,
                    const struct scratch *s) {
  for (int64_t t = 0; t < tokens; ++t) {
    embed(w[kEmbed], ids[t], s->x + t * kHidden);
    multiply(w[kKeyProj], s->x + t * kHidden, kDim, s->k + t * kDim);
    multiply(w[kValueProj], s->x + t * kHidden, kDim, s->v + t * kDim);
  }
}

static void classify(const float *const *w, const struct scratch *s, int64_t t,
                     float *logits) {
  float y[kHidden];
  for (int c = 0; c < kHidden; ++c)
    y[c] = s->x[t * kHidden + c] + s->o[t * kHidden + c];
  multiply(w[kHead], y, kVocab, logits);
}

TOY_EXPORT int32_t kvc_model_step(const kvcrt_env *env,
                                  const kvcrt_model_args *args) {
  const kvcrt_step_header *header = args->step->header;
  const float *const *w = (const float *const *)args->constants;
  struct scratch s;
  int32_t status = divide(env, header->num_tokens, header->max_kv_len, &s);
  if (status)
    return status;
  project(w, args->inputs[0], header->num_tokens, &s);

  kvcrt_params p;
  memset(&p, 0, sizeof(p));
  p.struct_size = sizeof(p);
  p.abi_version = KVCRT_ABI_VERSION;
  p.step = *args->step;
  p.cache = args->caches[0];
  p.scale = kScale;
  p.window = TOY_WINDOW;
  const int64_t head = sizeof(float) * kDim;
  p.query = (kvcrt_tensor){s.x, kHeads * head, head};
  p.out = (kvcrt_tensor){s.o, kHeads * head, head};
  p.new_key = (kvcrt_tensor){s.k, head, head};
  p.new_value = (kvcrt_tensor){s.v, head, head};
  const kvcrt_hooks *hooks = env->hooks;
  status = hooks && hooks->append ? hooks->append(hooks->context, env, &p)
                                  : append(&p);
  if (status)
    return status;
  status = hooks && hooks->attend ? hooks->attend(hooks->context, env, &p)
                                  : attend(env, &p, s.keys, s.values);
  if (status)
    return status;
  for (int r = 0; r < header->num_logit_rows; ++r)
    classify(w, &s, args->step->logit_rows[r],
             (float *)args->outputs[0] + (int64_t)r * kVocab);
  return KVCRT_OK;
}

TOY_EXPORT int32_t kvc_model_recompute(const kvcrt_env *env,
                                       const kvcrt_recompute_args *args) {
  const float *const *w = (const float *const *)args->params;
  struct scratch s;
  int32_t status = divide(env, args->num_tokens, args->num_tokens, &s);
  if (status)
    return status;
  project(w, args->inputs[0], args->num_tokens, &s);
  for (int64_t t = 0; t < args->num_tokens; ++t) {
    s.keys[t] = s.k + t * kDim;
    s.values[t] = s.v + t * kDim;
  }
  for (int64_t t = 0; t < args->num_tokens; ++t) {
    for (int h = 0; h < kHeads; ++h)
      attendHead(s.x + t * kHidden + h * kDim, s.keys, s.values, 0, (int)t,
                 s.o + t * kHidden + h * kDim);
    classify(w, &s, t, (float *)args->outputs[0] + t * kVocab);
  }
  return KVCRT_OK;
}
