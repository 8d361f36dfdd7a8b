//===- Explain.cpp - evidence of the kernels that were compiled -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: every kernel of the modules has its evidence, or there is none.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/Explain.h"

using namespace mlir;

namespace kvc::nvptx {

static sass::KernelFacts factsOf(const KernelRecord &kernel,
                                 const KernelUsage &usage,
                                 const GpuChip &chip) {
  auto number = [&](StringRef name) -> unsigned {
    for (const auto &[key, value] : kernel.numbers)
      if (key == name)
        return value;
    return 0;
  };
  sass::KernelFacts facts;
  facts.registers = usage.registers;
  facts.spilled = usage.spillStores + usage.spillLoads;
  facts.threads = kernel.threads;
  facts.sharedBytes = kernel.sharedBytes;
  facts.loopTokens = number("kvc.loop_tokens");
  facts.loopWarps = number("kvc.loop_warps");
  facts.blocksPerSM =
      chip.residentBlocks(facts.threads, facts.registers, facts.sharedBytes);
  return facts;
}

FailureOr<std::vector<sass::ExplainedKernel>>
gatherEvidence(ArrayRef<Image> images, const GpuChip &chip,
               const sass::Nvdisasm &nvdisasm, EmitError emitError) {
  std::vector<sass::ExplainedKernel> all;
  for (const Image &image : images) {
    if (!image.cubin)
      return emitError() << "expected machine code of `" << image.name
                         << "` to count in, got none: there was no ptxas";
    llvm::Expected<std::string> text = nvdisasm.disassemble(image.cubin->image);
    if (!text)
      return emitError() << "in `" << image.name
                         << "`: " << llvm::toString(text.takeError());
    auto kernels = sass::gatherAll(*text);
    if (!kernels)
      return emitError() << "in `" << image.name
                         << "`: " << llvm::toString(kernels.takeError());
    for (const KernelRecord &kernel : image.kernels) {
      auto named = [&](const auto &entry) { return entry.name == kernel.name; };
      auto evidence = llvm::find_if(*kernels, named);
      auto usage = llvm::find_if(image.cubin->usage(), named);
      if (evidence == kernels->end() || usage == image.cubin->usage().end())
        return emitError() << "expected code and registers of `" << kernel.name
                           << "` in the cubin, got neither or one of them";
      sass::KernelFacts facts = factsOf(kernel, *usage, chip);
      if (facts.loopTokens && !evidence->hot)
        return emitError() << "expected a loop that multiplies matrices in `"
                           << kernel.name << "`, got none";
      // Steps over head_dim multiply as well. Where the code does not tell how
      // many there are, they are not a part of the loop over keys.
      if (facts.loopTokens && evidence->hot->copies16 == 0)
        return emitError() << "expected a loop that copies keys in pieces of "
                              "16 bytes and multiplies them in `"
                           << kernel.name
                           << "`, got one that multiplies, without such copies";
      all.push_back({*evidence, facts});
    }
  }
  return all;
}

} // namespace kvc::nvptx
