//===- AbiAccess.h - fields of plain C structures ---------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and writes fields of kvcrt/abi.h's structures (and of the workspace's
// own) in emitted code. Offsets and types come from the C declaration itself:
// KVC_FIELD(kvcrt_params, step.header) knows both, so that a change of the
// header is a change of the kernels and no number is written twice.
//
// Invariant: compiler and target share the 64-bit little-endian C layout.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KERNEL_ABIACCESS_H
#define KVC_LIB_CONVERSION_KERNEL_ABIACCESS_H

#include "KernelBuilder.h"
#include "kvcrt/abi.h"
#include <cstddef>
#include <type_traits>

namespace kvc::kernel {

/// Where a field of `Struct` stands and what C type it has.
template <typename Struct, typename Type> struct AbiField {
  size_t offset;
};

#define KVC_FIELD(Struct, member)                                              \
  (::kvc::kernel::AbiField<                                                    \
      Struct, std::remove_reference_t<decltype((((Struct *)0)->member))>>{     \
      offsetof(Struct, member)})

/// The MLIR type of a C field.
template <typename Type> mlir::Type abiType(KernelBuilder &b) {
  if constexpr (std::is_pointer_v<Type>)
    return b.dataPtr();
  else if constexpr (std::is_same_v<Type, float>)
    return b.f32();
  else if constexpr (sizeof(Type) == 4 && std::is_integral_v<Type>)
    return b.i32();
  else {
    static_assert(sizeof(Type) == 8 && std::is_integral_v<Type>,
                  "a field is a pointer, a float, or a 32 or 64 bit integer");
    return b.i64();
  }
}

/// A pointer to a `Struct` in emitted code.
template <typename Struct> class AbiStruct {
public:
  explicit AbiStruct(Num address) : base(address) {}

  Num address() const { return base; }

  template <typename Type> Num load(AbiField<Struct, Type> field) const {
    KernelBuilder &b = *base.builder;
    return b.load(abiType<Type>(b), b.at(base, int64_t(field.offset)),
                  sizeof(Type));
  }

  template <typename Type>
  void store(AbiField<Struct, Type> field, Num value) const {
    KernelBuilder &b = *base.builder;
    b.store(value, b.at(base, int64_t(field.offset)));
  }

  /// A nested structure, or the first element of an array field.
  template <typename Inner, typename Type>
  AbiStruct<Inner> inner(AbiField<Struct, Type> field) const {
    return AbiStruct<Inner>(base.builder->at(base, int64_t(field.offset)));
  }

  /// Element `index` of an array of `Struct` that begins here.
  AbiStruct element(Num index) const {
    KernelBuilder &b = *base.builder;
    return AbiStruct(b.at(base, b.toI64(index) * int64_t(sizeof(Struct))));
  }

private:
  Num base;
};

/// Element `index` of an array of i32 at `array`, as i64.
inline Num loadI32(Num array, Num index) {
  KernelBuilder &b = *array.builder;
  return b.toI64(b.load(b.i32(), b.at(array, b.toI64(index) * 4)));
}

/// Element `index` of an array of f32 at `array`.
inline Num loadF32(Num array, Num index) {
  KernelBuilder &b = *array.builder;
  return b.load(b.f32(), b.at(array, b.toI64(index) * 4));
}

} // namespace kvc::kernel

#endif // KVC_LIB_CONVERSION_KERNEL_ABIACCESS_H
