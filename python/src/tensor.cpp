//===- tensor.cpp - tensors of others as kernels take them ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "tensor.h"

namespace kvcpy {
namespace {

std::string listOf(const std::vector<int64_t> &values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i)
    text += (i ? ", " : "") + std::to_string(values[i]);
  return text + "]";
}

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

template <typename Array>
kvcrt_tensor check(const Array &tensor, const Expected &expected) {
  const std::string name = expected.name;
  std::vector<int64_t> shape;
  for (size_t i = 0; i < tensor.ndim(); ++i)
    shape.push_back(int64_t(tensor.shape(i)));
  if (shape != expected.shape)
    refuse(name + ": expected shape " + listOf(expected.shape) + ", got " +
           listOf(shape));
  if (nameOf(tensor.dtype()) != nameOf(expected.format))
    refuse(name + ": expected " + nameOf(expected.format) + ", got " +
           nameOf(tensor.dtype()));
  const int32_t type =
      expected.cuda ? nb::device::cuda::value : nb::device::cpu::value;
  if (tensor.device_type() != type ||
      (expected.cuda && tensor.device_id() != expected.ordinal))
    refuse(name + ": expected a tensor on " + placeOf(type, expected.ordinal) +
           ", got one on " + placeOf(tensor.device_type(), tensor.device_id()));
  const size_t last = shape.size() - 1;
  if (shape[last] > 1 && tensor.stride(last) != 1)
    refuse(name + ": expected stride 1 in the last dimension, got " +
           std::to_string(tensor.stride(last)) + "; call contiguous()");
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
  return check(tensor, expected);
}

} // namespace kvcpy
