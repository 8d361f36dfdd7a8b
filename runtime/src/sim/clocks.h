//===- clocks.h - what a simulated thread knows of the others -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vector clocks, shaped for a GPU block. A thread's clock counts its releases;
// a view says up to which clock the accesses of each thread of the block are
// ordered before its holder's next access. Threads that leave a barrier
// together share one view, so that a barrier costs one copy and a warp's sync
// 32 words. Other blocks are known through publications alone, which are
// immutable and shared between workers.
//
// Invariant: view.clock[t] never exceeds the clock of thread t; an access by t
// at clock c is ordered before a holder of view v iff c <= v.clock[t].
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_SIM_CLOCKS_H
#define KVCRT_SRC_SIM_CLOCKS_H

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace kvcrt::sim {

using Clocks = std::vector<uint32_t>; // [threads of a block]

/// What is known of other blocks. Immutable once shared.
struct Foreign {
  std::map<uint32_t, std::shared_ptr<const Clocks>> blocks; // by block number
};
using ForeignRef = std::shared_ptr<const Foreign>;

/// The union of both, elementwise the later.
ForeignRef merge(const ForeignRef &a, const ForeignRef &b);
ForeignRef merge(const ForeignRef &a, uint32_t block,
                 const std::shared_ptr<const Clocks> &clocks);

/// What a thread made known at a release.
struct Publication {
  uint32_t block = 0;
  uint32_t scope = 0; // KVCRT_SIM_SCOPE_*: who may use it
  std::shared_ptr<const Clocks> clocks;
  ForeignRef foreign;
};

struct View {
  uint32_t references = 1;
  Clocks clock;
  ForeignRef foreign;
};

/// Owns the views of one block at a time; not for several threads.
class ViewPool {
public:
  View *create(uint32_t threads);
  View *copy(const View &view);
  void retain(View *view) { ++view->references; }
  void release(View *view) {
    if (--view->references == 0) {
      view->foreign.reset();
      free_.push_back(view);
    }
  }

private:
  std::vector<std::unique_ptr<View>> all_;
  std::vector<View *> free_;
};

} // namespace kvcrt::sim

#endif // KVCRT_SRC_SIM_CLOCKS_H
