//===- Nvdisasm.cpp - the toolkit's disassembler --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/Sass/Sass.h"

#include "kvc/Support/Program.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Regex.h"

using llvm::StringRef;

namespace kvc::sass {

/// Time that the program has; the longest text seen took less than a second.
static constexpr unsigned kSeconds = 120;

/// What `path` prints, or why there is nothing.
static llvm::Expected<std::string> run(StringRef path,
                                       llvm::ArrayRef<StringRef> arguments) {
  ProgramResult ran = runProgram(path, arguments, kSeconds);
  if (ran.status == 0)
    return std::move(ran.out);
  return llvm::createStringError("expected `" + path + "` to succeed, got " +
                                 llvm::Twine(ran.status) + ": " +
                                 StringRef(ran.message).trim().take_front(400));
}

llvm::Expected<std::optional<Nvdisasm>> Nvdisasm::find(StringRef path) {
  std::string asked = path.str();
  if (asked.empty())
    asked = llvm::sys::Process::GetEnv("KVC_NVDISASM").value_or("");
  if (asked == "none")
    return std::nullopt;
  const llvm::Regex release("nvdisasm.*release ([0-9]+\\.[0-9]+)");
  std::string why = "no program";
  llvm::SmallVector<ProgramPlace> places;
  if (asked.empty())
    places = findCudaPrograms("nvdisasm");
  else if (llvm::sys::fs::can_execute(asked))
    places.push_back({asked, "named"});
  for (const ProgramPlace &place : places) {
    llvm::Expected<std::string> output = run(place.path, {"--version"});
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
    found.path = place.path;
    found.release = groups[1].str();
    return found;
  }
  if (asked.empty())
    return std::nullopt;
  return llvm::createStringError("expected an nvdisasm at `" + asked +
                                 "`, got " + why);
}

llvm::Expected<std::string> Nvdisasm::disassemble(StringRef cubin) const {
  ScratchFile file("cubin", cubin);
  if (file.error)
    return llvm::createStringError("expected room for a temporary file, got: " +
                                   file.error.message());
  return run(path, {"-c", file.path});
}

} // namespace kvc::sass
