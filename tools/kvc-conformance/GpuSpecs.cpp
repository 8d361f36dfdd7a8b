//===- GpuSpecs.cpp - the variants of the GPU engine ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The axes of the CPU's matrix, mostly with 16-bit elements, and what only
// kernels of tiles have: a head_dim for each count of column tiles, pages that
// divide a tile, equal it and are divided by it, and 8-bit rows in each of
// them.
//
//===----------------------------------------------------------------------===//

#include "SpecAxes.h"

#include <algorithm>
#include <iterator>

namespace kvc::conformance {

/// Variants that keep f32 operands on a GPU: each storage, rotations in f32,
/// and most features at once. The others take 16-bit operands in turn.
static bool keepsF32(const Spec &spec) {
  static const char *const names[] = {
      "f32 stored f16",        "f32 stored bf16",
      "i8 both, f32",          "f8E4M3FN both, f32",
      "bf16 keys, f16 values", "rope neox attend 64",
      "streaming rope append", "everything",
      "f32 stored f32"};
  return std::find(std::begin(names), std::end(names), spec.name) !=
         std::end(names);
}

/// The variants of allSpecs, and rows of f32.
static std::vector<Spec> sharedSpecs() {
  std::vector<Spec> specs;
  std::vector<Spec> all = allSpecs();
  all.push_back(makeSpec("f32 stored f32", 8, 2, 64, 64, KVCRT_F32));
  for (Spec &spec : all) {
    kvcrt_policy &p = spec.policy;
    if (p.element == KVCRT_F32 && !keepsF32(spec)) {
      // Both element types, in turn; plain rows are kept in it.
      p.element = specs.size() % 3 ? KVCRT_BF16 : KVCRT_F16;
      for (kvcrt_storage *storage : {&p.key, &p.value})
        if (storage->kind == KVCRT_STORAGE_PLAIN)
          storage->format = p.element;
    }
    auto roundUp = [](int32_t dim) { return (dim + 15) / 16 * 16; };
    p.key_dim = roundUp(p.key_dim);
    p.value_dim = roundUp(p.value_dim);
    specs.push_back(std::move(spec));
  }
  return specs;
}

std::vector<Spec> gpuSpecs() {
  SpecList specs(sharedSpecs());
  auto quantised = [](int32_t key, int32_t value) {
    return [=](Spec &s) {
      setQuant(s.policy.key, key);
      setQuant(s.policy.value, value);
    };
  };
  // Geometry.
  specs.add(makeSpec("gqa4 d32", 8, 2, 32, 32, KVCRT_BF16));
  specs.add(makeSpec("mha d80", 2, 2, 80, 80, KVCRT_F16));
  specs.add(makeSpec("gqa6 d96", 6, 1, 96, 96, KVCRT_BF16));
  specs.add(makeSpec("gqa8 d112", 8, 1, 112, 112, KVCRT_F16));
  specs.add(makeSpec("gqa4 d128", 8, 2, 128, 128, KVCRT_BF16));
  specs.add(makeSpec("mqa8 d64:256", 8, 1, 64, 256, KVCRT_F16));
  specs.add(makeSpec("mha d256:32", 2, 2, 256, 32, KVCRT_BF16));
  // More query heads than a tile has rows.
  specs.add(makeSpec("mqa20 d64", 20, 1, 64, 64, KVCRT_BF16));
  // Pages.
  for (int32_t block : {2, 8, 32, 128})
    specs.add(
        makeSpec("block " + std::to_string(block), 8, 2, 64, 64, KVCRT_BF16),
        [&](Spec &s) { s.policy.block = block; });
  // 8-bit rows in other geometries and pages.
  specs.add(makeSpec("i8 d128", 4, 1, 128, 128, KVCRT_BF16),
            quantised(KVCRT_I8, KVCRT_I8));
  specs.add(makeSpec("i8 d256:96 page 3", 4, 2, 256, 96, KVCRT_F16),
            [&](Spec &s) {
              quantised(KVCRT_I8, KVCRT_I8)(s);
              s.policy.block = 3;
            });
  specs.add(makeSpec("f8E4M3FN d128 f16 page 1", 4, 1, 128, 128, KVCRT_F16),
            [&](Spec &s) {
              quantised(KVCRT_F8E4M3FN, KVCRT_F8E4M3FN)(s);
              s.policy.block = 1;
            });
  specs.add(makeSpec("f8E4M3FN keys, i8 values", 8, 2, 64, 64, KVCRT_BF16),
            quantised(KVCRT_F8E4M3FN, KVCRT_I8));
  // The widest rows of codes, keys and values: the most registers that decoding
  // a tile takes.
  for (int32_t format : {KVCRT_I8, KVCRT_F8E4M3FN})
    for (int32_t element : {KVCRT_BF16, KVCRT_F16})
      specs.add(makeSpec(formatName(format) + " d256 " + formatName(element), 4,
                         1, 256, 256, element),
                [&](Spec &s) {
                  quantised(format, format)(s);
                  s.policy.block = format == KVCRT_I8 ? 16 : 64;
                });
  // Windows of one token, by the cache and by the op.
  specs.add(makeSpec("op window 1", 8, 2, 64, 64, KVCRT_F16),
            [](Spec &s) { s.window = true, s.windowSize = 1; });
  specs.add(makeSpec("streaming window 1", 8, 2, 64, 64, KVCRT_BF16),
            [](Spec &s) { setWindow(s, 1, 1); });
  specs.add(makeSpec("window 20 i8 page 3", 8, 2, 64, 64, KVCRT_BF16),
            [&](Spec &s) {
              setWindow(s, 20);
              quantised(KVCRT_I8, KVCRT_I8)(s);
              s.policy.block = 3;
            });
  // Rotation where a row is many pieces.
  specs.add(makeSpec("rope pairs attend 96 d128", 4, 2, 128, 128, KVCRT_BF16),
            [](Spec &s) {
              setRope(s, 96, KVCRT_ROPE_INTERLEAVED, KVCRT_ROPE_AT_ATTEND);
            });
  for (int32_t format : {KVCRT_F8E4M3FN, KVCRT_I8})
    specs.add(makeSpec("rope neox append 256 " + formatName(format), 4, 2, 256,
                       256, KVCRT_BF16),
              [&](Spec &s) {
                setRope(s, 256, KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_APPEND);
                quantised(format, format)(s);
              });
  // Codes that become numbers, are turned and become operands of another type.
  auto turnedCodes = [&](int32_t dim, int32_t key, int32_t value) {
    return [=](Spec &s) {
      setRope(s, dim, KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_ATTEND);
      quantised(key, value)(s);
    };
  };
  specs.add(makeSpec("rope attend f8E4M3FN d128", 8, 2, 128, 128, KVCRT_BF16),
            turnedCodes(128, KVCRT_F8E4M3FN, KVCRT_F8E4M3FN));
  // Queries of 192 in registers, one turned for the sinks.
  specs.add(
      makeSpec("streaming rope append 192:128", 4, 2, 192, 128, KVCRT_F16),
      [](Spec &s) {
        setWindow(s, 40, 4);
        setRope(s, 64, KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_APPEND);
      });
  // Wide keys beside a table of masks are multiplied in a loop.
  specs.add(makeSpec("mask packed d256", 4, 2, 256, 256, KVCRT_BF16),
            [](Spec &s) { s.mask = kvcref::MaskKind::Packed; });
  // Halves of a rotated part that no piece of eight fits: partners come four at
  // once, and one by one.
  specs.add(makeSpec("rope attend 40 f8E4M3FN d80", 8, 2, 80, 128, KVCRT_F16),
            turnedCodes(40, KVCRT_F8E4M3FN, KVCRT_F8E4M3FN));
  specs.add(makeSpec("rope attend 18 f8E4M3FN", 4, 2, 64, 64, KVCRT_BF16),
            turnedCodes(18, KVCRT_F8E4M3FN, KVCRT_I8));
  specs.add(
      makeSpec("streaming rope pairs f8E4M3FN f32", 4, 2, 80, 80, KVCRT_F32),
      [&](Spec &s) {
        setWindow(s, 40, 4);
        setRope(s, 64, KVCRT_ROPE_INTERLEAVED, KVCRT_ROPE_AT_ATTEND);
        quantised(KVCRT_F8E4M3FN, KVCRT_F8E4M3FN)(s);
      });
  // The most that shared memory and registers hold: two turned queries of the
  // widest heads, and keys that are turned for each.
  for (bool eight : {false, true})
    specs.add(makeSpec(eight ? "streaming rope attend 256 i8"
                             : "streaming rope attend 256",
                       4, 2, 256, 256, KVCRT_BF16),
              [&](Spec &s) {
                setWindow(s, 40, 4);
                setRope(s, 256, KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_ATTEND);
                if (eight)
                  quantised(KVCRT_I8, KVCRT_I8)(s);
              });
  // Shapes that kvc-compile falls back to where the fastest ones spill: queries
  // in shared memory, small tiles, rows that become operands in a loop.
  specs.add(makeSpec("frugal 1 streaming rope", 8, 2, 128, 128, KVCRT_BF16),
            [](Spec &s) {
              setWindow(s, 40, 4);
              setRope(s, 128, KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_APPEND);
              s.frugality = 1;
            });
  specs.add(makeSpec("frugal 1 mqa4 d256", 4, 1, 256, 256, KVCRT_BF16),
            [](Spec &s) { s.frugality = 1; });
  specs.add(makeSpec("frugal 2 rope attend i8", 4, 2, 128, 128, KVCRT_BF16),
            [&](Spec &s) {
              setRope(s, 128, KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_ATTEND);
              quantised(KVCRT_I8, KVCRT_I8)(s);
              s.frugality = 2;
            });
  specs.add(makeSpec("frugal 2 f8E4M3FN page 3", 4, 1, 96, 128, KVCRT_F16),
            [&](Spec &s) {
              quantised(KVCRT_F8E4M3FN, KVCRT_F8E4M3FN)(s);
              s.policy.block = 3;
              s.frugality = 2;
            });
  // Products in a loop, of rows that are whole turns of it, and that are not;
  // queries turned for the sinks a chunk at a time.
  specs.add(makeSpec("frugal 3 streaming rope append 256:96", 8, 2, 256, 96,
                     KVCRT_BF16),
            [&](Spec &s) {
              setWindow(s, 40, 4);
              setRope(s, 256, KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_APPEND);
              setQuant(s.policy.value, KVCRT_F8E4M3FN);
              s.frugality = 3;
            });
  specs.add(makeSpec("frugal 3 rope attend f8E4M3FN page 8", 8, 2, 144, 64,
                     KVCRT_F16),
            [&](Spec &s) {
              setRope(s, 96, KVCRT_ROPE_INTERLEAVED, KVCRT_ROPE_AT_ATTEND);
              quantised(KVCRT_F8E4M3FN, KVCRT_F8E4M3FN)(s);
              s.policy.block = 8;
              s.frugality = 3;
            });
  specs.add(makeSpec("frugal 3 f32 d80", 4, 2, 80, 80, KVCRT_F32),
            [](Spec &s) { s.frugality = 3; });
  return specs.take();
}

} // namespace kvc::conformance
