//===- Spec.cpp - the variants of the matrix ------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: each value of each axis is in at least one spec, and so is each
// pair of axes that share code (storage and rotation at attend, streaming and
// positions, masks and windows).
//
//===----------------------------------------------------------------------===//

#include "SpecAxes.h"

#include "kvcref/cache.h"
#include <cmath>
#include <sstream>

namespace kvc::conformance {

std::string formatName(int32_t format) {
  switch (format) {
  case KVCRT_F16:
    return "f16";
  case KVCRT_BF16:
    return "bf16";
  case KVCRT_I8:
    return "i8";
  case KVCRT_F8E4M3FN:
    return "f8E4M3FN";
  default:
    return "f32";
  }
}

static std::string storageText(const kvcrt_storage &storage) {
  if (storage.kind == KVCRT_STORAGE_QUANT)
    return "#kvc.quant<" + formatName(storage.format) +
           ", axis = token, symmetric>";
  return "#kvc.plain<" + formatName(storage.format) + ">";
}

static std::string cacheText(const kvcrt_policy &p) {
  std::ostringstream s;
  s << "!kvc.cache<kv_heads = " << p.kv_heads << ", head_dim = " << p.key_dim;
  if (p.value_dim != p.key_dim)
    s << " : " << p.value_dim;
  s << ", " << formatName(p.element) << ", layout = ";
  if (p.layout == KVCRT_LAYOUT_CONTIGUOUS)
    s << "#kvc.contiguous<capacity = " << p.block << ">";
  else
    s << "#kvc.paged<block = " << p.block << ">";
  s << ", key = " << storageText(p.key) << ", value = " << storageText(p.value);
  if (p.position == KVCRT_POSITION_ROPE)
    s << ", position = #kvc.rope<theta = 1.0e+04, dim = " << p.rope.dim
      << ", style = "
      << (p.rope.style == KVCRT_ROPE_NEOX ? "neox" : "interleaved")
      << ", at = " << (p.rope.at == KVCRT_ROPE_AT_APPEND ? "append" : "attend")
      << ">";
  if (p.position == KVCRT_POSITION_ALIBI)
    s << ", position = #kvc.alibi";
  if (p.retention == KVCRT_RETAIN_WINDOW)
    s << ", retention = #kvc.window<" << p.window << ">";
  if (p.retention == KVCRT_RETAIN_STREAMING)
    s << ", retention = #kvc.streaming<sink_tokens = " << p.sink_tokens
      << ", window = " << p.window << ">";
  s << ">";
  return s.str();
}

static const char *kHeadBias = R"(
  ^bb0(%s: f32, %b: index, %h: index, %q: index, %k: index, %t: tensor<?xf32>):
    %bias = tensor.extract %t[%h] : tensor<?xf32>
    %r = arith.addf %s, %bias : f32
    kvc.yield %r : f32
)";

static const char *kRelativeBias = R"(
  ^bb0(%s: f32, %b: index, %h: index, %q: index, %k: index, %t: tensor<?x?xf32>):
    %one = arith.constant 1 : index
    %three = arith.constant 3 : index
    %seven = arith.constant 7 : index
    %hidden = arith.constant 0xFF800000 : f32
    %width = tensor.dim %t, %one : tensor<?x?xf32>
    %distance = arith.subi %q, %k : index
    %near = arith.cmpi slt, %distance, %width : index
    %bias = tensor.extract %t[%h, %distance] : tensor<?x?xf32>
    %biased = arith.addf %s, %bias : f32
    %far = math.tanh %s : f32
    %r = arith.select %near, %biased, %far : f32
    %phase = arith.remsi %k, %seven : index
    %out = arith.cmpi eq, %phase, %three : index
    %e = arith.select %out, %hidden, %r : f32
    kvc.yield %e : f32
)";

std::string Spec::toMlir() const {
  static const char *masks[] = {"none", "dense_f32", "dense_i1", "packed"};
  std::ostringstream s;
  s << "kvc.variant @v {cache = " << cacheText(policy)
    << ", query_heads = " << queryHeads << " : i64";
  if (!causal)
    s << ", causal = false";
  if (softcap)
    s << ", softcap";
  if (window)
    s << ", window";
  if (sinkLogits)
    s << ", sink_logits";
  if (lse)
    s << ", lse";
  if (mask != kvcref::MaskKind::None)
    s << ", mask = #kvc<mask_kind " << masks[int(mask)] << ">";
  if (score == Score::HeadBias)
    s << ", captures = [tensor<?xf32>]";
  if (score == Score::RelativeBias)
    s << ", captures = [tensor<?x?xf32>]";
  if (frugality)
    s << ", kvc.frugality = array<i32: " << frugality << ", " << frugality
      << ">";
  s << "}";
  if (score != Score::None)
    s << " score {" << (score == Score::HeadBias ? kHeadBias : kRelativeBias)
      << "}";
  s << "\n";
  return s.str();
}

