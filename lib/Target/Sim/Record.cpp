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

static_assert(offsetof(kvcrt_image, data) == 8 &&
              offsetof(kvcrt_image, size) == 16 &&
              offsetof(kvcrt_image, chip) == 24 && sizeof(kvcrt_image) == 32);
static_assert(offsetof(kvcrt_kernel, name) == 8 &&
              offsetof(kvcrt_kernel, threads) == 16 &&
              offsetof(kvcrt_kernel, shared_bytes) == 20 &&
              offsetof(kvcrt_kernel, images) == 24 &&
              offsetof(kvcrt_kernel, num_images) == 32 &&
              sizeof(kvcrt_kernel) == 40);

namespace {

class RecordBuilder {
public:
  RecordBuilder(ModuleOp module, SymbolTable &symbols, StringRef prefix)
      : builder(module.getContext()), symbols(symbols), loc(module.getLoc()),
        prefix(prefix.str()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())) {}

  /// A constant of `type` whose value `body` makes.
  void global(Type type, const Twine &name, LLVM::Linkage linkage,
              function_ref<Value()> body) {
    builder.clearInsertionPoint();
    auto global =
        LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true, linkage,
                               (prefix + name).str(), Attribute());
    symbols.insert(global);
    Block *block = builder.createBlock(&global.getInitializerRegion());
    builder.setInsertionPointToStart(block);
    Value value = body();
    LLVM::ReturnOp::create(builder, loc, value);
  }
  std::string text(const Twine &name, StringRef value) {
    builder.clearInsertionPoint();
    std::string symbol = (prefix + name).str();
    std::string bytes = value.str();
    bytes.push_back('\0');
    auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size());
    symbols.insert(LLVM::GlobalOp::create(
        builder, loc, type, /*isConstant=*/true, LLVM::Linkage::Internal,
        symbol, builder.getStringAttr(bytes)));
    return symbol;
  }
  Value number(uint32_t value) {
    return LLVM::ConstantOp::create(builder, loc, builder.getI32Type(),
                                    builder.getI32IntegerAttr(int32_t(value)));
  }
  Value addressOf(const Twine &symbol) {
    return LLVM::AddressOfOp::create(builder, loc, pointer, symbol.str());
  }
  Value aggregate(Type type, ArrayRef<Value> fields) {
    Value result = LLVM::UndefOp::create(builder, loc, type);
    for (auto [index, field] : llvm::enumerate(fields))
      result = LLVM::InsertValueOp::create(builder, loc, result, field,
                                           ArrayRef<int64_t>{int64_t(index)});
    return result;
  }

  OpBuilder builder;
  SymbolTable &symbols;
  Location loc;
  std::string prefix;
  LLVM::LLVMPointerType pointer;
};

/// The kvcrt_kernel of a host function's launches, where there is one: its
/// image for the simulator is the record.
void defineKernel(RecordBuilder &b, ModuleOp module,
                  const KernelRecord &record) {
  auto declared = dyn_cast_if_present<LLVM::GlobalOp>(
      b.symbols.lookup(record.name + "_record"));
  if (!declared || declared.getValueAttr() || declared.getInitializerBlock())
    return;
  b.symbols.erase(declared);
  MLIRContext *context = module.getContext();
  Type i32 = b.builder.getI32Type(), i64 = b.builder.getI64Type();
  std::string chip = b.text("_chip", "sim");
  auto imageType = LLVM::LLVMStructType::getLiteral(
      context, {i32, i32, b.pointer, i64, b.pointer});
  b.global(imageType, "_image", LLVM::Linkage::Internal, [&] {
    Value size = LLVM::ConstantOp::create(
        b.builder, b.loc, i64,
        b.builder.getI64IntegerAttr(sizeof(kvcrt_sim_kernel)));
    return b.aggregate(imageType,
                       {b.number(KVCRT_IMAGE_SIM), b.number(0),
                        b.addressOf(b.prefix), size, b.addressOf(chip)});
  });
  auto type = LLVM::LLVMStructType::getLiteral(
      context, {i32, i32, b.pointer, i32, i32, b.pointer, i32, i32});
  std::string image = b.prefix + "_image", name = b.prefix + "_name";
  b.prefix = record.name + "_record";
  b.global(type, "", LLVM::Linkage::Internal, [&] {
    return b.aggregate(type, {b.number(sizeof(kvcrt_kernel)),
                              b.number(KVCRT_ABI_VERSION), b.addressOf(name),
                              b.number(record.threads[0]),
                              b.number(record.sharedBytes), b.addressOf(image),
                              b.number(1), b.number(0)});
  });
}

} // namespace

void emitRecord(ModuleOp module, SymbolTable &symbols,
                const KernelRecord &record) {
  RecordBuilder b(module, symbols, record.name + "_sim");
  MLIRContext *context = module.getContext();
  Type i32 = b.builder.getI32Type();

  std::string name = b.text("_name", record.name);
  std::vector<std::string> texts;
  for (auto [index, text] : llvm::enumerate(record.locations))
    texts.push_back(b.text("_location" + Twine(index), text));
  auto locationsType = LLVM::LLVMArrayType::get(b.pointer, texts.size());
  b.global(locationsType, "_locations", LLVM::Linkage::Internal, [&] {
    SmallVector<Value> fields;
    for (StringRef text : texts)
      fields.push_back(b.addressOf(text));
    return b.aggregate(locationsType, fields);
  });

  std::vector<std::string> names;
  for (auto [index, variable] : llvm::enumerate(record.shared))
    names.push_back(b.text("_shared" + Twine(index), variable.name));
  auto variableType = LLVM::LLVMStructType::getLiteral(
      context, {b.pointer, i32, i32, i32, i32});
  auto sharedType = LLVM::LLVMArrayType::get(variableType, names.size());
  if (!names.empty())
    b.global(sharedType, "_shared", LLVM::Linkage::Internal, [&] {
      SmallVector<Value> fields;
      for (auto [text, variable] : llvm::zip(names, record.shared))
        fields.push_back(b.aggregate(
            variableType, {b.addressOf(text), b.number(variable.address),
                           b.number(variable.bytes),
                           b.number(variable.alignment), b.number(0)}));
      return b.aggregate(sharedType, fields);
    });

  auto threadsType = LLVM::LLVMArrayType::get(i32, 3);
  auto type = LLVM::LLVMStructType::getLiteral(
      context, {i32, i32, b.pointer, b.pointer, i32, i32, threadsType, i32,
                b.pointer, b.pointer, i32, i32});
  b.global(type, "", LLVM::Linkage::External, [&] {
    Value threads = b.aggregate(threadsType, {b.number(record.threads[0]),
                                              b.number(record.threads[1]),
                                              b.number(record.threads[2])});
    Value shared =
        names.empty()
            ? LLVM::ZeroOp::create(b.builder, b.loc, b.pointer).getResult()
            : b.addressOf(record.name + "_sim_shared");
    return b.aggregate(
        type, {b.number(sizeof(kvcrt_sim_kernel)), b.number(KVCRT_ABI_VERSION),
               b.addressOf(name), b.addressOf(record.function),
               b.number(sizeof(kvcrt_sim_table)), b.number(record.paramsSize),
               threads, b.number(uint32_t(names.size())), shared,
               b.addressOf(record.name + "_sim_locations"),
               b.number(uint32_t(texts.size())), b.number(record.sharedBytes)});
  });
  defineKernel(b, module, record);
}

} // namespace kvc::sim
