//===- storage.cpp - rows of numbers to payload and scale, and back -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Knows formats only through their table. Invariant: what decodeRow answers is
// a function of payload and scale alone.
//===----------------------------------------------------------------------===//
#include "kvcref/storage.h"

#include "kvcref/formats.h"

#include <cmath>
#include <limits>

using namespace kvcref;

kvcrt_status kvcref::checkStorage(const kvcrt_storage &storage) {
  const Format *format = findFormat(storage.format);
  if (!format)
    return KVCRT_UNSUPPORTED;
  if (storage.kind == KVCRT_STORAGE_PLAIN)
    return std::isinf(format->largestCode) ? KVCRT_OK : KVCRT_INVALID_ARGUMENT;
  if (storage.kind != KVCRT_STORAGE_QUANT)
    return KVCRT_INVALID_ARGUMENT;
  if (std::isinf(format->largestCode))
    return KVCRT_INVALID_ARGUMENT;
  bool runs = storage.axis == KVCRT_AXIS_TOKEN && storage.group == 0 &&
              storage.symmetric && storage.residual == 0 &&
              storage.scale_format == KVCRT_F32;
  return runs ? KVCRT_OK : KVCRT_UNSUPPORTED;
}

bool kvcref::encodeRow(const kvcrt_storage &storage, View<const double, 1> row,
                       void *payload, void *scale) {
  const Format &format = *findFormat(storage.format);
  const int64_t dim = row.shape[0];
  if (storage.kind == KVCRT_STORAGE_PLAIN) {
    for (int64_t d = 0; d < dim; ++d)
      format.store(payload, d, row(d));
    return false;
  }

  bool sawNaN = false;
  double largest = 0;
  for (int64_t d = 0; d < dim; ++d) {
    sawNaN |= std::isnan(row(d));
    largest = std::fmax(largest, std::abs(row(d)));
  }
  double rowScale =
      sawNaN ? std::numeric_limits<double>::quiet_NaN()
             : roundTo(storage.scale_format, largest / format.largestCode);
  findFormat(storage.scale_format)->store(scale, 0, rowScale);
  // A scale of 0, NaN or infinity leaves no code that would mean anything.
  bool usable = rowScale > 0 && std::isfinite(rowScale);
  for (int64_t d = 0; d < dim; ++d)
    format.store(payload, d,
                 usable ? roundTo(storage.scale_format, row(d) / rowScale) : 0);
  return !std::isfinite(rowScale);
}

void kvcref::decodeRow(const kvcrt_storage &storage, const void *payload,
                       const void *scale, View<double, 1> row) {
  const Format &format = *findFormat(storage.format);
  double rowScale = 1;
  if (storage.kind == KVCRT_STORAGE_QUANT)
    rowScale = findFormat(storage.scale_format)->load(scale, 0);
  for (int64_t d = 0; d < row.shape[0]; ++d)
    row(d) = format.load(payload, d) * rowScale;
}

bool kvcref::storeAndLoadRow(const kvcrt_storage &storage,
                             View<double, 1> row) {
  std::vector<uint8_t> payload(payloadBytes(storage.format, row.shape[0]));
  uint64_t scale = 0;
  bool notKept = encodeRow(storage, row, payload.data(), &scale);
  decodeRow(storage, payload.data(), &scale, row);
  return notKept;
}
