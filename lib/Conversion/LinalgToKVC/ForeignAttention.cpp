//===- ForeignAttention.cpp - Attention ops of other dialects -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Met as generic ops of a dialect that is not registered, so nothing about
// them was verified: every type, map and attribute is checked here, and what is
// not known is refused. Written out as those dialects define them:
//
//   iree_linalg_ext.attention   s = region(scale * q.k) + mask; softmax; p.v,
//                               in the loops that its indexing maps name
//   tm_tensor.attention         s = q.k / sqrt(channels) + mask; softmax, zero
//                               where nothing is seen; p.v, on [..., S, D]
//
//===----------------------------------------------------------------------===//

#include "FrontDoors.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

static bool isNamed(Operation *op, StringRef name) {
  return !op->isRegistered() && op->getName().getStringRef() == name;
}

bool isForeignAttention(Operation *op) {
  static constexpr StringLiteral names[] = {
      "iree_linalg_ext.attention",
      "iree_linalg_ext.online_attention",
      "tm_tensor.attention",
      "torch.aten.scaled_dot_product_attention",
      "torch.aten.softmax.int",
      "torch.aten._softmax",
      "onnx.Softmax",
      "onnx.Attention",
      "stablehlo.exponential",
      "mhlo.exponential"};
  return llvm::any_of(names, [&](StringRef name) { return isNamed(op, name); });
}

/// An attribute of an op that is not registered: among its properties or not.
static Attribute attributeOf(Operation *op, StringRef name) {
  if (auto properties =
          dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute()))
    if (Attribute found = properties.get(name))
      return found;
  return op->getAttr(name);
}

namespace {
/// The parts of one attention in a common loop nest.
struct Parts {
  Value q, k, v, mask, out;
  AffineMap qMap, kMap, vMap, maskMap, outMap;
  Value scale; // a scalar, or null
  double constantScale = 1;
  Block *edit = nullptr; // one argument: the scaled score
  bool zeroGuard = false;
};

struct Writer {
  RewriterBase &b;
  Operation *op;
  Refusal &refusal;
  Location loc;
  Parts parts;
  unsigned loops = 0;

  bool refuse(const Twine &why) {
    if (!refusal)
      refusal = {"foreign-op",
                 ("`" + op->getName().getStringRef() + "`: " + why).str(), op};
    return false;
  }
  bool readIree();
  bool readTorch();
  bool check();
  std::optional<WrittenOut> write();

  bool has(AffineMap map, unsigned loop) { return map.isFunctionOfDim(loop); }
  Value sizeOfLoop(unsigned loop, int64_t &extent);
  Value empty(AffineMap map, Type type);
  Value filled(AffineMap map, double value);
  Value generic(ValueRange inputs, ArrayRef<AffineMap> maps, Value init,
                function_ref<Value(OpBuilder &, Location, ValueRange)> body);
  Value toF32(OpBuilder &builder, Value value);
};
} // namespace

bool Writer::readIree() {
  auto maps = dyn_cast_or_null<ArrayAttr>(attributeOf(op, "indexing_maps"));
  unsigned operands = op->getNumOperands();
  if (!maps || (operands != 5 && operands != 6) || maps.size() != operands ||
      op->getNumRegions() != 1 || op->getNumResults() != 1)
    return refuse("expected query, key, value, scale, perhaps a mask, an init "
                  "and a map for each");
  SmallVector<AffineMap> all;
  for (Attribute map : maps) {
    auto attr = dyn_cast<AffineMapAttr>(map);
    if (!attr)
      return refuse("expected affine maps as `indexing_maps`");
    all.push_back(attr.getValue());
  }
  bool masked = operands == 6;
  parts.q = op->getOperand(0), parts.qMap = all[0];
  parts.k = op->getOperand(1), parts.kMap = all[1];
  parts.v = op->getOperand(2), parts.vMap = all[2];
  parts.scale = op->getOperand(3);
  if (masked)
    parts.mask = op->getOperand(4), parts.maskMap = all[4];
  parts.out = op->getOperand(operands - 1), parts.outMap = all.back();
  if (!isa<FloatType>(parts.scale.getType()))
    return refuse("expected a float as scale");
  Region &region = op->getRegion(0);
  if (!region.hasOneBlock() || region.front().getNumArguments() != 1 ||
      !region.front().getArgument(0).getType().isF32())
    return refuse("expected a region of one block over one f32 score");
  parts.edit = &region.front();
  if (parts.edit->empty())
    return refuse("expected a region that yields");
  Operation &last = parts.edit->back();
  if (!isNamed(&last, "iree_linalg_ext.yield") || last.getNumOperands() != 1 ||
      !last.getOperand(0).getType().isF32())
    return refuse("expected a region that yields one f32 score");
  for (Operation &inner : llvm::drop_end(*parts.edit)) {
    if (isNamed(&inner, "iree_linalg_ext.index")) {
      auto dim = dyn_cast_or_null<IntegerAttr>(attributeOf(&inner, "dim"));
      if (!dim || dim.getInt() < 0 ||
          dim.getInt() + 2 >= static_cast<int64_t>(all[0].getNumDims()) ||
          inner.getNumResults() != 1 || !inner.getResult(0).getType().isIndex())
        return refuse("an index of the region is not understood");
      continue;
    }
    if (!inner.isRegistered() || inner.getNumRegions() != 0 ||
        !isMemoryEffectFree(&inner))
      return refuse("`" + inner.getName().getStringRef() +
                    "` in its region is not understood");
  }
  return true;
}

