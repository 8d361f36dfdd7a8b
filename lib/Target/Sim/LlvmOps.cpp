//===- LlvmOps.cpp - memory, order and arithmetic of the llvm dialect -----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Three kinds of ops: those a GPU does in memory (calls through the table),
// those that host code generation would do otherwise or through a library
// (written out), and a list of those that mean the same on both.
//
//===----------------------------------------------------------------------===//

#include "Rewriter.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

namespace kvc::sim {

using namespace mlir;

namespace {

/// Ops of the llvm dialect that mean the same on a GPU and on the host.
bool isPlain(StringRef name) {
  static const llvm::StringSet<> plain = {
      // integers and control
      "add", "sub", "mul", "udiv", "sdiv", "urem", "srem", "and", "or", "xor",
      "shl", "lshr", "ashr", "icmp", "fcmp", "bitcast", "getelementptr",
      "inttoptr", "ptrtoint", "sext", "zext", "trunc", "sitofp", "uitofp",
      "extractelement", "extractvalue", "insertelement", "insertvalue",
      "shufflevector", "select", "freeze", "br", "cond_br", "switch", "return",
      "unreachable", "mlir.undef", "mlir.poison", "mlir.zero", "mlir.constant",
      "alloca", "fadd", "fsub", "fmul", "fdiv", "fneg", "fpext", "fptrunc",
      // intrinsics that need no library
      "intr.abs", "intr.assume", "intr.bitreverse", "intr.bswap",
      "intr.copysign", "intr.ctlz", "intr.ctpop", "intr.cttz", "intr.expect",
      "intr.fabs", "intr.ceil", "intr.floor", "intr.trunc", "intr.rint",
      "intr.roundeven", "intr.nearbyint", "intr.sqrt", "intr.fma",
      "intr.fmuladd", "intr.fshl", "intr.fshr", "intr.maxnum", "intr.minnum",
      "intr.maximum", "intr.minimum", "intr.smax", "intr.smin", "intr.umax",
      "intr.umin", "intr.lifetime.start", "intr.lifetime.end",
      "intr.is.fpclass", "intr.sadd.sat", "intr.uadd.sat", "intr.ssub.sat",
      "intr.usub.sat", "intr.sadd.with.overflow", "intr.uadd.with.overflow",
      "intr.ssub.with.overflow", "intr.usub.with.overflow",
      "intr.smul.with.overflow", "intr.umul.with.overflow",
      "intr.vector.reduce.add", "intr.vector.reduce.and",
      "intr.vector.reduce.or", "intr.vector.reduce.xor",
      "intr.vector.reduce.mul", "intr.vector.reduce.smax",
      "intr.vector.reduce.smin", "intr.vector.reduce.umax",
      "intr.vector.reduce.umin", "intr.vector.reduce.fadd",
      "intr.vector.reduce.fmul", "intr.vector.reduce.fmax",
      "intr.vector.reduce.fmin", "intr.vector.reduce.fmaximum",
      "intr.vector.reduce.fminimum"};
  return plain.contains(name);
}

} // namespace

FailureOr<uint32_t> scopeOf(Operation *op, std::optional<StringRef> name) {
  if (!name || name->empty())
    return uint32_t(KVCRT_SIM_SCOPE_SYSTEM);
  if (*name == "device" || *name == "cluster")
    return uint32_t(KVCRT_SIM_SCOPE_GPU);
  if (*name == "block")
    return uint32_t(KVCRT_SIM_SCOPE_BLOCK);
  return op->emitError()
         << "expected syncscope `block`, `cluster`, `device` or "
            "none, got `"
         << *name << "`";
}

uint32_t orderOf(LLVM::AtomicOrdering ordering) {
  switch (ordering) {
  case LLVM::AtomicOrdering::acquire:
    return KVCRT_SIM_ACQUIRE;
  case LLVM::AtomicOrdering::release:
    return KVCRT_SIM_RELEASE;
  case LLVM::AtomicOrdering::acq_rel:
  case LLVM::AtomicOrdering::seq_cst:
    return KVCRT_SIM_ACQUIRE_RELEASE;
  default:
    return KVCRT_SIM_RELAXED;
  }
}

LogicalResult Rewriter::atomic(Operation *op, uint32_t operation, Value pointer,
                               Value operand, Value compare, Type type,
                               uint32_t scope, uint32_t order, Value &result) {
  Location loc = op->getLoc();
  unsigned bits = bitsOf(type);
  unsigned space =
      cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace();
  bool floats = isa<FloatType>(type);
  if ((bits != 16 && bits != 32 && bits != 64) ||
      (operation == KVCRT_SIM_ATOMIC_FADD && (!floats || bits == 16)) ||
      (floats && operation > KVCRT_SIM_ATOMIC_COMPARE_EXCHANGE &&
       operation != KVCRT_SIM_ATOMIC_FADD))
    return op->emitError()
           << "expected an atomic that the simulator knows (16, "
              "32 or 64 bits, fadd of f32 or f64), got it on "
           << type;
  uint32_t descriptor = operation |
                        llvm::Log2_32(bits / 8) << KVCRT_SIM_ATOMIC_SIZE_SHIFT |
                        space << KVCRT_SIM_ATOMIC_SPACE_SHIFT |
                        scope << KVCRT_SIM_ATOMIC_SCOPE_SHIFT |
                        order << KVCRT_SIM_ATOMIC_ORDER_SHIFT;
  auto wide = [&](Value value) {
    return value ? toInteger(loc, value, 64) : i64(loc, 0);
  };
  result = call(op, Intrinsic::atomic,
                {address(loc, pointer), wide(operand), wide(compare),
                 i32(loc, descriptor)});
  result = fromInteger(loc, result, type);
  return success();
}

LogicalResult Rewriter::rewriteLoad(LLVM::LoadOp op) {
  if (isPrivate(op.getAddr()))
    return success();
  Location loc = op.getLoc();
  Type type = op.getType();
  if (op.getOrdering() != LLVM::AtomicOrdering::not_atomic) {
    FailureOr<uint32_t> scope = scopeOf(op, op.getSyncscope());
    Value result;
    if (failed(scope) ||
        failed(atomic(op, KVCRT_SIM_ATOMIC_LOAD, op.getAddr(), {}, {}, type,
                      *scope, orderOf(op.getOrdering()), result)))
      return failure();
    op.replaceAllUsesWith(result);
    op.erase();
    return success();
  }
  uint32_t flags = (op.getInvariant() ? KVCRT_SIM_ACCESS_INVARIANT : 0) |
                   (op.getVolatile_() ? KVCRT_SIM_ACCESS_STRONG : 0);
  uint64_t alignment =
      op.getAlignment().value_or(layout.getTypeABIAlignment(type));
  Value host = check(op, op.getAddr(),
                     packAccess(layout.getTypeSize(type), alignment, flags),
                     /*isWrite=*/false);
  // A misaligned access was reported; it must not fault.
  Value value = LLVM::LoadOp::create(builder, loc, type, host, /*alignment=*/1);
  op.replaceAllUsesWith(value);
  op.erase();
  return success();
}

LogicalResult Rewriter::rewriteStore(LLVM::StoreOp op) {
  if (isPrivate(op.getAddr()))
    return success();
  Type type = op.getValue().getType();
  if (op.getOrdering() != LLVM::AtomicOrdering::not_atomic) {
    FailureOr<uint32_t> scope = scopeOf(op, op.getSyncscope());
    Value result;
    if (failed(scope) ||
        failed(atomic(op, KVCRT_SIM_ATOMIC_STORE, op.getAddr(), op.getValue(),
                      {}, type, *scope, orderOf(op.getOrdering()), result)))
      return failure();
    op.erase();
    return success();
  }
  uint64_t alignment =
      op.getAlignment().value_or(layout.getTypeABIAlignment(type));
  uint32_t flags = op.getVolatile_() ? KVCRT_SIM_ACCESS_STRONG : 0;
  Value host = check(op, op.getAddr(),
                     packAccess(layout.getTypeSize(type), alignment, flags),
                     /*isWrite=*/true);
  LLVM::StoreOp::create(builder, op.getLoc(), op.getValue(), host,
                        /*alignment=*/1);
  op.erase();
  return success();
}

LogicalResult Rewriter::rewriteAtomicRMW(LLVM::AtomicRMWOp op) {
  std::optional<uint32_t> operation;
  switch (op.getBinOp()) {
  case LLVM::AtomicBinOp::xchg:
    operation = KVCRT_SIM_ATOMIC_EXCHANGE;
    break;
  case LLVM::AtomicBinOp::add:
    operation = KVCRT_SIM_ATOMIC_ADD;
    break;
  case LLVM::AtomicBinOp::sub:
    operation = KVCRT_SIM_ATOMIC_SUB;
    break;
  case LLVM::AtomicBinOp::_and:
    operation = KVCRT_SIM_ATOMIC_AND;
    break;
  case LLVM::AtomicBinOp::_or:
    operation = KVCRT_SIM_ATOMIC_OR;
    break;
  case LLVM::AtomicBinOp::_xor:
    operation = KVCRT_SIM_ATOMIC_XOR;
    break;
  case LLVM::AtomicBinOp::max:
    operation = KVCRT_SIM_ATOMIC_SMAX;
    break;
  case LLVM::AtomicBinOp::min:
    operation = KVCRT_SIM_ATOMIC_SMIN;
    break;
  case LLVM::AtomicBinOp::umax:
    operation = KVCRT_SIM_ATOMIC_UMAX;
    break;
  case LLVM::AtomicBinOp::umin:
    operation = KVCRT_SIM_ATOMIC_UMIN;
    break;
  case LLVM::AtomicBinOp::fadd:
    operation = KVCRT_SIM_ATOMIC_FADD;
    break;
  case LLVM::AtomicBinOp::uinc_wrap:
    operation = KVCRT_SIM_ATOMIC_INC;
    break;
  case LLVM::AtomicBinOp::udec_wrap:
    operation = KVCRT_SIM_ATOMIC_DEC;
    break;
  default:
    return op.emitError() << "expected an atomicrmw that the simulator knows, "
                             "got `"
                          << LLVM::stringifyAtomicBinOp(op.getBinOp()) << "`";
  }
  FailureOr<uint32_t> scope = scopeOf(op, op.getSyncscope());
  Value result;
  if (failed(scope) ||
      failed(atomic(op, *operation, op.getPtr(), op.getVal(), {}, op.getType(),
                    *scope, orderOf(op.getOrdering()), result)))
    return failure();
  op.replaceAllUsesWith(result);
  op.erase();
  return success();
}

LogicalResult Rewriter::rewriteCmpXchg(LLVM::AtomicCmpXchgOp op) {
  Location loc = op.getLoc();
  FailureOr<uint32_t> scope = scopeOf(op, op.getSyncscope());
  uint32_t order =
      orderOf(op.getSuccessOrdering()) | orderOf(op.getFailureOrdering());
  Type type = op.getVal().getType();
  Value old;
  if (failed(scope) ||
      failed(atomic(op, KVCRT_SIM_ATOMIC_COMPARE_EXCHANGE, op.getPtr(),
                    op.getVal(), op.getCmp(), type, *scope, order, old)))
    return failure();
  Value equal = LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::eq, old,
                                     op.getCmp());
  Value result = LLVM::PoisonOp::create(builder, loc, op.getType());
  result = LLVM::InsertValueOp::create(builder, loc, result, old,
                                       ArrayRef<int64_t>{0});
  result = LLVM::InsertValueOp::create(builder, loc, result, equal,
                                       ArrayRef<int64_t>{1});
  op.replaceAllUsesWith(result);
  op.erase();
  return success();
}

