//===- Usage.cpp - what kernels take of a chip ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers of ptxas -v beside what the chip has.
//
//===----------------------------------------------------------------------===//

#include "kvc/Support/Table.h"
#include "kvc/Target/NVPTX/NVPTX.h"

using namespace mlir;

void kvc::nvptx::printUsage(const GpuChip &chip, ArrayRef<Image> images,
                            llvm::raw_ostream &os) {
  std::vector<TableRow> rows{{"kernel", "threads", "registers", "spilled",
                              "stack", "shared bytes", "of", "blocks an SM",
                              "cubin"}};
  for (const Image &image : images) {
    for (const KernelRecord &kernel : image.kernels) {
      KernelUsage u;
      bool known = false;
      if (image.cubin)
        for (const KernelUsage &said : image.cubin->usage())
          if (said.name == kernel.name) {
            u = said;
            known = true;
          }
      auto number = [&](unsigned value) {
        return known ? std::to_string(value) : std::string("?");
      };
      rows.push_back({kernel.name, std::to_string(kernel.threads),
                      number(u.registers), number(u.spillStores + u.spillLoads),
                      number(u.stackBytes), std::to_string(kernel.sharedBytes),
                      std::to_string(chip.sharedPerBlock),
                      number(chip.residentBlocks(kernel.threads, u.registers,
                                                 kernel.sharedBytes)),
                      !image.cubin   ? "none: no ptxas"
                      : image.cached ? "from the cache"
                                     : "assembled"});
    }
  }
  printTable(os, ("GPU kernels for " + chip.name).str(), rows);
}
