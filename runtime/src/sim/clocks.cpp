//===- clocks.cpp - what a simulated thread knows of the others -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Merging never changes what others hold: it makes a new map, and new clocks
// only where both sides know something that the other does not.
//
//===----------------------------------------------------------------------===//
#include "clocks.h"

#include <algorithm>

namespace kvcrt::sim {

static std::shared_ptr<const Clocks>
later(const std::shared_ptr<const Clocks> &a,
      const std::shared_ptr<const Clocks> &b) {
  if (a == b)
    return a;
  auto result = std::make_shared<Clocks>(*a);
  for (size_t i = 0; i < result->size(); ++i)
    (*result)[i] = std::max((*result)[i], (*b)[i]);
  return result;
}

ForeignRef merge(const ForeignRef &a, uint32_t block,
                 const std::shared_ptr<const Clocks> &clocks) {
  auto result = a ? std::make_shared<Foreign>(*a) : std::make_shared<Foreign>();
  auto [it, isNew] = result->blocks.emplace(block, clocks);
  if (!isNew)
    it->second = later(it->second, clocks);
  return result;
}

ForeignRef merge(const ForeignRef &a, const ForeignRef &b) {
  if (!b || a == b)
    return a;
  if (!a)
    return b;
  auto result = std::make_shared<Foreign>(*a);
  for (const auto &[block, clocks] : b->blocks) {
    auto [it, isNew] = result->blocks.emplace(block, clocks);
    if (!isNew)
      it->second = later(it->second, clocks);
  }
  return result;
}

View *ViewPool::create(uint32_t threads) {
  if (free_.empty()) {
    all_.push_back(std::make_unique<View>());
    free_.push_back(all_.back().get());
  }
  View *view = free_.back();
  free_.pop_back();
  view->references = 1;
  view->clock.assign(threads, 0);
  return view;
}

View *ViewPool::copy(const View &view) {
  View *result = create(0);
  result->clock = view.clock;
  result->foreign = view.foreign;
  return result;
}

} // namespace kvcrt::sim
