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

/// Runs `path` and returns its exit code; what it prints goes to `output`.
static int run(StringRef path, ArrayRef<StringRef> arguments,
               std::string &output) {
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
  int code = llvm::sys::ExecuteAndWait(path, all, std::nullopt, redirects, 0, 0,
                                       &error);
  output = log.read() + error;
  return code;
}

FailureOr<std::optional<Ptxas>> Ptxas::find(StringRef path,
                                            EmitError emitError) {
  SmallVector<std::string> candidates;
  if (!path.empty()) {
    candidates.push_back(path.str());
  } else {
    if (auto named = llvm::sys::Process::GetEnv("KVC_PTXAS"))
      candidates.push_back(*named);
    if (auto onPath = llvm::sys::findProgramByName("ptxas"))
      candidates.push_back(*onPath);
    if (auto home = llvm::sys::Process::GetEnv("CUDA_HOME"))
      candidates.push_back(*home + "/bin/ptxas");
    candidates.push_back("/usr/local/cuda/bin/ptxas");
  }
  static const llvm::Regex release("release ([0-9]+\\.[0-9]+)");
  for (const std::string &candidate : candidates) {
    std::string output;
    SmallVector<StringRef> groups;
    if (llvm::sys::fs::can_execute(candidate) &&
        run(candidate, {"--version"}, output) == 0 &&
        release.match(output, &groups)) {
      Ptxas found;
      found.path = candidate;
      found.release = groups[1].str();
      return std::optional<Ptxas>(found);
    }
  }
  if (!path.empty())
    return emitError() << "expected a ptxas that runs, got `" << path << "`";
  return std::optional<Ptxas>();
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

FailureOr<Cubin> Ptxas::assemble(StringRef ptx, const GpuChip &chip,
                                 EmitError emitError) const {
  if (ptxVersion(chip) > newestPTX())
    return emitError() << llvm::formatv(
               "expected a ptxas that reads PTX {0}.{1}, which {2} needs, got "
               "release {3} at `{4}`; install a newer CUDA toolkit, name "
               "another one with --ptxas, or emit PTX alone",
               ptxVersion(chip) / 10, ptxVersion(chip) % 10, chip.name, release,
               path);
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

  Cubin cubin;
  std::string arch = ("--gpu-name=" + chip.name).str();
  int code =
      run(path,
          {"--verbose", "-O3", arch, "--output-file", image.path, source.path},
          cubin.log);
  cubin.image = image.read();
  if (code != 0 || cubin.image.empty())
    return emitError() << "expected PTX that ptxas " << release
                       << " assembles for " << chip.name.str()
                       << ", got: " << StringRef(cubin.log).trim();
  return cubin;
}

std::vector<KernelUsage> Cubin::usage() const {
  static const llvm::Regex entry("Compiling entry function '([^']+)'");
  static const llvm::Regex frame("([0-9]+) bytes stack frame, ([0-9]+) bytes "
                                 "spill stores, ([0-9]+) bytes spill loads");
  static const llvm::Regex registers("Used ([0-9]+) registers");
  static const llvm::Regex barriers("used ([0-9]+) barriers");
  static const llvm::Regex shared("([0-9]+) bytes smem");
  std::vector<KernelUsage> kernels;
  SmallVector<StringRef> groups;
  auto number = [&](unsigned group) {
    unsigned value = 0;
    groups[group].getAsInteger(10, value);
    return value;
  };
  SmallVector<StringRef> lines;
  StringRef(log).split(lines, '\n');
  for (StringRef line : lines) {
    if (entry.match(line, &groups)) {
      kernels.emplace_back();
      kernels.back().name = groups[1].str();
    }
    if (kernels.empty())
      continue;
    KernelUsage &kernel = kernels.back();
    if (frame.match(line, &groups)) {
      kernel.stackBytes = number(1);
      kernel.spillStores = number(2);
      kernel.spillLoads = number(3);
    }
    if (registers.match(line, &groups))
      kernel.registers = number(1);
    if (barriers.match(line, &groups))
      kernel.barriers = number(1);
    if (shared.match(line, &groups))
      kernel.sharedBytes = number(1);
  }
  return kernels;
}

std::vector<std::string> Cubin::complaints() const {
  std::vector<std::string> found;
  for (const KernelUsage &kernel : usage())
    if (kernel.stackBytes || kernel.spillStores || kernel.spillLoads)
      found.push_back(llvm::formatv(
          "{0}: {1} bytes of stack, {2} bytes of spill stores, {3} of loads",
          kernel.name, kernel.stackBytes, kernel.spillStores,
          kernel.spillLoads));
  static const llvm::Regex injected("\\(?C75[0-9][0-9]\\)?");
  SmallVector<StringRef> lines;
  StringRef(log).split(lines, '\n');
  for (StringRef line : lines)
    if (injected.match(line) || line.contains("Potential Performance Loss"))
      found.push_back(line.trim().str());
  return found;
}

} // namespace kvc::nvptx
