//===- Program.h - programs of a CUDA toolkit -------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ptxas and nvdisasm: where one may be, and running it.
//
// Invariant: what a program printed is whole, or the status is not zero.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_SUPPORT_PROGRAM_H
#define KVC_SUPPORT_PROGRAM_H

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <system_error>

namespace kvc {

/// A temporary file that goes when its scope does.
class ScratchFile {
public:
  /// Creates one that ends in ".`suffix`" and holds `contents`; `error` is set
  /// when it could not be.
  explicit ScratchFile(llvm::StringRef suffix, llvm::StringRef contents = "");
  ~ScratchFile();
  ScratchFile(const ScratchFile &) = delete;
  ScratchFile &operator=(const ScratchFile &) = delete;

  /// Fills in `contents`.
  std::error_code read(std::string &contents) const;

  llvm::SmallString<128> path;
  std::error_code error;
};

struct ProgramResult {
  int status = -1;     // zero is success
  std::string out;     // what it printed
  std::string message; // what it complained of, or why it did not run
};

/// Runs the program at `path` with an empty input; it has `seconds` (0: as long
/// as it takes).
ProgramResult runProgram(llvm::StringRef path,
                         llvm::ArrayRef<llvm::StringRef> arguments,
                         unsigned seconds = 0);

struct ProgramPlace {
  std::string path;
  llvm::StringRef from; // "the PATH"
};

/// The executable files called `name` of CUDA toolkits, the first to take
/// first: on the PATH, in $CUDA_HOME/bin, in /usr/local/cuda/bin and where
/// tools/fetch-cuda-tools.sh puts one.
llvm::SmallVector<ProgramPlace> findCudaPrograms(llvm::StringRef name);

} // namespace kvc

#endif // KVC_SUPPORT_PROGRAM_H
