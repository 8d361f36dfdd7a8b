//===- kvcref/storage.h - what append stores of one row -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row is one head's head_dim numbers of one token. Storage turns it into a
// payload and, when quantised, a scale:
//
//   plain<f>                      code_d = round_f(x_d)
//   quant<f, token, symmetric>    scale  = round_f32(max |x_d| / largest code)
//                                 code_d = round_f(round_f32(x_d / scale))
//                                 x'_d   = code_d * scale
//
// The quotient is rounded to f32 first, so that an engine that divides in f32
// stores the very same codes (operands are f32 or narrower).
//
// An all-zero row has scale 0 and codes 0. A row with a NaN or an infinity has
// that as its scale and codes 0, so that it decodes to NaN, and is reported:
// engines set KVCRT_ERROR_NAN_INPUT.
//===----------------------------------------------------------------------===//
#ifndef KVCREF_STORAGE_H
#define KVCREF_STORAGE_H

#include "kvcref/view.h"
#include "kvcrt/abi.h"
#include "kvcrt/policy.h"

namespace kvcref {

/// KVCRT_OK when this file gives the storage a meaning, else KVCRT_UNSUPPORTED.
kvcrt_status checkStorage(const kvcrt_storage &storage);

/// Stores `row` [head_dim] into `payload` and, when quantised, `scale` (one
/// number of storage.scale_format). True when the row held a NaN or an infinity
/// that a quantised storage cannot keep.
bool encodeRow(const kvcrt_storage &storage, View<const double, 1> row,
               void *payload, void *scale);

/// Reads back into `row` [head_dim] what encodeRow left.
void decodeRow(const kvcrt_storage &storage, const void *payload,
               const void *scale, View<double, 1> row);

/// `row` [head_dim] becomes what a reader of the cache sees of it. Answers as
/// encodeRow does.
bool storeAndLoadRow(const kvcrt_storage &storage, View<double, 1> row);

} // namespace kvcref

#endif // KVCREF_STORAGE_H
