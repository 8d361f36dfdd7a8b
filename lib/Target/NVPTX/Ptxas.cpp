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

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace kvc::nvptx {

namespace {
/// A temporary file that goes when its scope does.
class ScratchFile {
public:
  explicit ScratchFile(StringRef suffix) {
    error = llvm::sys::fs::createTemporaryFile("kvc", suffix, path);
  }
  ~ScratchFile() {
    if (!error)
      llvm::sys::fs::remove(path);
  }
  llvm::SmallString<128> path;
  std::error_code error;

  std::string read() const {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  }
};
} // namespace

/// Time for a program to say what it is; a hanging one is not a ptxas.
static constexpr unsigned kVersionSeconds = 60;

/// The first line of what a program printed, for a message.
static StringRef firstLine(StringRef output) {
  return output.trim().take_until([](char c) { return c == '\n'; });
}

/// Runs `path` and returns its exit code; what it prints goes to `output`.
/// `seconds`: it is ended then; 0: never.
static int run(StringRef path, ArrayRef<StringRef> arguments,
               std::string &output, unsigned seconds = 0) {
  ScratchFile log("log");
  if (log.error) {
    output = "no temporary file: " + log.error.message();
    return -1;
  }
  SmallVector<StringRef> all{path};
  llvm::append_range(all, arguments);
  std::optional<StringRef> redirects[] = {StringRef(""), log.path.str(),
                                          log.path.str()};
  std::string error;
  int code = llvm::sys::ExecuteAndWait(path, all, std::nullopt, redirects,
                                       seconds, 0, &error);
  output = log.read() + error;
  return code;
}

/// Asks the program at `path` what it is; `from` says who named it.
static FailureOr<Ptxas> identify(StringRef path, StringRef from,
                                 EmitError emitError) {
  static const llvm::Regex version(
      "release ([0-9]+\\.[0-9]+), (V[0-9]+\\.[0-9]+\\.[0-9]+)");
  std::string output;
  SmallVector<StringRef> groups;
  int code = run(path, {"--version"}, output, kVersionSeconds);
  if (code == 0 && version.match(output, &groups))
    return Ptxas(path, groups[1], groups[2]);
  InFlightDiagnostic diagnostic = emitError();
  diagnostic << "expected a ptxas that answers --version with its release, got "
             << "`" << path << "` (" << from << ")";
  if (code != 0)
    diagnostic << ", which ends with status " << code;
  return diagnostic << ", saying `" << firstLine(output)
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
  SmallVector<std::pair<std::string, StringRef>> candidates;
  if (!named.empty()) {
    if (!llvm::sys::fs::can_execute(named))
      return emitError() << "expected a ptxas that runs as " << from
                         << ", got `" << named
                         << "`, which is no program; give the path of one, or "
                            "none for PTX alone";
    candidates.push_back({named, from});
  } else {
    if (auto onPath = llvm::sys::findProgramByName("ptxas"))
      candidates.push_back({*onPath, "the PATH"});
    if (auto home = llvm::sys::Process::GetEnv("CUDA_HOME"))
      candidates.push_back({*home + "/bin/ptxas", "$CUDA_HOME"});
    candidates.push_back({"/usr/local/cuda/bin/ptxas", "the usual place"});
    llvm::SmallString<128> own;
    if (llvm::sys::path::cache_directory(own)) {
      llvm::sys::path::append(own, "kvc", "bin", "ptxas");
      candidates.push_back({own.str().str(), "from tools/fetch-cuda-tools.sh"});
    }
  }
  for (const auto &[candidate, from] : candidates) {
    if (!llvm::sys::fs::can_execute(candidate))
      continue;
    FailureOr<Ptxas> found = identify(candidate, from, emitError);
    if (failed(found))
      return failure();
    return std::optional<Ptxas>(*found);
  }
  return std::optional<Ptxas>();
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

FailureOr<Cubin> Ptxas::assemble(StringRef ptx, const GpuChip &chip,
                                 EmitError emitError) const {
  ScratchFile source("ptx"), image("cubin");
  for (const ScratchFile *file : {&source, &image})
    if (file->error)
      return emitError() << "expected room for a temporary file, got: "
                         << file->error.message();
  std::error_code error;
  {
    llvm::raw_fd_ostream stream(source.path, error);
    stream << ptx;
    stream.close();
    if (!error)
      error = stream.error();
    stream.clear_error();
  }
  if (error)
    return emitError() << "expected room for a temporary file, got: "
                       << error.message();

  SmallVector<StringRef> arguments;
  flags().split(arguments, ' ');
  std::string arch = ("--gpu-name=" + chip.name).str(), log;
  llvm::append_range(arguments, ArrayRef<StringRef>{arch, "--output-file",
                                                    image.path, source.path});
  int code = run(path, arguments, log);
  if (code != 0)
    return emitError() << "expected PTX that " << describe()
                       << " assembles for " << chip.name.str()
                       << ", got status " << code << ": "
                       << StringRef(log).trim();
  Cubin cubin;
  cubin.image = image.read();
  cubin.readLog(log);
  return cubin;
}

} // namespace kvc::nvptx
