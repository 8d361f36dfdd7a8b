//===- HostFunctions.cpp - what a host calls of a GPU variant -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a host function reads what lies in the parameter block alone;
// everything behind its pointers is the device's memory. Grids come from host
// numbers (capacities, the plan's blocks), and kernels are right for any grid.
//
//===----------------------------------------------------------------------===//

#include "HostFunctions.h"

#include "kvcrt/abi.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include <cstddef>

using namespace mlir;

namespace kvc::gpu {

namespace {

/// Most blocks of kernels that walk rows: more than any GPU runs at once.
constexpr int64_t kMaxBlocks = 2048;
/// Rows that a block of such a kernel takes at once: one a warp.
constexpr int64_t kRowsPerBlock = 4;

class HostFunction {
public:
  /// (env, params) -> status; the builder stands in the body.
  HostFunction(OpBuilder &builder, Location loc, const Twine &name)
      : b(builder), loc(loc),
        pointer(LLVM::LLVMPointerType::get(builder.getContext())) {
    function = LLVM::LLVMFuncOp::create(
        b, loc, name.str(),
        LLVM::LLVMFunctionType::get(b.getI32Type(), {pointer, pointer}));
    Block *entry = function.addEntryBlock(b);
    end = b.createBlock(&function.getBody(), {}, {b.getI32Type()}, {loc});
    LLVM::ReturnOp::create(b, loc, end->getArgument(0));
    b.setInsertionPointToStart(entry);
  }

  Value env() { return function.getArgument(0); }
  Value params() { return function.getArgument(1); }
  Value i32(int64_t n) {
    return LLVM::ConstantOp::create(b, loc, b.getI32Type(),
                                    b.getI32IntegerAttr(int32_t(n)));
  }
  Value i64(int64_t n) {
    return LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                    b.getI64IntegerAttr(n));
  }
  Value at(Value base, size_t offset) {
    return LLVM::GEPOp::create(b, loc, pointer, b.getI8Type(), base,
                               ArrayRef<LLVM::GEPArg>{int32_t(offset)});
  }
  Value load(Type type, Value base, size_t offset) {
    return LLVM::LoadOp::create(b, loc, type, at(base, offset));
  }
  Value param32(size_t offset) {
    return load(b.getI32Type(), params(), offset);
  }
  void store(Value value, Value base, size_t offset) {
    LLVM::StoreOp::create(b, loc, value, at(base, offset));
  }
  Value compare(LLVM::ICmpPredicate predicate, Value x, Value y) {
    return LLVM::ICmpOp::create(b, loc, predicate, x, y);
  }
  Value isNull(Value p) {
    return compare(LLVM::ICmpPredicate::eq, p,
                   LLVM::ZeroOp::create(b, loc, pointer));
  }
  Value either(Value x, Value y) { return LLVM::OrOp::create(b, loc, x, y); }
  void answer(kvcrt_status status) {
    LLVM::BrOp::create(b, loc, ValueRange{i32(status)}, end);
  }
  /// Goes on only where `bad` is false.
  void unless(Value bad, kvcrt_status status) { unless(bad, i32(status)); }
  void unless(Value bad, Value status) {
    Block *next = newBlock();
    LLVM::CondBrOp::create(b, loc, bad, end, ValueRange{status}, next,
                           ValueRange{});
    b.setInsertionPointToStart(next);
  }
  /// Emits `body` for the case that `condition` holds.
  void when(Value condition, llvm::function_ref<void()> body) {
    Block *then = newBlock(), *after = newBlock();
    LLVM::CondBrOp::create(b, loc, condition, then, after);
    b.setInsertionPointToStart(then);
    body();
    LLVM::BrOp::create(b, loc, ValueRange{}, after);
    b.setInsertionPointToStart(after);
  }
  /// A structure of our ABI at `base` + `offset`.
  void checkVersion(Value base, size_t offset, size_t size) {
    Value wrong = either(
        compare(LLVM::ICmpPredicate::ne, load(b.getI32Type(), base, offset),
                i32(int64_t(size))),
        compare(LLVM::ICmpPredicate::ne, load(b.getI32Type(), base, offset + 4),
                i32(KVCRT_ABI_VERSION)));
    unless(wrong, KVCRT_VERSION_MISMATCH);
  }