kvcref::Variant Spec::toReference() const {
  kvcref::Variant variant;
  variant.policy = policy;
  variant.queryHeads = queryHeads;
  variant.causal = causal;
  variant.softcap = softcap;
  variant.window = window;
  variant.sinkLogits = sinkLogits;
  variant.lse = lse;
  variant.mask = mask;
  return variant;
}

//===----------------------------------------------------------------------===//
// The matrix
//===----------------------------------------------------------------------===//

Spec makeSpec(std::string name, int32_t queryHeads, int32_t kvHeads,
              int32_t keyDim, int32_t valueDim, int32_t element) {
  Spec spec;
  spec.name = std::move(name);
  spec.policy = kvcref::makePolicy(kvHeads, keyDim, valueDim, element);
  spec.queryHeads = queryHeads;
  // As models have it: scores, and what rounding does to them, are of one size
  // whatever the head_dim.
  spec.scale = 1 / std::sqrt(float(keyDim));
  return spec;
}

void setQuant(kvcrt_storage &storage, int32_t format) {
  storage = {};
  storage.kind = KVCRT_STORAGE_QUANT;
  storage.format = format;
  storage.axis = KVCRT_AXIS_TOKEN;
  storage.symmetric = 1;
  storage.scale_format = KVCRT_F32;
}

void setRope(Spec &spec, int32_t dim, int32_t style, int32_t at) {
  kvcrt_policy &p = spec.policy;
  p.position = KVCRT_POSITION_ROPE;
  p.rope = {};
  p.rope.theta = 1.0e4;
  p.rope.dim = dim;
  p.rope.style = style;
  p.rope.at = at;
  p.rope.factor = p.rope.low_freq_factor = p.rope.high_freq_factor = 1;
}

void setWindow(Spec &spec, int32_t window, int32_t sinks) {
  spec.policy.retention = sinks ? KVCRT_RETAIN_STREAMING : KVCRT_RETAIN_WINDOW;
  spec.policy.window = spec.windowSize = window;
  spec.policy.sink_tokens = sinks;
}

void setContiguous(Spec &spec, int32_t capacity) {
  spec.policy.layout = KVCRT_LAYOUT_CONTIGUOUS;
  spec.policy.block = capacity;
}

