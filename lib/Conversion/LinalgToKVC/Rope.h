//===- Rope.h - Recognise rotary embeddings ----------------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_ROPE_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_ROPE_H

#include "Softmax.h"
#include "kvc/Dialect/KVC/IR/KVC.h"

namespace kvc::raise {

struct Rope {
  const Expr *x = nullptr;        // what is rotated, over the same axes
  const Expr *position = nullptr; // an integer over the sequence axis
  double theta = 0;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1, lowFreqFactor = 1, highFreqFactor = 1;
  int64_t originalMaxPositions = 0;
  double magnitude = 1; // of cosines and sines: a factor of the result
  int64_t dim = 0;      // channels that turn; those after it pass through
  bool interleaved = false;
};

/// Reads `element` as a rotation of its channel pairs by position times
/// theta^(-2 i / dim). `refusal` is set only where cosines and sines are seen
/// and something about them is not proven.
std::optional<Rope> matchRope(Scalars &scalars, LiteralTables &tables,
                              const Expr *element, mlir::AffineExpr sequence,
                              mlir::AffineExpr channel, Refusal &refusal);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_ROPE_H