  OpBuilder &b;
  Location loc;
  LLVM::LLVMPointerType pointer;
  LLVM::LLVMFuncOp function;

private:
  Block *newBlock() {
    OpBuilder::InsertionGuard guard(b);
    return b.createBlock(end);
  }
  Block *end;
};

class HostEmitter {
public:
  HostEmitter(const kernel::Variant &variant, mlir::gpu::GPUModuleOp kernels)
      : variant(variant), kernels(kernels), b(kernels.getContext()),
        loc(kernels.getLoc()) {
    b.setInsertionPointAfter(kernels);
  }

  void emit() {
    emitAppend();
    emitAttend();
    emitMerge();
    emitWorkspace();
  }

private:
  bool has(StringRef suffix) {
    return kernels.lookupSymbol(variant.name + suffix.str()) != nullptr;
  }
  /// The checks that all functions share.
  void begin(HostFunction &f);
  /// Pointers and strides that accesses of `bytes` go through.
  void checkAligned(HostFunction &f, ArrayRef<size_t> offsets,
                    int64_t bytes = 16);
  /// Launches <name><suffix> on `blocks` blocks; leaves when that fails.
  void launch(HostFunction &f, StringRef suffix, Value blocks);
  /// Blocks for `rowsPerToken` rows of each token that a step can have.
  Value blocksForRows(HostFunction &f, int64_t rowsPerToken);
  int64_t elementBytes() const {
    return variant.element.getIntOrFloatBitWidth() / 8;
  }
  void checkNewRows(HostFunction &f);
  void emitAppend();
  void emitAttend();
  void emitMerge();
  void emitWorkspace();

  const kernel::Variant &variant;
  mlir::gpu::GPUModuleOp kernels;
  OpBuilder b;
  Location loc;
};

void HostEmitter::begin(HostFunction &f) {
  f.unless(f.either(f.isNull(f.env()), f.isNull(f.params())),
           KVCRT_INVALID_ARGUMENT);
  f.checkVersion(f.env(), 0, sizeof(kvcrt_env));
  f.checkVersion(f.params(), 0, sizeof(kvcrt_params));
  f.checkVersion(f.params(), offsetof(kvcrt_params, step), sizeof(kvcrt_step));
  f.checkVersion(f.params(), offsetof(kvcrt_params, cache),
                 sizeof(kvcrt_cache));
  f.unless(f.isNull(f.load(f.pointer, f.env(), offsetof(kvcrt_env, launch))),
           KVCRT_UNSUPPORTED);
  f.unless(f.isNull(f.load(f.pointer, f.params(),
                           offsetof(kvcrt_params, step.header))),
           KVCRT_INVALID_ARGUMENT);
}

void HostEmitter::checkAligned(HostFunction &f, ArrayRef<size_t> offsets,
                               int64_t bytes) {
  Value bits = f.i64(0);
  for (size_t offset : offsets)
    bits = f.either(bits, f.load(b.getI64Type(), f.params(), offset));
  bits = LLVM::AndOp::create(b, loc, bits, f.i64(bytes - 1));
  f.unless(f.compare(LLVM::ICmpPredicate::ne, bits, f.i64(0)),
           KVCRT_INVALID_ARGUMENT);
}

void HostEmitter::launch(HostFunction &f, StringRef suffix, Value blocks) {
  std::string record = variant.name + suffix.str() + "_record";
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(kernels);
    auto bytes = LLVM::LLVMArrayType::get(b.getI8Type(), sizeof(kvcrt_kernel));
    LLVM::GlobalOp::create(b, loc, bytes, /*isConstant=*/true,
                           LLVM::Linkage::External, record, Attribute(),
                           /*alignment=*/8);
  }
  Value room;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&f.function.getBody().front());
    room = LLVM::AllocaOp::create(b, loc, f.pointer, b.getI64Type(),
                                  f.i64(sizeof(kvcrt_launch) / 8),
                                  /*alignment=*/8);
  }
  static_assert(sizeof(kvcrt_launch) % 8 == 0);
  f.store(f.i32(sizeof(kvcrt_launch)), room, 0);
  f.store(f.i32(KVCRT_ABI_VERSION), room, 4);
  f.store(LLVM::AddressOfOp::create(b, loc, f.pointer, record), room,
          offsetof(kvcrt_launch, kernel));
  f.store(blocks, room, offsetof(kvcrt_launch, grid));
  f.store(f.i32(1), room, offsetof(kvcrt_launch, grid) + 4);
  f.store(f.i32(1), room, offsetof(kvcrt_launch, grid) + 8);
  f.store(f.i32(0), room, offsetof(kvcrt_launch, reserved0));
  f.store(f.params(), room, offsetof(kvcrt_launch, params));
  f.store(f.i64(sizeof(kvcrt_params)), room,
          offsetof(kvcrt_launch, params_size));
  auto type = LLVM::LLVMFunctionType::get(b.getI32Type(),
                                          {f.pointer, f.pointer, f.pointer});
  Value run = f.load(f.pointer, f.env(), offsetof(kvcrt_env, launch));
  Value context = f.load(f.pointer, f.env(), offsetof(kvcrt_env, context));
  auto call = LLVM::CallOp::create(b, loc, type,
                                   ValueRange{run, context, f.env(), room});
  f.unless(f.compare(LLVM::ICmpPredicate::ne, call.getResult(), f.i32(0)),
           call.getResult());
}

