/* An engine that is not ours: C, its own pool [K|V][block][slot][head][dim] as
 * vLLM lays it out, its own block tables and loop; of kvc it has the compiled
 * library, its generated header and abi.h. One sequence is written in three
 * steps, in pages taken in no order; each step's attention is compared with
 * softmax(QK^T)V computed here in double. A second sequence's attention is cut
 * into two halves and merged. */
#include "attention.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 8, SLOTS = 4, KV = 2, HEADS = 4, DIM = 16, MAX = 24 };

static float pool[2][BLOCKS][SLOTS][KV][DIM];
static float keys[MAX][KV][DIM], values[MAX][KV][DIM], queries[MAX][HEADS][DIM];
static int32_t table[6] = {6, 1, 7, 3, 0, 4};

static float noise(void) {
  static uint32_t state = 12345;
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / 8388608.0f - 1.0f;
}

static void serial(void *context, int64_t count, kvcrt_task_fn body,
                   void *closure) {
  (void)context;
  for (int64_t i = 0; i < count; ++i)
    body(closure, i, 0);
}

/* Of query t over keys [begin, end); returns the log of the denominator. */
static double expected(int t, int h, int begin, int end, double *out) {
  double score[MAX], largest = -INFINITY, sum = 0;
  int kv = h / (HEADS / KV);
  for (int j = begin; j < end; ++j) {
    score[j] = 0;
    for (int d = 0; d < DIM; ++d)
      score[j] += 0.25 * queries[t][h][d] * keys[j][kv][d];
    largest = fmax(largest, score[j]);
  }
  memset(out, 0, DIM * sizeof(double));
  for (int j = begin; j < end; ++j) {
    double p = exp(score[j] - largest);
    sum += p;
    for (int d = 0; d < DIM; ++d)
      out[d] += p * values[j][kv][d];
  }
  for (int d = 0; d < DIM; ++d)
    out[d] /= sum;
  return largest + log(sum);
}

static double worst;

static void compare(double got, double wanted) {
  double error = fabs(got - wanted);
  if (!(error <= worst)) /* a NaN is the worst of all */
    worst = error;
}

static void check(kvcrt_status status, const char *what) {
  if (status != KVCRT_OK) {
    printf("%s: status %d\n", what, status);
    exit(1);
  }
}

int main(void) {
  memset(pool, 0xff, sizeof(pool)); /* NaN wherever nothing was appended */
  for (int t = 0; t < MAX; ++t)
    for (int d = 0; d < DIM; ++d) {
      for (int h = 0; h < KV; ++h)
        keys[t][h][d] = noise(), values[t][h][d] = noise();
      for (int h = 0; h < HEADS; ++h)
        queries[t][h][d] = noise();
    }

  kvcrt_capacity capacity = {
      sizeof(capacity), KVCRT_ABI_VERSION, MAX, 1, MAX, 1};
  uint64_t bytes = (layer_workspace(&capacity) + 63) / 64 * 64;
  kvcrt_env env = {.struct_size = sizeof(env),
                   .abi_version = KVCRT_ABI_VERSION,
                   .parallel_for = serial,
                   .num_workers = 1,
                   .workspace = aligned_alloc(64, bytes),
                   .workspace_size = bytes};

  int32_t indptr[2] = {0, 0}, kvLen[1], positions[MAX], seqs[MAX] = {0};
  int32_t slots[MAX];
  kvcrt_step_header header = {.num_seqs = 1};
  float out[MAX][HEADS][DIM], lse[MAX][HEADS];
  kvcrt_params p;
  memset(&p, 0, sizeof(p));
  p.struct_size = sizeof(p);
  p.abi_version = KVCRT_ABI_VERSION;
  p.step = (kvcrt_step){.struct_size = sizeof(p.step),
                        .abi_version = KVCRT_ABI_VERSION,
                        .header = &header,
                        .qo_indptr = indptr,
                        .kv_len = kvLen,
                        .positions = positions,
                        .token_seq = seqs,
                        .max_seqs = 1,
                        .max_tokens = MAX};
  kvcrt_plane plane = {.payload = pool[0],
                       .block_stride = sizeof(pool[0][0]),
                       .head_stride = sizeof(pool[0][0][0][0]),
                       .token_stride = sizeof(pool[0][0][0])};
  p.cache = (kvcrt_cache){.struct_size = sizeof(p.cache),
                          .abi_version = KVCRT_ABI_VERSION,
                          .key = plane,
                          .value = plane,
                          .block_table = table,
                          .block_table_stride = 6,
                          .slot_mapping = slots,
                          .block_size = SLOTS,
                          .num_blocks = BLOCKS};
  p.cache.value.payload = pool[1];
  p.scale = 0.25f;
  p.lse = &lse[0][0];
  p.lse_token_stride = sizeof(lse[0]);
  p.out = (kvcrt_tensor){out, sizeof(out[0]), sizeof(out[0][0])};

  const int steps[] = {13, 1, 10};
  int length = 0;
  for (int s = 0; s < 3; ++s) {
    int n = steps[s];
    for (int i = 0; i < n; ++i) {
      positions[i] = length + i;
      slots[i] = table[(length + i) / SLOTS] * SLOTS + (length + i) % SLOTS;
    }
    p.new_key =
        (kvcrt_tensor){keys[length], sizeof(keys[0]), sizeof(keys[0][0])};
    p.new_value =
        (kvcrt_tensor){values[length], sizeof(values[0]), sizeof(values[0][0])};
    p.query = (kvcrt_tensor){queries[length], sizeof(queries[0]),
                             sizeof(queries[0][0])};
    length += n;
    indptr[1] = n;
    kvLen[0] = length;
    header.num_tokens = header.max_q_len = n;
    header.max_kv_len = length;
    check(layer_append(&env, &p), "append");
    check(layer_attend(&env, &p), "attend");
    for (int i = 0; i < n; ++i)
      for (int h = 0; h < HEADS; ++h) {
        double row[DIM];
        int t = length - n + i;
        compare(lse[i][h], expected(t, h, 0, t + 1, row));
        for (int d = 0; d < DIM; ++d)
          compare(out[i][h][d], row[d]);
      }
  }
  printf("attend: %s\n", worst < 1e-5 ? "equal" : "different");

  /* The last query's keys in two parts, as two engines would have them. */
  float partialOut[2][1][HEADS][DIM], partialLse[2][1][HEADS];
  for (int h = 0; h < HEADS; ++h)
    for (int part = 0; part < 2; ++part) {
      double row[DIM];
      int begin = part * 9, end = part ? MAX : 9;
      partialLse[part][0][h] = (float)expected(MAX - 1, h, begin, end, row);
      for (int d = 0; d < DIM; ++d)
        partialOut[part][0][h][d] = (float)row[d];
    }
  header.num_tokens = indptr[1] = 1;
  p.partial_out = &partialOut[0][0][0][0];
  p.partial_lse = &partialLse[0][0][0];
  p.num_partials = 2;
  worst = 0;
  check(layer_merge(&env, &p), "merge");
  for (int h = 0; h < HEADS; ++h) {
    double row[DIM];
    compare(lse[0][h], expected(MAX - 1, h, 0, MAX, row));
    for (int d = 0; d < DIM; ++d)
      compare(out[0][h][d], row[d]);
  }
  printf("merge: %s\n", worst < 1e-5 ? "equal" : "different");

  env.workspace_size = 0;
  printf("no workspace: status %d\n", layer_attend(&env, &p));
  p.abi_version = 99;
  printf("another version: status %d\n", layer_attend(&env, &p));
  free(env.workspace);
  return 0;
}
