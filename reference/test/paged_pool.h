//===- paged_pool.h - a small paged cache for tests -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One layer's pool, block table and step arrays behind a kvcrt_params:
//
//   HND  [block][K|V][head][slot][row]     NHD  [block][K|V][slot][head][row]
//
// Blocks of a sequence are handed out from the pool's far end, one apart, so
// that nothing works by luck of order. Invariant: every byte that append did
// not write is 0xff, NaN in every float format.
//===----------------------------------------------------------------------===//
#ifndef KVCREF_TEST_PAGED_POOL_H
#define KVCREF_TEST_PAGED_POOL_H

#include "kvcref/formats.h"
#include "kvcref/kernels.h"

namespace kvcref::test {

inline std::vector<double> toDouble(const std::vector<float> &numbers,
                                    size_t count) {
  return {numbers.begin(), numbers.begin() + count};
}

struct PagedPool {
  static constexpr int64_t numBlocks = 64, tableStride = 16, maxSeqs = 4,
                           maxTokens = 16;
  kvcrt_policy policy;
  std::vector<uint8_t> payload[2], scales[2]; // K, V
  std::vector<int32_t> table, qoIndptr, kvLen, positions, tokenSeq, slots;
  std::vector<float> query, out, newKey, newValue, lse;
  kvcrt_step_header header{};
  int32_t errorWord = 0, nextBlock = numBlocks - 1;
  kvcrt_params params{};

  PagedPool(const kvcrt_policy &policy, int64_t queryHeads)
      : policy(policy), table(maxSeqs * tableStride, -1),
        qoIndptr(maxSeqs + 1, 0), kvLen(maxSeqs, 0), positions(maxTokens),
        tokenSeq(maxTokens), slots(maxTokens, -1),
        query(maxTokens * queryHeads * policy.key_dim),
        out(maxTokens * queryHeads * policy.value_dim, -7.0f),
        newKey(maxTokens * policy.kv_heads * policy.key_dim),
        newValue(maxTokens * policy.kv_heads * policy.value_dim),
        lse(maxTokens * queryHeads, -7.0f) {
    params.struct_size = sizeof(params);
    params.abi_version = KVCRT_ABI_VERSION;
    kvcrt_cache &cache = params.cache;
    setPlane(0, policy.key, policy.key_dim, cache.key);
    setPlane(1, policy.value, policy.value_dim, cache.value);
    cache.block_table = table.data();
    cache.block_table_stride = tableStride;
    cache.slot_mapping = slots.data();
    cache.block_size = policy.block;
    cache.num_blocks = numBlocks;
    cache.error_word = &errorWord;
    params.step.header = &header;
    params.step.qo_indptr = qoIndptr.data();
    params.step.kv_len = kvLen.data();
    params.step.positions = positions.data();
    params.step.token_seq = tokenSeq.data();
    params.query = tensor(query, queryHeads, policy.key_dim);
    params.out = tensor(out, queryHeads, policy.value_dim);
    params.new_key = tensor(newKey, policy.kv_heads, policy.key_dim);
    params.new_value = tensor(newValue, policy.kv_heads, policy.value_dim);
    params.scale = 0.5f;
    params.window = policy.window;
    params.sink_tokens = policy.sink_tokens;
    params.lse = lse.data();
    params.lse_token_stride = queryHeads * 4;
  }
  PagedPool(const PagedPool &) = delete;

  /// Plain attention over the pool's policy.
  Variant variant() const {
    Variant plain;
    plain.policy = policy;
    plain.queryHeads = query.size() / (maxTokens * policy.key_dim);
    return plain;
  }

  /// Builds a step of `counts[r]` new tokens in row r and gives them slots.
  void step(const std::vector<int32_t> &counts) {
    header.num_seqs = counts.size();
    int32_t token = 0;
    for (size_t row = 0; row < counts.size(); ++row) {
      qoIndptr[row] = token;
      for (int32_t n = 0; n < counts[row]; ++n, ++token) {
        const int32_t index = kvLen[row]++;
        int32_t &block = table[row * tableStride + index / policy.block];
        if (index % policy.block == 0) {
          block = nextBlock;
          nextBlock -= 2;
        }
        positions[token] = index;
        tokenSeq[token] = row;
        slots[token] = block * policy.block + index % policy.block;
      }
    }
    qoIndptr[counts.size()] = header.num_tokens = token;
  }

private:
  static kvcrt_tensor tensor(std::vector<float> &data, int64_t heads,
                             int64_t dim) {
    return {data.data(), heads * dim * 4, dim * 4};
  }

  void setPlane(int which, const kvcrt_storage &storage, int64_t dim,
                kvcrt_plane &plane) {
    const int64_t row = payloadBytes(storage.format, dim), scale = 4;
    const int64_t heads = policy.kv_heads, block = policy.block;
    const bool hnd = policy.order == KVCRT_HND;
    payload[which].assign(numBlocks * block * heads * row, 0xff);
    plane.payload = payload[which].data();
    plane.block_stride = block * heads * row;
    plane.head_stride = hnd ? block * row : row;
    plane.token_stride = hnd ? row : heads * row;
    if (storage.kind != KVCRT_STORAGE_QUANT)
      return;
    scales[which].assign(numBlocks * block * heads * scale, 0xff);
    plane.scale = scales[which].data();
    plane.scale_block_stride = block * heads * scale;
    plane.scale_head_stride = hnd ? block * scale : scale;
    plane.scale_token_stride = hnd ? scale : heads * scale;
  }
};

} // namespace kvcref::test

#endif // KVCREF_TEST_PAGED_POOL_H
