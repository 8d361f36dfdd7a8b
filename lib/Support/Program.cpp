//===- Program.cpp - programs of a CUDA toolkit ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kvc/Support/Program.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace kvc {

ScratchFile::ScratchFile(StringRef suffix, StringRef contents) {
  int descriptor;
  error = llvm::sys::fs::createTemporaryFile("kvc", suffix, descriptor, path);
  if (error) {
    path.clear();
    return;
  }
  llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
  stream << contents;
  stream.close();
  error = stream.error();
  stream.clear_error(); // else LLVM ends the process
}

ScratchFile::~ScratchFile() {
  if (!path.empty())
    llvm::sys::fs::remove(path);
}

std::error_code ScratchFile::read(std::string &contents) const {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (buffer)
    contents = (*buffer)->getBuffer().str();
  return buffer.getError();
}

ProgramResult runProgram(StringRef path, llvm::ArrayRef<StringRef> arguments,
                         unsigned seconds) {
  ProgramResult result;
  ScratchFile out("out"), complaints("log");
  for (const ScratchFile *file : {&out, &complaints})
    if (file->error) {
      result.message = "no temporary file: " + file->error.message();
      return result;
    }
  llvm::SmallVector<StringRef> all{path};
  llvm::append_range(all, arguments);
  std::optional<StringRef> redirects[] = {StringRef(""), out.path.str(),
                                          complaints.path.str()};
  std::string why;
  result.status = llvm::sys::ExecuteAndWait(path, all, std::nullopt, redirects,
                                            seconds, 0, &why);
  std::error_code unread = out.read(result.out);
  if (!unread)
    unread = complaints.read(result.message);
  result.message += why;
  if (unread) {
    result.status = -1;
    result.message += "its output cannot be read: " + unread.message();
  }
  return result;
}

llvm::SmallVector<ProgramPlace> findCudaPrograms(StringRef name) {
  llvm::SmallVector<ProgramPlace> places;
  auto add = [&](const llvm::Twine &path, StringRef from) {
    if (llvm::sys::fs::can_execute(path))
      places.push_back({path.str(), from});
  };
  if (auto onPath = llvm::sys::findProgramByName(name))
    add(*onPath, "the PATH");
  if (auto home = llvm::sys::Process::GetEnv("CUDA_HOME"))
    add(*home + "/bin/" + name, "$CUDA_HOME");
  add("/usr/local/cuda/bin/" + name, "the usual place");
  llvm::SmallString<128> own;
  if (llvm::sys::path::cache_directory(own)) {
    llvm::sys::path::append(own, "kvc", "bin", name);
    add(own, "from tools/fetch-cuda-tools.sh");
  }
  return places;
}

} // namespace kvc