bool Writer::readTorch() {
  auto segments = dyn_cast_or_null<DenseI32ArrayAttr>(
      attributeOf(op, "operandSegmentSizes"));
  unsigned operands = op->getNumOperands();
  if ((operands != 4 && operands != 5) || op->getNumResults() != 1 ||
      (segments && (segments.size() != 2 || segments[1] != 1)))
    return refuse("expected query, key, value, perhaps a mask, and an init");
  parts.q = op->getOperand(0);
  parts.k = op->getOperand(1);
  parts.v = op->getOperand(2);
  if (operands == 5)
    parts.mask = op->getOperand(3);
  parts.out = op->getOperand(operands - 1);
  auto qType = dyn_cast<RankedTensorType>(parts.q.getType());
  if (!qType || qType.getRank() < 2)
    return refuse("expected tensors of rank two or more");
  unsigned batch = qType.getRank() - 2;
  // loops: batch..., query, key, channel, value channel
  MLIRContext *context = op->getContext();
  auto mapOf = [&](unsigned a, unsigned c) {
    SmallVector<AffineExpr> exprs;
    for (unsigned d = 0; d < batch; ++d)
      exprs.push_back(getAffineDimExpr(d, context));
    exprs.push_back(getAffineDimExpr(batch + a, context));
    exprs.push_back(getAffineDimExpr(batch + c, context));
    return AffineMap::get(batch + 4, 0, exprs, context);
  };
  parts.qMap = mapOf(0, 2);
  parts.kMap = mapOf(1, 2);
  parts.vMap = mapOf(1, 3);
  parts.maskMap = mapOf(0, 1);
  parts.outMap = mapOf(0, 3);
  if (qType.isDynamicDim(batch + 1))
    return refuse("expected a known number of channels: the scale follows it");
  parts.constantScale =
      1.0 / std::sqrt(static_cast<double>(qType.getDimSize(batch + 1)));
  parts.zeroGuard = true;
  return true;
}

/// Types, ranks, and sizes of the loops; one key loop, one channel loop.
bool Writer::check() {
  loops = parts.qMap.getNumDims();
  SmallVector<int64_t> sizes(loops, ShapedType::kDynamic);
  SmallVector<std::pair<Value, AffineMap>> tensors = {
      {parts.q, parts.qMap},
      {parts.k, parts.kMap},
      {parts.v, parts.vMap},
      {parts.out, parts.outMap}};
  if (parts.mask)
    tensors.push_back({parts.mask, parts.maskMap});
  for (auto [tensor, map] : tensors) {
    auto type = dyn_cast<RankedTensorType>(tensor.getType());
    if (!type || map.getNumDims() != loops || map.getNumSymbols() != 0 ||
        map.getNumResults() != static_cast<unsigned>(type.getRank()) ||
        !map.isProjectedPermutation())
      return refuse("expected tensors, each with a map that permutes loops");
    Type element = type.getElementType();
    bool isMask = tensor == parts.mask && map == parts.maskMap;
    if (!isa<Float16Type, BFloat16Type, Float32Type>(element) &&
        !(isMask && element.isInteger(1)))
      return refuse("expected f16, bf16 or f32, and a mask of i1 or float");
    for (auto [expr, size] :
         llvm::zip_equal(map.getResults(), type.getShape())) {
      int64_t &known = sizes[cast<AffineDimExpr>(expr).getPosition()];
      if (ShapedType::isDynamic(size))
        continue;
      if (!ShapedType::isDynamic(known) && known != size)
        return refuse("the sizes of its operands do not agree");
      known = size;
    }
  }
  if (op->getResult(0).getType() != parts.out.getType())
    return refuse("expected a tensor like its init as result");
  unsigned keys = 0, channels = 0;
  for (unsigned d = 0; d < loops; ++d) {
    bool q = has(parts.qMap, d), k = has(parts.kMap, d), v = has(parts.vMap, d),
         o = has(parts.outMap, d);
    if (!o && k && v && !q)
      ++keys;
    else if (!o && q && k && !v)
      ++channels;
    else if (!o || !(q || v))
      return refuse("its maps are not those of an attention");
    if (parts.mask && has(parts.maskMap, d) && !(q && o) && !(k && v))
      return refuse("the mask depends on a channel");
  }
  if (keys != 1 || channels != 1)
    return refuse("expected one loop over keys and one over channels");
  return true;
}

