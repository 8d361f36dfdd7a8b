//===- cuda/modules.h - kernels of artefacts, loaded once -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel's images are tried best first: machine code for exactly this chip,
// machine code of an older chip of the same generation, PTX. Images that
// kernels share are loaded once.
//
// Invariant: a function in the table belongs to a module that is loaded. Lock:
// its own; a launch holds it for one look-up.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_CUDA_MODULES_H
#define KVCRT_SRC_CUDA_MODULES_H

#include "session.h"

#include <unordered_map>
#include <vector>

namespace kvcrt::cuda {

class Modules {
public:
  Modules(Session &session) : session_(session) {}
  ~Modules() { (void)clear(); }

  /// The context is current.
  kvcrt_status find(const kvcrt_kernel &kernel, Function &out);
  kvcrt_status clear();
  void setChip(int32_t sm) { sm_ = sm; }

private:
  /// 0: cannot run; otherwise the higher, the better.
  int rank(const kvcrt_image &image) const;
  kvcrt_status load(const kvcrt_kernel &kernel, const kvcrt_image &image,
                    Module &out);
  kvcrt_status make(const kvcrt_kernel &kernel, Function &out);

  Session &session_;
  int32_t sm_ = 0; // constant once set
  std::mutex mutex_;
  std::unordered_map<const kvcrt_kernel *, Function> functions_;
  std::unordered_map<const void *, Module> modules_; // by image data
};

} // namespace kvcrt::cuda

#endif // KVCRT_SRC_CUDA_MODULES_H
