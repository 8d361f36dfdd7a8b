//===- ScalarTables.cpp - Literal tables at a symbolic index --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exporters fold positions and masks into literals. A table is a number where
// it is a splat or the index is known, an index expression where it counts, a
// piece where it is a triangle; otherwise it stays an element. What a literal
// proves, it proves for its own size only.
//
//===----------------------------------------------------------------------===//

#include "Scalars.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace kvc::raise {

namespace {
/// Where the inside of each row of a matrix begins and ends; equal when empty.
struct Rows {
  int64_t columns = 0;
  SmallVector<std::pair<int64_t, int64_t>, 0> ranges;
};
} // namespace

/// The rows of `inside`, when each is one range.
static std::optional<Rows> readRows(ArrayRef<bool> isFirst, int64_t rows,
                                    int64_t columns, bool inside) {
  Rows result;
  result.columns = columns;
  for (int64_t i = 0; i < rows; ++i) {
    ArrayRef<bool> row = isFirst.slice(i * columns, columns);
    int64_t begin = llvm::find(row, inside) - row.begin(), end = begin;
    while (end < columns && row[end] == inside)
      ++end;
    if (llvm::is_contained(row.drop_front(end), inside))
      return std::nullopt;
    result.ranges.push_back({begin, end});
  }
  return result;
}

static int64_t lowOf(const Band &band, int64_t i) {
  switch (band.low) {
  case Band::Bound::Constant:
    return band.lowValue;
  case Band::Bound::Diagonal:
    return i + band.lowValue;
  case Band::Bound::Chunk:
    return i / band.lowValue * band.lowValue;
  default:
    return 0;
  }
}

static int64_t highOf(const Band &band, int64_t i, int64_t columns) {
  switch (band.high) {
  case Band::Bound::Constant:
    return band.highValue;
  case Band::Bound::Diagonal:
    return i + band.highValue;
  case Band::Bound::Chunk:
    return (i / band.highValue + 1) * band.highValue;
  case Band::Bound::Prefix:
    return std::max(i + band.highValue, band.prefix);
  default:
    return columns;
  }
}

static bool fits(const Band &band, const Rows &rows) {
  for (auto [i, range] : llvm::enumerate(rows.ranges)) {
    int64_t low = std::max<int64_t>(lowOf(band, i), 0),
            high = std::min(highOf(band, i, rows.columns), rows.columns);
    bool empty = range.first >= range.second;
    if (empty ? low < high : low != range.first || high != range.second)
      return false;
  }
  return true;
}

/// Every bound that the rows may have, the simple ones first.
static Band fitBand(const Rows &rows) {
  SmallVector<Band> lows(1), highs(1);
  auto add = [](SmallVector<Band> &list, Band::Bound bound, int64_t value,
                bool low, int64_t prefix = 0) {
    Band band;
    (low ? band.low : band.high) = bound;
    (low ? band.lowValue : band.highValue) = value;
    band.prefix = prefix;
    list.push_back(band);
  };
  int64_t count = rows.ranges.size();
  auto at = [&](int64_t i) { return rows.ranges[i]; };
  auto full = [&](int64_t i) { return at(i).first < at(i).second; };
  int64_t firstFull = 0, lastFull = count - 1;
  while (firstFull < count && !full(firstFull))
    ++firstFull;
  if (firstFull == count)
    return {};
  while (!full(lastFull))
    --lastFull;
  add(lows, Band::Bound::Constant, at(firstFull).first, true);
  add(highs, Band::Bound::Constant, at(firstFull).second, false);
  // a row whose bound is not cut off at the matrix's edge tells the diagonal
  for (int64_t i = lastFull; i >= firstFull; --i)
    if (full(i) && at(i).first > 0) {
      add(lows, Band::Bound::Diagonal, at(i).first - i, true);
      break;
    }
  for (int64_t i = firstFull; i <= lastFull; ++i)
    if (full(i) && at(i).first > 0) {
      add(lows, Band::Bound::Chunk, at(i).first, true);
      break;
    }
  for (int64_t i = firstFull; i <= lastFull; ++i)
    if (full(i) && at(i).second < rows.columns) {
      add(highs, Band::Bound::Diagonal, at(i).second - i, false);
      add(highs, Band::Bound::Chunk, at(i).second, false);
      break;
    }
  for (int64_t i = lastFull; i >= firstFull; --i)
    if (full(i) && at(i).second < rows.columns) {
      add(highs, Band::Bound::Prefix, at(i).second - i, false, at(0).second);
      break;
    }
  for (const Band &low : lows)
    for (const Band &high : highs) {
      Band band = high;
      band.low = low.low;
      band.lowValue = low.lowValue;
      // one entry in each row selects; a mask would show no more than that
      if (band.low == Band::Bound::Diagonal &&
          band.high == Band::Bound::Diagonal &&
          band.lowValue + 1 == band.highValue)
        continue;
      band.holds = fits(band, rows);
      if (band.holds)
        return band;
    }
  return {};
}

