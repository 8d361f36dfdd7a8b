//===- Nvdisasm.cpp - the toolkit's disassembler --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/Sass/Sass.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace kvc::sass {

/// Time that the program has; the longest text seen took less than a second.
static constexpr unsigned kSeconds = 120;

static std::string readFile(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : std::string();
}

/// What `path` prints, or why there is nothing.
static llvm::Expected<std::string> run(StringRef path,
                                       llvm::ArrayRef<StringRef> arguments) {
  llvm::SmallString<128> outPath, errPath;
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("kvc", "sass", outPath))
    return llvm::createStringError("expected room for a temporary file, got: " +
                                   error.message());
  llvm::FileRemover removeOut(outPath);
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("kvc", "log", errPath))
    return llvm::createStringError("expected room for a temporary file, got: " +
                                   error.message());
  llvm::FileRemover removeErr(errPath);
  llvm::SmallVector<StringRef> all{path};
  llvm::append_range(all, arguments);
  std::optional<StringRef> redirects[] = {StringRef(""), outPath.str(),
                                          errPath.str()};
  std::string message;
  int code = llvm::sys::ExecuteAndWait(path, all, std::nullopt, redirects,
                                       kSeconds, 0, &message);
  if (code == 0)
    return readFile(outPath);
  std::string words = readFile(errPath) + message;
  return llvm::createStringError("expected `" + path + "` to succeed, got " +
                                 llvm::Twine(code) + ": " +
                                 StringRef(words).trim().take_front(400));
}

/// Where one may be; `asked`: only there.
static std::vector<std::string> findCandidates(StringRef asked) {
  if (!asked.empty())
    return {asked.str()};
  std::vector<std::string> candidates;
  if (auto onPath = llvm::sys::findProgramByName("nvdisasm"))
    candidates.push_back(*onPath);
  if (auto home = llvm::sys::Process::GetEnv("CUDA_HOME"))
    candidates.push_back(*home + "/bin/nvdisasm");
  candidates.push_back("/usr/local/cuda/bin/nvdisasm");
  llvm::SmallString<128> own;
  if (llvm::sys::path::cache_directory(own)) {
    llvm::sys::path::append(own, "kvc", "bin", "nvdisasm");
    candidates.push_back(own.str().str());
  }
  return candidates;
}

llvm::Expected<std::optional<Nvdisasm>> Nvdisasm::find(StringRef path) {
  std::string asked = path.str();
  if (asked.empty())
    asked = llvm::sys::Process::GetEnv("KVC_NVDISASM").value_or("");
  if (asked == "none")
    return std::nullopt;
  const llvm::Regex release("nvdisasm.*release ([0-9]+\\.[0-9]+)");
  std::string why = "no program";
  for (const std::string &candidate : findCandidates(asked)) {
    if (!llvm::sys::fs::can_execute(candidate))
      continue;
    llvm::Expected<std::string> output = run(candidate, {"--version"});
    if (!output) {
      why = llvm::toString(output.takeError());
      continue;
    }
    llvm::replace(*output, '\n', ' ');
    llvm::SmallVector<StringRef> groups;
    if (!release.match(*output, &groups)) {
      why = "another program";
      continue;
    }
    Nvdisasm found;
    found.path = candidate;
    found.release = groups[1].str();
    return found;
  }
  if (asked.empty())
    return std::nullopt;
  return llvm::createStringError("expected an nvdisasm at `" + asked +
                                 "`, got " + why);
}

llvm::Expected<std::string> Nvdisasm::disassemble(StringRef cubin) const {
  llvm::SmallString<128> file;
  int descriptor;
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("kvc", "cubin", descriptor, file))
    return llvm::createStringError("expected room for a temporary file, got: " +
                                   error.message());
  llvm::FileRemover remove(file);
  llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
  stream << cubin;
  stream.close();
  if (stream.has_error()) {
    std::string message = stream.error().message();
    stream.clear_error();
    return llvm::createStringError("expected room for a temporary file, got: " +
                                   message);
  }
  return run(path, {"-c", file});
}

} // namespace kvc::sass
