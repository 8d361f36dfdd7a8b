//===- Variant.cpp - what a kernel is made for ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: reads the op and its types alone.
//
//===----------------------------------------------------------------------===//

#include "Variant.h"

namespace kvc::kernel {

Variant Variant::read(VariantOp op) {
  Variant v;
  v.op = op;
  v.name = op.getSymName().str();
  v.cache = op.getCacheType();
  v.policy = v.cache.getPolicy();
  v.keyStorage = v.cache.getKeyStorage();
  v.valueStorage = v.cache.getValueStorage();
  v.retention = v.cache.getRetention();
  v.element = v.cache.getElementType();
  v.queryHeads = op.getQueryHeads();
  v.causal = op.getCausal();
  v.softcap = op.getSoftcap();
  v.sinkLogits = op.getSinkLogits();
  v.lse = op.getLse();
  v.mask = op.getMask();
  v.score = op.getScore().empty() ? nullptr : &op.getScore();
  v.window = op.getWindow() || v.retention.getWindowSize() > 0;
  return v;
}

} // namespace kvc::kernel
