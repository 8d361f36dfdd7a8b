//===- NvvmOps.cpp - ops of the nvvm dialect as calls through the table ---===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The only file that includes NVVMDialect.h (10 s of compile time).
// Invariant: an op that is not handled here is an error that names it.
//
//===----------------------------------------------------------------------===//

#include "Rewriter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

namespace kvc::sim {

using namespace mlir;

namespace {

std::optional<uint32_t> specialRegister(StringRef name) {
  auto axis = [&](StringRef prefix, uint32_t first) -> std::optional<uint32_t> {
    StringRef rest = name;
    if (!rest.consume_front(prefix) || rest.size() != 1)
      return std::nullopt;
    return first + uint32_t(rest[0] - 'x');
  };
  if (!name.consume_front("read.ptx.sreg."))
    return std::nullopt;
  if (auto which = axis("tid.", KVCRT_SIM_REGISTER_TID_X))
    return which;
  if (auto which = axis("ntid.", KVCRT_SIM_REGISTER_NTID_X))
    return which;
  if (auto which = axis("ctaid.", KVCRT_SIM_REGISTER_CTAID_X))
    return which;
  if (auto which = axis("nctaid.", KVCRT_SIM_REGISTER_NCTAID_X))
    return which;
  return llvm::StringSwitch<std::optional<uint32_t>>(name)
      .Case("laneid", KVCRT_SIM_REGISTER_LANEID)
      .Case("warpid", KVCRT_SIM_REGISTER_WARPID)
      .Case("nwarpid", KVCRT_SIM_REGISTER_NWARPID)
      .Case("warpsize", KVCRT_SIM_REGISTER_WARPSIZE)
      .Case("lanemask.eq", KVCRT_SIM_REGISTER_LANEMASK_EQ)
      .Case("lanemask.le", KVCRT_SIM_REGISTER_LANEMASK_LE)
      .Case("lanemask.lt", KVCRT_SIM_REGISTER_LANEMASK_LT)
      .Case("lanemask.ge", KVCRT_SIM_REGISTER_LANEMASK_GE)
      .Case("lanemask.gt", KVCRT_SIM_REGISTER_LANEMASK_GT)
      .Case("smid", KVCRT_SIM_REGISTER_SMID)
      .Case("nsmid", KVCRT_SIM_REGISTER_NSMID)
      .Case("gridid", KVCRT_SIM_REGISTER_GRIDID)
      .Cases({"clock", "clock64", "globaltimer", "globaltimer.lo"},
             KVCRT_SIM_REGISTER_CLOCK)
      .Case("dynamic.smem.size", KVCRT_SIM_REGISTER_DYNAMIC_SMEM)
      .Case("total.smem.size", KVCRT_SIM_REGISTER_TOTAL_SMEM)
      .Default(std::nullopt);
}

std::optional<uint32_t> elementType(NVVM::MMATypes type) {
  switch (type) {
  case NVVM::MMATypes::f16:
    return KVCRT_SIM_TYPE_F16;
  case NVVM::MMATypes::bf16:
    return KVCRT_SIM_TYPE_BF16;
  case NVVM::MMATypes::f32:
    return KVCRT_SIM_TYPE_F32;
  case NVVM::MMATypes::s8:
    return KVCRT_SIM_TYPE_S8;
  case NVVM::MMATypes::u8:
    return KVCRT_SIM_TYPE_U8;
  case NVVM::MMATypes::s32:
    return KVCRT_SIM_TYPE_S32;
  case NVVM::MMATypes::tf32:
    return KVCRT_SIM_TYPE_TF32;
  case NVVM::MMATypes::e4m3:
    return KVCRT_SIM_TYPE_E4M3;
  case NVVM::MMATypes::e5m2:
    return KVCRT_SIM_TYPE_E5M2;
  default:
    return std::nullopt;
  }
}

uint32_t shuffleMode(NVVM::ShflKind kind) {
  switch (kind) {
  case NVVM::ShflKind::bfly:
    return KVCRT_SIM_SHUFFLE_BFLY;
  case NVVM::ShflKind::up:
    return KVCRT_SIM_SHUFFLE_UP;
  case NVVM::ShflKind::down:
    return KVCRT_SIM_SHUFFLE_DOWN;
  case NVVM::ShflKind::idx:
    return KVCRT_SIM_SHUFFLE_IDX;
  }
  llvm_unreachable("all kinds are handled");
}

uint32_t voteMode(NVVM::VoteSyncKind kind) {
  switch (kind) {
  case NVVM::VoteSyncKind::any:
    return KVCRT_SIM_VOTE_ANY;
  case NVVM::VoteSyncKind::all:
    return KVCRT_SIM_VOTE_ALL;
  case NVVM::VoteSyncKind::ballot:
    return KVCRT_SIM_VOTE_BALLOT;
  case NVVM::VoteSyncKind::uni:
    return KVCRT_SIM_VOTE_UNI;
  }
  llvm_unreachable("all kinds are handled");
}

std::optional<uint32_t> reduceMode(NVVM::ReduxKind kind) {
  switch (kind) {
  case NVVM::ReduxKind::ADD:
    return KVCRT_SIM_REDUCE_ADD;
  case NVVM::ReduxKind::AND:
    return KVCRT_SIM_REDUCE_AND;
  case NVVM::ReduxKind::OR:
    return KVCRT_SIM_REDUCE_OR;
  case NVVM::ReduxKind::XOR:
    return KVCRT_SIM_REDUCE_XOR;
  case NVVM::ReduxKind::MIN:
    return KVCRT_SIM_REDUCE_SMIN;
  case NVVM::ReduxKind::MAX:
    return KVCRT_SIM_REDUCE_SMAX;
  case NVVM::ReduxKind::UMIN:
    return KVCRT_SIM_REDUCE_UMIN;
  case NVVM::ReduxKind::UMAX:
    return KVCRT_SIM_REDUCE_UMAX;
  default:
    return std::nullopt;
  }
}

class NvvmRewriter {
public:
  NvvmRewriter(Rewriter &rewriter, Operation *op)
      : r(rewriter), op(op), loc(op->getLoc()) {}