Value HostEmitter::blocksForRows(HostFunction &f, int64_t rowsPerToken) {
  Value tokens =
      LLVM::SExtOp::create(b, loc, b.getI64Type(),
                           f.param32(offsetof(kvcrt_params, step.max_tokens)));
  Value rows = LLVM::MulOp::create(b, loc, tokens, f.i64(rowsPerToken));
  Value blocks = LLVM::SDivOp::create(
      b, loc, LLVM::AddOp::create(b, loc, rows, f.i64(kRowsPerBlock - 1)),
      f.i64(kRowsPerBlock));
  blocks = LLVM::SMinOp::create(b, loc, blocks, f.i64(kMaxBlocks));
  blocks = LLVM::SMaxOp::create(b, loc, blocks, f.i64(1));
  return LLVM::TruncOp::create(b, loc, b.getI32Type(), blocks);
}

/// What append reads.
void HostEmitter::checkNewRows(HostFunction &f) {
  checkAligned(f, {offsetof(kvcrt_params, new_key.data),
                   offsetof(kvcrt_params, new_key.token_stride),
                   offsetof(kvcrt_params, new_key.head_stride),
                   offsetof(kvcrt_params, new_value.data),
                   offsetof(kvcrt_params, new_value.token_stride),
                   offsetof(kvcrt_params, new_value.head_stride)});
}

void HostEmitter::emitAppend() {
  OpBuilder::InsertionGuard guard(b);
  HostFunction f(b, loc, variant.name + "_append");
  begin(f);
  checkNewRows(f);
  launch(f, "_append", blocksForRows(f, variant.kvHeads()));
  f.answer(KVCRT_OK);
}

