//===- Record.cpp - the constant that describes a kernel ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: field by field what kvcrt/sim.h declares; the assertions below
// hold the two together.
//
//===----------------------------------------------------------------------===//

#include "Record.h"

#include "kvc/Target/Common/KernelConstants.h"

#include <cstddef>

namespace kvc::sim {

using namespace mlir;

static_assert(offsetof(kvcrt_sim_kernel, name) == 8 &&
              offsetof(kvcrt_sim_kernel, function) == 16 &&
              offsetof(kvcrt_sim_kernel, table_size) == 24 &&
              offsetof(kvcrt_sim_kernel, params_size) == 28 &&
              offsetof(kvcrt_sim_kernel, required_threads) == 32 &&
              offsetof(kvcrt_sim_kernel, num_shared) == 44 &&
              offsetof(kvcrt_sim_kernel, shared) == 48 &&
              offsetof(kvcrt_sim_kernel, locations) == 56 &&
              offsetof(kvcrt_sim_kernel, num_locations) == 64 &&
              offsetof(kvcrt_sim_kernel, shared_bytes) == 68 &&
              sizeof(kvcrt_sim_kernel) == 72);
static_assert(offsetof(kvcrt_sim_shared, address) == 8 &&
              offsetof(kvcrt_sim_shared, bytes) == 12 &&
              offsetof(kvcrt_sim_shared, alignment) == 16 &&
              sizeof(kvcrt_sim_shared) == 24);

/// The kvcrt_kernel of a host function's launches, where there is one: its
/// image for the simulator is the record.
static void defineKernel(target::ConstantWriter &w, const KernelRecord &record,
                         const std::string &prefix) {
  auto declared = dyn_cast_if_present<LLVM::GlobalOp>(
      w.symbols.lookup(record.name + "_record"));
  if (!declared || declared.getValueAttr() || declared.getInitializerBlock())
    return;
  w.bytes(prefix + "_chip", "sim");
  target::writeImages(w, prefix + "_image",
                      {{KVCRT_IMAGE_SIM, 0, prefix, sizeof(kvcrt_sim_kernel),
                        prefix + "_chip"}});
  target::defineKernelRecord(w, record.name,
                             {prefix + "_name", prefix + "_image", 1,
                              record.threads[0], record.sharedBytes});
}

void emitRecord(ModuleOp module, SymbolTable &symbols,
                const KernelRecord &record) {
  target::ConstantWriter w(symbols, module.getLoc());
  std::string prefix = record.name + "_sim", name = prefix + "_name";
  Type i32 = w.b.getI32Type();

  auto write = [&](const Twine &suffix, StringRef text) {
    std::string symbol = (prefix + suffix).str();
    w.bytes(symbol, text);
    return symbol;
  };
  write("_name", record.name);
  std::vector<std::string> texts;
  for (auto [index, text] : llvm::enumerate(record.locations))
    texts.push_back(write("_location" + Twine(index), text));
  auto locationsType = LLVM::LLVMArrayType::get(w.pointer, texts.size());
  w.constant(prefix + "_locations", locationsType, LLVM::Linkage::Internal,
             [&] {
               SmallVector<Value> fields;
               for (StringRef text : texts)
                 fields.push_back(w.addressOf(text));
               return w.aggregate(locationsType, fields);
             });

  std::vector<std::string> names;
  for (auto [index, variable] : llvm::enumerate(record.shared))
    names.push_back(write("_shared" + Twine(index), variable.name));
  auto variableType = w.structure({w.pointer, i32, i32, i32, i32});
  auto sharedType = LLVM::LLVMArrayType::get(variableType, names.size());
  if (!names.empty())
    w.constant(prefix + "_shared", sharedType, LLVM::Linkage::Internal, [&] {
      SmallVector<Value> fields;
      for (auto [text, variable] : llvm::zip(names, record.shared))
        fields.push_back(w.aggregate(
            variableType,
            {w.addressOf(text), w.i32(variable.address), w.i32(variable.bytes),
             w.i32(variable.alignment), w.i32(0)}));
      return w.aggregate(sharedType, fields);
    });

  auto threadsType = LLVM::LLVMArrayType::get(i32, 3);
  auto type = w.structure({i32, i32, w.pointer, w.pointer, i32, i32,
                           threadsType, i32, w.pointer, w.pointer, i32, i32});
  w.constant(prefix, type, LLVM::Linkage::External, [&] {
    Value threads = w.aggregate(threadsType, {w.i32(record.threads[0]),
                                              w.i32(record.threads[1]),
                                              w.i32(record.threads[2])});
    Value shared = names.empty() ? w.null() : w.addressOf(prefix + "_shared");
    return w.aggregate(
        type, {w.i32(sizeof(kvcrt_sim_kernel)), w.i32(KVCRT_ABI_VERSION),
               w.addressOf(name), w.addressOf(record.function),
               w.i32(sizeof(kvcrt_sim_table)), w.i32(record.paramsSize),
               threads, w.i32(uint32_t(names.size())), shared,
               w.addressOf(prefix + "_locations"),
               w.i32(uint32_t(texts.size())), w.i32(record.sharedBytes)});
  });
  defineKernel(w, record, prefix);
}

} // namespace kvc::sim
