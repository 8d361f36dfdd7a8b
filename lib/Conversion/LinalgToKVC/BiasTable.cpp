//===- BiasTable.cpp - Biases that exporters folded into literals ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX and TensorFlow fold ALiBi into one table of heads and positions, and a
// causal mask with it. It is written as slope * distance again where that makes
// each visible number, bit for bit: what follows then need not know of tables.
//
//===----------------------------------------------------------------------===//

#include "BiasTable.h"
#include "MaskRead.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

static constexpr int64_t maxBiasNumbers = int64_t(1) << 24;

SmallVector<int64_t> offsetsOf(ArrayRef<int64_t> shape,
                               ArrayRef<AffineExpr> index) {
  SmallVector<int64_t> offsets{0}, strides = computeStrides(shape);
  for (auto [size, stride, at] : llvm::zip_equal(shape, strides, index)) {
    if (auto known = dyn_cast<AffineConstantExpr>(at)) {
      // what lies outside of the table is nowhere
      if (known.getValue() < 0 || known.getValue() >= size)
        return {};
      for (int64_t &offset : offsets)
        offset += known.getValue() * stride;
      continue;
    }
    SmallVector<int64_t> longer;
    for (int64_t offset : offsets)
      for (int64_t i = 0; i < size; ++i)
        longer.push_back(offset + i * stride);
    offsets = std::move(longer);
  }
  return offsets;
}

namespace {
/// A literal at positions: which dimensions count queries and keys.
struct BiasTable {
  DenseElementsAttr literal;
  SmallVector<int64_t> shape, strides;
  /// Where each matrix of queries and keys begins.
  SmallVector<int64_t> bases;
  std::optional<unsigned> queryDim;
  unsigned keyDim = 0;

  int64_t rows() const { return queryDim ? shape[*queryDim] : 1; }
  int64_t columns() const { return shape[keyDim]; }
  APFloat at(int64_t base, int64_t i, int64_t j) const {
    return *(
        literal.value_begin<APFloat>() +
        (base + (queryDim ? i * strides[*queryDim] : 0) + j * strides[keyDim]));
  }
};
} // namespace

static std::optional<BiasTable> readTable(Scalars &scalars, const Expr *bias,
                                          AffineExpr query, AffineExpr key) {
  if (!bias->is(Expr::Kind::Element) || !isa<FloatType>(bias->type))
    return std::nullopt;
  BiasTable table;
  table.literal = scalars.literalOf(bias->tensor, maxBiasNumbers);
  if (!table.literal || table.literal.isSplat() ||
      table.literal.getNumElements() > maxBiasNumbers)
    return std::nullopt;
  table.shape.assign(table.literal.getType().getShape());
  table.strides = computeStrides(table.shape);
  std::optional<unsigned> keyDim;
  for (auto [d, at] : llvm::enumerate(bias->index)) {
    if (at == key && !keyDim)
      keyDim = d;
    else if (query && at == query && !table.queryDim)
      table.queryDim = d;
    else if (mentions(at, key) || (query && mentions(at, query)))
      return std::nullopt;
  }
  if (!keyDim)
    return std::nullopt;
  table.keyDim = *keyDim;
  Index origin(bias->index);
  AffineExpr zero = getAffineConstantExpr(0, scalars.getAxes().getContext());
  origin[*keyDim] = zero;
  if (table.queryDim)
    origin[*table.queryDim] = zero;
  table.bases = offsetsOf(table.shape, origin);
  return table;
}

/// Whether each number is slope * (j - zero(i)), the slope being what `beside`
/// the zero of the last row says, and zero(i) = zero + step * (i - last row).
/// With `shift` only where j <= i + shift: elsewhere the number hides.
static bool isLinear(const BiasTable &table, int64_t zero, int64_t beside,
                     int64_t step, std::optional<int64_t> shift) {
  const int64_t last = table.rows() - 1;
  for (int64_t base : table.bases) {
    const APFloat slope = table.at(base, last, beside);
    if (!slope.isFinite())
      return false;
    for (int64_t i = 0; i <= last; ++i)
      for (int64_t j = 0; j < table.columns(); ++j) {
        const APFloat number = table.at(base, i, j);
        if (shift && j > i + *shift) {
          if (!(number.convertToDouble() <= weakestHidden))
            return false;
          continue;
        }
        const int64_t distance = j - zero - step * (i - last);
        APFloat made(slope.getSemantics());
        made.convertFromAPInt(APInt(64, distance * (beside - zero), true), true,
                              APFloat::rmNearestTiesToEven);
        made.multiply(slope, APFloat::rmNearestTiesToEven);
        if (made.compare(number) != APFloat::cmpEqual)
          return false;
      }
  }
  return true;
}

/// The highest number that hides.
static double highestHidden(const BiasTable &table) {
  double highest = -std::numeric_limits<double>::infinity();
  for (APFloat value : table.literal.getValues<APFloat>())
    if (value.convertToDouble() <= weakestHidden)
      highest = std::max(highest, value.convertToDouble());
  return highest;
}

std::optional<FoldedSlopes> asSlopes(Scalars &scalars, const Expr *bias,
                                     AffineExpr query, AffineExpr key,
                                     std::optional<int64_t> shift) {
  std::optional<BiasTable> table = readTable(scalars, bias, query, key);
  if (!table || table->columns() < 2 || table->rows() < 1 ||
      bias->type.getIntOrFloatBitWidth() > 64)
    return std::nullopt;
  const int64_t last = table->rows() - 1;
  int64_t zero = 0;
  while (zero < table->columns() && !table->at(0, last, zero).isZero())
    ++zero;
  if (zero == table->columns())
    return std::nullopt;
  const int64_t beside = zero > 0 ? zero - 1 : 1;
  const bool mayHide = table->queryDim && shift && *shift >= 0;
  for (bool hides : {false, true})
    for (int64_t step : {0, 1}) {
      if ((hides && !mayHide) ||
          !isLinear(*table, zero, beside, step,
                    hides ? shift : std::optional<int64_t>()))
        continue;
      MLIRContext *context = scalars.getAxes().getContext();
      Index first(bias->index);
      first[table->keyDim] = getAffineConstantExpr(beside, context);
      AffineExpr distance = key - zero;
      if (table->queryDim) {
        first[*table->queryDim] = getAffineConstantExpr(last, context);
        distance = distance - (query - last) * step;
      }
      FoldedSlopes folded;
      folded.slopes = scalars.build(
          "arith.mulf", bias->type,
          {scalars.element(bias->tensor, first),
           scalars.build("arith.sitofp", bias->type,
                         {scalars.affine(distance * (beside - zero),
                                         IntegerType::get(context, 32))})});
      if (hides)
        folded.mask =
            scalars.piece(query - key + *shift,
                          scalars.constant(FloatAttr::get(bias->type, 0.0)),
                          scalars.constant(FloatAttr::get(
                              bias->type, highestHidden(*table))));
      return folded;
    }
  return std::nullopt;
}

bool isBoundedTable(Scalars &scalars, const Expr *bias, AffineExpr query,
                    AffineExpr key, double bound) {
  std::optional<BiasTable> table = readTable(scalars, bias, query, key);
  return table &&
         llvm::all_of(table->literal.getValues<APFloat>(), [&](APFloat value) {
           bool rounded; // of types wider than double
           value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                         &rounded);
           return std::fabs(value.convertToDouble()) < bound;
         });
}

} // namespace kvc::raise