LogicalResult Rewriter::rewriteFence(LLVM::FenceOp op) {
  Location loc = op.getLoc();
  if (op.getSyncscope() != "singlethread") {
    FailureOr<uint32_t> scope = scopeOf(op, op.getSyncscope());
    if (failed(scope))
      return failure();
    call(op, Intrinsic::fence,
         {i32(loc, *scope), i32(loc, orderOf(op.getOrdering()))});
  }
  op.erase();
  return success();
}

LogicalResult Rewriter::rewriteCast(LLVM::AddrSpaceCastOp op) {
  auto space = [](Value value) {
    return cast<LLVM::LLVMPointerType>(value.getType()).getAddressSpace();
  };
  unsigned from = space(op.getArg()), to = space(op.getRes());
  if ((from == KVCRT_SIM_SHARED) == (to == KVCRT_SIM_SHARED))
    return success();
  Location loc = op.getLoc();
  Value result = call(op,
                      from == KVCRT_SIM_SHARED ? Intrinsic::shared_to_generic
                                               : Intrinsic::generic_to_shared,
                      {address(loc, op.getArg())});
  op.replaceAllUsesWith(
      LLVM::IntToPtrOp::create(builder, loc, op.getType(), result).getResult());
  op.erase();
  return success();
}

LogicalResult Rewriter::rewriteAddressOf(LLVM::AddressOfOp op) {
  auto it = shared.find(op.getGlobalName());
  if (it == shared.end())
    return success();
  Location loc = op.getLoc();
  Value result = LLVM::IntToPtrOp::create(builder, loc, op.getType(),
                                          i64(loc, it->second.address));
  op.replaceAllUsesWith(result);
  op.erase();
  return success();
}