/// Reads a table of two long dimensions.
static Band readBand(DenseElementsAttr attribute, int64_t rows,
                     int64_t columns) {
  // read one by one: a weight matrix is refused after a few of its numbers
  auto values = attribute.value_begin<Attribute>();
  Attribute first = *(values + (rows - 1) * columns), second;
  SmallVector<bool, 0> isFirst;
  for (int64_t i = 0, e = rows * columns; i < e; ++i, ++values) {
    Attribute value = *values;
    isFirst.push_back(value == first);
    if (value == first)
      continue;
    if (second && value != second)
      return {};
    second = value;
  }
  if (!second)
    return {};
  for (bool inside : {true, false}) {
    std::optional<Rows> read = readRows(isFirst, rows, columns, inside);
    if (!read)
      continue;
    Band band = fitBand(*read);
    if (!band.holds)
      continue;
    band.inside = inside ? first : second;
    band.outside = inside ? second : first;
    return band;
  }
  return {};
}

const Expr *Scalars::bandElement(DenseElementsAttr attribute,
                                 ArrayRef<AffineExpr> at) {
  auto type = cast<RankedTensorType>(attribute.getType());
  SmallVector<unsigned, 2> dims;
  for (auto [d, size] : llvm::enumerate(type.getShape()))
    if (size != 1)
      dims.push_back(d);
  // one long dimension is the only row
  int64_t rows = dims.size() == 2 ? type.getDimSize(dims.front()) : 1;
  auto [known, inserted] = tables.bands.try_emplace(attribute);
  if (inserted && type.getNumElements() <= maxTableElements)
    known->second = readBand(attribute, rows, type.getDimSize(dims.back()));
  const Band &band = known->second;
  if (!band.holds)
    return nullptr;
  AffineExpr j = at[dims.back()],
             i = dims.size() == 2 ? at[dims.front()]
                                  : getAffineConstantExpr(0, axes.getContext());
  const Expr *inside = constant(cast<TypedAttr>(band.inside)),
             *outside = constant(cast<TypedAttr>(band.outside)),
             *result = inside;
  switch (band.high) {
  case Band::Bound::None:
    break;
  case Band::Bound::Constant:
    result = piece(-j + (band.highValue - 1), result, outside);
    break;
  case Band::Bound::Prefix:
    outside = piece(-j + (band.prefix - 1), inside, outside);
    [[fallthrough]];
  case Band::Bound::Diagonal:
    result = piece(i - j + (band.highValue - 1), result, outside);
    break;
  case Band::Bound::Chunk:
    result = piece(i.floorDiv(band.highValue) * band.highValue - j +
                       (band.highValue - 1),
                   result, outside);
    break;
  }
  outside = constant(cast<TypedAttr>(band.outside));
  switch (band.low) {
  case Band::Bound::Constant:
    return piece(j - band.lowValue, result, outside);
  case Band::Bound::Diagonal:
    return piece(j - i - band.lowValue, result, outside);
  case Band::Bound::Chunk:
    return piece(j - i.floorDiv(band.lowValue) * band.lowValue, result,
                 outside);
  default:
    return result;
  }
}