void HostEmitter::emitAttend() {
  OpBuilder::InsertionGuard guard(b);
  HostFunction f(b, loc, variant.name + "_attend");
  begin(f);
  checkAligned(f, {offsetof(kvcrt_params, query.data),
                   offsetof(kvcrt_params, query.token_stride),
                   offsetof(kvcrt_params, query.head_stride),
                   offsetof(kvcrt_params, cache.key.payload),
                   offsetof(kvcrt_params, cache.key.block_stride),
                   offsetof(kvcrt_params, cache.key.head_stride),
                   offsetof(kvcrt_params, cache.key.token_stride),
                   offsetof(kvcrt_params, cache.value.payload),
                   offsetof(kvcrt_params, cache.value.block_stride),
                   offsetof(kvcrt_params, cache.value.head_stride),
                   offsetof(kvcrt_params, cache.value.token_stride)});
  // Outputs are written in pairs.
  checkAligned(f,
               {offsetof(kvcrt_params, out.data),
                offsetof(kvcrt_params, out.token_stride),
                offsetof(kvcrt_params, out.head_stride)},
               2 * elementBytes());
  // A launch that appends must be the only one that reads the new rows.
  Value appends =
      f.compare(LLVM::ICmpPredicate::ne,
                f.param32(offsetof(kvcrt_params, attend_appends)), f.i32(0));
  f.when(appends, [&] {
    f.unless(f.compare(LLVM::ICmpPredicate::ne,
                       f.param32(offsetof(kvcrt_params, prefill_blocks)),
                       f.i32(0)),
             KVCRT_INVALID_ARGUMENT);
    checkNewRows(f);
  });
  for (auto [suffix, offset] :
       {std::pair<StringRef, size_t>{"_attend_decode",
                                     offsetof(kvcrt_params, decode_blocks)},
        {"_attend_prefill", offsetof(kvcrt_params, prefill_blocks)}}) {
    Value blocks = f.param32(offset);
    f.unless(f.compare(LLVM::ICmpPredicate::slt, blocks, f.i32(0)),
             KVCRT_INVALID_ARGUMENT);
    Value wanted = f.compare(LLVM::ICmpPredicate::sgt, blocks, f.i32(0));
    if (!has(suffix)) {
      f.unless(wanted, KVCRT_UNSUPPORTED);
      continue;
    }
    StringRef name = suffix;
    f.when(wanted, [&] { launch(f, name, blocks); });
  }
  f.answer(KVCRT_OK);
}

void HostEmitter::emitMerge() {
  OpBuilder::InsertionGuard guard(b);
  HostFunction f(b, loc, variant.name + "_merge");
  begin(f);
  SmallVector<size_t> needed = {offsetof(kvcrt_params, partial_out),
                                offsetof(kvcrt_params, partial_lse),
                                offsetof(kvcrt_params, out.data)};
  if (variant.lse)
    needed.push_back(offsetof(kvcrt_params, lse));
  if (variant.sinkLogits)
    needed.push_back(offsetof(kvcrt_params, sink_logits));
  for (size_t offset : needed)
    f.unless(f.isNull(f.load(f.pointer, f.params(), offset)),
             KVCRT_INVALID_ARGUMENT);
  f.unless(f.compare(LLVM::ICmpPredicate::slt,
                     f.param32(offsetof(kvcrt_params, num_partials)), f.i32(0)),
           KVCRT_INVALID_ARGUMENT);
  checkAligned(f, {offsetof(kvcrt_params, partial_out)});
  checkAligned(f,
               {offsetof(kvcrt_params, out.data),
                offsetof(kvcrt_params, out.token_stride),
                offsetof(kvcrt_params, out.head_stride)},
               4 * elementBytes());
  launch(f, "_merge", blocksForRows(f, variant.queryHeads));
  f.answer(KVCRT_OK);
}

/// A GPU's scratch is in the parameter block (split_out, split_state): the
/// environment's workspace is not needed.
void HostEmitter::emitWorkspace() {
  OpBuilder::InsertionGuard guard(b);
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto function = LLVM::LLVMFuncOp::create(
      b, loc, variant.name + "_workspace",
      LLVM::LLVMFunctionType::get(b.getI64Type(), {pointer}));
  b.setInsertionPointToStart(function.addEntryBlock(b));
  Value none =
      LLVM::ConstantOp::create(b, loc, b.getI64Type(), b.getI64IntegerAttr(0));
  LLVM::ReturnOp::create(b, loc, none);
}

} // namespace

void emitHostFunctions(const kernel::Variant &variant,
                       mlir::gpu::GPUModuleOp kernels) {
  HostEmitter(variant, kernels).emit();
}

} // namespace kvc::gpu
