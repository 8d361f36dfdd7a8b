//===- Evidence.h - what the machine code of a kernel does ------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counted, not measured: the instructions that a warp issues per iteration of
// a kernel's hot loop: the innermost loop that multiplies matrices and runs as
// often as there are keys. Loops inside it that the code lets run a fixed
// number of times are counted that often.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_SASS_EVIDENCE_H
#define KVC_TARGET_SASS_EVIDENCE_H

#include "kvc/Target/Sass/Sass.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"
#include <array>

namespace kvc::sass {

/// What executes an instruction, as far as a budget asks.
enum class Unit {
  tensor,   // HMMA, IMMA, QMMA
  fma,      // FFMA, FMUL, FADD, HFMA2: floating point
  special,  // MUFU
  convert,  // F2FP, I2F
  integer,  // integers, selects, comparisons, permutations, moves
  shared,   // LDS, LDSM, STS
  copy,     // LDGSTS and its group
  global,   // LDG, STG, atomics, local memory
  constant, // LDC, ULDC
  lanes,    // SHFL, VOTE
  control,  // branches, barriers, NOP, and what a false predicate guards
};
inline constexpr unsigned kNumUnits = unsigned(Unit::control) + 1;
llvm::StringRef nameOf(Unit unit);

/// Fails on an opcode that is not known.
llvm::Expected<Unit> unitOf(const Instruction &instruction);

using Mix = std::array<unsigned, kNumUnits>; // instructions by unit

/// One iteration of the hot loop.
///
/// The *steady* path is, among the paths through the body that load, copy and
/// multiply most, the shortest: what an iteration costs whose tile every row
/// sees and whose maximum does not change. The *longest* path is a bound for
/// every iteration. Both, and all that is counted of them, pass a loop inside
/// as often as it runs, and once where the code does not tell how often.
struct LoopEvidence {
  unsigned steady = 0, longest = 0; // instructions of a warp
  Mix mix{};                        // of the steady path
  unsigned copies16 = 0;            // asynchronous copies of 16 bytes a lane
  unsigned copiesNarrow = 0;        // of fewer
  unsigned wide = 0;                // 64-bit integer arithmetic
  double flops = 0;                 // of the tensor instructions of a warp
  // Of the whole body:
  unsigned barriers = 0; // of the block
  unsigned calls = 0, local = 0, generic = 0;
  /// How often each loop inside runs where it is entered; none: not known.
  std::vector<std::optional<unsigned>> innerTrips;

  /// Whether the paths are all that an iteration does.
  bool isWhole() const { return !llvm::is_contained(innerTrips, std::nullopt); }
  double widePerCopy() const { return copies16 ? double(wide) / copies16 : 0; }
};

struct KernelEvidence {
  std::string name;
  unsigned instructions = 0; // without the padding behind the last EXIT
  unsigned calls = 0;        // that come back
  unsigned local = 0;        // LDL, STL
  unsigned generic = 0;      // LD, ST, ATOM: memory of unknown space
  std::optional<LoopEvidence> hot;
};

/// Fails on what is not understood, with the line.
llvm::Expected<KernelEvidence> gather(const Function &function);

/// Of all functions of a disassembly, in its order.
llvm::Expected<std::vector<KernelEvidence>> gatherAll(llvm::StringRef text);

/// What the compiler knows of a kernel beside its code.
struct KernelFacts {
  unsigned registers = 0, spilled = 0; // bytes
  unsigned threads = 0, sharedBytes = 0, blocksPerSM = 0;
  unsigned loopTokens = 0; // keys that an iteration of the hot loop takes
  unsigned loopWarps = 0;  // warps that an iteration's keys are copied by
};

struct ExplainedKernel {
  KernelEvidence evidence;
  std::optional<KernelFacts> facts; // absent for a cubin of unknown origin
};

/// Tables of all kernels, and of the hot loops.
void printEvidence(llvm::ArrayRef<ExplainedKernel> kernels,
                   llvm::StringRef title, llvm::raw_ostream &os);
/// The same numbers for programs, one object a kernel.
llvm::json::Array toJSON(llvm::ArrayRef<ExplainedKernel> kernels);

} // namespace kvc::sass

#endif // KVC_TARGET_SASS_EVIDENCE_H
