//===- cpu_features.cpp - what this CPU can run, by LLVM's names ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// x86-64: cpuid bits, and for what uses wider registers also the operating
// system's promise to save them (XCR0). A name that the table lacks counts as
// missing: refusing an artefact is better than SIGILL in the middle of a step.
// On other architectures an artefact that names features is refused.
//
//===----------------------------------------------------------------------===//
#include "kvcrt/artifact.h"

#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>

namespace {

enum Register { EAX, EBX, ECX, EDX };

/// State components of XCR0 that an instruction set needs.
enum : uint32_t {
  kNoState = 0,
  kAvxState = 0x6,          // SSE, AVX
  kAvx512State = 0xe6,      // and opmask, ZMM_Hi256, Hi16_ZMM
  kAmxState = 0x60000 | 0x6 // TILECFG, TILEDATA
};

struct Feature {
  const char *name;
  uint32_t leaf, subleaf;
  Register reg;
  int bit;
  uint32_t state;
};

constexpr Feature kFeatures[] = {
    {"cx8", 1, 0, EDX, 8, kNoState},
    {"cmov", 1, 0, EDX, 15, kNoState},
    {"mmx", 1, 0, EDX, 23, kNoState},
    {"fxsr", 1, 0, EDX, 24, kNoState},
    {"sse", 1, 0, EDX, 25, kNoState},
    {"sse2", 1, 0, EDX, 26, kNoState},
    {"sse3", 1, 0, ECX, 0, kNoState},
    {"pclmul", 1, 0, ECX, 1, kNoState},
    {"ssse3", 1, 0, ECX, 9, kNoState},
    {"fma", 1, 0, ECX, 12, kAvxState},
    {"cx16", 1, 0, ECX, 13, kNoState},
    {"sse4.1", 1, 0, ECX, 19, kNoState},
    {"sse4.2", 1, 0, ECX, 20, kNoState},
    {"crc32", 1, 0, ECX, 20, kNoState},
    {"movbe", 1, 0, ECX, 22, kNoState},
    {"popcnt", 1, 0, ECX, 23, kNoState},
    {"aes", 1, 0, ECX, 25, kNoState},
    {"xsave", 1, 0, ECX, 26, kNoState},
    {"avx", 1, 0, ECX, 28, kAvxState},
    {"f16c", 1, 0, ECX, 29, kAvxState},
    {"rdrnd", 1, 0, ECX, 30, kNoState},
    {"fsgsbase", 7, 0, EBX, 0, kNoState},
    {"bmi", 7, 0, EBX, 3, kNoState},
    {"avx2", 7, 0, EBX, 5, kAvxState},
    {"bmi2", 7, 0, EBX, 8, kNoState},
    {"avx512f", 7, 0, EBX, 16, kAvx512State},
    {"avx512dq", 7, 0, EBX, 17, kAvx512State},
    {"rdseed", 7, 0, EBX, 18, kNoState},
    {"adx", 7, 0, EBX, 19, kNoState},
    {"avx512ifma", 7, 0, EBX, 21, kAvx512State},
    {"clflushopt", 7, 0, EBX, 23, kNoState},
    {"clwb", 7, 0, EBX, 24, kNoState},
    {"avx512cd", 7, 0, EBX, 28, kAvx512State},
    {"sha", 7, 0, EBX, 29, kNoState},
    {"avx512bw", 7, 0, EBX, 30, kAvx512State},
    {"avx512vl", 7, 0, EBX, 31, kAvx512State},
    {"avx512vbmi", 7, 0, ECX, 1, kAvx512State},
    {"avx512vbmi2", 7, 0, ECX, 6, kAvx512State},
    {"gfni", 7, 0, ECX, 8, kNoState},
    {"vaes", 7, 0, ECX, 9, kAvxState},
    {"vpclmulqdq", 7, 0, ECX, 10, kAvxState},
    {"avx512vnni", 7, 0, ECX, 11, kAvx512State},
    {"avx512bitalg", 7, 0, ECX, 12, kAvx512State},
    {"avx512vpopcntdq", 7, 0, ECX, 14, kAvx512State},
    {"rdpid", 7, 0, ECX, 22, kNoState},
    {"avx512vp2intersect", 7, 0, EDX, 8, kAvx512State},
    {"amx-bf16", 7, 0, EDX, 22, kAmxState},
    {"avx512fp16", 7, 0, EDX, 23, kAvx512State},
    {"amx-tile", 7, 0, EDX, 24, kAmxState},
    {"amx-int8", 7, 0, EDX, 25, kAmxState},
    {"avxvnni", 7, 1, EAX, 4, kAvxState},
    {"avx512bf16", 7, 1, EAX, 5, kAvx512State},
    {"amx-fp16", 7, 1, EAX, 21, kAmxState},
    {"avxifma", 7, 1, EAX, 23, kAvxState},
    {"avxvnniint8", 7, 1, EDX, 4, kAvxState},
    {"avxneconvert", 7, 1, EDX, 5, kAvxState},
    {"xsaveopt", 13, 1, EAX, 0, kNoState},
    {"xsavec", 13, 1, EAX, 1, kNoState},
    {"xsaves", 13, 1, EAX, 3, kNoState},
    {"sahf", 0x80000001, 0, ECX, 0, kNoState},
    {"lzcnt", 0x80000001, 0, ECX, 5, kNoState},
    {"sse4a", 0x80000001, 0, ECX, 6, kNoState},
    {"prfchw", 0x80000001, 0, ECX, 8, kNoState},
    {"64bit", 0x80000001, 0, EDX, 29, kNoState},
};

bool savesState(uint32_t components) {
  if (components == kNoState)
    return true;
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) // OSXSAVE
    return false;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & components) == components;
}

} // namespace

int kvcrt_cpu_has_feature(const char *name) {
  if (!name)
    return 0;
  if (!strcmp(name, "x87")) // every x86-64
    return 1;
  for (const Feature &feature : kFeatures) {
    if (strcmp(name, feature.name))
      continue;
    uint32_t values[4];
    return __get_cpuid_count(feature.leaf, feature.subleaf, &values[EAX],
                             &values[EBX], &values[ECX], &values[EDX]) &&
           (values[feature.reg] >> feature.bit & 1) &&
           savesState(feature.state);
  }
  return 0;
}

#else

int kvcrt_cpu_has_feature(const char *) { return 0; }

#endif
