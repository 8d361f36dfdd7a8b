//===- GoldenOps.cpp - instructions that are captured ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GoldenOps.h"

#include <cmath>
#include <cstring>

namespace kvc::bundle {

using Words = void (*)(kvcrt_sim_thread *, const uint32_t *, uint32_t *);
using Draw = void (*)(std::mt19937 &, uint32_t *, uint32_t);

static float toFloat(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}
static uint32_t toBits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

/*===-- What is drawn --===*/

/// Any bits: every encoding, NaNs and subnormals among them.
static void anyBits(std::mt19937 &random, uint32_t *words, uint32_t perLane) {
  for (uint32_t i = 0; i < kLanes * perLane; ++i)
    words[i] = uint32_t(random());
}

/// Floats of moderate size, sometimes special ones.
static void floats(std::mt19937 &random, uint32_t *words, uint32_t perLane) {
  static const uint32_t special[] = {0,          0x80000000, 0x7f800000,
                                     0xff800000, 0x7fc00000, 0x00000001,
                                     0x807fffff, 0x7f7fffff};
  for (uint32_t i = 0; i < kLanes * perLane; ++i) {
    // Exponents of 2^-40 to 2^40, or of 2^-8 to 2^8.
    const uint32_t width = random() % 2 ? 80 : 16;
    const uint32_t exponent = 127 - width / 2 + uint32_t(random()) % width;
    words[i] = random() % 16
                   ? (uint32_t(random()) & 0x807fffffu) | exponent << 23
                   : special[random() % 8];
  }
}
/// Within pi, where sin.approx and cos.approx have a bound.
static void angles(std::mt19937 &random, uint32_t *words, uint32_t perLane) {
  std::uniform_real_distribution<float> uniform(-3.14159f, 3.14159f);
  for (uint32_t i = 0; i < kLanes * perLane; ++i)
    words[i] = toBits(uniform(random));
}

/// Finite 16-bit pairs around one; exponents differ, so that sums must align.
template <uint32_t kFraction, uint32_t kBias>
static uint32_t half(std::mt19937 &random) {
  const uint32_t exponent = kBias - 6 + uint32_t(random()) % 12;
  return (uint32_t(random()) & (0x8000u | ((1u << kFraction) - 1))) |
         exponent << kFraction;
}
template <uint32_t kFraction, uint32_t kBias>
static void halves(std::mt19937 &random, uint32_t *words, uint32_t perLane) {
  for (uint32_t i = 0; i < kLanes * perLane; ++i)
    words[i] = half<kFraction, kBias>(random) | half<kFraction, kBias>(random)
                                                    << 16;
}
/// Operands of a product: A and B by `draw`, four words of C as floats.
template <Draw kDraw>
static void product(std::mt19937 &random, uint32_t *words, uint32_t perLane) {
  kDraw(random, words, perLane);
  for (uint32_t lane = 0; lane < kLanes; ++lane)
    for (uint32_t i = perLane - 4; i < perLane; ++i) {
      const uint32_t exponent = 121 + uint32_t(random()) % 12;
      words[lane * perLane + i] =
          (uint32_t(random()) & 0x807fffffu) | exponent << 23;
    }
}
/// Rows of e4m3 without its NaNs.
static void e4m3(std::mt19937 &random, uint32_t *words, uint32_t perLane) {
  for (uint32_t i = 0; i < kLanes * perLane; ++i) {
    words[i] = 0;
    for (uint32_t byte = 0; byte < 4; ++byte) {
      uint32_t code = uint32_t(random()) & 0xff;
      if ((code & 0x7f) == 0x7f)
        code = 0x38;
      words[i] |= code << 8 * byte;
    }
  }
}
/// Four words of a row, and whose row a lane asks for.
static void rows(std::mt19937 &random, uint32_t *words, uint32_t perLane) {
  anyBits(random, words, perLane);
  for (uint32_t lane = 0; lane < kLanes; ++lane)
    words[lane * perLane + 4] = uint32_t(random()) % kLanes;
}
/// A value and a lane.
static void valueAndLane(std::mt19937 &random, uint32_t *words, uint32_t) {
  for (uint32_t lane = 0; lane < kLanes; ++lane) {
    words[2 * lane] = uint32_t(random());
    words[2 * lane + 1] = uint32_t(random()) % kLanes;
  }
}
/// The same few values again and again, for votes and matches.
static void fewValues(std::mt19937 &random, uint32_t *words, uint32_t perLane) {
  for (uint32_t i = 0; i < kLanes * perLane; ++i)
    words[i] = uint32_t(random()) % 3;
}

/*===-- The simulator's side --===*/

constexpr uint32_t kAll = 0xffffffffu;

template <uint32_t kType, uint32_t kDepth, uint32_t kResult>
static void multiply(kvcrt_sim_thread *t, const uint32_t *in, uint32_t *out) {
  t->table->multiply(t, 0, kType | kType << 4 | kResult << 8 | kDepth << 16, in,
                     out);
}
template <uint32_t kWhich>
static void approximate(kvcrt_sim_thread *t, const uint32_t *in,
                        uint32_t *out) {
  out[0] = toBits(t->table->approximate(t, 0, kWhich, toFloat(in[0])));
}
template <uint32_t kWhich>
static void convert2(kvcrt_sim_thread *t, const uint32_t *in, uint32_t *out) {
  out[0] = t->table->convert(t, 0, kWhich, in[0], in[1]);
}
template <uint32_t kWhich>
static void convert1(kvcrt_sim_thread *t, const uint32_t *in, uint32_t *out) {
  out[0] = t->table->convert(t, 0, kWhich, in[0] & 0xffff, 0);
}
static void toTf32(kvcrt_sim_thread *t, const uint32_t *in, uint32_t *out) {
  out[0] = t->table->convert(t, 0, KVCRT_SIM_CONVERT_F32_TF32, in[0], 0);
}
template <uint32_t kWhich>
static void half2(kvcrt_sim_thread *t, const uint32_t *in, uint32_t *out) {
  out[0] = t->table->half2(t, 0, kWhich, in[0], in[1], in[2]);
}
template <uint32_t kMode, uint32_t kClamp>
static void shuffle(kvcrt_sim_thread *t, const uint32_t *in, uint32_t *out) {
  const uint64_t both =
      t->table->shuffle(t, 0, kAll, in[0], in[1], kClamp, kMode);
  // Past the end a lane keeps its own value, and its predicate says so.
  out[0] = uint32_t(both);
  out[1] = uint32_t(both >> 32) & 1;
}
template <uint32_t kMode>
static void vote(kvcrt_sim_thread *t, const uint32_t *in, uint32_t *out) {
  out[0] = t->table->vote(t, 0, kAll, in[0] != 0, kMode);
}
static void matchAny(kvcrt_sim_thread *t, const uint32_t *in, uint32_t *out) {
  out[0] = uint32_t(t->table->match(t, 0, kAll, in[0], KVCRT_SIM_MATCH_ANY));
}
template <uint32_t kMode>
static void reduce(kvcrt_sim_thread *t, const uint32_t *in, uint32_t *out) {
  out[0] = t->table->reduce(t, 0, kAll, in[0], kMode);
}
static void permute(kvcrt_sim_thread *t, const uint32_t *in, uint32_t *out) {
  out[0] = t->table->permute(t, 0, in[0], in[1], in[2] & 0x7777, 0);
}
template <uint32_t kDescriptor>
static void loadMatrix(kvcrt_sim_thread *t, const uint32_t *in, uint32_t *out) {
  const auto &table = *t->table;
  const auto lane =
      uint32_t(table.special_register(t, 0, KVCRT_SIM_REGISTER_LANEID));
  const uint32_t base = kGoldenShared;
  memcpy(table.store_shared(t, 0, base + 16 * lane,
                            16 | 4 << KVCRT_SIM_ACCESS_ALIGN_SHIFT),
         in, 16);
  table.barrier(t, 0, 0, 0, KVCRT_SIM_BARRIER_SYNC | KVCRT_SIM_BARRIER_ALIGNED,
                0);
  table.load_matrix(t, 0, base + 16 * in[4], kDescriptor, out);
}

/*===-- The table --===*/

static std::string matrixBody(const char *name, uint32_t a, uint32_t b,
                              bool integers = false) {
  auto list = [](char letter, uint32_t from, uint32_t count) {
    std::string out = "{";
    for (uint32_t i = 0; i < count; ++i)
      out += std::string(i ? ", %" : "%") + letter + std::to_string(from + i);
    return out + "}";
  };
  std::string out;
  if (!integers)
    for (uint32_t i = 0; i < 4; ++i)
      out += "  mov.b32 %f" + std::to_string(i) + ", %a" +
             std::to_string(a + b + i) + ";\n";
  const std::string to = integers ? list('d', 0, 4) : list('f', 4, 4);
  const std::string from = integers ? list('a', a + b, 4) : list('f', 0, 4);
  out += std::string("  mma.sync.aligned.") + name + " " + to + ", " +
         list('a', 0, a) + ", " + list('a', a, b) + ", " + from + ";\n";
  if (!integers)
    for (uint32_t i = 0; i < 4; ++i)
      out += "  mov.b32 %d" + std::to_string(i) + ", %f" +
             std::to_string(4 + i) + ";\n";
  return out;
}

static std::string floatBody(const std::string &name) {
  return "  mov.b32 %f0, %a0;\n  " + name + " %f1, %f0;\n  mov.b32 %d0, %f1;\n";
}
static std::string matrixLoad(const std::string &kind, uint32_t count) {
  std::string out = "  mov.u32 %t0, kvc_rows;\n  mov.u32 %t1, %tid.x;\n"
                    "  mad.lo.u32 %t2, %t1, 16, %t0;\n"
                    "  st.shared.v4.b32 [%t2], {%a0, %a1, %a2, %a3};\n"
                    "  bar.sync 0;\n  mad.lo.u32 %t2, %a4, 16, %t0;\n"
                    "  ldmatrix.sync.aligned.m8n8." +
                    kind + ".shared.b16 {";
  for (uint32_t i = 0; i < count; ++i)
    out += std::string(i ? ", %d" : "%d") + std::to_string(i);
  return out + "}, [%t2];\n";
}
static std::string shuffleBody(const char *mode, const char *clamp) {
  return std::string("  shfl.sync.") + mode + ".b32 %d0|%p1, %a0, %a1, " +
         clamp + ", 0xffffffff;\n  selp.u32 %d1, 1, 0, %p1;\n";
}

static std::vector<GoldenOp> makeOps() {
  std::vector<GoldenOp> ops;
  constexpr Draw bf16 = &halves<7, 127>, f16 = &halves<10, 15>;
  // Few roundings of aligned sums of products and c, wherever they are done.
  auto sum = [](uint32_t magnitude, int bits = 20) {
    return Rule{Rule::Product, std::ldexp(1.0, -bits), magnitude};
  };
  auto add = [&](const char *name, uint32_t inputs, uint32_t outputs,
                 std::string body, Words simulate, Draw draw, Rule rule = {},
                 int32_t sm = 80, int32_t isa = 70) {
    ops.push_back({name, sm, isa, inputs, outputs, std::move(body), simulate,
                   draw, rule});
  };
  auto relative = [](double bound) { return Rule{Rule::Relative, bound}; };
  auto absolute = [](double bound) { return Rule{Rule::Absolute, bound}; };
  add("mma bf16", 10, 4, matrixBody("m16n8k16.row.col.f32.bf16.bf16.f32", 4, 2),
      &multiply<KVCRT_SIM_TYPE_BF16, 16, KVCRT_SIM_TYPE_F32>, &product<bf16>,
      sum(0x7fff7fff));
  add("mma f16", 10, 4, matrixBody("m16n8k16.row.col.f32.f16.f16.f32", 4, 2),
      &multiply<KVCRT_SIM_TYPE_F16, 16, KVCRT_SIM_TYPE_F32>, &product<f16>,
      sum(0x7fff7fff));
  add("mma tf32", 10, 4, matrixBody("m16n8k8.row.col.f32.tf32.tf32.f32", 4, 2),
      &multiply<KVCRT_SIM_TYPE_TF32, 8, KVCRT_SIM_TYPE_F32>, &product<bf16>,
      sum(0x7fffffff));
  add("mma s8", 10, 4, matrixBody("m16n8k32.row.col.s32.s8.s8.s32", 4, 2, true),
      &multiply<KVCRT_SIM_TYPE_S8, 32, KVCRT_SIM_TYPE_S32>, &anyBits);
  add("mma e4m3", 10, 4, matrixBody("m16n8k32.row.col.f32.e4m3.e4m3.f32", 4, 2),
      &multiply<KVCRT_SIM_TYPE_E4M3, 32, KVCRT_SIM_TYPE_F32>, &product<&e4m3>,
      // Fewer bits are kept of its sums than of other types'.
      sum(0x7f7f7f7f, 12), 89, 84);
  add("ldmatrix x1", 5, 1, matrixLoad("x1", 1), &loadMatrix<1>, &rows);
  add("ldmatrix x2", 5, 2, matrixLoad("x2", 2), &loadMatrix<2>, &rows);
  add("ldmatrix x4", 5, 4, matrixLoad("x4", 4), &loadMatrix<4>, &rows);
  add("ldmatrix x4 trans", 5, 4, matrixLoad("x4.trans", 4),
      &loadMatrix<4 | KVCRT_SIM_MATRIX_TRANSPOSED>, &rows);
  // Conversions: PTX says every bit but those of NaNs.
  auto pack = [](const char *name) {
    return std::string("  mov.b32 %f0, %a0;\n  mov.b32 %f1, %a1;\n  ") + name +
           " %d0, %f0, %f1;\n";
  };
  add("cvt bf16x2 f32", 2, 1, pack("cvt.rn.bf16x2.f32"),
      &convert2<KVCRT_SIM_CONVERT_F32_BF16X2>, &anyBits);
  add("cvt f16x2 f32", 2, 1, pack("cvt.rn.f16x2.f32"),
      &convert2<KVCRT_SIM_CONVERT_F32_F16X2>, &floats);
  add("cvt tf32 f32", 1, 1,
      "  mov.b32 %f0, %a0;\n  cvt.rna.tf32.f32 %d0, "
      "%f0;\n",
      &toTf32, &floats);
  auto narrow = [&](const char *name) {
    return std::string("  mov.b32 %f0, %a0;\n  mov.b32 %f1, %a1;\n  ") + name +
           " %h0, %f0, %f1;\n  cvt.u32.u16 %d0, %h0;\n";
  };
  auto widen = [&](const char *name) {
    return std::string("  cvt.u16.u32 %h0, %a0;\n  ") + name + " %d0, %h0;\n";
  };
  add("cvt e4m3x2 f32", 2, 1, narrow("cvt.rn.satfinite.e4m3x2.f32"),
      &convert2<KVCRT_SIM_CONVERT_F32_E4M3X2>, &floats, {}, 89, 81);
  add("cvt e5m2x2 f32", 2, 1, narrow("cvt.rn.satfinite.e5m2x2.f32"),
      &convert2<KVCRT_SIM_CONVERT_F32_E5M2X2>, &floats, {}, 89, 81);
  add("cvt f16x2 e4m3x2", 1, 1, widen("cvt.rn.f16x2.e4m3x2"),
      &convert1<KVCRT_SIM_CONVERT_E4M3X2_F16X2>, &anyBits, {}, 89, 81);
  add("cvt f16x2 e5m2x2", 1, 1, widen("cvt.rn.f16x2.e5m2x2"),
      &convert1<KVCRT_SIM_CONVERT_E5M2X2_F16X2>, &anyBits, {}, 89, 81);
  // Approximations: bounds of the PTX ISA.
  constexpr uint32_t flush = KVCRT_SIM_FLUSH;
  add("ex2 ftz", 1, 1, floatBody("ex2.approx.ftz.f32"),
      &approximate<KVCRT_SIM_APPROXIMATE_EX2 | flush>, &floats,
      relative(std::ldexp(1.0, -21)));
  add("ex2", 1, 1, floatBody("ex2.approx.f32"),
      &approximate<KVCRT_SIM_APPROXIMATE_EX2>, &floats,
      relative(std::ldexp(1.0, -21)));
  add("lg2 ftz", 1, 1, floatBody("lg2.approx.ftz.f32"),
      &approximate<KVCRT_SIM_APPROXIMATE_LG2 | flush>, &floats,
      absolute(std::ldexp(1.0, -21)));
  add("rcp ftz", 1, 1, floatBody("rcp.approx.ftz.f32"),
      &approximate<KVCRT_SIM_APPROXIMATE_RCP | flush>, &floats,
      relative(std::ldexp(1.0, -22)));
  add("rsqrt ftz", 1, 1, floatBody("rsqrt.approx.ftz.f32"),
      &approximate<KVCRT_SIM_APPROXIMATE_RSQRT | flush>, &floats,
      relative(std::ldexp(1.0, -21)));
  add("sqrt ftz", 1, 1, floatBody("sqrt.approx.ftz.f32"),
      &approximate<KVCRT_SIM_APPROXIMATE_SQRT | flush>, &floats,
      relative(std::ldexp(1.0, -21)));
  add("sin ftz", 1, 1, floatBody("sin.approx.ftz.f32"),
      &approximate<KVCRT_SIM_APPROXIMATE_SIN | flush>, &angles,
      absolute(std::ldexp(1.0, -20)));
  add("cos ftz", 1, 1, floatBody("cos.approx.ftz.f32"),
      &approximate<KVCRT_SIM_APPROXIMATE_COS | flush>, &angles,
      absolute(std::ldexp(1.0, -20)));
  add("tanh", 1, 1, floatBody("tanh.approx.f32"),
      &approximate<KVCRT_SIM_APPROXIMATE_TANH>, &floats,
      relative(std::ldexp(1.0, -10)));
  // Pairs.
  constexpr uint32_t bfloat = KVCRT_SIM_TYPE_BF16 << 8;
  add("fma bf16x2", 3, 1, "  fma.rn.bf16x2 %d0, %a0, %a1, %a2;\n",
      &half2<KVCRT_SIM_HALF2_FMA | bfloat>, bf16);
  add("fma f16x2", 3, 1, "  fma.rn.f16x2 %d0, %a0, %a1, %a2;\n",
      &half2<KVCRT_SIM_HALF2_FMA>, f16);
  add("max bf16x2", 3, 1, "  max.bf16x2 %d0, %a0, %a1;\n",
      &half2<KVCRT_SIM_HALF2_MAX | bfloat>, bf16);
  add("mul f16x2", 3, 1, "  mul.rn.f16x2 %d0, %a0, %a1;\n",
      &half2<KVCRT_SIM_HALF2_MUL>, f16);
  add("add f16x2", 3, 1, "  add.rn.f16x2 %d0, %a0, %a1;\n",
      &half2<KVCRT_SIM_HALF2_ADD>, f16);
  // Lanes.
  add("shfl bfly", 2, 2, shuffleBody("bfly", "31"),
      &shuffle<KVCRT_SIM_SHUFFLE_BFLY, 31>, &valueAndLane);
  add("shfl idx", 2, 2, shuffleBody("idx", "31"),
      &shuffle<KVCRT_SIM_SHUFFLE_IDX, 31>, &valueAndLane);
  add("shfl idx of 8", 2, 2, shuffleBody("idx", "0x181f"),
      &shuffle<KVCRT_SIM_SHUFFLE_IDX, 0x181f>, &valueAndLane);
  add("shfl up", 2, 2, shuffleBody("up", "0"),
      &shuffle<KVCRT_SIM_SHUFFLE_UP, 0>, &valueAndLane);
  add("shfl down", 2, 2, shuffleBody("down", "31"),
      &shuffle<KVCRT_SIM_SHUFFLE_DOWN, 31>, &valueAndLane);
  add("vote ballot", 1, 1,
      "  setp.ne.u32 %p1, %a0, 0;\n  vote.sync.ballot.b32 %d0, %p1, "
      "0xffffffff;\n",
      &vote<KVCRT_SIM_VOTE_BALLOT>, &fewValues);
  add("match any", 1, 1, "  match.any.sync.b32 %d0, %a0, 0xffffffff;\n",
      &matchAny, &fewValues);
  add("redux add", 1, 1, "  redux.sync.add.u32 %d0, %a0, 0xffffffff;\n",
      &reduce<KVCRT_SIM_REDUCE_ADD>, &anyBits);
  add("redux min", 1, 1, "  redux.sync.min.s32 %d0, %a0, 0xffffffff;\n",
      &reduce<KVCRT_SIM_REDUCE_SMIN>, &anyBits);
  add("prmt", 3, 1,
      "  and.b32 %t0, %a2, 0x7777;\n  prmt.b32 %d0, %a0, %a1, %t0;\n", &permute,
      &anyBits);
  return ops;
}

const std::vector<GoldenOp> &goldenOps() {
  static const std::vector<GoldenOp> ops = makeOps();
  return ops;
}

std::string goldenPtx(const GoldenOp &op) {
  auto number = [](uint32_t n) { return std::to_string(n); };
  std::string out = ".version " + number(uint32_t(op.isa / 10)) + "." +
                    number(uint32_t(op.isa % 10)) + "\n.target sm_" +
                    number(uint32_t(op.sm)) +
                    "\n.address_size 64\n\n"
                    ".shared .align 128 .b8 kvc_rows[512];\n\n"
                    ".visible .entry golden(.param .align 8 .b8 p[16])\n{\n"
                    "  .reg .pred %p<4>;\n  .reg .b16 %h<4>;\n"
                    "  .reg .b32 %a<12>;\n  .reg .b32 %d<6>;\n"
                    "  .reg .b32 %t<8>;\n  .reg .f32 %f<12>;\n"
                    "  .reg .b64 %rd<8>;\n"
                    "  ld.param.u64 %rd1, [p];\n  ld.param.u64 %rd2, [p+8];\n"
                    "  cvta.to.global.u64 %rd1, %rd1;\n"
                    "  cvta.to.global.u64 %rd2, %rd2;\n"
                    "  mov.u32 %t4, %ctaid.x;\n  mov.u32 %t5, %tid.x;\n"
                    "  mad.lo.u32 %t6, %t4, 32, %t5;\n"
                    "  mul.wide.u32 %rd3, %t6, " +
                    number(4 * op.inputs) +
                    ";\n  add.u64 %rd1, %rd1, %rd3;\n"
                    "  mul.wide.u32 %rd4, %t6, " +
                    number(4 * op.outputs) + ";\n  add.u64 %rd2, %rd2, %rd4;\n";
  for (uint32_t i = 0; i < op.inputs; ++i)
    out +=
        "  ld.global.b32 %a" + number(i) + ", [%rd1+" + number(4 * i) + "];\n";
  out += op.body;
  for (uint32_t i = 0; i < op.outputs; ++i)
    out +=
        "  st.global.b32 [%rd2+" + number(4 * i) + "], %d" + number(i) + ";\n";
  return out + "  ret;\n}\n";
}

static double distance(const Rule &rule, uint32_t wordA, uint32_t wordB,
                       uint32_t scale) {
  if (wordA == wordB)
    return 0;
  const double a = toFloat(wordA), b = toFloat(wordB);
  if (rule.kind == Rule::Bits)
    return INFINITY;
  if (std::isnan(a) && std::isnan(b))
    return 0;
  if (!std::isfinite(a) || !std::isfinite(b))
    return INFINITY;
  double unit = std::fabs(b);
  if (rule.kind == Rule::Absolute)
    unit = std::fmax(1, unit);
  else if (rule.kind == Rule::Product)
    unit = toFloat(scale);
  // Below it, numbers may be flushed.
  unit = std::fmax(unit, std::ldexp(1.0, -126) / rule.bound);
  return std::fabs(a - b) / (rule.bound * unit);
}

double distanceOf(const GoldenOp &op, const uint32_t *a, const uint32_t *b,
                  const uint32_t *scale) {
  double worst = 0;
  for (uint32_t i = 0; i < kLanes * op.outputs; ++i)
    worst = std::fmax(worst, distance(op.rule, a[i], b[i], scale[i]));
  return worst;
}

} // namespace kvc::bundle