  LogicalResult run();

private:
  LogicalResult replace(Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
    return success();
  }
  LogicalResult done() {
    op->erase();
    return success();
  }
  LogicalResult unknown(const Twine &what) {
    return op->emitError() << "expected an nvvm op that the simulator knows, "
                              "got `"
                           << op->getName() << "`" << what
                           << "; see docs/simulator.md";
  }
  Value call(Intrinsic intrinsic, ValueRange arguments) {
    return r.call(op, intrinsic, arguments);
  }
  Value number(uint32_t value) { return r.i32(loc, value); }
  Value isNonZero(Value value) {
    Value zero =
        LLVM::ConstantOp::create(r.builder, loc, value.getType(),
                                 r.builder.getIntegerAttr(value.getType(), 0));
    return LLVM::ICmpOp::create(r.builder, loc, LLVM::ICmpPredicate::ne, value,
                                zero);
  }
  /// {low half as the type, bit 32} or the low half alone.
  LogicalResult replaceWithPredicate(Value both) {
    OpBuilder &b = r.builder;
    Type type = op->getResult(0).getType();
    auto structure = dyn_cast<LLVM::LLVMStructType>(type);
    if (!structure)
      return replace(r.fromInteger(loc, both, type));
    Value bit = LLVM::LShrOp::create(b, loc, both, r.i64(loc, 32));
    Value result = LLVM::PoisonOp::create(b, loc, type);
    result = LLVM::InsertValueOp::create(
        b, loc, result, r.fromInteger(loc, both, structure.getBody()[0]),
        ArrayRef<int64_t>{0});
    result = LLVM::InsertValueOp::create(
        b, loc, result, r.fromInteger(loc, bit, structure.getBody()[1]),
        ArrayRef<int64_t>{1});
    return replace(result);
  }

  LogicalResult multiply(NVVM::MmaOp mma);
  LogicalResult barrier(NVVM::BarrierOp barrier);
  LogicalResult convert();
  LogicalResult convertPair(uint32_t which, Value high, Value low, Type result);

