//===- Constants.h - registers whose value the code tells -------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a register is known only where every way there leaves that number
// in it. What an instruction writes and is not computed here is forgotten.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_TARGET_SASS_CONSTANTS_H
#define KVC_LIB_TARGET_SASS_CONSTANTS_H

#include "kvc/Target/Sass/Sass.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <vector>

namespace kvc::sass {

/// What is known of the registers and predicates that a thread sees, its own
/// and those of its warp.
class Registers {
public:
  /// Nothing is known.
  Registers() : values(kCount) {}

  /// What executing `instruction` leaves: integers that are added, multiplied,
  /// moved and compared are computed.
  void execute(const Instruction &instruction);
  /// Forgets what `instruction` may write.
  void forget(const Instruction &instruction);
  /// Keeps what both know.
  void meet(const Registers &other);
  /// Whether a jump or an exit is taken by all threads, or by none.
  std::optional<bool> isTaken(const Instruction &instruction) const;

  bool operator==(const Registers &other) const {
    return values == other.values;
  }

private:
  // R0.., UR0.., P0.., UP0..; a predicate is 0 or 1.
  static constexpr unsigned kUniform = 256, kPredicate = 512,
                            kUniformPredicate = 520, kCount = 528;
  using Value = std::optional<uint32_t>;

  /// By place, which what holds a constant has not.
  using Results =
      llvm::SmallVector<std::pair<std::optional<unsigned>, Value>, 2>;

  static std::optional<unsigned> find(llvm::StringRef name);
  Value integer(llvm::StringRef operand) const;
  Value predicate(llvm::StringRef operand) const;
  Results compute(const Instruction &instruction) const;
  Results lookUp(const Instruction &instruction,
                 llvm::ArrayRef<llvm::StringRef> operands) const;
  Results compare(const Instruction &instruction,
                  llvm::ArrayRef<llvm::StringRef> operands) const;

  std::vector<Value> values;
};

} // namespace kvc::sass

#endif // KVC_LIB_TARGET_SASS_CONSTANTS_H