std::vector<Spec> allSpecs() {
  using kvcref::MaskKind;
  SpecList specs;
  auto gqa = [](std::string name, int32_t element = KVCRT_F32) {
    return makeSpec(std::move(name), 8, 2, 64, 64, element);
  };
  constexpr int neox = KVCRT_ROPE_NEOX, pairs = KVCRT_ROPE_INTERLEAVED;
  constexpr int append = KVCRT_ROPE_AT_APPEND, attend = KVCRT_ROPE_AT_ATTEND;

  // Geometry.
  specs.add(gqa("gqa4 d64"));
  specs.add(makeSpec("mha d64", 2, 2, 64, 64, KVCRT_F32));
  specs.add(makeSpec("mqa8 d128", 8, 1, 128, 128, KVCRT_F32));
  specs.add(makeSpec("gqa3 d8", 6, 2, 8, 8, KVCRT_F32));
  specs.add(makeSpec("gqa5 d40:24", 5, 1, 40, 24, KVCRT_F32));
  specs.add(makeSpec("gqa7 d72:96", 7, 1, 72, 96, KVCRT_F32));
  specs.add(makeSpec("mqa16 d256", 16, 1, 256, 256, KVCRT_F32));
  specs.add(makeSpec("gqa2 d192:128", 4, 2, 192, 128, KVCRT_F16));
  // Block sizes.
  for (int32_t block : {1, 3, 64, 100, 256})
    specs.add(gqa("block " + std::to_string(block)),
              [&](Spec &s) { s.policy.block = block; });
  specs.add(gqa("contiguous"), [](Spec &s) { setContiguous(s, 2100); });
  // Element types and storage.
  for (int32_t element : {KVCRT_F16, KVCRT_BF16})
    specs.add(gqa("element " + formatName(element), element));
  for (int32_t format : {KVCRT_F16, KVCRT_BF16})
    specs.add(gqa("f32 stored " + formatName(format)), [&](Spec &s) {
      s.policy.key.format = s.policy.value.format = format;
    });
  specs.add(gqa("i8 keys"), [](Spec &s) { setQuant(s.policy.key); });
  specs.add(gqa("i8 values"), [](Spec &s) { setQuant(s.policy.value); });
  for (int32_t element : {KVCRT_F32, KVCRT_F16, KVCRT_BF16})
    specs.add(gqa("i8 both, " + formatName(element), element), [](Spec &s) {
      setQuant(s.policy.key);
      setQuant(s.policy.value);
    });
  for (int32_t element : {KVCRT_F32, KVCRT_BF16})
    specs.add(gqa("f8E4M3FN both, " + formatName(element), element),
              [](Spec &s) {
                setQuant(s.policy.key, KVCRT_F8E4M3FN);
                setQuant(s.policy.value, KVCRT_F8E4M3FN);
              });
  specs.add(makeSpec("i8 d40", 4, 2, 40, 40, KVCRT_F32), [](Spec &s) {
    setQuant(s.policy.key);
    setQuant(s.policy.value);
  });
  specs.add(gqa("bf16 keys, f16 values"), [](Spec &s) {
    s.policy.key.format = KVCRT_BF16, s.policy.value.format = KVCRT_F16;
  });
  // Positions.
  for (int style : {neox, pairs})
    for (int at : {append, attend})
      for (int32_t dim : {64, 20})
        specs.add(
            gqa(std::string("rope ") + (style == neox ? "neox" : "pairs") +
                (at == append ? " append " : " attend ") + std::to_string(dim)),
            [&](Spec &s) { setRope(s, dim, style, at); });
  specs.add(gqa("rope attend i8"), [&](Spec &s) {
    setRope(s, 64, neox, attend);
    setQuant(s.policy.key);
  });
  specs.add(gqa("rope append i8 f16", KVCRT_F16), [&](Spec &s) {
    setRope(s, 64, neox, append);
    setQuant(s.policy.key);
    setQuant(s.policy.value);
  });
  specs.add(gqa("alibi"),
            [](Spec &s) { s.policy.position = KVCRT_POSITION_ALIBI; });
  // Retention.
  for (int32_t window : {1, 17, 64, 150})
    specs.add(gqa("window " + std::to_string(window)),
              [&](Spec &s) { setWindow(s, window); });
  specs.add(gqa("window block 1"), [](Spec &s) {
    setWindow(s, 33);
    s.policy.block = 1;
  });
  specs.add(gqa("streaming"), [](Spec &s) { setWindow(s, 40, 4); });
  specs.add(gqa("streaming 70 sinks"), [](Spec &s) { setWindow(s, 100, 70); });
  for (int at : {append, attend})
    specs.add(gqa(std::string("streaming rope ") +
                  (at == append ? "append" : "attend")),
              [&](Spec &s) {
                setWindow(s, 40, 4);
                setRope(s, 64, neox, at);
              });
  specs.add(gqa("streaming rope pairs i8"), [&](Spec &s) {
    setWindow(s, 24, 9);
    setRope(s, 32, pairs, append);
    setQuant(s.policy.key);
  });
  specs.add(gqa("streaming alibi"), [](Spec &s) {
    setWindow(s, 40, 4);
    s.policy.position = KVCRT_POSITION_ALIBI;
  });
  // The op's own.
  specs.add(gqa("not causal"), [](Spec &s) { s.causal = false; });
  specs.add(gqa("not causal, window"), [](Spec &s) {
    s.causal = false;
    setWindow(s, 30);
  });
  specs.add(gqa("op window"),
            [](Spec &s) { s.window = true, s.windowSize = 50; });
  specs.add(gqa("softcap"), [](Spec &s) { s.softcap = true; });
  specs.add(gqa("sink logits"), [](Spec &s) { s.sinkLogits = true; });
  specs.add(gqa("sink logits, no lse"),
            [](Spec &s) { s.sinkLogits = true, s.lse = false; });
  specs.add(gqa("mask f32"), [](Spec &s) { s.mask = MaskKind::DenseF32; });
  specs.add(gqa("mask i1"), [](Spec &s) { s.mask = MaskKind::DenseI1; });
  specs.add(gqa("mask packed"), [](Spec &s) { s.mask = MaskKind::Packed; });
  specs.add(gqa("mask packed, not causal"),
            [](Spec &s) { s.mask = MaskKind::Packed, s.causal = false; });
  specs.add(gqa("mask i1, window, f16", KVCRT_F16), [](Spec &s) {
    s.mask = MaskKind::DenseI1;
    setWindow(s, 45);
  });
  specs.add(gqa("score head bias"), [](Spec &s) { s.score = Score::HeadBias; });
  specs.add(gqa("score relative bias"),
            [](Spec &s) { s.score = Score::RelativeBias; });
  specs.add(gqa("everything"), [&](Spec &s) {
    s.softcap = s.sinkLogits = true;
    s.mask = MaskKind::DenseF32;
    s.score = Score::HeadBias;
    setWindow(s, 90, 6);
    setRope(s, 48, neox, append);
    setQuant(s.policy.key);
    s.policy.value.format = KVCRT_BF16;
    s.policy.block = 24;
  });
  return specs.take();
}

} // namespace kvc::conformance