  Rewriter &r;
  Operation *op;
  Location loc;
};

LogicalResult NvvmRewriter::multiply(NVVM::MmaOp mma) {
  uint32_t k = uint32_t(mma.getShape().getK());
  auto a = elementType(*mma.getMultiplicandAPtxType());
  auto b = elementType(*mma.getMultiplicandBPtxType());
  auto c = elementType(mma.accumPtxType());
  if (!a || !b || !c || mma.getShape().getM() != 16 ||
      mma.getShape().getN() != 8 || mma.getLayoutA() != NVVM::MMALayout::row ||
      mma.getLayoutB() != NVVM::MMALayout::col)
    return unknown(" of this shape and these types");
  uint32_t descriptor = *a | *b << 4 | *c << 8 | k << 16;
  if (mma.getIntOverflowBehavior() == NVVM::MMAIntOverflow::satfinite)
    descriptor |= KVCRT_SIM_MULTIPLY_SATURATE;
  SmallVector<Value> operands, results;
  for (Value operand : mma.getOperands()) {
    if (r.bitsOf(operand.getType()) != 32)
      return unknown(" with operands that are not 32-bit registers");
    operands.push_back(r.toInteger(loc, operand, 32));
  }
  auto type = cast<LLVM::LLVMStructType>(mma.getType());
  r.multiply(op, descriptor, operands, type.getBody().size(), results);
  return replace(r.packStruct(loc, type, results));
}

LogicalResult NvvmRewriter::barrier(NVVM::BarrierOp barrier) {
  uint32_t mode = KVCRT_SIM_BARRIER_SYNC;
  if (auto reduction = barrier.getReductionOp())
    switch (*reduction) {
    case NVVM::BarrierReduction::POPC:
      mode = KVCRT_SIM_BARRIER_POPC;
      break;
    case NVVM::BarrierReduction::AND:
      mode = KVCRT_SIM_BARRIER_AND;
      break;
    case NVVM::BarrierReduction::OR:
      mode = KVCRT_SIM_BARRIER_OR;
      break;
    }
  auto orZero = [&](Value value) { return value ? value : number(0); };
  Value result =
      call(Intrinsic::barrier, {orZero(barrier.getBarrierId()),
                                orZero(barrier.getNumberOfThreads()),
                                number(mode | KVCRT_SIM_BARRIER_ALIGNED),
                                orZero(barrier.getReductionPredicate())});
  return op->getNumResults() ? replace(result) : done();
}

LogicalResult NvvmRewriter::convertPair(uint32_t which, Value high, Value low,
                                        Type result) {
  Value zero = number(0);
  auto word = [&](Value value) {
    return value ? r.toInteger(loc, value, 32) : zero;
  };
  Value value =
      call(Intrinsic::convert, {number(which), word(high), word(low)});
  return replace(r.fromInteger(loc, value, result));
}

LogicalResult NvvmRewriter::convert() {
  Type result = op->getNumResults() ? op->getResult(0).getType() : Type();
  auto rounds = [](NVVM::FPRoundingMode mode) {
    return mode == NVVM::FPRoundingMode::RN ||
           mode == NVVM::FPRoundingMode::NONE;
  };
  auto relu = [](bool has) { return has ? KVCRT_SIM_CONVERT_RELU : 0u; };
  if (auto c = dyn_cast<NVVM::ConvertF32x2ToBF16x2Op>(op))
    if (rounds(c.getRnd()) && !c.getRandomBits())
      return convertPair(KVCRT_SIM_CONVERT_F32_BF16X2 | relu(c.getRelu()),
                         c.getSrcHi(), c.getSrcLo(), result);
  if (auto c = dyn_cast<NVVM::ConvertF32x2ToF16x2Op>(op))
    if (rounds(c.getRnd()) && !c.getRandomBits())
      return convertPair(KVCRT_SIM_CONVERT_F32_F16X2 | relu(c.getRelu()),
                         c.getSrcHi(), c.getSrcLo(), result);
  auto isF8 = [](Type type, uint32_t &which, uint32_t e4m3, uint32_t e5m2) {
    which = isa<Float8E4M3FNType>(type) ? e4m3 : e5m2;
    return isa<Float8E4M3FNType, Float8E5M2Type>(type);
  };
  uint32_t which = 0;
  if (auto c = dyn_cast<NVVM::ConvertF32x2ToF8x2Op>(op))
    if (isF8(c.getDstTy(), which, KVCRT_SIM_CONVERT_F32_E4M3X2,
             KVCRT_SIM_CONVERT_F32_E5M2X2) &&
        rounds(c.getRnd()))
      return convertPair(which | relu(c.getRelu()), c.getA(), c.getB(), result);
  if (auto c = dyn_cast<NVVM::ConvertF16x2ToF8x2Op>(op))
    if (isF8(c.getDstTy(), which, KVCRT_SIM_CONVERT_F16X2_E4M3X2,
             KVCRT_SIM_CONVERT_F16X2_E5M2X2)) {
      // Element 0 goes to the upper half of a packed result and to element 0
      // of a vector, as the op says.
      Value word = r.toInteger(loc, c.getA(), 32);
      if (isa<IntegerType>(result)) {
        Value half = number(16);
        word = LLVM::OrOp::create(
            r.builder, loc, LLVM::ShlOp::create(r.builder, loc, word, half),
            LLVM::LShrOp::create(r.builder, loc, word, half));
      }
      return convertPair(which | relu(c.getRelu()), word, {}, result);
    }
  if (auto c = dyn_cast<NVVM::ConvertF8x2ToF16x2Op>(op))
    if (isF8(c.getSrcType(), which, KVCRT_SIM_CONVERT_E4M3X2_F16X2,
             KVCRT_SIM_CONVERT_E5M2X2_F16X2))
      return convertPair(which | relu(c.getRelu()), c.getSrc(), {}, result);
  if (auto c = dyn_cast<NVVM::ConvertFloatToTF32Op>(op))
    if (c.getRnd() == NVVM::FPRoundingMode::RNA)
      return convertPair(KVCRT_SIM_CONVERT_F32_TF32 | relu(c.getRelu()),
                         c.getSrc(), {}, result);
  return unknown(" of these types and modes");
}

LogicalResult NvvmRewriter::run() {
  StringRef name = op->getName().stripDialect();
  if (std::optional<uint32_t> which = specialRegister(name)) {
    Value value = call(Intrinsic::special_register, {number(*which)});
    return replace(r.fromInteger(loc, value, op->getResult(0).getType()));
  }
  OpBuilder &b = r.builder;
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](NVVM::MmaOp mma) { return multiply(mma); })
      .Case([&](NVVM::LdMatrixOp load) -> LogicalResult {
        if (load.getShape().getM() != 8 || load.getShape().getN() != 8 ||
            load.getEltType() != NVVM::LdStMatrixEltType::B16)
          return unknown(" of this shape");
        unsigned count = load.getNum();
        uint32_t descriptor = count;
        if (load.getLayout() == NVVM::MMALayout::col)
          descriptor |= KVCRT_SIM_MATRIX_TRANSPOSED;
        SmallVector<Value> words;
        r.loadMatrix(op, r.address(loc, load.getPtr()), descriptor, count,
                     words);
        Type type = load.getType();
        return replace(count == 1 ? r.fromInteger(loc, words[0], type)
                                  : r.packStruct(loc, type, words));
      })
      .Case([&](NVVM::StMatrixOp store) -> LogicalResult {
        if (store.getShape().getM() != 8 || store.getShape().getN() != 8 ||
            store.getEltType() != NVVM::LdStMatrixEltType::B16)
          return unknown(" of this shape");
        uint32_t descriptor = uint32_t(store.getSources().size());
        if (store.getLayout() == NVVM::MMALayout::col)
          descriptor |= KVCRT_SIM_MATRIX_TRANSPOSED;
        Value room = r.registers(loc, store.getSources().size());
        for (auto [index, word] : llvm::enumerate(store.getSources()))
          r.storeRegister(loc, room, index, word);
        call(Intrinsic::store_matrix,
             {r.address(loc, store.getPtr()), number(descriptor), room});
        return done();
      })
      .Case([&](NVVM::CpAsyncOp copy) {
        Value bytes = number(copy.getSize());
        Value source = copy.getCpSize() ? copy.getCpSize() : bytes;
        call(Intrinsic::copy_async,
             {r.address(loc, copy.getDst()), r.address(loc, copy.getSrc()),
              bytes, source});
        return done();
      })
      .Case([&](NVVM::CpAsyncCommitGroupOp) {
        call(Intrinsic::copy_commit, {});
        return done();
      })
      .Case([&](NVVM::CpAsyncWaitGroupOp wait) {
        call(Intrinsic::copy_wait, {number(wait.getN())});
        return done();
      })
      .Case([&](NVVM::ShflOp shuffle) {
        Value value = r.toInteger(loc, shuffle.getVal(), 32);
        return replaceWithPredicate(call(
            Intrinsic::shuffle, {shuffle.getThreadMask(), value,
                                 shuffle.getOffset(), shuffle.getMaskAndClamp(),
                                 number(shuffleMode(shuffle.getKind()))}));
      })
      .Case([&](NVVM::VoteSyncOp vote) {
        Value predicate = r.toInteger(loc, vote.getPred(), 32);
        Value value = call(Intrinsic::vote, {vote.getMask(), predicate,
                                             number(voteMode(vote.getKind()))});
        return replace(vote.getType().isInteger(1) ? isNonZero(value) : value);
      })
      .Case([&](NVVM::MatchSyncOp match) {
        bool all = match.getKind() == NVVM::MatchSyncKind::all;
        return replaceWithPredicate(
            call(Intrinsic::match,
                 {match.getThreadMask(), r.toInteger(loc, match.getVal(), 64),
                  number(all ? KVCRT_SIM_MATCH_ALL : KVCRT_SIM_MATCH_ANY)}));
      })
      .Case([&](NVVM::ReduxOp redux) -> LogicalResult {
        auto mode = reduceMode(redux.getKind());
        if (!mode || !redux.getType().isInteger(32))
          return unknown(" on floats");
        return replace(
            call(Intrinsic::reduce,
                 {redux.getMaskAndClamp(), redux.getVal(), number(*mode)}));
      })
      .Case([&](NVVM::ElectSyncOp elect) {
        Value mask =
            elect.getMembermask() ? elect.getMembermask() : number(~0u);
        return replace(isNonZero(call(Intrinsic::elect, {mask})));
      })
      .Case([&](NVVM::SyncWarpOp sync) {
        call(Intrinsic::warp_sync, {sync.getMask()});
        return done();
      })
      .Case([&](NVVM::Barrier0Op) {
        call(Intrinsic::barrier,
             {number(0), number(0),
              number(KVCRT_SIM_BARRIER_SYNC | KVCRT_SIM_BARRIER_ALIGNED),
              number(0)});
        return done();
      })
      .Case([&](NVVM::BarrierOp op) { return barrier(op); })
      .Case([&](NVVM::BarrierArriveOp arrive) {
        Value id = arrive.getBarrierId() ? arrive.getBarrierId() : number(0);
        call(Intrinsic::barrier,
             {id, arrive.getNumberOfThreads(),
              number(KVCRT_SIM_BARRIER_ARRIVE | KVCRT_SIM_BARRIER_ALIGNED),
              number(0)});
        return done();
      })
      .Case([&](NVVM::MembarOp membar) {
        uint32_t scope = membar.getScope() == NVVM::MemScopeKind::CTA
                             ? KVCRT_SIM_SCOPE_BLOCK
                         : membar.getScope() == NVVM::MemScopeKind::SYS
                             ? KVCRT_SIM_SCOPE_SYSTEM
                             : KVCRT_SIM_SCOPE_GPU;
        call(Intrinsic::fence,
             {number(scope), number(KVCRT_SIM_ACQUIRE_RELEASE)});
        return done();
      })
      .Case([&](NVVM::PrefetchOp prefetch) -> LogicalResult {
        if (prefetch.getTensormap() || prefetch.getPredicate())
          return unknown(" of a tensor map or under a predicate");
        unsigned space =
            cast<LLVM::LLVMPointerType>(prefetch.getAddr().getType())
                .getAddressSpace();
        call(Intrinsic::prefetch,
             {r.address(loc, prefetch.getAddr()), number(space)});
        return done();
      })
      .Case([&](NVVM::NanosleepOp sleep) {
        call(Intrinsic::sleep, {sleep.getDuration()});
        return done();
      })
      .Case([&](NVVM::PermuteOp permute) {
        Value high = permute.getHi() ? permute.getHi() : number(0);
        return replace(call(Intrinsic::permute,
                            {permute.getLo(), high, permute.getSelector(),
                             number(uint32_t(permute.getMode()))}));
      })
      .Case([&](NVVM::RcpApproxFtzF32Op rcp) {
        return replace(
            call(Intrinsic::approximate,
                 {number(KVCRT_SIM_APPROXIMATE_RCP | KVCRT_SIM_FLUSH),
                  rcp.getArg()}));
      })
      .Case([&](NVVM::InlinePtxOp ptx) -> LogicalResult {
        if (ptx.getPredicate() || !ptx.getReadWriteArgs().empty())
          return unknown(" with a predicate or operands that are read and "
                         "written");
        SmallVector<Value> results;
        if (failed(r.rewritePtx(op, ptx.getPtxCode(), op->getResultTypes(),
                                ptx.getReadOnlyArgs(), results)))
          return failure();
        op->replaceAllUsesWith(results);
        return done();
      })
      // Hints: when the next grid may start changes no result here, because
      // grids run one after another.
      .Case([&](NVVM::GriddepcontrolOp) { return done(); })
      .Case([&](NVVM::PMEventOp) { return done(); })
      .Default([&](Operation *) {
        (void)b;
        return name.starts_with("convert.") ? convert() : unknown("");
      });
}

} // namespace

LogicalResult Rewriter::rewriteNvvm(Operation *op) {
  return NvvmRewriter(*this, op).run();
}

} // namespace kvc::sim
