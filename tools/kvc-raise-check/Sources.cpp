//===- Sources.cpp - graphs as linalg, apart from raise -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Three loop nests for an attention op: scores, a softmax over the key loops,
// sums of values. They are written over the op's own loops, whatever raise
// thinks that those are, and in f32.
//
//===----------------------------------------------------------------------===//

#include "Sources.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include <cmath>

using namespace mlir;

namespace kvc::raisecheck {
namespace {

// upstream's order, as its own pipeline has it
constexpr const char *tosaToLinalg =
    "func.func(tosa-infer-shapes,tosa-make-broadcastable,tosa-to-linalg-named,"
    "tosa-to-arith{include-apply-rescale=true},tosa-to-tensor,tosa-to-linalg,"
    "tosa-to-tensor),canonicalize";

/// An attribute of an op that is not registered: among its properties or not.
Attribute attributeOf(Operation *op, StringRef name) {
  if (auto properties =
          dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute()))
    if (Attribute found = properties.get(name))
      return found;
  return op->getAttr(name);
}

/// What an attention op reads, and the loops that it counts them by.
struct Foreign {
  Value q, k, v, mask;
  AffineMap qMap, kMap, vMap, maskMap, outMap;
  Value scale;                // a float scalar
  Block *edit = nullptr;      // of the scaled score
  bool isZeroGuarded = false; // a row that sees no key is 0
};

class Expansion {
public:
  Expansion(Operation *op, Foreign foreign)
      : b(op), loc(op->getLoc()), op(op), f(foreign) {}
  LogicalResult run();

private:
  using Body = llvm::function_ref<Value(OpBuilder &, ValueRange)>;

  Value constant(OpBuilder &at, double value) {
    return arith::ConstantOp::create(at, loc, at.getF32FloatAttr(value));
  }
  /// Any float or i1 as f32.
  Value wide(OpBuilder &at, Value x) {
    Type type = x.getType();
    if (type.isF32())
      return x;
    if (type.getIntOrFloatBitWidth() > 32)
      return arith::TruncFOp::create(at, loc, at.getF32Type(), x);
    return arith::ExtFOp::create(at, loc, at.getF32Type(), x);
  }
  /// The size of loop `d`, from a tensor that it indexes.
  OpFoldResult sizeOf(unsigned d) {
    for (auto [value, map] :
         {std::pair(f.q, f.qMap), {f.k, f.kMap}, {f.v, f.vMap}})
      for (auto [i, result] : llvm::enumerate(map.getResults()))
        if (result == b.getAffineDimExpr(d))
          return tensor::getMixedSize(b, loc, value, i);
    return b.getIndexAttr(1);
  }
  AffineMap mapOf(ArrayRef<unsigned> dims) {
    SmallVector<AffineExpr> results;
    for (unsigned d : dims)
      results.push_back(b.getAffineDimExpr(d));
    return AffineMap::get(f.qMap.getNumDims(), 0, results, b.getContext());
  }
  /// A tensor over `kept`, begun with `init`, of loops `kept` and `reduced`.
  Value nest(ArrayRef<unsigned> kept, ArrayRef<unsigned> reduced,
             ArrayRef<std::pair<Value, AffineMap>> inputs,
             std::optional<double> init, Body body) {
    SmallVector<OpFoldResult> sizes;
    for (unsigned d : kept)
      sizes.push_back(sizeOf(d));
    Value out = tensor::EmptyOp::create(b, loc, sizes, b.getF32Type());
    if (init)
      out =
          linalg::FillOp::create(b, loc, constant(b, *init), out).getResult(0);
    // the nest counts its own loops
    SmallVector<unsigned> loops(kept);
    llvm::append_range(loops, reduced);
    DenseMap<AffineExpr, AffineExpr> renamed;
    for (auto [i, d] : llvm::enumerate(loops))
      renamed[b.getAffineDimExpr(d)] = b.getAffineDimExpr(i);
    SmallVector<AffineMap> maps;
    SmallVector<Value> values;
    for (auto [value, map] : inputs) {
      values.push_back(value);
      maps.push_back(map.replace(renamed, loops.size(), 0));
    }
    maps.push_back(mapOf(kept).replace(renamed, loops.size(), 0));
    SmallVector<utils::IteratorType> iterators(kept.size(),
                                               utils::IteratorType::parallel);
    iterators.append(reduced.size(), utils::IteratorType::reduction);
    return linalg::GenericOp::create(
               b, loc, TypeRange{out.getType()}, values, ValueRange{out}, maps,
               iterators,
               [&](OpBuilder &at, Location, ValueRange arguments) {
                 linalg::YieldOp::create(at, loc, body(at, arguments));
               })
        .getResult(0);
  }
  Value edited(OpBuilder &at, Value score, bool &failed);

