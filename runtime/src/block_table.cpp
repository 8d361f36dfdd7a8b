//===- block_table.cpp - which block holds which tokens -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "block_table.h"

#include <cstdlib>
#include <new>

namespace kvcrt {

/// An odd number of cache lines: rows that are a power of two apart would all
/// fall into the same few sets of a cache.
static int32_t strideFor(int32_t entries) {
  constexpr int32_t kLine = 64 / sizeof(int32_t);
  if (entries <= kLine)
    return entries;
  return ((entries + kLine - 1) / kLine | 1) * kLine;
}

void BlockTable::create(int32_t sequences, int32_t entries, int32_t block,
                        int32_t stepSlots, Retention retention) {
  block_ = block;
  shift_ = -1;
  for (int32_t bit = 0; bit < 31; ++bit)
    if (block == int32_t(1) << bit)
      shift_ = bit;
  stride_ = strideFor(entries);
  retention_ = retention;
  rows_.resize(sequences);
  synced_.resize(stepSlots);
  for (std::vector<Synced> &slot : synced_)
    slot.resize(sequences);
  entries_.reset(static_cast<int32_t *>(
      calloc(size_t(sequences) * stride_, sizeof(int32_t))));
  if (!entries_)
    throw std::bad_alloc();
}

int32_t BlockTable::freeThreshold(int32_t nextFree) const {
  if (!retention_.window)
    return INT32_MAX;
  // Block j is out of sight of query q when its last token is, that is when
  // (j + 1) * block - 1 < q - window + 1.
  const int64_t floor = int64_t(nextFree + 1) * block_ + retention_.window - 1;
  return floor > INT32_MAX ? INT32_MAX : static_cast<int32_t>(floor);
}

void BlockTable::clear(int32_t sequence) {
  Row &r = rows_[sequence];
  r = Row();
  r.nextFree = retention_.sinkBlocks;
  r.freeAt = freeThreshold(r.nextFree);
}

void BlockTable::truncate(int32_t sequence, int32_t count, BlockPool &pool,
                          uint64_t newestStep) {
  Row &r = rows_[sequence];
  const int32_t *entry = entries(sequence);
  while (r.count > count) {
    const int32_t block = entry[--r.count];
    if (block >= 0)
      pool.drop(block, newestStep);
  }
  r.last = r.count ? entry[r.count - 1] : -1;
  forget(sequence, count);
}

void BlockTable::retain(int32_t sequence, int32_t floor, BlockPool &pool,
                        uint64_t newestStep) {
  Row &r = rows_[sequence];
  int32_t *entry = entries(sequence);
  while (floor >= r.freeAt && r.nextFree < r.count) {
    pool.drop(entry[r.nextFree], newestStep);
    entry[r.nextFree] = -1;
    r.freeAt = freeThreshold(++r.nextFree);
  }
}

void BlockTable::replace(int32_t sequence, int32_t j, int32_t block) {
  Row &r = rows_[sequence];
  entries(sequence)[j] = block;
  r.last = entries(sequence)[r.count - 1];
  forget(sequence, j);
}

void BlockTable::share(int32_t from, int32_t to, int32_t count,
                       BlockPool &pool) {
  const Row &source = rows_[from];
  Row &target = rows_[to];
  target.count = count;
  target.nextFree = source.nextFree;
  target.freeAt = source.freeAt;
  memcpy(entries(to), entries(from), size_t(count) * sizeof(int32_t));
  for (int32_t j = 0; j < count; ++j)
    if (entries(to)[j] >= 0)
      pool.share(entries(to)[j]);
  target.last = count ? entries(to)[count - 1] : -1;
}

} // namespace kvcrt