Value Writer::sizeOfLoop(unsigned loop, int64_t &extent) {
  std::pair<Value, AffineMap> from[] = {{parts.q, parts.qMap},
                                        {parts.k, parts.kMap},
                                        {parts.v, parts.vMap},
                                        {parts.out, parts.outMap}};
  Value dynamic;
  for (auto [tensor, map] : from)
    for (auto [d, expr] : llvm::enumerate(map.getResults())) {
      if (cast<AffineDimExpr>(expr).getPosition() != loop)
        continue;
      extent = cast<RankedTensorType>(tensor.getType()).getDimSize(d);
      if (!ShapedType::isDynamic(extent))
        return {};
      if (!dynamic)
        dynamic = tensor::DimOp::create(b, loc, tensor, d);
    }
  return dynamic;
}

Value Writer::empty(AffineMap map, Type type) {
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamic;
  for (AffineExpr expr : map.getResults()) {
    int64_t extent = ShapedType::kDynamic;
    Value size = sizeOfLoop(cast<AffineDimExpr>(expr).getPosition(), extent);
    shape.push_back(extent);
    if (ShapedType::isDynamic(extent))
      dynamic.push_back(size);
  }
  return tensor::EmptyOp::create(b, loc, shape, type, dynamic);
}

Value Writer::filled(AffineMap map, double value) {
  Value number = arith::ConstantOp::create(
      b, loc, b.getF32FloatAttr(static_cast<float>(value)));
  return linalg::FillOp::create(b, loc, number, empty(map, b.getF32Type()))
      .getResult(0);
}

/// The last map is the result's; loops that no map names are left out, and
/// those that the result does not name are reduced.
Value Writer::generic(
    ValueRange inputs, ArrayRef<AffineMap> maps, Value init,
    function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  SmallVector<AffineMap> used = compressUnusedDims(maps);
  SmallVector<utils::IteratorType> kinds;
  for (unsigned d = 0; d < used.front().getNumDims(); ++d)
    kinds.push_back(used.back().isFunctionOfDim(d)
                        ? utils::IteratorType::parallel
                        : utils::IteratorType::reduction);
  return linalg::GenericOp::create(
             b, loc, init.getType(), inputs, init, used, kinds,
             [&](OpBuilder &inner, Location at, ValueRange arguments) {
               linalg::YieldOp::create(inner, at, body(inner, at, arguments));
             })
      .getResult(0);
}

Value Writer::toF32(OpBuilder &builder, Value value) {
  if (value.getType().isF32())
    return value;
  return arith::ExtFOp::create(builder, loc, builder.getF32Type(), value);
}

