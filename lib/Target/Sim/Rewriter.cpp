//===- Rewriter.cpp - calls through the thread's table --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: the type of every call is computed from the C declaration in
// kvcrt/sim.h, never written down a second time.
//
//===----------------------------------------------------------------------===//

#include "Rewriter.h"

#include "llvm/ADT/Twine.h"

namespace kvc::sim {

using namespace mlir;

namespace {

enum class Kind : uint8_t { Void, I32, I64, F32, Pointer };

template <typename T> constexpr Kind kindOf() {
  if constexpr (std::is_void_v<T>)
    return Kind::Void;
  else if constexpr (std::is_pointer_v<T>)
    return Kind::Pointer;
  else if constexpr (std::is_same_v<T, float>)
    return Kind::F32;
  else if constexpr (sizeof(T) == 8)
    return Kind::I64;
  else
    return Kind::I32;
}

struct Signature {
  Kind result;
  SmallVector<Kind, 8> parameters; // thread and location left out
};

template <typename R, typename... P>
Signature signatureOf(R (*)(kvcrt_sim_thread *, uint32_t, P...)) {
  return {kindOf<R>(), {kindOf<P>()...}};
}

const Signature &signature(Intrinsic intrinsic) {
  static const Signature table[] = {
#define KVCRT_SIM_INTRINSIC(name, result, parameters, ptx)                     \
  signatureOf(decltype(kvcrt_sim_table::name)(nullptr)),
#include "kvcrt/sim_intrinsics.def"
  };
  return table[unsigned(intrinsic)];
}

Type typeOf(OpBuilder &builder, Kind kind) {
  MLIRContext *context = builder.getContext();
  switch (kind) {
  case Kind::Void:
    return LLVM::LLVMVoidType::get(context);
  case Kind::I32:
    return builder.getI32Type();
  case Kind::I64:
    return builder.getI64Type();
  case Kind::F32:
    return builder.getF32Type();
  case Kind::Pointer:
    return LLVM::LLVMPointerType::get(context);
  }
  llvm_unreachable("all kinds are handled");
}

void print(Location location, llvm::raw_ostream &os) {
  if (auto file = dyn_cast<FileLineColLoc>(location)) {
    os << file.getFilename().strref() << ":" << file.getLine() << ":"
       << file.getColumn();
  } else if (auto name = dyn_cast<NameLoc>(location)) {
    os << name.getName().strref();
    if (!isa<UnknownLoc>(name.getChildLoc())) {
      os << " at ";
      print(name.getChildLoc(), os);
    }
  } else if (auto site = dyn_cast<CallSiteLoc>(location)) {
    print(site.getCallee(), os);
    os << " called at ";
    print(site.getCaller(), os);
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    if (fused.getLocations().empty())
      os << "unknown";
    else
      print(fused.getLocations().front(), os);
  } else {
    os << "unknown";
  }
}

} // namespace

uint32_t Locations::add(Operation *op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  print(op->getLoc(), os);
  os << " (" << op->getName() << ")";
  auto [it, isNew] = indices.try_emplace(text, uint32_t(texts.size()));
  if (isNew)
    texts.push_back(text);
  return it->second;
}

Value Rewriter::i32(Location loc, uint32_t value) {
  return LLVM::ConstantOp::create(builder, loc, builder.getI32Type(),
                                  builder.getI32IntegerAttr(int32_t(value)));
}

Value Rewriter::i64(Location loc, uint64_t value) {
  return LLVM::ConstantOp::create(builder, loc, builder.getI64Type(),
                                  builder.getI64IntegerAttr(int64_t(value)));
}

Value Rewriter::call(Operation *op, Intrinsic intrinsic, ValueRange arguments) {
  Location loc = op->getLoc();
  const Signature &wanted = signature(intrinsic);
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  // Both loads give the same in every call of a thread.
  auto load = [&](Value from) {
    return LLVM::LoadOp::create(builder, loc, pointer, from, /*alignment=*/8,
                                /*isVolatile=*/false, /*isNonTemporal=*/false,
                                /*isInvariant=*/true);
  };
  Value table = load(thread);
  Value slot =
      LLVM::GEPOp::create(builder, loc, pointer, pointer, table,
                          ArrayRef<LLVM::GEPArg>{int32_t(unsigned(intrinsic))});
  SmallVector<Value> operands = {load(slot), thread,
                                 i32(loc, locations.add(op))};
  SmallVector<Type> types = {pointer, builder.getI32Type()};
  assert(arguments.size() == wanted.parameters.size() && "see sim.h");
  for (auto [value, kind] : llvm::zip(arguments, wanted.parameters)) {
    assert(value.getType() == typeOf(builder, kind) && "see sim.h");
    operands.push_back(value);
    types.push_back(typeOf(builder, kind));
  }
  auto type =
      LLVM::LLVMFunctionType::get(typeOf(builder, wanted.result), types);
  auto call = LLVM::CallOp::create(builder, loc, type, operands);
  return wanted.result == Kind::Void ? Value() : call.getResult();
}

Value Rewriter::address(Location loc, Value pointer) {
  return LLVM::PtrToIntOp::create(builder, loc, builder.getI64Type(), pointer);
}

Value Rewriter::toInteger(Location loc, Value value, unsigned bits) {
  Type type = value.getType();
  if (isa<LLVM::LLVMPointerType>(type))
    return LLVM::PtrToIntOp::create(builder, loc, builder.getIntegerType(bits),
                                    value);
  unsigned own = bitsOf(type);
  if (!isa<IntegerType>(type))
    value = LLVM::BitcastOp::create(builder, loc, builder.getIntegerType(own),
                                    value);
  else
    own = cast<IntegerType>(type).getWidth();
  if (own < bits)
    return LLVM::ZExtOp::create(builder, loc, builder.getIntegerType(bits),
                                value);
  return value;
}

Value Rewriter::fromInteger(Location loc, Value value, Type type) {
  if (isa<LLVM::LLVMPointerType>(type))
    return LLVM::IntToPtrOp::create(builder, loc, type, value);
  unsigned wanted = isa<IntegerType>(type) ? cast<IntegerType>(type).getWidth()
                                           : bitsOf(type);
  if (cast<IntegerType>(value.getType()).getWidth() > wanted)
    value = LLVM::TruncOp::create(builder, loc, builder.getIntegerType(wanted),
                                  value);
  if (value.getType() != type)
    value = LLVM::BitcastOp::create(builder, loc, type, value);
  return value;
}

Value Rewriter::registers(Location loc, unsigned words) {
  OpBuilder::InsertionGuard guard(builder);
  // In the entry block: an alloca in a loop would eat the stack.
  Block *entry = thread.getParentBlock();
  builder.setInsertionPointToStart(entry);
  return LLVM::AllocaOp::create(
      builder, loc, LLVM::LLVMPointerType::get(builder.getContext()),
      builder.getI32Type(), i32(loc, words), /*alignment=*/16);
}

static Value wordAt(OpBuilder &builder, Location loc, Value room,
                    unsigned index) {
  return LLVM::GEPOp::create(builder, loc, room.getType(), builder.getI32Type(),
                             room, ArrayRef<LLVM::GEPArg>{int32_t(index)});
}

void Rewriter::storeRegister(Location loc, Value room, unsigned index,
                             Value word) {
  LLVM::StoreOp::create(builder, loc, word, wordAt(builder, loc, room, index));
}

Value Rewriter::loadRegister(Location loc, Value room, unsigned index) {
  return LLVM::LoadOp::create(builder, loc, builder.getI32Type(),
                              wordAt(builder, loc, room, index));
}

Value Rewriter::packStruct(Location loc, Type type, ValueRange words) {
  auto structure = cast<LLVM::LLVMStructType>(type);
  Value result = LLVM::PoisonOp::create(builder, loc, type);
  for (auto [index, word] : llvm::enumerate(words))
    result = LLVM::InsertValueOp::create(
        builder, loc, result,
        fromInteger(loc, word, structure.getBody()[index]),
        ArrayRef<int64_t>{int64_t(index)});
  return result;
}

void Rewriter::multiply(Operation *op, uint32_t descriptor, ValueRange operands,
                        unsigned numResults, SmallVectorImpl<Value> &results) {
  Location loc = op->getLoc();
  Value in = registers(loc, operands.size());
  Value out = registers(loc, numResults);
  for (auto [index, word] : llvm::enumerate(operands))
    storeRegister(loc, in, index, word);
  call(op, Intrinsic::multiply, {i32(loc, descriptor), in, out});
  for (unsigned i = 0; i < numResults; ++i)
    results.push_back(loadRegister(loc, out, i));
}

void Rewriter::loadMatrix(Operation *op, Value address, uint32_t descriptor,
                          unsigned count, SmallVectorImpl<Value> &results) {
  Location loc = op->getLoc();
  Value out = registers(loc, count);
  call(op, Intrinsic::load_matrix, {address, i32(loc, descriptor), out});
  for (unsigned i = 0; i < count; ++i)
    results.push_back(loadRegister(loc, out, i));
}

uint32_t Rewriter::packAccess(uint64_t bytes, uint64_t alignment,
                              uint32_t flags) {
  // The widest access of a GPU: wider ones are split.
  alignment = std::min<uint64_t>(alignment, 16);
  return uint32_t(bytes) |
         llvm::Log2_64(alignment) << KVCRT_SIM_ACCESS_ALIGN_SHIFT | flags;
}

Value Rewriter::check(Operation *op, Value address, unsigned space,
                      uint32_t access, bool isWrite) {
  Intrinsic intrinsic = Intrinsic::load_generic;
  if (space == KVCRT_SIM_GLOBAL)
    intrinsic = isWrite ? Intrinsic::store_global : Intrinsic::load_global;
  else if (space == KVCRT_SIM_SHARED)
    intrinsic = isWrite ? Intrinsic::store_shared : Intrinsic::load_shared;
  else if (isWrite)
    intrinsic = Intrinsic::store_generic;
  return call(op, intrinsic, {address, i32(op->getLoc(), access)});
}

Value Rewriter::check(Operation *op, Value pointer, uint32_t access,
                      bool isWrite) {
  unsigned space =
      cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace();
  return check(op, address(op->getLoc(), pointer), space, access, isWrite);
}

bool isPrivate(Value pointer) {
  SmallVector<Value> work = {pointer};
  llvm::SmallPtrSet<Value, 8> seen;
  while (!work.empty()) {
    Value value = work.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      auto function =
          dyn_cast<LLVM::LLVMFuncOp>(argument.getOwner()->getParentOp());
      if (!function || argument.getOwner() != &function.getBody().front())
        return false;
      // The parameter block (made the second argument by then).
      if (argument.getArgNumber() != 1 || !function->hasAttr("kvc.sim_kernel"))
        return false;
      continue;
    }
    Operation *op = value.getDefiningOp();
    if (auto gep = dyn_cast<LLVM::GEPOp>(op))
      work.push_back(gep.getBase());
    else if (auto spaceCast = dyn_cast<LLVM::AddrSpaceCastOp>(op))
      work.push_back(spaceCast.getArg());
    else if (auto select = dyn_cast<LLVM::SelectOp>(op))
      work.append({select.getTrueValue(), select.getFalseValue()});
    else if (auto of = dyn_cast<LLVM::AddressOfOp>(op)) {
      if (cast<LLVM::LLVMPointerType>(of.getType()).getAddressSpace() ==
          KVCRT_SIM_SHARED)
        return false;
    } else if (!isa<LLVM::AllocaOp>(op))
      return false;
  }
  return true;
}

LogicalResult Rewriter::rewrite(Operation *op) {
  builder.setInsertionPoint(op);
  StringRef dialect = op->getName().getDialectNamespace();
  if (dialect == "nvvm")
    return rewriteNvvm(op);
  if (dialect == "llvm")
    return rewriteLLVM(op);
  return op->emitError() << "expected the llvm and nvvm dialects alone in a "
                            "kernel for the simulator, got `"
                         << op->getName()
                         << "`; run kvc-lower-gpu-kernels first";
}

} // namespace kvc::sim