LogicalResult Rewriter::rewriteInlineAsm(LLVM::InlineAsmOp op) {
  SmallVector<StringRef> constraints;
  op.getConstraints().split(constraints, ',', -1, /*KeepEmpty=*/false);
  for (StringRef constraint : constraints)
    if (constraint.starts_with("+") || constraint.starts_with("=&+"))
      return op.emitError()
             << "expected inline PTX without operands that are "
                "read and written, got constraint `"
             << constraint << "` in `" << op.getAsmString() << "`";
  SmallVector<Type> types;
  Type type = op.getNumResults() ? op.getRes().getType() : Type();
  auto structure = dyn_cast_if_present<LLVM::LLVMStructType>(type);
  if (structure)
    llvm::append_range(types, structure.getBody());
  else if (type && !isa<LLVM::LLVMVoidType>(type))
    types.push_back(type);
  SmallVector<Value> results;
  if (failed(
          rewritePtx(op, op.getAsmString(), types, op.getOperands(), results)))
    return failure();
  if (structure) {
    Location loc = op.getLoc();
    Value packed = LLVM::PoisonOp::create(builder, loc, type);
    for (auto [index, value] : llvm::enumerate(results))
      packed = LLVM::InsertValueOp::create(builder, loc, packed, value,
                                           ArrayRef<int64_t>{int64_t(index)});
    op.getRes().replaceAllUsesWith(packed);
  } else if (!results.empty()) {
    op.getRes().replaceAllUsesWith(results.front());
  }
  op.erase();
  return success();
}

