//===- PtxMemory.cpp - inline PTX that touches memory or orders it --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cache hints (.L1::no_allocate, .L2::128B, .cg, ...) change no result and are
// accepted; every other word that is not understood refuses the instruction.
//
//===----------------------------------------------------------------------===//

#include "Ptx.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

namespace kvc::sim {

using namespace mlir;

bool PtxInstruction::emitCopy() {
  // cp.async.cg.shared.global[.L2::128B] [d], [s], 16[, n]
  StringRef name = text.trim().split(' ').first;
  name.consume_back(";");
  if (name == "cp.async.commit_group") {
    r.call(op, Intrinsic::copy_commit, {});
    return true;
  }
  if (name == "cp.async.wait_all") {
    r.call(op, Intrinsic::copy_wait, {r.i32(loc, ~0u)});
    return true;
  }
  if (name == "cp.async.wait_group") {
    if (operands.size() != 1 || !operands[0].isImmediate)
      return false;
    r.call(op, Intrinsic::copy_wait, {value(0)});
    return true;
  }
  if (parts.size() < 5 || parts[1] != "async" ||
      (parts[2] != "ca" && parts[2] != "cg") ||
      (parts[3] != "shared" && parts[3] != "shared::cta") ||
      parts[4] != "global" || operands.size() < 3 || operands.size() > 4 ||
      !isInput(0) || !isInput(1) || !operands[2].isImmediate)
    return false;
  for (StringRef modifier : ArrayRef(parts).drop_front(5))
    if (!modifier.starts_with("L2::"))
      return false;
  int64_t bytes = operands[2].immediate;
  if (bytes != 4 && bytes != 8 && bytes != 16)
    return false;
  Value source = operands.size() == 4 ? word(3) : value(2);
  r.call(op, Intrinsic::copy_async,
         {addressOf(0), addressOf(1), value(2), source});
  return true;
}

bool PtxInstruction::emitLoadOrStore(bool isStore) {
  // ld.global[.nc][.L1::no_allocate][.L2::128B][.v4].u32 {..}, [a]
  unsigned space = KVCRT_SIM_GENERIC, count = 1;
  uint32_t flags = 0, scope = KVCRT_SIM_SCOPE_SYSTEM;
  std::optional<uint32_t> order;
  for (StringRef modifier : ArrayRef(parts).slice(1, parts.size() - 2)) {
    if (modifier == "global")
      space = KVCRT_SIM_GLOBAL;
    else if (modifier == "shared" || modifier == "shared::cta")
      space = KVCRT_SIM_SHARED;
    else if (modifier == "nc")
      flags |= KVCRT_SIM_ACCESS_INVARIANT;
    else if (modifier == "volatile")
      flags |= KVCRT_SIM_ACCESS_STRONG;
    else if (modifier == "v2" || modifier == "v4")
      count = modifier == "v2" ? 2 : 4;
    else if (modifier == "acquire" || modifier == "release" ||
             modifier == "relaxed")
      order = modifier == "acquire"   ? KVCRT_SIM_ACQUIRE
              : modifier == "release" ? KVCRT_SIM_RELEASE
                                      : KVCRT_SIM_RELAXED;
    else if (modifier == "cta" || modifier == "gpu" || modifier == "sys")
      scope = modifier == "cta"   ? KVCRT_SIM_SCOPE_BLOCK
              : modifier == "gpu" ? KVCRT_SIM_SCOPE_GPU
                                  : KVCRT_SIM_SCOPE_SYSTEM;
    else if (!modifier.starts_with("L1::") && !modifier.starts_with("L2::") &&
             !llvm::is_contained({"ca", "cg", "cs", "lu", "cv", "wb", "wt"},
                                 modifier))
      return false;
  }
  StringRef type = parts.back();
  unsigned bits;
  if (type.size() < 2 || !StringRef("busf").contains(type[0]) ||
      type.drop_front().getAsInteger(10, bits) || operands.size() != 2)
    return false;
  unsigned at = isStore ? 0 : 1, data = 1 - at;
  if (!isInput(at) || operands[data].registers.size() != count)
    return false;
  if (order) {
    auto pointer = LLVM::LLVMPointerType::get(op->getContext(), space);
    if (count != 1 || (!isStore && !isResults(0)))
      return false;
    Value result;
    Value where =
        LLVM::IntToPtrOp::create(r.builder, loc, pointer, addressOf(at));
    Type integer = r.builder.getIntegerType(bits);
    if (failed(r.atomic(
            op, isStore ? KVCRT_SIM_ATOMIC_STORE : KVCRT_SIM_ATOMIC_LOAD, where,
            isStore ? r.toInteger(loc, value(data), bits) : Value(), {},
            integer, scope, *order, result)))
      return false;
    if (!isStore)
      give(result);
    return true;
  }
  uint64_t bytes = uint64_t(bits) / 8 * count;
  if (!bytes || bytes > 32 || (!isStore && !isResults(0)))
    return false;
  Value host = r.check(op, addressOf(at), space,
                       Rewriter::packAccess(bytes, bytes, flags), isStore);
  Type integer = r.builder.getIntegerType(bits);
  for (unsigned i = 0; i < count; ++i) {
    Value place = LLVM::GEPOp::create(r.builder, loc, host.getType(), integer,
                                      host, ArrayRef<LLVM::GEPArg>{int32_t(i)});
    if (!isStore) {
      Value loaded = LLVM::LoadOp::create(r.builder, loc, integer, place,
                                          /*alignment=*/1);
      // A register may be wider than what is loaded into it.
      unsigned wide = r.bitsOf(resultTypes[i]);
      if (wide > bits)
        loaded =
            type[0] == 's'
                ? LLVM::SExtOp::create(r.builder, loc,
                                       r.builder.getIntegerType(wide), loaded)
                      .getResult()
                : LLVM::ZExtOp::create(r.builder, loc,
                                       r.builder.getIntegerType(wide), loaded)
                      .getResult();
      give(loaded);
      continue;
    }
    unsigned index = operands[data].registers[i];
    if (index < resultTypes.size())
      return false;
    Value v = inputs[index - resultTypes.size()];
    v = r.fromInteger(loc, r.toInteger(loc, v, r.bitsOf(v.getType())), integer);
    LLVM::StoreOp::create(r.builder, loc, v, place, /*alignment=*/1);
  }
  return true;
}

bool PtxInstruction::emitFence() {
  // fence.acq_rel.gpu, fence.sc.gpu, membar.gl
  if (parts.size() < 2 || !operands.empty())
    return false;
  auto scope = llvm::StringSwitch<std::optional<uint32_t>>(parts.back())
                   .Case("cta", KVCRT_SIM_SCOPE_BLOCK)
                   .Cases({"gpu", "gl", "cluster"}, KVCRT_SIM_SCOPE_GPU)
                   .Case("sys", KVCRT_SIM_SCOPE_SYSTEM)
                   .Default(std::nullopt);
  if (!scope)
    return false;
  uint32_t order = KVCRT_SIM_ACQUIRE_RELEASE;
  for (StringRef modifier : ArrayRef(parts).slice(1, parts.size() - 2)) {
    if (modifier == "acquire")
      order = KVCRT_SIM_ACQUIRE;
    else if (modifier == "release")
      order = KVCRT_SIM_RELEASE;
    else if (modifier != "acq_rel" && modifier != "sc")
      return false;
  }
  r.call(op, Intrinsic::fence, {r.i32(loc, *scope), r.i32(loc, order)});
  return true;
}

bool PtxInstruction::emitAtomic() {
  // atom[.order][.scope][.space].operation.type d, [a], b; red without d
  bool returns = parts[0] == "atom";
  if (parts.size() < 3 || operands.size() != (returns ? 3u : 2u) ||
      returns != (resultTypes.size() == 1) || !isInput(returns ? 1 : 0))
    return false;
  StringRef name = parts[parts.size() - 2], type = parts.back();
  unsigned bits;
  if (type.drop_front().getAsInteger(10, bits))
    return false;
  bool isSigned = type[0] == 's';
  auto operation =
      type[0] == 'f'
          ? (name == "add" ? std::optional<uint32_t>(KVCRT_SIM_ATOMIC_FADD)
                           : std::nullopt)
          : llvm::StringSwitch<std::optional<uint32_t>>(name)
                .Case("add", KVCRT_SIM_ATOMIC_ADD)
                .Case("and", KVCRT_SIM_ATOMIC_AND)
                .Case("or", KVCRT_SIM_ATOMIC_OR)
                .Case("xor", KVCRT_SIM_ATOMIC_XOR)
                .Case("exch", KVCRT_SIM_ATOMIC_EXCHANGE)
                .Case("min",
                      isSigned ? KVCRT_SIM_ATOMIC_SMIN : KVCRT_SIM_ATOMIC_UMIN)
                .Case("max",
                      isSigned ? KVCRT_SIM_ATOMIC_SMAX : KVCRT_SIM_ATOMIC_UMAX)
                .Case("inc", KVCRT_SIM_ATOMIC_INC)
                .Case("dec", KVCRT_SIM_ATOMIC_DEC)
                .Default(std::nullopt);
  if (!operation)
    return false;
  // Without words PTX means relaxed, gpu, generic.
  uint32_t order = KVCRT_SIM_RELAXED, scope = KVCRT_SIM_SCOPE_GPU;
  unsigned space = KVCRT_SIM_GENERIC;
  for (StringRef modifier : ArrayRef(parts).slice(1, parts.size() - 3)) {
    if (modifier == "global")
      space = KVCRT_SIM_GLOBAL;
    else if (modifier == "shared" || modifier == "shared::cta")
      space = KVCRT_SIM_SHARED;
    else if (modifier == "acquire")
      order = KVCRT_SIM_ACQUIRE;
    else if (modifier == "release")
      order = KVCRT_SIM_RELEASE;
    else if (modifier == "acq_rel")
      order = KVCRT_SIM_ACQUIRE_RELEASE;
    else if (modifier == "cta")
      scope = KVCRT_SIM_SCOPE_BLOCK;
    else if (modifier == "sys")
      scope = KVCRT_SIM_SCOPE_SYSTEM;
    else if (modifier != "relaxed" && modifier != "gpu")
      return false;
  }
  unsigned at = returns ? 1 : 0;
  Type valueType = type[0] == 'f' ? (bits == 32 ? Type(r.builder.getF32Type())
                                                : Type(r.builder.getF64Type()))
                                  : Type(r.builder.getIntegerType(bits));
  Value where = LLVM::IntToPtrOp::create(
      r.builder, loc, LLVM::LLVMPointerType::get(op->getContext(), space),
      addressOf(at));
  Value operand = value(at + 1);
  if (r.bitsOf(operand.getType()) != bits)
    return false;
  Value result;
  if (failed(r.atomic(op, *operation, where, operand, {}, valueType, scope,
                      order, result)))
    return false;
  if (returns)
    give(r.toInteger(loc, result, bits));
  return true;
}

bool PtxInstruction::emitBarrier() {
  // bar.sync, barrier.sync[.aligned] id[, threads]; bar.warp.sync mask
  StringRef name = text.trim().split(' ').first;
  if (name == "bar.warp.sync" && operands.size() == 1) {
    r.call(op, Intrinsic::warp_sync, {word(0)});
    return true;
  }
  uint32_t mode =
      parts[0] == "bar" || has("aligned") ? KVCRT_SIM_BARRIER_ALIGNED : 0;
  for (StringRef modifier : ArrayRef(parts).drop_front())
    if (!llvm::is_contained({"cta", "sync", "arrive", "aligned"}, modifier))
      return false;
  if (has("arrive"))
    mode |= KVCRT_SIM_BARRIER_ARRIVE;
  else if (!has("sync"))
    return false;
  if (operands.empty() || operands.size() > 2)
    return false;
  r.call(op, Intrinsic::barrier,
         {word(0), operands.size() == 2 ? word(1) : r.i32(loc, 0),
          r.i32(loc, mode), r.i32(loc, 0)});
  return true;
}

} // namespace kvc::sim