std::optional<WrittenOut> Writer::write() {
  b.setInsertionPoint(op);
  MLIRContext *context = op->getContext();
  // the score's dimensions as IREE counts them: batch, queries, keys
  SmallVector<AffineExpr> scoreExprs, queryExprs, keyExprs;
  for (unsigned d = 0; d < loops; ++d) {
    bool q = has(parts.qMap, d), k = has(parts.kMap, d), v = has(parts.vMap, d),
         o = has(parts.outMap, d);
    bool channel = q && k && !o, valueChannel = v && o && !q && !k;
    if (!channel && !valueChannel)
      (!o       ? keyExprs
       : k || v ? scoreExprs
                : queryExprs)
          .push_back(getAffineDimExpr(d, context));
  }
  scoreExprs.append(queryExprs);
  SmallVector<AffineExpr> rowExprs = scoreExprs;
  scoreExprs.append(keyExprs);
  AffineMap scoreMap = AffineMap::get(loops, 0, scoreExprs, context),
            rowMap = AffineMap::get(loops, 0, rowExprs, context);
  using Args = ValueRange;
  Value raw = generic(
      {parts.q, parts.k}, {parts.qMap, parts.kMap, scoreMap},
      filled(scoreMap, 0.0), [&](OpBuilder &i, Location at, Args a) -> Value {
        Value product =
            arith::MulFOp::create(i, at, toF32(i, a[0]), toF32(i, a[1]));
        return arith::AddFOp::create(i, at, a[2], product);
      });
  Value cell = empty(scoreMap, b.getF32Type());
  Value factor = parts.scale;
  if (!factor)
    factor = arith::ConstantOp::create(
        b, loc, b.getF32FloatAttr(static_cast<float>(parts.constantScale)));
  else if (factor.getType().isF64())
    factor = arith::TruncFOp::create(b, loc, b.getF32Type(), factor);
  else
    factor = toF32(b, factor);
  Value score = generic(
      raw, {scoreMap, scoreMap}, cell,
      [&](OpBuilder &i, Location at, Args a) -> Value {
        Value scaled = arith::MulFOp::create(i, at, a[0], factor);
        if (!parts.edit)
          return scaled;
        IRMapping mapping;
        mapping.map(parts.edit->getArgument(0), scaled);
        for (Operation &inner : llvm::drop_end(*parts.edit)) {
          if (!isNamed(&inner, "iree_linalg_ext.index")) {
            i.clone(inner, mapping);
            continue;
          }
          AffineExpr loop =
              scoreExprs[cast<IntegerAttr>(attributeOf(&inner, "dim"))
                             .getInt()];
          // loops that the score lacks are not counted
          int64_t dim = llvm::count_if(scoreExprs, [&](AffineExpr other) {
            return cast<AffineDimExpr>(other).getPosition() <
                   cast<AffineDimExpr>(loop).getPosition();
          });
          mapping.map(inner.getResult(0),
                      linalg::IndexOp::create(i, at, dim).getResult());
        }
        return mapping.lookupOrDefault(parts.edit->back().getOperand(0));
      });
  float infinity = std::numeric_limits<float>::infinity();
  if (parts.mask)
    score =
        generic({score, parts.mask}, {scoreMap, parts.maskMap, scoreMap}, cell,
                [&](OpBuilder &i, Location at, Args a) -> Value {
                  if (!a[1].getType().isInteger(1))
                    return arith::AddFOp::create(i, at, a[0], toF32(i, a[1]));
                  Value hidden = arith::ConstantOp::create(
                      i, at, i.getF32FloatAttr(-infinity));
                  return arith::SelectOp::create(i, at, a[1], a[0], hidden);
                });
  Value max = generic(score, {scoreMap, rowMap}, filled(rowMap, -infinity),
                      [&](OpBuilder &i, Location at, Args a) -> Value {
                        return arith::MaximumFOp::create(i, at, a[1], a[0]);
                      });
  Value weight = generic({score, max}, {scoreMap, rowMap, scoreMap}, cell,
                         [&](OpBuilder &i, Location at, Args a) -> Value {
                           return math::ExpOp::create(
                               i, at, arith::SubFOp::create(i, at, a[0], a[1]));
                         });
  Value sum = generic(weight, {scoreMap, rowMap}, filled(rowMap, 0.0),
                      [&](OpBuilder &i, Location at, Args a) -> Value {
                        return arith::AddFOp::create(i, at, a[1], a[0]);
                      });
  Value probability = generic(
      {weight, sum}, {scoreMap, rowMap, scoreMap}, cell,
      [&](OpBuilder &i, Location at, Args a) -> Value {
        Value quotient = arith::DivFOp::create(i, at, a[0], a[1]);
        if (!parts.zeroGuard)
          return quotient;
        Value nothing = arith::CmpFOp::create(i, at, arith::CmpFPredicate::UNO,
                                              quotient, quotient);
        Value zero = arith::ConstantOp::create(i, at, i.getF32FloatAttr(0.0f));
        return arith::SelectOp::create(i, at, nothing, zero, quotient);
      });
  WrittenOut out;
  out.op = op;
  out.result =
      generic({probability, parts.v}, {scoreMap, parts.vMap, parts.outMap},
              filled(parts.outMap, 0.0),
              [&](OpBuilder &i, Location at, Args a) -> Value {
                Value product =
                    arith::MulFOp::create(i, at, a[0], toF32(i, a[1]));
                return arith::AddFOp::create(i, at, a[2], product);
              });
  out.values = out.result.getDefiningOp();
  Type element = getElementTypeOrSelf(op->getResult(0).getType());
  if (!element.isF32())
    out.result = generic(out.result, {parts.outMap, parts.outMap},
                         empty(parts.outMap, element),
                         [&](OpBuilder &i, Location at, Args a) -> Value {
                           return arith::TruncFOp::create(i, at, element, a[0]);
                         });
  if (out.result.getType() != op->getResult(0).getType())
    out.result =
        tensor::CastOp::create(b, loc, op->getResult(0).getType(), out.result);
  b.replaceAllUsesWith(op->getResult(0), out.result);
  return out;
}

std::optional<WrittenOut> writeOut(RewriterBase &rewriter, Operation *op,
                                   Refusal &refusal) {
  Writer writer{rewriter, op, refusal, op->getLoc(), {}};
  bool read = false;
  if (isNamed(op, "iree_linalg_ext.attention"))
    read = writer.readIree();
  else if (isNamed(op, "tm_tensor.attention"))
    read = writer.readTorch();
  else
    writer.refuse("an op of a dialect that is not registered; lower it to "
                  "linalg on tensors first");
  if (!read || !writer.check())
    return std::nullopt;
  return writer.write();
}

} // namespace kvc::raise
