//===- Fixture.cpp - memory of one cell -----------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: unused slots, unused blocks and outputs are 0xff bytes.
//
//===----------------------------------------------------------------------===//

#include "Fixture.h"

#include "kvcref/formats.h"
#include "kvcref/rope.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <sys/mman.h>

namespace kvc::conformance {

uint64_t Random::next() {
  // splitmix64 (Steele, Lea, Flood, 2014).
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint64_t seedOf(uint64_t seed, const std::string &name) {
  for (char c : name)
    seed = Random(seed ^ uint8_t(c)).next();
  return seed;
}

double Random::uniform() { return double(next() >> 11) * 0x1.0p-52 - 1.0; }

kvcrt_env serialEnv(Memory &workspace) {
  kvcrt_env env{};
  env.struct_size = sizeof(env);
  env.abi_version = KVCRT_ABI_VERSION;
  env.parallel_for = [](void *, int64_t count, kvcrt_task_fn body,
                        void *closure) {
    for (int64_t i = 0; i < count; ++i)
      body(closure, i, 0);
  };
  env.num_workers = 1;
  env.workspace = workspace.data();
  env.workspace_size = workspace.size();
  return env;
}

void Memory::release() {
  if (mapping)
    munmap(mapping, mapped);
  mapping = nullptr;
}

void Memory::resize(size_t size) {
  constexpr size_t page = 4096, hugePage = 2u << 20;
  release();
  bytes = size;
  bool large = size >= hugePage;
  size_t unit = large ? hugePage : page;
  size_t whole = (size + unit - 1) / unit * unit;
  // One unit more: the fence, or room to align.
  mapped = whole + unit;
  void *pages = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    std::abort();
  mapping = static_cast<char *>(pages);
  if (large) {
    base =
        mapping + (hugePage - reinterpret_cast<uintptr_t>(mapping) % hugePage);
    madvise(base, whole, MADV_HUGEPAGE);
  } else {
    // A workspace is a multiple of 64 bytes and must begin at one.
    size_t step = size % 64 == 0 ? 64 : 16;
    base = mapping + whole - (size + step - 1) / step * step;
    mprotect(mapping + whole, page, PROT_NONE);
  }
  std::memset(base, 0xff, size);
}

bool Memory::reserve(size_t size) {
  release();
  void *pages = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED)
    return false;
  mapping = base = static_cast<char *>(pages);
  mapped = bytes = size;
  return true;
}

static int64_t bytesOf(int32_t format) {
  return kvcref::findFormat(format)->bits / 8;
}

static int64_t roundUp(int64_t x, int64_t multiple) {
  return (x + multiple - 1) / multiple * multiple;
}

Fixture::Fixture(const Spec &spec, const Batch &batch, uint64_t seed)
    : spec(spec), batch(batch), random(seed) {
  makePool();
  std::vector<Sequence> before;
  for (Sequence s : batch.sequences) {
    int32_t held = std::max(0, s.kvLen - s.newTokens);
    before.push_back({held, held});
  }
  drawKeyExponents();
  makeStep(history, before);
  makeStep(current, batch.sequences);
  tokens = current.header.num_tokens;

  int64_t heads = spec.queryHeads;
  out.resize(tokens * heads * spec.policy.value_dim *
             bytesOf(spec.policy.element));
  // A gap after each token's row of heads.
  lse.resize(tokens * (heads + 1) * 4);

  const kvcrt_policy &p = spec.policy;
  if (p.position == KVCRT_POSITION_ROPE) {
    int32_t longest = 1;
    for (Sequence s : batch.sequences)
      longest = std::max(longest, s.kvLen + batch.positionOffset);
    ropePositions = longest;
    for (int64_t position = 0; position < longest; ++position)
      for (int32_t pair = 0; pair < p.rope.dim / 2; ++pair) {
        double angle = position * kvcref::ropeFrequency(p.rope, pair);
        ropeTable.push_back(float(std::cos(angle)));
        ropeTable.push_back(float(std::sin(angle)));
      }
  }
  for (int64_t h = 0; h < heads; ++h) {
    slopes.push_back(float(std::exp2(-8.0 * (h + 1) / heads)));
    sinkLogits.push_back(float(2 * random.uniform()));
  }
  if (spec.score != Score::None) {
    capturedShape[0] = heads;
    capturedShape[1] = spec.score == Score::RelativeBias ? 9 : 1;
    for (int64_t i = 0; i < capturedShape[0] * capturedShape[1]; ++i)
      captured.push_back(float(random.uniform()));
  }
  makeMask();
}

/// Gives each sequence its blocks; `needed` in all.
void Fixture::makeTable(int32_t needed) {
  const int32_t block = spec.policy.block;
  std::vector<int32_t> ids;
  if (batch.pool == Pool::Sparse) {
    // The last one too, and no two the same.
    ids.push_back(numBlocks - 1);
    const int64_t stretch = std::max(1, (numBlocks - 1) / std::max(1, needed));
    for (int32_t i = 0; i < needed; ++i)
      ids.push_back(int32_t(i * stretch + random.below(stretch)));
    ids.resize(std::max(1, needed));
  } else {
    ids.resize(numBlocks);
    std::iota(ids.begin(), ids.end(), 0);
  }
  for (int64_t i = int64_t(ids.size()) - 1; i > 0; --i)
    std::swap(ids[i], ids[random.below(i + 1)]);
  table.assign(batch.sequences.size() * tableStride, 0x7fffffff);
  auto id = ids.begin();
  for (size_t s = 0; s < batch.sequences.size(); ++s)
    for (int32_t j = 0; j * block < batch.sequences[s].kvLen; ++j)
      table[s * tableStride + j] = *id++;
}

/// Only the blocks that the table names hold 0xff: the others cost no memory.
void Fixture::makeSparsePool(int64_t poolBytes) {
  for (int which = 0; which < 2; ++which) {
    if (!pools[which].reserve(poolBytes) ||
        !scales[which].reserve(keyLayout.scaleBlock * numBlocks)) {
      problem_ = "expected address space for a pool of 64 GiB, got none "
                 "(ulimit -v, vm.overcommit_memory); ";
      return;
    }
    const kvcrt_policy &p = spec.policy;
    for (int32_t id : table) {
      if (id == 0x7fffffff)
        continue;
      std::memset(pools[which].data() + id * keyLayout.block, 0xff,
                  keyLayout.block);
      std::memset(scales[which].data() + id * keyLayout.scaleBlock, 0xff,
                  2 * p.kv_heads * keyLayout.scaleHead);
    }
  }
}

void Fixture::makePool() {
  constexpr int64_t sparseBytes = int64_t(64) << 30;
  const kvcrt_policy &p = spec.policy;
  int32_t needed = 0;
  for (Sequence s : batch.sequences) {
    int32_t blocks = (s.kvLen + p.block - 1) / p.block;
    needed += blocks;
    tableStride = std::max(tableStride, blocks);
  }
  tableStride += 2; // entries that nobody may read

  int64_t pitches[2];
  for (int v = 0; v < 2; ++v) {
    const kvcrt_storage &storage = v ? p.value : p.key;
    int64_t row = (v ? p.value_dim : p.key_dim) * bytesOf(storage.format);
    bool padded = batch.pool == Pool::Hnd || batch.pool == Pool::Nhd ||
                  batch.pool == Pool::Sparse;
    pitches[v] = padded ? roundUp(row, 16) : row;
  }
  int64_t heads = p.kv_heads, block = p.block, layers = 1, poolBytes = 0;
  if (batch.pool == Pool::FlashInfer)
    layers = 3;
  int64_t planeBytes[2] = {pitches[0] * heads * block,
                           pitches[1] * heads * block};
  numBlocks = needed + 3;
  if (batch.pool == Pool::Sparse)
    // A slot is an i32.
    numBlocks = int32_t(std::min(sparseBytes / (planeBytes[0] + planeBytes[1]),
                                 INT32_MAX / block));
  makeTable(needed);
  for (int v = 0; v < 2; ++v) {
    PlaneLayout &l = v ? valueLayout : keyLayout;
    bool tokensOutside = batch.pool != Pool::Hnd && batch.pool != Pool::Sparse;
    l.token = tokensOutside ? pitches[v] * heads : pitches[v];
    l.head = tokensOutside ? pitches[v] : pitches[v] * block;
    if (batch.pool == Pool::Vllm) {
      l.block = planeBytes[v];
      l.base = v ? planeBytes[0] * numBlocks : 0;
    } else {
      l.block = (planeBytes[0] + planeBytes[1]) * layers;
      l.base = (layers / 2) * (planeBytes[0] + planeBytes[1]) +
               (v ? planeBytes[0] : 0);
    }
    // Scales: [block][K, V][head][token] f32, each run padded to 16 bytes.
    l.scaleToken = 4;
    l.scaleHead = roundUp(block * 4, 16);
    l.scaleBlock = 2 * heads * l.scaleHead;
    l.scaleBase = v * heads * l.scaleHead;
  }
  poolBytes = (planeBytes[0] + planeBytes[1]) * layers * numBlocks;
  if (batch.pool == Pool::Sparse)
    return makeSparsePool(poolBytes);
  for (int which = 0; which < 2; ++which) {
    pools[which].resize(poolBytes);
    scales[which].resize(keyLayout.scaleBlock * numBlocks);
  }
}

void Fixture::fillOperand(
    Memory &memory, int64_t rows, int64_t heads, int64_t dim,
    const std::function<int(int64_t, int64_t)> &exponent) {
  const kvcref::Format &format = *kvcref::findFormat(spec.policy.element);
  memory.resize(rows * heads * dim * format.bits / 8);
  for (int64_t i = 0; i < rows * heads * dim; ++i)
    format.store(memory.data(), i,
                 std::ldexp(2 * random.uniform(),
                            exponent(i / dim / heads, i / dim % heads)));
}

/// Whether rows pass through f16 on their way, which has no wide range.
static bool isNarrow(const Spec &spec, const kvcrt_storage &storage) {
  return spec.policy.element == KVCRT_F16 || storage.format == KVCRT_F16;
}

void Fixture::drawKeyExponents() {
  keyExponents.assign(spec.policy.kv_heads, 0);
  if (!batch.wideRanges)
    return;
  const int most = isNarrow(spec, spec.policy.key) ? 4 : 40;
  for (int &exponent : keyExponents)
    exponent = int(random.below(2 * most + 1)) - most;
  // An end of the range always, and the other where there are two heads: what
  // is between may fit.
  const int end = random.below(2) ? most : -most;
  keyExponents[0] = end;
  if (keyExponents.size() > 1)
    keyExponents[1] = -end;
}

std::vector<int> Fixture::drawValueExponents(int64_t count) {
  std::vector<int> exponents(count, 0);
  if (!batch.wideRanges)
    return exponents;
  const bool narrow = isNarrow(spec, spec.policy.value);
  // In f16, where scales of small values are denormal.
  const int least = narrow ? -14 : -50, most = narrow ? -8 : 50;
  for (int &exponent : exponents)
    exponent = least + int(random.below(most - least + 1));
  return exponents;
}

void Fixture::makeStep(Step &step, const std::vector<Sequence> &sequences) {
  const kvcrt_policy &p = spec.policy;
  step.indptr.push_back(0);
  positionOffset.assign(sequences.size(), batch.positionOffset);
  firstBlock.assign(sequences.size(), 0);
  for (size_t s = 0; s < sequences.size(); ++s) {
    auto [n, kvLen] = sequences[s];
    for (int32_t i = 0; i < n; ++i) {
      int32_t index = kvLen - n + i;
      step.positions.push_back(std::max(0, index + batch.positionOffset));
      step.tokenSeq.push_back(int32_t(s));
      int32_t slot = -1;
      if (index >= 0)
        slot = table[s * tableStride + index / p.block] * p.block +
               index % p.block;
      step.slots.push_back(slot);
    }
    step.indptr.push_back(step.indptr.back() + n);
    step.kvLen.push_back(kvLen);
    step.header.max_q_len = std::max(step.header.max_q_len, n);
    step.header.max_kv_len = std::max(step.header.max_kv_len, kvLen);
  }
  int32_t total = step.indptr.back();
  step.header.num_seqs = int32_t(sequences.size());
  step.header.num_tokens = total;
  const std::vector<int> valueExponents = drawValueExponents(total);
  const int64_t group = spec.queryHeads / p.kv_heads;
  fillOperand(step.key, total, p.kv_heads, p.key_dim,
              [&](int64_t, int64_t head) { return keyExponents[head]; });
  fillOperand(step.value, total, p.kv_heads, p.value_dim,
              [&](int64_t row, int64_t) { return valueExponents[row]; });
  fillOperand(
      step.query, total, spec.queryHeads, p.key_dim,
      [&](int64_t, int64_t head) { return -keyExponents[head / group]; });
  if (!batch.nanAtEnd || &step != &current)
    return;
  for (size_t s = 0; s < sequences.size(); ++s) {
    if (sequences[s].newTokens == 0)
      continue;
    int64_t last = step.indptr[s + 1] - 1;
    for (Memory *memory : {&step.key, &step.value}) {
      int64_t row = memory->size() / total;
      std::memset(memory->data() + last * row, 0xff, row);
    }
  }
}

void Fixture::makeMask() {
  using kvcref::MaskKind;
  if (spec.mask == MaskKind::None)
    return;
  maskColumns = current.header.max_kv_len;
  int64_t heads = spec.queryHeads;
  if (spec.mask == MaskKind::Packed) {
    int32_t bytes = 0;
    for (size_t s = 0; s < batch.sequences.size(); ++s) {
      auto [n, kvLen] = batch.sequences[s];
      // Every other sequence has a mask of its new tokens alone.
      int32_t first = s % 2 ? std::max(0, kvLen - n) : 0;
      maskFirst.push_back(first);
      maskIndptr.push_back(bytes);
      bytes += (n * (kvLen - first) + 7) / 8;
    }
    maskIndptr.push_back(bytes);
    mask.resize(bytes);
    for (int32_t i = 0; i < bytes; ++i)
      mask.data()[i] = char(random.next() | random.next());
    return;
  }
  bool additive = spec.mask == MaskKind::DenseF32;
  int64_t entries = tokens * heads * maskColumns;
  mask.resize(entries * (additive ? 4 : 1));
  for (int64_t i = 0; i < entries; ++i) {
    bool hidden = random.below(4) == 0;
    if (additive)
      mask.as<float>()[i] = hidden ? -INFINITY : float(random.uniform());
    else
      mask.data()[i] = hidden ? 0 : char(1 + random.below(255));
  }
}

kvcrt_plane Fixture::plane(int which, bool value) {
  const PlaneLayout &l = value ? valueLayout : keyLayout;
  kvcrt_plane plane{};
  plane.payload = pools[which].data() + l.base;
  plane.block_stride = l.block;
  plane.head_stride = l.head;
  plane.token_stride = l.token;
  const kvcrt_storage &storage = value ? spec.policy.value : spec.policy.key;
  if (storage.kind == KVCRT_STORAGE_QUANT) {
    plane.scale = scales[which].data() + l.scaleBase;
    plane.scale_block_stride = l.scaleBlock;
    plane.scale_head_stride = l.scaleHead;
    plane.scale_token_stride = l.scaleToken;
  }
  return plane;
}

kvcrt_params Fixture::params(Step &step, int which) {
  const kvcrt_policy &p = spec.policy;
  kvcrt_params params{};
  params.struct_size = sizeof(kvcrt_params);
  params.abi_version = KVCRT_ABI_VERSION;
  kvcrt_step &s = params.step;
  s.struct_size = sizeof(kvcrt_step);
  s.abi_version = KVCRT_ABI_VERSION;
  s.header = &step.header;
  s.qo_indptr = step.indptr.data();
  s.kv_len = step.kvLen.data();
  s.positions = step.positions.data();
  s.token_seq = step.tokenSeq.data();
  s.max_seqs = step.header.num_seqs;
  s.max_tokens = step.header.num_tokens;
  kvcrt_cache &c = params.cache;
  c.struct_size = sizeof(kvcrt_cache);
  c.abi_version = KVCRT_ABI_VERSION;
  c.key = plane(which, false);
  c.value = plane(which, true);
  c.block_table = table.data();
  c.block_table_stride = tableStride;
  c.slot_mapping = step.slots.data();
  c.first_block = firstBlock.data();
  c.position_offset = batch.positionOffset ? positionOffset.data() : nullptr;
  c.rope_table = ropeTable.empty() ? nullptr : ropeTable.data();
  c.rope_positions = ropePositions;
  c.block_size = p.block;
  c.num_blocks = numBlocks;
  c.error_word = &errorWord;

  auto tensor = [&](Memory &memory, int64_t heads, int64_t dim) {
    int64_t bytes = bytesOf(p.element);
    return kvcrt_tensor{memory.data(), heads * dim * bytes, dim * bytes};
  };
  params.query = tensor(step.query, spec.queryHeads, p.key_dim);
  params.out = tensor(out, spec.queryHeads, p.value_dim);
  params.new_key = tensor(step.key, p.kv_heads, p.key_dim);
  params.new_value = tensor(step.value, p.kv_heads, p.value_dim);
  params.scale = spec.scale;
  params.softcap = spec.softcap ? spec.softcapValue : NAN;
  params.window = spec.windowSize;
  params.sink_tokens = p.sink_tokens;
  params.sink_logits = sinkLogits.data();
  params.alibi_slopes = slopes.data();
  params.lse = lse.as<float>();
  params.lse_token_stride = (spec.queryHeads + 1) * 4;
  if (spec.mask != kvcref::MaskKind::None) {
    params.mask = mask.data();
    int64_t entry = spec.mask == kvcref::MaskKind::DenseF32 ? 4 : 1;
    params.mask_head_stride = maskColumns * entry;
    params.mask_token_stride = params.mask_head_stride * spec.queryHeads;
    params.mask_columns = maskColumns;
    if (spec.mask == kvcref::MaskKind::Packed) {
      params.mask_indptr = maskIndptr.data();
      params.mask_first_column = maskFirst.data();
    }
  }
  if (!captured.empty()) {
    kvcrt_capture &capture = params.captures[0];
    capture.data = captured.data();
    capture.shape[0] = capturedShape[0];
    capture.shape[1] = capturedShape[1];
    capture.stride[0] = capturedShape[1] * 4;
    capture.stride[1] = 4;
  }
  return params;
}

kvcrt_params Fixture::attendParams(int which) { return params(current, which); }
kvcrt_params Fixture::historyParams(int which) {
  return params(history, which);
}

kvcref::Variant Fixture::reference() const {
  kvcref::Variant variant = spec.toReference();
  if (spec.score == Score::HeadBias)
    variant.edit = [this](double s, int64_t, int64_t head, int64_t, int64_t) {
      return s + captured[head];
    };
  if (spec.score == Score::RelativeBias)
    variant.edit = [this](double s, int64_t, int64_t head, int64_t q,
                          int64_t k) -> double {
      if (k % 7 == 3)
        return -INFINITY;
      int64_t distance = q - k, width = capturedShape[1];
      return distance < width ? s + captured[head * width + distance]
                              : std::tanh(s);
    };
  return variant;
}

kvcrt_capacity Fixture::capacity(int32_t workers) const {
  kvcrt_capacity capacity{};
  capacity.struct_size = sizeof(kvcrt_capacity);
  capacity.abi_version = KVCRT_ABI_VERSION;
  capacity.max_seqs = int32_t(batch.sequences.size());
  for (const Step *step : {&history, &current}) {
    capacity.max_tokens =
        std::max(capacity.max_tokens, step->header.num_tokens);
    capacity.max_kv_len =
        std::max(capacity.max_kv_len, step->header.max_kv_len);
  }
  capacity.num_workers = workers;
  return capacity;
}

void Fixture::freeInvisibleBlocks() {
  const kvcrt_policy &p = spec.policy;
  if (p.retention == KVCRT_RETAIN_ALL)
    return;
  for (size_t s = 0; s < batch.sequences.size(); ++s) {
    auto [n, kvLen] = batch.sequences[s];
    int32_t firstVisible = std::max(0, kvLen - n - spec.windowSize + 1);
    firstBlock[s] = firstVisible / p.block;
    for (int32_t j = 0; j < firstBlock[s]; ++j) {
      if (p.retention == KVCRT_RETAIN_STREAMING && j * p.block < p.sink_tokens)
        continue;
      // An id outside the pool: whoever looks at it raises an error.
      table[s * tableStride + j] = -1;
    }
  }
}

void Fixture::swapSigns() {
  const int64_t width = kvcref::findFormat(spec.policy.element)->bits / 8;
  for (Memory *memory : {&current.key, &current.value})
    for (int64_t i = width - 1; i < int64_t(memory->size()); i += width)
      memory->data()[i] ^= char(0x80);
}

void Fixture::poisonOutputs() {
  std::memset(out.data(), 0xff, out.size());
  std::memset(lse.data(), 0xff, lse.size());
}

} // namespace kvc::conformance
