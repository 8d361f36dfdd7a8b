//===- Values.cpp - tensors, rounding, printing ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: rounding goes through the reference's table of formats, so that
// the interpreter and the reference agree on every bit.
//===----------------------------------------------------------------------===//
#include "kvc/Interpreter/Values.h"

#include "kvcref/formats.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace kvc::interpreter {

double roundToType(Type type, double number) {
  if (type.isF32())
    return kvcref::roundTo(KVCRT_F32, number);
  if (type.isF16())
    return kvcref::roundTo(KVCRT_F16, number);
  if (type.isBF16())
    return kvcref::roundTo(KVCRT_BF16, number);
  return number;
}

Tensor::Tensor(Type elementType, llvm::ArrayRef<int64_t> shape)
    : elementType(elementType), shape(shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  bool isFloat = isa<FloatType>(elementType);
  numbers.assign(count,
                 isFloat ? std::numeric_limits<double>::quiet_NaN() : 0.0);
}

int64_t Tensor::offset(llvm::ArrayRef<int64_t> indices) const {
  int64_t position = 0;
  for (auto [index, extent] : llvm::zip_equal(indices, shape)) {
    if (index < 0 || index >= extent)
      return -1;
    position = position * extent + index;
  }
  return position;
}

void Tensor::round() {
  for (double &number : numbers)
    number = roundToType(elementType, number);
}

FailureOr<Tensor> makeTensor(Location loc, ElementsAttr attribute) {
  // A file's resources, as weights are written; elided ones have no blob.
  bool isSplat;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute))
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      if (DenseElementsAttr::isValidRawBuffer(resource.getType(),
                                              blob->getData(), isSplat))
        attribute = DenseElementsAttr::getFromRawBuffer(resource.getType(),
                                                        blob->getData());
  Tensor tensor(attribute.getElementType(),
                attribute.getShapedType().getShape());
  if (auto floats = dyn_cast<DenseFPElementsAttr>(attribute)) {
    auto number = tensor.numbers.begin();
    for (APFloat value : floats.getValues<APFloat>()) {
      bool losesInfo;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
      *number++ = value.convertToDouble();
    }
    return tensor;
  }
  if (auto integers = dyn_cast<DenseIntElementsAttr>(attribute)) {
    bool isBoolean = attribute.getElementType().isInteger(1);
    auto number = tensor.numbers.begin();
    for (APInt value : integers.getValues<APInt>())
      *number++ =
          double(isBoolean ? value.getZExtValue() : value.getSExtValue());
    return tensor;
  }
  return emitError(loc) << "expected a dense constant, got " << attribute;
}

/// Six digits, as a reader of a test wants them.
static void printNumber(llvm::raw_ostream &os, double number) {
  if (std::isnan(number))
    os << "nan";
  else if (std::isinf(number))
    os << (number < 0 ? "-inf" : "inf");
  else
    os << llvm::format("%g", number == 0 ? 0.0 : number);
}

void print(llvm::raw_ostream &os, const Datum &datum, Type type) {
  if (const double *scalar = std::get_if<double>(&datum)) {
    os << type << "\n    ";
    printNumber(os, *scalar);
    os << "\n";
    return;
  }
  const Tensor *tensor = std::get_if<Tensor>(&datum);
  if (!tensor) {
    os << type << "\n";
    return;
  }
  for (int64_t extent : tensor->shape)
    os << extent << "x";
  os << tensor->elementType << "\n";
  const int64_t width = tensor->rank() ? tensor->shape.back() : 1;
  for (size_t row = 0; width && row < tensor->numbers.size(); row += width) {
    os << "    [";
    for (int64_t column = 0; column < width; ++column) {
      os << (column ? ", " : "");
      printNumber(os, tensor->numbers[row + column]);
    }
    os << "]\n";
  }
}

} // namespace kvc::interpreter
