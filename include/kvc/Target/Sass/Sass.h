//===- Sass.h - machine code of NVIDIA GPUs, as text ------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cubin -> nvdisasm -c -> functions of instructions. The text is not a
// documented language: what is not understood is an error, so that nobody takes
// a number that was not counted for a zero.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_SASS_SASS_H
#define KVC_TARGET_SASS_SASS_H

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace kvc::sass {

struct Instruction {
  std::string predicate; // "P0", "!UP1", "!PT"; empty: always
  std::string opcode;    // "LDGSTS.E.BYPASS.128"
  std::string operands;  // "UR4, `(.L_x_7)"
  std::string target;    // label that it names, ".L_x_7"; empty: none
  unsigned line = 0;     // of the text, from 1

  /// The opcode without its modifiers.
  llvm::StringRef root() const {
    return llvm::StringRef(opcode).split('.').first;
  }
  /// Whether `modifier` is one of them: hasModifier("128").
  bool hasModifier(llvm::StringRef modifier) const;
};

struct Function {
  std::string name;
  std::vector<Instruction> instructions;
  llvm::StringMap<unsigned> labels; // index of the instruction that follows
};

/// Reads what `nvdisasm -c` prints, functions in its order. Fails with the line
/// that is not understood, on a label that is not there, and when there is no
/// function.
llvm::Expected<std::vector<Function>> parse(llvm::StringRef text);

/// The disassembler of a CUDA toolkit, a program of its own.
class Nvdisasm {
public:
  /// `path` when given, else $KVC_NVDISASM; when neither names one, nvdisasm on
  /// the PATH, in $CUDA_HOME/bin, /usr/local/cuda/bin and where
  /// tools/fetch-cuda-tools.sh puts one. Null for "none" and where there is
  /// none; an error for one that was asked for and does not run.
  static llvm::Expected<std::optional<Nvdisasm>> find(llvm::StringRef path);

  llvm::StringRef getPath() const { return path; }
  llvm::StringRef getRelease() const { return release; } // "13.5"

  /// The text of `cubin` (the bytes of one). Fails with the program's words.
  llvm::Expected<std::string> disassemble(llvm::StringRef cubin) const;

private:
  std::string path, release;
};

} // namespace kvc::sass

#endif // KVC_TARGET_SASS_SASS_H
