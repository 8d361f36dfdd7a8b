//===- ScalarTables.cpp - Literal tables at a symbolic index
//---------------===//
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

using namespace mlir;

namespace kvc::raise {

/// Reads a table of two long dimensions as `low` where i - j + shift >= 0 and
/// `high` elsewhere.
static Triangle readTriangle(DenseElementsAttr attribute, int64_t rows,
                             int64_t columns) {
  Triangle none;
  // read one by one: a weight matrix is refused after a few of its numbers
  auto values = attribute.value_begin<Attribute>();
  auto at = [&](int64_t i, int64_t j) { return *(values + (i * columns + j)); };
  // the first row says where its value changes; every other row must follow
  Triangle triangle;
  triangle.low = at(rows - 1, 0);
  triangle.high = at(0, columns - 1);
  if (triangle.low == triangle.high)
    return none;
  int64_t length = 0;
  while (length < columns && at(0, length) == triangle.low)
    ++length;
  triangle.shift = length - 1;
  if (length == 0) {
    // the first rows hold only `high`: the first that does not decides
    int64_t row = 0;
    while (row < rows && at(row, 0) != triangle.low)
      ++row;
    triangle.shift = -row;
  }
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      if (at(i, j) !=
          (i - j + triangle.shift >= 0 ? triangle.low : triangle.high))
        return none;
  triangle.holds = true;
  return triangle;
}

const Expr *Scalars::triangleElement(DenseElementsAttr attribute,
                                     ArrayRef<AffineExpr> at) {
  auto type = cast<RankedTensorType>(attribute.getType());
  SmallVector<unsigned, 2> dims;
  for (auto [d, size] : llvm::enumerate(type.getShape()))
    if (size != 1)
      dims.push_back(d);
  auto [known, inserted] = tables.try_emplace(attribute);
  if (inserted && type.getNumElements() <= maxTableElements)
    known->second = readTriangle(attribute, type.getDimSize(dims[0]),
                                 type.getDimSize(dims[1]));
  const Triangle &triangle = known->second;
  if (!triangle.holds)
    return nullptr;
  return piece(at[dims[0]] - at[dims[1]] + triangle.shift,
               constant(cast<TypedAttr>(triangle.low)),
               constant(cast<TypedAttr>(triangle.high)));
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
    return triangleElement(attribute, at);
  // a + b * i for the only dimension that is not one long
  auto elementType = dyn_cast<IntegerType>(type.getElementType());
  if (!elementType || elementType.getWidth() < 8)
    return nullptr;
  auto longDim = llvm::find_if(shape, [](int64_t size) { return size != 1; });
  if (llvm::count_if(shape, [](int64_t size) { return size != 1; }) != 1)
    return nullptr;
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
      return nullptr;
    previous = value;
    ++i;
  }
  AffineExpr counted = at[longDim - shape.begin()] * step + first;
  return cached = affine(counted, elementType);
}

} // namespace kvc::raise
