//===- CostModel.cpp - times that evidence predicts -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every constant has its source. What is not known of a chip is taken from the
// one before it and marked so.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/Sass/CostModel.h"

#include "kvc/Support/Table.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>

namespace kvc::sass {

/// Seconds, device side: a kernel inside a graph takes 2 to 3 us before and
/// after its work (best measured of others: 6.9 us for 1k keys, all in all).
static constexpr double kLaunch = 2.5e-6;
/// A load that misses all caches of a loaded GPU takes 0.8 us; the block table
/// comes before the keys.
static constexpr double kFirstLoads = 2 * 0.8e-6;
/// Fence, count, and reading the partial results back from L2.
static constexpr double kMeeting = 1e-6;
static constexpr double kSchedulers = 4; // an SM
/// Cycles of what waits for each other in an iteration: mma.sync takes 33
/// cycles (sm_90; 18 to 35 on others) and a row of products is a chain over
/// the head_dim, then shuffles, exponentials and the products with values.
static constexpr double kMmaLatency = 33, kSoftmaxLatency = 200;

double Prediction::atLeast() const {
  return start + std::max({memory, issue, tensor, chain});
}
double Prediction::atMost() const {
  return start + memory + std::max(issue + tensor, chain);
}

/// Bytes of keys, values and scales that an iteration of all its warps reads.
static double loopBytes(const ExplainedKernel &kernel) {
  const LoopEvidence &hot = *kernel.evidence.hot;
  return 32. * kernel.facts->loopWarps *
         (16. * hot.copies16 + 4. * hot.copiesNarrow);
}

/// Elements of a row, keys' and values' being as many: half of the operations
/// are with values, two for each of 16 rows, key and element.
static double rowElements(const ExplainedKernel &kernel) {
  const LoopEvidence &hot = *kernel.evidence.hot;
  return hot.flops / 2 / (2. * 16 * kernel.facts->loopTokens);
}

static double chainOf(const GpuChip &chip, const ExplainedKernel &kernel) {
  const LoopEvidence &hot = *kernel.evidence.hot;
  // Products of a pair of keys' columns: one chain over head_dim / 16 steps;
  // values: independent sums, one after the other at the tensor core.
  double dim = rowElements(kernel);
  double cycles = dim / 16 * kMmaLatency + kSoftmaxLatency +
                  hot.flops / 2 * kSchedulers / chip.tensorFlops;
  return std::max(cycles, double(hot.steady)) / chip.clock;
}

Prediction predictDecode(const GpuChip &chip, const ExplainedKernel &kernel,
                         const Workload &work) {
  const LoopEvidence &hot = *kernel.evidence.hot;
  const KernelFacts &facts = *kernel.facts;
  double tiles = std::ceil(double(work.keys) / facts.loopTokens);
  double iterations = work.heads * tiles; // of a warp each
  double warps = facts.threads / 32.;
  double slots = double(chip.multiprocessors) * facts.blocksPerSM;
  // The plan cuts long rows until all blocks have work.
  double splits = std::clamp(std::floor(slots / work.heads), 1.,
                             std::max(1., std::floor(tiles / warps)));
  Prediction p;
  double dim = rowElements(kernel), rows = 16;
  double partial = splits > 1 ? 2 * splits * rows * (dim * 4 + 8) : 0;
  // Table entries of the oldest page size, queries and outputs of 16 bits.
  p.bytes = iterations * (loopBytes(kernel) + 4) +
            work.heads * (rows * dim * 2 * 2 + partial);
  p.memory = p.bytes / chip.bandwidth;
  // Blocks come in waves when there are more of them than slots.
  double blocks = work.heads * splits;
  double waves =
      blocks > slots ? std::ceil(blocks / slots) * slots / blocks : 1;
  double slotsPerSecond = chip.multiprocessors * kSchedulers * chip.clock;
  double busy =
      std::min(1., blocks * warps / (chip.multiprocessors * kSchedulers));
  p.issue = iterations * hot.steady * waves / (slotsPerSecond * busy);
  p.tensor = iterations * hot.flops * waves /
             (chip.multiprocessors * chip.tensorFlops * chip.clock * busy);
  p.chain = std::ceil(tiles / (splits * warps)) * std::ceil(blocks / slots) *
            chainOf(chip, kernel);
  p.start = kLaunch + kFirstLoads + (splits > 1 ? kMeeting : 0);
  return p;
}

Prediction predictPrefill(const GpuChip &chip, const ExplainedKernel &kernel,
                          const Workload &work) {
  const LoopEvidence &hot = *kernel.evidence.hot;
  const KernelFacts &facts = *kernel.facts;
  double warps = facts.threads / 32., rows = 16 * warps;
  double tiles = std::ceil(work.queries / rows); // of rows, each a block
  // Keys of a tile of rows: up to its last one.
  double before = double(work.keys) - work.queries;
  double seen = work.causal ? before + (work.queries + rows) / 2 : work.keys;
  double steps = std::ceil(seen / facts.loopTokens);
  double iterations = work.heads * tiles * warps * steps;
  double blocks = work.heads * tiles;
  double slots = double(chip.multiprocessors) * facts.blocksPerSM;
  double waves = std::ceil(blocks / slots) * slots / blocks;
  // Blocks of many lengths fill each other's gaps.
  if (work.causal && blocks > slots)
    waves = 1;
  Prediction p;
  double dim = rowElements(kernel);
  // Keys once from memory, the rest from L2.
  p.bytes =
      work.heads * (double(work.keys) / facts.loopTokens * loopBytes(kernel) +
                    double(work.queries) * dim * 2 * 2);
  p.memory = p.bytes / chip.bandwidth;
  p.issue = iterations * hot.steady * waves /
            (chip.multiprocessors * kSchedulers * chip.clock);
  p.tensor = iterations * hot.flops * waves /
             (chip.multiprocessors * chip.tensorFlops * chip.clock);
  p.chain = steps * std::ceil(blocks / slots) * chainOf(chip, kernel);
  if (work.causal)
    p.chain =
        std::max(double(work.keys) / facts.loopTokens, blocks / slots * steps) *
        chainOf(chip, kernel);
  p.start = kLaunch + kFirstLoads;
  return p;
}

llvm::ArrayRef<Workload> decodeWorkloads() {
  static const Workload all[] = {
      {"D1", 4, 1024, 1},   {"D1", 4, 4096, 1},   {"D1", 4, 32768, 1},
      {"D1", 4, 262144, 1}, {"D3", 64, 1024, 1},  {"D3", 64, 4096, 1},
      {"D3", 64, 16384, 1}, {"D3", 64, 32768, 1}, {"D5", 256, 4096, 1}};
  return all;
}

llvm::ArrayRef<Workload> prefillWorkloads() {
  static const Workload all[] = {{"P1", 512, 512, 512},
                                 {"P1", 128, 2048, 2048},
                                 {"P1", 32, 8192, 8192},
                                 {"P1", 16, 16384, 16384}};
  return all;
}

namespace {
struct Row {
  const Workload *work;
  Prediction prediction;
};
} // namespace

static std::vector<Row> predictAll(const GpuChip &chip,
                                   const ExplainedKernel &kernel) {
  std::vector<Row> rows;
  // A time of what was not counted is no prediction.
  if (!kernel.evidence.hot || !kernel.evidence.hot->isWhole() ||
      !kernel.facts || !kernel.facts->loopTokens)
    return rows;
  llvm::StringRef name = kernel.evidence.name;
  if (name.ends_with("_attend_decode"))
    for (const Workload &work : decodeWorkloads())
      rows.push_back({&work, predictDecode(chip, kernel, work)});
  if (name.ends_with("_attend_prefill"))
    for (const Workload &work : prefillWorkloads())
      rows.push_back({&work, predictPrefill(chip, kernel, work)});
  return rows;
}

void printPredictions(const GpuChip &chip,
                      llvm::ArrayRef<ExplainedKernel> kernels,
                      llvm::raw_ostream &os) {
  std::vector<TableRow> rows{{"kernel", "suite", "heads x keys", "MB", "memory",
                              "issue", "tensor", "chain", "t0", "at least",
                              "at most"}};
  auto us = [](double seconds) -> std::string {
    return llvm::formatv("{0:f1}", seconds * 1e6);
  };
  for (const ExplainedKernel &kernel : kernels)
    for (const auto &[work, p] : predictAll(chip, kernel))
      rows.push_back({kernel.evidence.name, work->name,
                      llvm::formatv("{0} x {1}", work->heads, work->keys),
                      llvm::formatv("{0:f1}", p.bytes * 1e-6), us(p.memory),
                      us(p.issue), us(p.tensor), us(p.chain), us(p.start),
                      us(p.atLeast()), us(p.atMost())});
  printTable(
      os,
      llvm::formatv("predicted for {0}, microseconds, not measured", chip.name)
          .str(),
      rows);
}

llvm::json::Array predictionsToJSON(const GpuChip &chip,
                                    const ExplainedKernel &kernel) {
  llvm::json::Array all;
  for (const auto &[work, p] : predictAll(chip, kernel))
    all.push_back(llvm::json::Object{{"suite", work->name},
                                     {"heads", work->heads},
                                     {"keys", work->keys},
                                     {"queries", work->queries},
                                     {"bytes", p.bytes},
                                     {"memory", p.memory * 1e6},
                                     {"issue", p.issue * 1e6},
                                     {"tensor", p.tensor * 1e6},
                                     {"chain", p.chain * 1e6},
                                     {"start", p.start * 1e6},
                                     {"at_least", p.atLeast() * 1e6},
                                     {"at_most", p.atMost() * 1e6}});
  return all;
}

} // namespace kvc::sass
