//===- VectorizeLoops.cpp - linalg ops on buffers to vector loops ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's vectoriser wants static tiles and keeps a reduction's sum in
// memory between them; a decoder's sizes are dynamic and its rows short. So one
// dimension is vectorised here, with a masked tail and sums in registers:
//
//   parallel over the other parallel dimensions
//     for the other reductions
//       for v in full vectors: load, compute, store (or keep the sum)
//       once for what is left: the same under a mask
//
// Invariant: an op is rewritten as a whole or left untouched; values that do
// not depend on the vectorised dimension stay scalars.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "LoopVectorizer.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace kvc {
#define GEN_PASS_DEF_VECTORIZELOOPSPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

/// memref.copy is a call of a runtime function otherwise.
linalg::GenericOp toGeneric(memref::CopyOp copy) {
  OpBuilder builder(copy);
  int64_t rank = cast<MemRefType>(copy.getTarget().getType()).getRank();
  AffineMap identity = builder.getMultiDimIdentityMap(rank);
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, copy.getLoc(), TypeRange(), ValueRange{copy.getSource()},
      ValueRange{copy.getTarget()}, SmallVector<AffineMap>{identity, identity},
      iterators, [](OpBuilder &body, Location loc, ValueRange arguments) {
        linalg::YieldOp::create(body, loc, arguments[0]);
      });
  copy.erase();
  return generic;
}

struct VectorizeLoops : kvc::impl::VectorizeLoopsPassBase<VectorizeLoops> {
  using VectorizeLoopsPassBase::VectorizeLoopsPassBase;

  void runOnOperation() override {
    SmallVector<memref::CopyOp> copies;
    getOperation().walk([&](memref::CopyOp copy) {
      if (isa<MemRefType>(copy.getSource().getType()) &&
          isa<MemRefType>(copy.getTarget().getType()))
        copies.push_back(copy);
    });
    for (memref::CopyOp copy : copies)
      toGeneric(copy);
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op.hasPureBufferSemantics())
        ops.push_back(op);
    });
    for (linalg::LinalgOp op : ops)
      if (std::optional<kvc::LoopVectorizer> vectorizer =
              kvc::LoopVectorizer::match(op, vectorBits))
        vectorizer->emit();
  }
};

} // namespace
