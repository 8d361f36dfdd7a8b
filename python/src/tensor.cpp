//===- tensor.cpp - tensors of others as kernels take them ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "tensor.h"

#include <algorithm>
#include <cstdlib>

namespace kvcpy {

std::string listOf(const std::vector<int64_t> &values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i)
    text += (i ? ", " : "") + std::to_string(values[i]);
  return text + "]";
}

namespace {

std::string nameOf(nb::dlpack::dtype type) {
  using Code = nb::dlpack::dtype_code;
  const std::string bits = std::to_string(int(type.bits));
  std::string name = "dtype of DLPack code " + std::to_string(int(type.code)) +
                     " with " + bits + " bits";
  if (type.code == uint8_t(Code::Float))
    name = "f" + bits;
  else if (type.code == uint8_t(Code::Bfloat))
    name = "bf" + bits;
  else if (type.code == uint8_t(Code::Int))
    name = "i" + bits;
  else if (type.code == uint8_t(Code::UInt))
    name = "u" + bits;
  else if (type.code == uint8_t(Code::Bool))
    name = "bool";
  return type.lanes == 1 ? name : name + "x" + std::to_string(type.lanes);
}

const char *nameOf(int32_t format) {
  return format == KVCRT_F32 ? "f32" : format == KVCRT_F16 ? "f16" : "bf16";
}

std::string placeOf(int32_t type, int32_t ordinal) {
  switch (type) {
  case nb::device::cpu::value:
    return "cpu";
  case nb::device::cuda::value:
    return "cuda:" + std::to_string(ordinal);
  default:
    return "device of DLPack type " + std::to_string(type);
  }
}

template <typename Array> std::vector<int64_t> shapeOf(const Array &tensor) {
  std::vector<int64_t> shape;
  for (size_t i = 0; i < tensor.ndim(); ++i)
    shape.push_back(int64_t(tensor.shape(i)));
  return shape;
}

void checkShape(const std::string &name, const std::vector<int64_t> &expected,
                const std::vector<int64_t> &got) {
  if (got != expected)
    refuse(name + ": expected shape " + listOf(expected) + ", got " +
           listOf(got));
}

template <typename Array>
void checkPlace(const std::string &name, const Array &tensor, bool cuda,
                int32_t ordinal) {
  const int32_t type = cuda ? nb::device::cuda::value : nb::device::cpu::value;
  if (tensor.device_type() != type || (cuda && tensor.device_id() != ordinal))
    refuse(name + ": expected a tensor on " + placeOf(type, ordinal) +
           ", got one on " + placeOf(tensor.device_type(), tensor.device_id()));
}

template <typename Array>
void checkLastStride(const std::string &name, const Array &tensor) {
  const size_t last = tensor.ndim() - 1;
  if (tensor.shape(last) > 1 && tensor.stride(last) != 1)
    refuse(name + ": expected stride 1 in the last dimension, got " +
           std::to_string(tensor.stride(last)) + "; call contiguous()");
}

template <typename Array>
kvcrt_tensor check(const Array &tensor, const Expected &expected) {
  const std::string name = expected.name;
  const std::vector<int64_t> shape = shapeOf(tensor);
  checkShape(name, expected.shape, shape);
  if (nameOf(tensor.dtype()) != nameOf(expected.format))
    refuse(name + ": expected " + nameOf(expected.format) + ", got " +
           nameOf(tensor.dtype()));
  checkPlace(name, tensor, expected.cuda, expected.ordinal);
  checkLastStride(name, tensor);
  const size_t last = shape.size() - 1;
  const int64_t bytes = expected.format == KVCRT_F32 ? 4 : 2;
  kvcrt_tensor out = {};
  out.data = const_cast<void *>(static_cast<const void *>(tensor.data()));
  out.token_stride = tensor.stride(0) * bytes;
  out.head_stride = last > 1 ? tensor.stride(1) * bytes : bytes;
  const int64_t align = expected.alignment;
  if (reinterpret_cast<uintptr_t>(out.data) % uint64_t(align) ||
      (shape[0] > 1 && out.token_stride % align) ||
      (last > 1 && shape[1] > 1 && out.head_stride % align))
    refuse(name + ": expected rows at multiples of " + std::to_string(align) +
           " bytes, got others; call contiguous()");
  return out;
}

} // namespace

kvcrt_tensor checked(const Input &tensor, const Expected &expected) {
  return check(tensor, expected);
}
kvcrt_tensor checked(const Output &tensor, const Expected &expected) {
  const kvcrt_tensor out = check(tensor, expected);
  for (size_t i = 0; i + 1 < tensor.ndim(); ++i)
    if (tensor.shape(i) > 1 && tensor.stride(i) == 0)
      refuse(std::string(expected.name) +
             ": expected rows of their own, got stride 0 in dimension " +
             std::to_string(i));
  return out;
}

Entries entriesOf(const Input &tensor, const ExpectedEntries &expected) {
  const std::string name = expected.name, wanted = expected.type;
  Entries out{static_cast<const char *>(tensor.data()),
              shapeOf(tensor),
              {},
              nullptr,
              0};
  if (!expected.shape.empty())
    checkShape(name, expected.shape, out.shape);
  if (out.shape.empty())
    refuse(name + ": expected at least one dimension, got a number");
  const std::string type = nameOf(tensor.dtype());
  if (type != wanted && !(wanted == "bool" && type == "u8"))
    refuse(name + ": expected " + wanted + ", got " + type);
  checkPlace(name, tensor, expected.cuda, expected.ordinal);
  if (!expected.anyStride)
    checkLastStride(name, tensor);
  const int64_t bytes = tensor.dtype().bits / 8;
  out.first = out.data;
  out.bytes = uint64_t(bytes);
  for (size_t i = 0; i < tensor.ndim(); ++i) {
    // Of a single entry the producer may say anything.
    const int64_t stride = out.shape[i] == 1 ? bytes : tensor.stride(i) * bytes;
    out.strides.push_back(stride);
    const int64_t reach = (out.shape[i] - 1) * stride;
    if (out.shape[i] == 0)
      refuse(name + ": expected entries, got shape " + listOf(out.shape));
    out.first += std::min<int64_t>(reach, 0);
    out.bytes += uint64_t(std::abs(reach));
  }
  if (reinterpret_cast<uintptr_t>(out.data) % uint64_t(bytes))
    refuse(name + ": expected entries at multiples of " +
           std::to_string(bytes) + " bytes, got others");
  return out;
}

} // namespace kvcpy