/// A literal table at a symbolic index: a number where the index is known or
/// the table is a splat, an index expression where it counts.
const Expr *Scalars::constantElement(DenseElementsAttr attribute,
                                     ArrayRef<AffineExpr> at) {
  auto typed = [&](Attribute a) { return constant(cast<TypedAttr>(a)); };
  if (attribute.isSplat())
    return typed(attribute.getSplatValue<Attribute>());
  auto type = cast<RankedTensorType>(attribute.getType());
  ArrayRef<int64_t> shape = type.getShape();
  SmallVector<int64_t> strides = computeStrides(shape);
  int64_t position = 0;
  bool known = true;
  for (auto [expr, size, stride] : llvm::zip_equal(at, shape, strides)) {
    auto c = dyn_cast<AffineConstantExpr>(expr);
    known &= c && c.getValue() >= 0 && c.getValue() < size;
    if (known)
      position += c.getValue() * stride;
  }
  if (known)
    return typed(attribute.getValues<Attribute>()[position]);
  if (llvm::count_if(shape, [](int64_t size) { return size != 1; }) == 2)
    return bandElement(attribute, at);
  // a + b * i for the only dimension that is not one long
  if (llvm::count_if(shape, [](int64_t size) { return size != 1; }) != 1)
    return nullptr;
  auto elementType = dyn_cast<IntegerType>(type.getElementType());
  if (!elementType)
    return nullptr;
  if (elementType.getWidth() < 8)
    return bandElement(attribute, at);
  auto longDim = llvm::find_if(shape, [](int64_t size) { return size != 1; });
  const Expr *&cached =
      tableCache[{attribute, at[longDim - shape.begin()].getAsOpaquePointer()}];
  if (cached)
    return cached;
  int64_t first = 0, step = 0, previous = 0, i = 0;
  for (const APInt &entry : attribute.getValues<APInt>()) {
    int64_t value = entry.getSExtValue();
    if (std::abs(value) > (int64_t(1) << 40))
      return nullptr;
    if (i == 0)
      first = value;
    else if (i == 1)
      step = value - first;
    else if (value - previous != step)
      return cached = bandElement(attribute, at);
    previous = value;
    ++i;
  }
  AffineExpr counted = at[longDim - shape.begin()] * step + first;
  return cached = affine(counted, elementType);
}

DenseElementsAttr Scalars::literalOf(Value tensor, int64_t limit) {
  Attribute attribute;
  if (!matchPattern(tensor, m_Constant(&attribute)))
    return {};
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute))
    return dense;
  auto resource = dyn_cast<DenseResourceElementsAttr>(attribute);
  if (!resource || resource.getType().getNumElements() > limit)
    return {};
  auto [known, inserted] = tables.resources.try_emplace(attribute);
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  if (!inserted || !blob)
    return known->second;
  ArrayRef<char> data = blob->getData();
  Type element = resource.getType().getElementType();
  int64_t count = resource.getType().getNumElements();
  if (element.isInteger(1)) {
    // a byte each here, a bit each in a literal
    if (static_cast<int64_t>(data.size()) != count)
      return {};
    SmallVector<bool> bits(data.begin(), data.end());
    return known->second =
               DenseElementsAttr::get(resource.getType(), ArrayRef<bool>(bits));
  }
  bool isSplat = false;
  if (!element.isIntOrIndexOrFloat() ||
      !DenseElementsAttr::isValidRawBuffer(resource.getType(), data, isSplat) ||
      static_cast<int64_t>(data.size()) * 8 !=
          (isSplat ? 1 : count) *
              (element.isIndex() ? 64 : element.getIntOrFloatBitWidth()))
    return {};
  return known->second =
             DenseElementsAttr::getFromRawBuffer(resource.getType(), data);
}

} // namespace kvc::raise
