//===- BenchShapes.cpp - what the benchmark measures ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "BenchShapes.h"

#include "Mirror.h"

#include <algorithm>

namespace kvc::bundle {

static void setQuantised(Spec &spec, int32_t format) {
  for (kvcrt_storage *s : {&spec.policy.key, &spec.policy.value}) {
    *s = {};
    s->kind = KVCRT_STORAGE_QUANT;
    s->format = format;
    s->axis = KVCRT_AXIS_TOKEN;
    s->symmetric = 1;
    s->scale_format = KVCRT_F32;
  }
}

std::vector<Spec> benchSpecs() {
  std::vector<Spec> specs;
  auto add = [&](const std::string &name, int32_t queryHeads, int32_t kvHeads,
                 int32_t dim, int32_t block = 16,
                 int32_t element = KVCRT_BF16) -> Spec & {
    Spec spec;
    spec.name = "bench " + name;
    spec.policy = kvcref::makePolicy(kvHeads, dim, dim, element);
    spec.policy.block = block;
    spec.queryHeads = queryHeads;
    spec.lse = false;
    specs.push_back(spec);
    return specs.back();
  };
  auto page = [](int32_t block) { return " p" + std::to_string(block); };
  add("gqa4 d128", 32, 8, 128);
  for (int32_t block : {1, 8, 32, 64, 128, 256})
    add("gqa4 d128" + page(block), 32, 8, 128, block);
  add("gqa8 d128", 32, 4, 128);
  add("gqa8 d128 p64", 32, 4, 128, 64);
  add("gqa8 64 heads p64", 64, 8, 128, 64);
  for (int32_t block : {64, 256})
    add("gqa4 f16" + page(block), 32, 8, 128, block, KVCRT_F16);
  add("gqa4 f16 contiguous", 32, 8, 128, 4096, KVCRT_F16).policy.layout =
      KVCRT_LAYOUT_CONTIGUOUS;
  add("mha d128", 32, 32, 128);
  for (int32_t block : {8, 64})
    add("mha d128" + page(block), 32, 32, 128, block);
  for (int32_t dim : {64, 80, 96, 112, 256})
    add("gqa4 d" + std::to_string(dim), 32, 8, dim);
  add("gqa4 d256 p64", 32, 8, 256, 64);
  add("mqa8 p64", 8, 1, 128, 64);
  setQuantised(add("mqa8 p64 f8E4M3FN", 8, 1, 128, 64), KVCRT_F8E4M3FN);
  setQuantised(add("i8", 32, 8, 128), KVCRT_I8);
  setQuantised(add("f8E4M3FN", 32, 8, 128), KVCRT_F8E4M3FN);
  Spec &window = add("window", 32, 8, 128);
  window.policy.retention = KVCRT_RETAIN_STREAMING;
  window.policy.window = window.windowSize = 1024;
  window.policy.sink_tokens = 4;
  for (bool causal : {true, false})
    for (auto [heads, dim] : {std::pair(32, 64), {16, 128}, {8, 256}})
      add("mha" + std::to_string(heads) + " d" + std::to_string(dim) +
              (causal ? "" : " full"),
          heads, heads, dim, 64)
          .causal = causal;
  return specs;
}

Spec specOf(const BenchCell &cell) {
  for (Spec &spec : benchSpecs())
    if (spec.name == cell.variant) {
      if (cell.window) {
        spec.policy.window = spec.windowSize = cell.window;
        spec.policy.sink_tokens = cell.sinks;
      }
      return spec;
    }
  throw Failure("expected a variant of the benchmark, got " + cell.variant);
}

/// Shapes that take a simulator a second.
static std::vector<BenchCell> tinyCells() {
  BenchCell inOrder{"D15 kv 90 in order", "bench gqa4 d128 p1", {{1, 1, 90}}};
  inOrder.inOrder = true;
  return {{"D3 kv 200", "bench gqa4 d128", {{2, 1, 200}}},
          {"D12 4 tokens", "bench gqa4 d128", {{2, 4, 100}}},
          {"D15 kv 90", "bench gqa4 d128 p1", {{1, 1, 90}}},
          inOrder,
          {"D5 kv 300", "bench gqa4 f16 contiguous", {{2, 1, 300}}},
          {"W1 window 32", "bench window", {{1, 1, 150}}, false, 2, 32, 4},
          {"P5 chunk", "bench gqa4 d128", {{1, 40, 100}}},
          {"S step", "bench i8", {{1, 1, 90}, {1, 20, 20}}, true}};
}

std::vector<BenchCell> benchCells(bool tiny) {
  if (tiny)
    return tinyCells();
  std::vector<BenchCell> cells;
  auto add = [&](int32_t value, std::string name, const std::string &variant,
                 std::vector<Run> runs) -> BenchCell & {
    cells.push_back(
        {std::move(name), "bench " + variant, std::move(runs), false, value});
    return cells.back();
  };
  auto kv = [](int32_t length) { return " kv " + std::to_string(length); };
  // Decode.
  using Valued = std::pair<const char *, int32_t>; // a variant and its value
  for (auto [variant, value] :
       {Valued("gqa8 d128", 1), Valued("gqa8 d128 p64", 2)})
    for (int32_t n : {1024, 4096, 16384, 32768, 131072, 262144})
      add(value, "D1" + kv(n), variant, {{1, 1, n}});
  for (const char *variant : {"gqa4 d128", "i8", "f8E4M3FN"})
    for (int32_t n : {1024, 4096, 16384, 32768})
      add(1, "D3" + kv(n), variant, {{8, 1, n}});
  for (const char *variant :
       {"gqa4 f16 p64", "gqa4 f16 p256", "gqa4 f16 contiguous"})
    add(2, "D5" + kv(4096), variant, {{32, 1, 4096}});
  for (auto [variant, value] : {Valued("mha d128", 2), Valued("mha d128 p8", 3),
                                Valued("mha d128 p64", 3)})
    for (int32_t n : {128, 2000, 4000})
      add(value, "D8" + kv(n), variant, {{16, 1, n}});
  struct {
    const char *name;
    std::vector<Run> runs;
  } const skewed[] = {{"64x512", {{64, 1, 512}}},
                      {"64x4k", {{64, 1, 4096}}},
                      {"32x128+32x4k", {{32, 1, 128}, {32, 1, 4096}}},
                      {"1x16k+15x64", {{1, 1, 16384}, {15, 1, 64}}},
                      {"1x64k+7x4k", {{1, 1, 65536}, {7, 1, 4096}}},
                      {"1x64k+15x4k", {{1, 1, 65536}, {15, 1, 4096}}},
                      {"1x64k+31x4k", {{1, 1, 65536}, {31, 1, 4096}}},
                      {"1x128k+31x4k", {{1, 1, 131072}, {31, 1, 4096}}},
                      {"2x32k+30x4k", {{2, 1, 32768}, {30, 1, 4096}}}};
  for (auto [variant, value] :
       {Valued("mqa8 p64", 2), Valued("mqa8 p64 f8E4M3FN", 3)})
    for (const auto &[name, runs] : skewed)
      add(value, std::string("D11 ") + name, variant, runs);
  for (int32_t count : {8, 32})
    for (int32_t tokens : {4, 8})
      for (int32_t n : {4096, 16384})
        add(count == 8 ? 2 : 3,
            "D12 " + std::to_string(count) + "x" + std::to_string(tokens) +
                kv(n),
            "gqa4 d128 p32", {{count, tokens, n}});
  for (int32_t dim : {64, 80, 96, 112, 128, 256})
    add(2, "D14" + kv(4096), "gqa4 d" + std::to_string(dim), {{32, 1, 4096}});
  for (int32_t block : {1, 8, 16, 32, 64, 128, 256})
    add(1, "D15" + kv(4096),
        "gqa4 d128" + (block == 16 ? "" : " p" + std::to_string(block)),
        {{32, 1, 4096}});
  // What the order of blocks costs.
  for (const char *variant : {"gqa4 d128 p1", "gqa4 d128"})
    add(3, "D15 kv 4096 in order", variant, {{32, 1, 4096}}).inOrder = true;
  // Windows, and what they save.
  add(2, "W1 full kv 32768", "gqa4 d128", {{32, 1, 32768}});
  for (int32_t window : {512, 1024, 4096})
    for (int32_t sinks : {4, 0}) {
      BenchCell &cell = add(sinks ? 1 : 3,
                            "W1 " + std::to_string(window) + "+" +
                                std::to_string(sinks) + kv(32768),
                            "window", {{32, 1, 32768}});
      cell.window = window;
      cell.sinks = sinks;
    }
  // Prefill.
  struct {
    int32_t count, length;
  } const prompts[] = {{1, 16384}, {2, 8192},  {4, 4096},
                       {8, 2048},  {16, 1024}, {32, 512}};
  for (auto [variant, value] :
       {Valued("mha16 d128", 1), Valued("mha32 d64", 3), Valued("mha8 d256", 3),
        Valued("mha16 d128 full", 3), Valued("mha32 d64 full", 3),
        Valued("mha8 d256 full", 3)})
    for (auto [count, length] : prompts)
      add(value, "P1 " + std::to_string(count) + "x" + std::to_string(length),
          variant, {{count, length, length}});
  for (const char *variant : {"gqa4 d128 p64", "gqa8 64 heads p64"})
    for (int32_t count : {2, 1})
      add(2, "P3 " + std::to_string(count) + "x512 of 4096", variant,
          {{count, 512, 4096}});
  for (const char *variant : {"gqa4 d128 p64", "gqa4 d256 p64"}) {
    add(1, "P5 8x512 on 4k", variant, {{8, 512, 4096 + 512}});
    add(2, "P5 8x1024 on 32k", variant, {{8, 1024, 32768 + 1024}});
  }
  // A model's step.
  for (const char *variant : {"gqa4 d128", "i8", "f8E4M3FN"})
    for (int32_t count : {8, 1, 32})
      add(count == 8 ? 1 : 2, "S 32 layers " + std::to_string(count) + "x4096",
          variant, {{count, 1, 4096}})
          .wholeStep = true;
  std::vector<BenchCell> inOrder;
  for (int32_t value : {1, 2, 3})
    for (const BenchCell &cell : cells)
      if (cell.value == value)
        inOrder.push_back(cell);
  return inOrder;
}

double tokenBytes(const Spec &spec) {
  const kvcrt_policy &p = spec.policy;
  auto side = [&](const kvcrt_storage &s, int32_t dim) {
    const bool quant = s.kind == KVCRT_STORAGE_QUANT;
    return double(dim) * (quant ? 1 : 2) + (quant ? 4 : 0);
  };
  return p.kv_heads * (side(p.key, p.key_dim) + side(p.value, p.value_dim));
}

Work workOf(const Spec &spec, const BenchCell &cell, int32_t layers) {
  const kvcrt_policy &p = spec.policy;
  const double times = cell.wholeStep ? layers : 1;
  Work work;
  for (const Run &run : cell.runs) {
    // Keys that some query sees, and that a query sees on average: the last
    // sees all, and causally each one before it one less.
    double seen = run.kvLen, mean = run.kvLen;
    if (spec.causal)
      mean -= (run.newTokens - 1) / 2.0;
    if (p.retention != KVCRT_RETAIN_ALL) {
      seen =
          std::min<double>(seen, p.window + p.sink_tokens + run.newTokens - 1);
      mean = std::min<double>(mean, p.window + p.sink_tokens);
    }
    const double rows = double(run.newTokens) * spec.queryHeads;
    work.kvBytes += times * run.count * seen * tokenBytes(spec);
    work.ioBytes += times * run.count *
                    (rows * 2 * (p.key_dim + p.value_dim) +
                     4.0 * (run.kvLen / p.block + 1));
    work.flops +=
        times * run.count * 2.0 * rows * mean * (p.key_dim + p.value_dim);
  }
  return work;
}

} // namespace kvc::bundle
