//===- cow.h - copies that a write into a shared block needs --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A copy is decided on the host when a sequence claims a slot in a block that
// another one holds too, and happens in the stream, in front of the kernels of
// the next step to begin: what it reads may have been written by a step that is
// still running. Order is kept, so a block that was a source and becomes a
// destination later in the list is read before it is overwritten.
//
// Lock: the runtime's mutex.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_COW_H
#define KVCRT_SRC_COW_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kvcrt {

struct BlockCopy {
  int32_t group;
  int32_t from;
  int32_t to;
};

class CopyQueue {
public:
  void push(BlockCopy copy) { copies_.push_back(copy); }
  /// Moves the other queue's copies behind this one's; the other is then empty.
  void take(CopyQueue &other) {
    copies_.insert(copies_.end(), other.copies_.begin(), other.copies_.end());
    other.copies_.clear();
  }
  /// Moves the other queue's copies in front of this one's.
  void putBack(CopyQueue &other) {
    copies_.insert(copies_.begin(), other.copies_.begin(), other.copies_.end());
    other.copies_.clear();
  }
  const std::vector<BlockCopy> &copies() const { return copies_; }
  void clear() { copies_.clear(); }
  /// Room for `more` copies, so that adding them cannot fail.
  void reserveMore(std::size_t more) { copies_.reserve(copies_.size() + more); }

private:
  std::vector<BlockCopy> copies_;
};

} // namespace kvcrt

#endif // KVCRT_SRC_COW_H
