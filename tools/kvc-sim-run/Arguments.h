//===- Arguments.h - a kernel's parameter block from the command line -----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each argument is a scalar (`i32:7`, `i64:7`, `f32:0.5`) or a buffer
// (`KIND:TYPE:COUNT[:FILL]`) whose address goes into the block:
//   KIND  in (kernels may not write it), out (undefined until written), inout
//   TYPE  i8 i16 i32 i64 f16 bf16 f32
//   FILL  zero (default), iota, const=N, random=SEED (floats in [-1, 1),
//         integers in [-8, 8))
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_SIM_RUN_ARGUMENTS_H
#define KVC_TOOLS_KVC_SIM_RUN_ARGUMENTS_H

#include "kvcrt/sim.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>

namespace kvc::simrun {

struct Buffer {
  std::string type;
  size_t count = 0, bytes = 0;
  std::unique_ptr<char[]> storage;
  char *data = nullptr; // 256-byte aligned, as a GPU's allocator gives
};

class Arguments {
public:
  llvm::Error add(llvm::StringRef text);
  /// Registers the buffers; call once.
  llvm::Error registerWith(kvcrt_sim *sim);
  llvm::ArrayRef<char> block() const { return packed; }
  /// The buffer that argument `index` is, or null.
  const Buffer *buffer(size_t index) const;
  static void print(const Buffer &buffer, llvm::raw_ostream &os);

private:
  void append(const void *value, size_t bytes);

  struct Item {
    Buffer buffer;
    uint32_t flags;
    bool isBuffer;
  };
  std::vector<Item> items;
  llvm::SmallVector<char> packed;
};

} // namespace kvc::simrun

#endif // KVC_TOOLS_KVC_SIM_RUN_ARGUMENTS_H