LogicalResult Rewriter::rewriteCall(LLVM::CallOp op) {
  auto callee = op.getCallee();
  if (!callee)
    return op.emitError() << "expected a call of a function by name, got an "
                             "indirect call";
  auto function = SymbolTable::lookupNearestSymbolFrom<LLVM::LLVMFuncOp>(
      op, op.getCalleeAttr());
  if (!function || function.isExternal())
    return op.emitError() << "expected calls of functions with a body alone, "
                             "got a call of `"
                          << *callee
                          << "`; the simulator has no device library";
  return op.emitError() << "expected kernels without calls, got a call of `"
                        << *callee << "`; inline it first";
}

LogicalResult Rewriter::rewriteLLVM(Operation *op) {
  bool handled = true;
  LogicalResult result =
      llvm::TypeSwitch<Operation *, LogicalResult>(op)
          .Case([&](LLVM::LoadOp op) { return rewriteLoad(op); })
          .Case([&](LLVM::StoreOp op) { return rewriteStore(op); })
          .Case([&](LLVM::AtomicRMWOp op) { return rewriteAtomicRMW(op); })
          .Case([&](LLVM::AtomicCmpXchgOp op) { return rewriteCmpXchg(op); })
          .Case([&](LLVM::FenceOp op) { return rewriteFence(op); })
          .Case([&](LLVM::AddrSpaceCastOp op) { return rewriteCast(op); })
          .Case([&](LLVM::AddressOfOp op) { return rewriteAddressOf(op); })
          .Case([&](LLVM::InlineAsmOp op) { return rewriteInlineAsm(op); })
          .Case([&](LLVM::CallOp op) { return rewriteCall(op); })
          .Case([&](LLVM::Trap op) {
            call(op, Intrinsic::trap, {});
            op.erase();
            return success();
          })
          .Case<LLVM::MemcpyOp, LLVM::MemmoveOp, LLVM::MemcpyInlineOp>(
              [&](auto op) -> LogicalResult {
                if (isPrivate(op.getDst()) && isPrivate(op.getSrc()))
                  return success();
                return op.emitError()
                       << "expected copies of private memory alone; write "
                          "loads and stores";
              })
          .Case<LLVM::MemsetOp, LLVM::MemsetInlineOp>(
              [&](auto op) -> LogicalResult {
                if (isPrivate(op.getDst()))
                  return success();
                return op.emitError() << "expected memset of private memory "
                                         "alone; write stores";
              })
          .Default(
              [&](Operation *op) { return rewriteArithmetic(op, handled); });
  if (failed(result) || handled || isPlain(op->getName().stripDialect()))
    return result;
  return op->emitError() << "expected an op that the simulator knows, got `"
                         << op->getName() << "`; see docs/simulator.md";
}

} // namespace kvc::sim
