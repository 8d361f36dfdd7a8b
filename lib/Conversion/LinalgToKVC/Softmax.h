//===- Softmax.h - Recognise a row's softmax ---------------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_SOFTMAX_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_SOFTMAX_H

#include "Contraction.h"
#include "Predicate.h"

namespace kvc::raise {

/// Why something that looked like attention was left alone. `id` is stable and
/// documented; `op` is where it was seen.
struct Refusal {
  llvm::StringRef id;
  std::string why;
  mlir::Operation *op = nullptr;

  explicit operator bool() const { return !id.empty(); }
};

struct Softmax {
  const Expr *score = nullptr;
  /// exp(factor * score): ln 2 where the graph counts in powers of two.
  double factor = 1.0;
  /// A row without a visible key is set to zero by a select of the graph.
  bool zeroWhenMasked = false;
  /// What is subtracted is never below this; scores far below it vanish.
  std::optional<double> floor;
  /// Probabilities become zero where this does not hold, or where it holds for
  /// no key of the row; the mask must say the same.
  std::optional<Predicate> visible;
  /// They become zero as products: NaN, of a row of -inf alone, stays NaN.
  bool visibleByProduct = false;
  /// The logit of a column that only the denominator has, over the same axes
  /// less the key; null when there is none.
  const Expr *sink = nullptr;
  /// The sink is not in the maximum: an empty row is NaN in spite of it.
  bool sinkNeedsKeys = false;
  /// For the report: how it was spelled.
  llvm::StringRef form;
};

/// Reads `probability` as a softmax over `key`. `anchor` becomes the op that
/// exponentiates once one is seen, and `refusal` says what did not fit then.
std::optional<Softmax> matchSoftmax(Scalars &scalars, const Expr *probability,
                                    mlir::AffineExpr key,
                                    mlir::Operation *&anchor, Refusal &refusal);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_SOFTMAX_H
