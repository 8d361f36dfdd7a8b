//===- Ptxas.cpp - PTX to cubin by the toolkit's assembler ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a cubin is returned only when ptxas exited with success, and what
// it said on the way is kept.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/NVPTX.h"

#include "kvc/Support/Program.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace kvc::nvptx {

/// Time for a program to say what it is; a hanging one is not a ptxas.
static constexpr unsigned kVersionSeconds = 60;

/// Of levels from 0 to 10 the highest below the default, 5, that optimisations
/// which lengthen lives of values respect.
static constexpr StringRef kFewerRegisters = "--register-usage-level=3";

/// The first line of what a program printed, for a message.
static StringRef firstLine(StringRef output) {
  return output.trim().take_until([](char c) { return c == '\n'; });
}

/// Asks the program at `path` what it is; `from` says who named it.
static FailureOr<Ptxas> identify(StringRef path, StringRef from,
                                 EmitError emitError) {
  static const llvm::Regex version(
      "release ([0-9]+\\.[0-9]+), (V[0-9]+\\.[0-9]+\\.[0-9]+)");
  ProgramResult answer = runProgram(path, {"--version"}, kVersionSeconds);
  SmallVector<StringRef> groups;
  if (answer.status == 0 && version.match(answer.out, &groups))
    return Ptxas(path, groups[1], groups[2]);
  InFlightDiagnostic diagnostic = emitError();
  diagnostic << "expected a ptxas that answers --version with its release, got "
             << "`" << path << "` (" << from << ")";
  if (answer.status != 0)
    diagnostic << ", which ends with status " << answer.status;
  return diagnostic << ", saying `" << firstLine(answer.out + answer.message)
                    << "`; name another with --ptxas, or none for PTX alone";
}

FailureOr<std::optional<Ptxas>> Ptxas::find(StringRef path,
                                            EmitError emitError) {
  std::string named = path.str();
  StringRef from = "--ptxas";
  if (named.empty()) {
    from = "$KVC_PTXAS";
    named = llvm::sys::Process::GetEnv("KVC_PTXAS").value_or("");
  }
  if (named == "none")
    return std::optional<Ptxas>();
  // Whoever names one wants this one and no other.
  if (named.empty()) {
    for (const ProgramPlace &place : findCudaPrograms("ptxas")) {
      named = place.path;
      from = place.from;
      break;
    }
    if (named.empty())
      return std::optional<Ptxas>();
  } else if (!llvm::sys::fs::can_execute(named)) {
    return emitError() << "expected a ptxas that runs as " << from << ", got `"
                       << named
                       << "`, which is no program; give the path of one, or "
                          "none for PTX alone";
  }
  FailureOr<Ptxas> found = identify(named, from, emitError);
  if (failed(found))
    return failure();
  return std::optional<Ptxas>(*found);
}

std::string Ptxas::searched() {
  return "$KVC_PTXAS, the PATH, $CUDA_HOME/bin, /usr/local/cuda/bin "
         "and where tools/fetch-cuda-tools.sh puts one";
}

std::string Ptxas::describe() const {
  return "ptxas " + release + ", build " + build + ", at `" + path + "`";
}

unsigned Ptxas::newestPTX() const {
  // CUDA 11.x reads PTX 7.x, 12.0 to 12.7 read 8.0 to 8.5 and so on; see the
  // release notes of the PTX ISA.
  auto [major, minor] = StringRef(release).split('.');
  unsigned m = 0, n = 0;
  major.getAsInteger(10, m);
  minor.getAsInteger(10, n);
  if (m >= 13)
    return 90 + n;
  if (m == 12)
    return n <= 5 ? 80 + n : n == 6 ? 85 : n == 7 ? 86 : n == 8 ? 87 : 88;
  return m == 11 ? 70 + n : 0;
}

LogicalResult Ptxas::checkReads(const GpuChip &chip,
                                EmitError emitError) const {
  if (ptxVersion(chip) > newestPTX())
    return emitError() << llvm::formatv(
               "expected a ptxas that reads PTX {0}.{1}, which {2} needs, got "
               "{3}, which reads up to {4}.{5}; install a newer CUDA toolkit, "
               "name another one with --ptxas, or take none for PTX alone",
               ptxVersion(chip) / 10, ptxVersion(chip) % 10, chip.name,
               describe(), newestPTX() / 10, newestPTX() % 10);
  return success();
}

Cubin Ptxas::run(StringRef ptx, const GpuChip &chip, ArrayRef<StringRef> more,
                 std::string &wrong) const {
  ScratchFile source("ptx", ptx), image("cubin");
  Cubin cubin;
  for (const ScratchFile *file : {&source, &image})
    if (file->error) {
      wrong =
          "expected room for a temporary file, got: " + file->error.message();
      return cubin;
    }
  std::string arch = ("--gpu-name=" + chip.name).str();
  SmallVector<StringRef> arguments;
  flags().split(arguments, ' ');
  llvm::append_range(arguments, more);
  llvm::append_range(arguments, ArrayRef<StringRef>{arch, "--output-file",
                                                    image.path, source.path});
  ProgramResult ran = runProgram(path, arguments);
  std::string log = ran.out + ran.message;
  if (ran.status != 0)
    wrong = "expected PTX that " + describe() + " assembles for " +
            chip.name.str() + ", got status " + std::to_string(ran.status) +
            ": " + StringRef(log).trim().str();
  else if (std::error_code unread = image.read(cubin.image))
    wrong = "expected the cubin that " + describe() +
            " wrote, got: " + unread.message();
  cubin.readLog(log);
  return cubin;
}

FailureOr<Cubin> Ptxas::assemble(StringRef ptx, const GpuChip &chip,
                                 EmitError emitError) const {
  std::string wrong;
  Cubin cubin = run(ptx, chip, {}, wrong);
  if (!wrong.empty())
    return emitError() << wrong;
  return cubin;
}

std::optional<Cubin> Ptxas::assembleFrugally(StringRef ptx,
                                             const GpuChip &chip) const {
  std::string unknown;
  Cubin cubin = run(ptx, chip, kFewerRegisters, unknown);
  if (!unknown.empty())
    return std::nullopt;
  return cubin;
}

} // namespace kvc::nvptx