  OpBuilder b;
  Location loc;
  Operation *op;
  Foreign f;
};

Value Expansion::edited(OpBuilder &at, Value score, bool &failed) {
  if (!f.edit)
    return score;
  IRMapping mapping;
  Type wanted = f.edit->getArgument(0).getType();
  if (!wanted.isF32()) {
    failed = true;
    return score;
  }
  mapping.map(f.edit->getArgument(0), score);
  for (Operation &inner : llvm::drop_end(*f.edit)) {
    if (inner.getName().getStringRef() == "iree_linalg_ext.index") {
      auto dim = dyn_cast_or_null<IntegerAttr>(attributeOf(&inner, "dim"));
      if (!dim) {
        failed = true;
        return score;
      }
      mapping.map(inner.getResult(0),
                  linalg::IndexOp::create(at, loc, dim.getInt()));
      continue;
    }
    at.clone(inner, mapping);
  }
  return mapping.lookupOrDefault(f.edit->back().getOperand(0));
}

LogicalResult Expansion::run() {
  auto uses = [&](AffineMap map, unsigned d) {
    return map && map.isFunctionOfDim(d);
  };
  // by who counts it: the channels of the scores, the keys, what scores have
  SmallVector<unsigned> score, channels, keys, rows, out;
  for (unsigned d = 0; d < f.qMap.getNumDims(); ++d) {
    bool isQ = uses(f.qMap, d), isK = uses(f.kMap, d), isV = uses(f.vMap, d),
         isOut = uses(f.outMap, d);
    if (isOut)
      out.push_back(d);
    if ((isQ || isK) && !isV && !isOut) {
      channels.push_back(d);
      continue;
    }
    if (!isQ && !isK)
      continue; // the values' channels
    score.push_back(d);
    (isK && isV && !isOut ? keys : rows).push_back(d);
  }
  AffineMap scoreMap = mapOf(score), rowMap = mapOf(rows);
  Value products = nest(score, channels, {{f.q, f.qMap}, {f.k, f.kMap}}, 0.0,
                        [&](OpBuilder &at, ValueRange x) -> Value {
                          Value by = arith::MulFOp::create(
                              at, loc, wide(at, x[0]), wide(at, x[1]));
                          return arith::AddFOp::create(at, loc, x[2], by);
                        });
  SmallVector<std::pair<Value, AffineMap>> reads{{products, scoreMap}};
  if (f.mask)
    reads.push_back({f.mask, f.maskMap});
  const double lowest = -std::numeric_limits<double>::infinity();
  bool failedEdit = false;
  Value scores =
      nest(score, {}, reads, std::nullopt,
           [&](OpBuilder &at, ValueRange x) -> Value {
             Value s = arith::MulFOp::create(at, loc, x[0], wide(at, f.scale));
             s = edited(at, s, failedEdit);
             if (!f.mask)
               return s;
             if (x[1].getType().isInteger(1))
               return arith::SelectOp::create(at, loc, x[1], s,
                                              constant(at, lowest));
             return arith::AddFOp::create(at, loc, s, wide(at, x[1]));
           });
  if (failedEdit)
    return failure();
  Value most = nest(rows, keys, {{scores, scoreMap}}, lowest,
                    [&](OpBuilder &at, ValueRange x) -> Value {
                      return arith::MaximumFOp::create(at, loc, x[0], x[1]);
                    });
  Value weights = nest(score, {}, {{scores, scoreMap}, {most, rowMap}},
                       std::nullopt, [&](OpBuilder &at, ValueRange x) -> Value {
                         Value less =
                             arith::SubFOp::create(at, loc, x[0], x[1]);
                         return math::ExpOp::create(at, loc, less);
                       });
  Value sums = nest(rows, keys, {{weights, scoreMap}}, 0.0,
                    [&](OpBuilder &at, ValueRange x) -> Value {
                      return arith::AddFOp::create(at, loc, x[0], x[1]);
                    });
  Value shares =
      nest(score, {}, {{weights, scoreMap}, {sums, rowMap}, {most, rowMap}},
           std::nullopt, [&](OpBuilder &at, ValueRange x) -> Value {
             Value share = arith::DivFOp::create(at, loc, x[0], x[1]);
             if (!f.isZeroGuarded)
               return share;
             Value isEmpty =
                 arith::CmpFOp::create(at, loc, arith::CmpFPredicate::OEQ, x[2],
                                       constant(at, lowest));
             return arith::SelectOp::create(at, loc, isEmpty, constant(at, 0),
                                            share);
           });
  Value result =
      nest(out, keys, {{shares, scoreMap}, {f.v, f.vMap}}, 0.0,
           [&](OpBuilder &at, ValueRange x) -> Value {
             Value by = arith::MulFOp::create(at, loc, x[0], wide(at, x[1]));
             return arith::AddFOp::create(at, loc, x[2], by);
           });
  // `out` counts loops upwards, the result as its map says
  SmallVector<int64_t> permutation;
  for (AffineExpr expr : f.outMap.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return failure();
    permutation.push_back(
        std::distance(out.begin(), llvm::find(out, dim.getPosition())));
  }
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<OpFoldResult> sizes;
  for (AffineExpr expr : f.outMap.getResults())
    sizes.push_back(sizeOf(cast<AffineDimExpr>(expr).getPosition()));
  Value init = tensor::EmptyOp::create(b, loc, sizes, b.getF32Type());
  result = linalg::TransposeOp::create(b, loc, result, init, permutation)
               ->getResult(0);
  if (!type.getElementType().isF32())
    result = arith::TruncFOp::create(
        b, loc,
        cast<RankedTensorType>(result.getType()).clone(type.getElementType()),
        result);
  if (result.getType() != type)
    result = tensor::CastOp::create(b, loc, type, result);
  op->getResult(0).replaceAllUsesWith(result);
  op->erase();
  return success();
}

/// q, k, v, scale, mask?, out by indexing_maps; a region of the scaled score.
LogicalResult expandIree(Operation *op) {
  auto maps = dyn_cast_or_null<ArrayAttr>(attributeOf(op, "indexing_maps"));
  if (!maps || maps.size() != op->getNumOperands() || maps.size() < 5)
    return failure();
  auto mapOf = [&](unsigned i) {
    return cast<AffineMapAttr>(maps[i]).getValue();
  };
  const unsigned last = maps.size() - 1;
  Foreign f;
  f.q = op->getOperand(0), f.qMap = mapOf(0);
  f.k = op->getOperand(1), f.kMap = mapOf(1);
  f.v = op->getOperand(2), f.vMap = mapOf(2);
  f.scale = op->getOperand(3);
  if (last == 5)
    f.mask = op->getOperand(4), f.maskMap = mapOf(4);
  f.outMap = mapOf(last);
  if (op->getNumRegions() == 1 && !op->getRegion(0).empty())
    f.edit = &op->getRegion(0).front();
  return Expansion(op, f).run();
}

/// q, k, v, mask?, out of [..., S, D]; scale 1 / sqrt(D).
LogicalResult expandTmTensor(Operation *op) {
  auto type = cast<RankedTensorType>(op->getOperand(0).getType());
  MLIRContext *context = op->getContext();
  const unsigned batch = type.getRank() - 2, loops = batch + 4;
  auto mapOf = [&](std::initializer_list<unsigned> last) {
    SmallVector<AffineExpr> results;
    for (unsigned d = 0; d < batch; ++d)
      results.push_back(getAffineDimExpr(d, context));
    for (unsigned d : last)
      results.push_back(getAffineDimExpr(batch + d, context));
    return AffineMap::get(loops, 0, results, context);
  };
  enum { query, key, channel, value };
  Foreign f;
  f.q = op->getOperand(0), f.qMap = mapOf({query, channel});
  f.k = op->getOperand(1), f.kMap = mapOf({key, channel});
  f.v = op->getOperand(2), f.vMap = mapOf({key, value});
  const unsigned last = op->getNumOperands() - 1;
  if (last == 4)
    f.mask = op->getOperand(3), f.maskMap = mapOf({query, key});
  f.outMap = mapOf({query, value});
  if (f.mask &&
      cast<RankedTensorType>(f.mask.getType()).getRank() != type.getRank())
    return failure();
  f.isZeroGuarded = true;
  OpBuilder b(op);
  f.scale = arith::ConstantOp::create(
      b, op->getLoc(),
      b.getF32FloatAttr(1.0 / std::sqrt(double(type.getShape().back()))));
  return Expansion(op, f).run();
}

} // namespace

LogicalResult lowerSources(ModuleOp module) {
  SmallVector<Operation *> iree, tmTensor;
  bool hasTosa = false;
  module.walk([&](Operation *op) {
    hasTosa |= isa_and_nonnull<tosa::TosaDialect>(op->getDialect());
    if (op->getName().getStringRef() == "iree_linalg_ext.attention")
      iree.push_back(op);
    if (op->getName().getStringRef() == "tm_tensor.attention")
      tmTensor.push_back(op);
  });
  for (Operation *op : iree)
    if (failed(expandIree(op)))
      return failure();
  for (Operation *op : tmTensor)
    if (failed(expandTmTensor(op)))
      return failure();
  if (!hasTosa)
    return success();
  PassManager pm(module.getContext());
  if (failed(parsePassPipeline(tosaToLinalg, pm)))
    return failure();
  return pm.run(module);
}

} // namespace kvc::raisecheck
