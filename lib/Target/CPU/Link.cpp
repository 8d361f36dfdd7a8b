//===- Link.cpp - objects to shared libraries, sealed ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lld runs in this process: no compiler, no C runtime and no shell are needed
// where kvc-compile runs.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/CPU/Artifact.h"

#include "kvcrt/artifact.h"
#include "lld/Common/Driver.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <mutex>

LLD_HAS_DRIVER(elf)

namespace kvc::cpu {

using namespace mlir;

FailureOr<std::string> linkLibrary(llvm::ArrayRef<char> object,
                                   EmitError emitError) {
  llvm::SmallString<128> input, output;
  int descriptor;
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("kvc", "o", descriptor, input))
    return emitError() << "expected to create a temporary file: "
                       << error.message();
  llvm::FileRemover removeInput(input);
  {
    llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
    stream.write(object.data(), object.size());
    stream.flush();
    if (std::error_code error = stream.error())
      return emitError() << "expected to write " << input << ": "
                         << error.message();
  }
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("kvc", "so", output))
    return emitError() << "expected to create a temporary file: "
                       << error.message();
  llvm::FileRemover removeOutput(output);

  std::string messages;
  llvm::raw_string_ostream stream(messages);
  const char *arguments[] = {"ld.lld",
                             "-shared",
                             "--no-undefined",
                             "--gc-sections",
                             "--strip-debug",
                             "--build-id=none",
                             "--threads=1",
                             "-z",
                             "noexecstack",
                             "-z",
                             "now",
                             input.c_str(),
                             "-o",
                             output.c_str()};
  static std::mutex oneAtATime; // lld has one global context
  std::lock_guard<std::mutex> lock(oneAtATime);
  lld::Result result =
      lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return emitError() << "expected code that needs no library; the linker "
                          "says: "
                       << llvm::StringRef(messages).trim();
  auto file = llvm::MemoryBuffer::getFile(output);
  if (!file)
    return emitError() << "expected to read " << output << ": "
                       << file.getError().message();
  return (*file)->getBuffer().str();
}

LogicalResult seal(llvm::StringRef library, llvm::StringRef manifest,
                   llvm::StringRef path, EmitError emitError) {
  char message[1024] = "";
  kvcrt_status status = kvcrt_artifact_seal(
      library.data(), library.size(), manifest.data(), manifest.size(),
      path.str().c_str(), message, sizeof(message));
  if (status != KVCRT_OK)
    return emitError() << "expected to write an artefact to `" << path
                       << "`: " << message;
  return success();
}

} // namespace kvc::cpu
