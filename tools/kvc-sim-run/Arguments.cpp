//===- Arguments.cpp - a kernel's parameter block from the command line ---===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>
#include <random>

using namespace llvm;

namespace kvc::simrun {

static Error failure(const Twine &what) {
  return createStringError(inconvertibleErrorCode(), what);
}

static size_t sizeOf(StringRef type) {
  return StringSwitch<size_t>(type)
      .Case("i8", 1)
      .Cases({"i16", "f16", "bf16"}, 2)
      .Cases({"i32", "f32"}, 4)
      .Case("i64", 8)
      .Default(0);
}

static const fltSemantics *semanticsOf(StringRef type) {
  if (type == "f16")
    return &APFloat::IEEEhalf();
  if (type == "bf16")
    return &APFloat::BFloat();
  if (type == "f32")
    return &APFloat::IEEEsingle();
  return nullptr;
}

/// The bits of `value` in `type`, low bytes first.
static uint64_t encode(StringRef type, double value) {
  const fltSemantics *semantics = semanticsOf(type);
  if (!semantics)
    return uint64_t(int64_t(value));
  APFloat number(value);
  bool losesInfo;
  number.convert(*semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}

void Arguments::append(const void *value, size_t bytes) {
  packed.resize(alignTo(packed.size(), bytes));
  const char *from = static_cast<const char *>(value);
  packed.append(from, from + bytes);
}

static Error fill(Buffer &buffer, StringRef how) {
  auto set = [&](size_t i, double value) {
    uint64_t bits = encode(buffer.type, value);
    memcpy(buffer.data + i * sizeOf(buffer.type), &bits, sizeOf(buffer.type));
  };
  if (how == "zero") {
    memset(buffer.data, 0, buffer.bytes);
  } else if (how == "iota") {
    for (size_t i = 0; i < buffer.count; ++i)
      set(i, double(i));
  } else if (how.consume_front("const=")) {
    double value;
    if (how.getAsDouble(value))
      return failure("expected const=NUMBER, got const=" + how);
    for (size_t i = 0; i < buffer.count; ++i)
      set(i, value);
  } else if (how.consume_front("random=")) {
    unsigned seed;
    if (how.getAsInteger(10, seed))
      return failure("expected random=SEED, got random=" + how);
    std::mt19937 generator(seed);
    bool floats = semanticsOf(buffer.type);
    for (size_t i = 0; i < buffer.count; ++i)
      set(i, floats ? double(generator()) / 2147483648.0 - 1
                    : double(generator() % 16) - 8);
  } else {
    return failure("expected fill zero, iota, const=N or random=SEED, got " +
                   how);
  }
  return Error::success();
}

Error Arguments::add(StringRef text) {
  SmallVector<StringRef> parts;
  text.split(parts, ':');
  Item item{};
  if (parts.size() == 2) {
    double value;
    size_t bytes = sizeOf(parts[0]);
    if (!bytes || parts[1].getAsDouble(value))
      return failure("expected TYPE:NUMBER or KIND:TYPE:COUNT[:FILL], got " +
                     text);
    uint64_t bits = encode(parts[0], value);
    append(&bits, bytes);
    items.push_back(std::move(item));
    return Error::success();
  }
  if (parts.size() != 3 && parts.size() != 4)
    return failure("expected TYPE:NUMBER or KIND:TYPE:COUNT[:FILL], got " +
                   text);
  item.isBuffer = true;
  Buffer &buffer = item.buffer;
  buffer.type = parts[1].str();
  if (!sizeOf(buffer.type) || parts[2].getAsInteger(10, buffer.count) ||
      !buffer.count)
    return failure("expected a type and a count, got " + text);
  buffer.bytes = buffer.count * sizeOf(buffer.type);
  buffer.storage.reset(new char[buffer.bytes + 256]);
  buffer.data = reinterpret_cast<char *>(
      alignTo(reinterpret_cast<uintptr_t>(buffer.storage.get()), 256));
  item.flags = StringSwitch<uint32_t>(parts[0])
                   .Case("in", KVCRT_SIM_MEMORY_CONSTANT)
                   .Case("out", KVCRT_SIM_MEMORY_UNDEFINED)
                   .Case("inout", 0)
                   .Default(~0u);
  if (item.flags == ~0u)
    return failure("expected in, out or inout, got " + parts[0]);
  if (parts[0] == "out")
    memset(buffer.data, 0xff, buffer.bytes); // a NaN, or -1
  else if (Error error = fill(buffer, parts.size() == 4 ? parts[3] : "zero"))
    return error;
  append(&buffer.data, sizeof(buffer.data));
  items.push_back(std::move(item));
  return Error::success();
}

Error Arguments::registerWith(kvcrt_sim *sim) {
  packed.resize(alignTo(packed.size(), 8));
  for (auto [index, item] : enumerate(items))
    if (item.isBuffer &&
        kvcrt_sim_add_memory(sim, item.buffer.data, item.buffer.bytes,
                             item.flags,
                             ("argument " + Twine(index)).str().c_str()))
      return failure("argument " + Twine(index) + " cannot be registered");
  return Error::success();
}

const Buffer *Arguments::buffer(size_t index) const {
  return index < items.size() && items[index].isBuffer ? &items[index].buffer
                                                       : nullptr;
}

void Arguments::print(const Buffer &buffer, raw_ostream &os) {
  size_t size = sizeOf(buffer.type);
  const fltSemantics *semantics = semanticsOf(buffer.type);
  for (size_t i = 0; i < buffer.count; ++i) {
    uint64_t bits = 0;
    memcpy(&bits, buffer.data + i * size, size);
    os << (i == 0 ? "" : i % 16 ? " " : "\n");
    if (semantics) {
      APFloat value(*semantics, APInt(unsigned(size) * 8, bits));
      bool losesInfo;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
      os << format("%.9g", value.convertToDouble());
    } else {
      os << SignExtend64(bits, unsigned(size) * 8);
    }
  }
  os << "\n";
}

} // namespace kvc::simrun
