//===- kvc-sass.cpp - what the kernels of a cubin do ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   kvc-sass kernels.cubin
//   kvc-sass kernels.sass --text      what nvdisasm -c printed
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/Sass/Evidence.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

namespace cl = llvm::cl;

static cl::OptionCategory category("kvc-sass options");
static cl::opt<std::string> input(cl::Positional, cl::Required,
                                  cl::desc("<cubin>"), cl::cat(category));
static cl::opt<bool> isText("text", cl::cat(category),
                            cl::desc("the file is what nvdisasm -c printed"));
static cl::opt<std::string>
    nvdisasm("nvdisasm", cl::value_desc("path"), cl::cat(category),
             cl::desc("disassembler of a CUDA toolkit; default: "
                      "$KVC_NVDISASM, the PATH, $CUDA_HOME, the usual place"));
static cl::opt<bool> json("json", cl::cat(category), cl::desc("for programs"));

static llvm::Expected<std::string> readText() {
  auto file = llvm::MemoryBuffer::getFile(input);
  if (!file)
    return llvm::createStringError("expected a readable file, got `" + input +
                                   "`: " + file.getError().message());
  if (isText)
    return (*file)->getBuffer().str();
  auto found = kvc::sass::Nvdisasm::find(nvdisasm);
  if (!found)
    return found.takeError();
  if (!*found)
    return llvm::createStringError(
        "expected an nvdisasm, got none; install a CUDA toolkit or the package "
        "nvidia-cuda-nvdisasm, or name it with --nvdisasm or $KVC_NVDISASM");
  return (*found)->disassemble((*file)->getBuffer());
}

static llvm::Error run() {
  llvm::Expected<std::string> text = readText();
  if (!text)
    return text.takeError();
  auto kernels = kvc::sass::gatherAll(*text);
  if (!kernels)
    return kernels.takeError();
  std::vector<kvc::sass::ExplainedKernel> explained;
  for (kvc::sass::KernelEvidence &kernel : *kernels)
    explained.push_back({std::move(kernel), std::nullopt});
  if (json)
    llvm::outs() << llvm::json::Value(kvc::sass::toJSON(explained)) << "\n";
  else
    kvc::sass::printEvidence(explained, "of " + input, llvm::outs());
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM initialize(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(
      argc, argv, "counts what the kernels of a cubin do per iteration\n");
  if (llvm::Error error = run()) {
    llvm::errs() << "kvc-sass: error: " << llvm::toString(std::move(error))
                 << "\n";
    return 1;
  }
}
