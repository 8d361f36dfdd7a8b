//===- PlanWorkspace.cpp - place every buffer in one workspace ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A buffer's bytes are `units * U`, U a polynomial of the function's dynamic
// sizes (T tokens, R rows of logits). Buffers with the same U form an arena, in
// which places are found in units at compile time:
//
//   workspace: | arena U=64: units 0..n0 | arena U=T: units 0..n1 | U=T*T .. |
//              offset = sum of the arenas before + unit * U
//
// Invariant: two buffers overlap only if no op lies between the first and the
// last use of both. Offsets are multiples of 64: where U is linear, units are
// (a step of one token stays compact); where it is not, U is rounded up (a mask
// of T x T bytes stays T x T).
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "SizePolynomial.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <map>

namespace kvc {
#define GEN_PASS_DEF_PLANWORKSPACEPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

constexpr int64_t kAlignment = 64;

struct Buffer {
  memref::AllocOp alloc;
  int64_t units = 0;            // size, in units of the arena
  int64_t place = 0;            // offset, in units of the arena
  unsigned first = 0, last = 0; // positions of its uses in the block
};

struct Arena {
  std::vector<Buffer> buffers;
  int64_t units = 0; // size
};

/// All values that show (part of) the memory of `root`.
SmallVector<Value> aliasesOf(Value root) {
  SmallVector<Value> aliases{root};
  for (size_t i = 0; i < aliases.size(); ++i)
    for (Operation *user : aliases[i].getUsers())
      if (user->getNumRegions() == 0)
        for (Value result : user->getResults())
          if (isa<BaseMemRefType>(result.getType()))
            aliases.push_back(result);
  return aliases;
}

/// The arenas of one function by their unit.
class Plan {
public:
  Plan(func::FuncOp function, kvc::Symbols &symbols)
      : function(function), symbols(symbols) {}

  LogicalResult collect();
  void place();
  /// Emits the offsets and the views that take the allocations' place.
  void apply(Value workspace);
  /// Emits the bytes of the whole workspace for sizes `symbolValues`.
  Value totalBytes(ImplicitLocOpBuilder &b, ArrayRef<Value> symbolValues);

private:
  SmallVector<Value> unitValues(ImplicitLocOpBuilder &b,
                                ArrayRef<Value> symbolValues);

  func::FuncOp function;
  kvc::Symbols &symbols;
  std::map<kvc::Polynomial, Arena> arenas;
};

LogicalResult Plan::collect() {
  Block &block = function.getBody().front();
  DenseMap<Operation *, unsigned> positions;
  for (auto [i, op] : llvm::enumerate(block))
    positions[&op] = i;
  WalkResult result = function.walk([&](memref::AllocOp alloc) {
    if (alloc->getBlock() != &block) {
      alloc.emitError("expected buffers at the top level of `")
          << function.getName() << "`, got one inside a loop";
      return WalkResult::interrupt();
    }
    MemRefType type = alloc.getType();
    if (!type.getElementType().isIntOrIndexOrFloat()) {
      alloc.emitError("expected buffers of integers or floats, got ") << type;
      return WalkResult::interrupt();
    }
    kvc::Polynomial bytes = kvc::Polynomial::constant(std::max<int64_t>(
        1, llvm::divideCeil(type.getElementType().isIndex()
                                ? 64
                                : type.getElementTypeBitWidth(),
                            8)));
    unsigned dynamic = 0;
    for (int64_t size : type.getShape()) {
      std::optional<kvc::Polynomial> factor = kvc::Polynomial::constant(size);
      if (ShapedType::isDynamic(size))
        factor = symbols.evaluate(alloc.getDynamicSizes()[dynamic++]);
      if (!factor) {
        alloc.emitError("expected a buffer size that depends only on the sizes "
                        "of `")
            << function.getName() << "`'s arguments, got " << type;
        return WalkResult::interrupt();
      }
      bytes = bytes * *factor;
    }
    Buffer buffer;
    buffer.alloc = alloc;
    buffer.units = bytes.extractContent();
    if (bytes.degree() == 0) {
      bytes = kvc::Polynomial::constant(kAlignment);
      buffer.units = llvm::divideCeil(buffer.units, kAlignment);
    } else if (bytes.degree() == 1) {
      buffer.units = llvm::alignTo(buffer.units, kAlignment);
    }
    bool used = false;
    for (Value alias : aliasesOf(alloc))
      for (Operation *user : alias.getUsers()) {
        unsigned at = positions.lookup(block.findAncestorOpInBlock(*user));
        buffer.first = used ? std::min(buffer.first, at) : at;
        buffer.last = used ? std::max(buffer.last, at) : at;
        used = true;
      }
    arenas[bytes].buffers.push_back(buffer);
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// First fit in order of first use.
void Plan::place() {
  for (auto &[unit, arena] : arenas) {
    llvm::sort(arena.buffers, [](const Buffer &a, const Buffer &b) {
      return std::tie(a.first, b.units, a.last) <
             std::tie(b.first, a.units, b.last);
    });
    for (size_t i = 0; i < arena.buffers.size(); ++i) {
      Buffer &buffer = arena.buffers[i];
      std::map<int64_t, int64_t> taken; // place -> end, of live buffers
      for (size_t j = 0; j < i; ++j) {
        const Buffer &other = arena.buffers[j];
        if (other.last >= buffer.first && other.first <= buffer.last) {
          int64_t &end = taken[other.place];
          end = std::max(end, other.place + other.units);
        }
      }
      int64_t place = 0;
      for (auto [begin, end] : taken) {
        if (begin >= place + buffer.units)
          break;
        place = std::max(place, end);
      }
      buffer.place = place;
      arena.units = std::max(arena.units, place + buffer.units);
    }
  }
}

SmallVector<Value> Plan::unitValues(ImplicitLocOpBuilder &b,
                                    ArrayRef<Value> symbolValues) {
  SmallVector<Value> units;
  for (auto &[unit, arena] : arenas) {
    Value value = unit.emit(b, symbolValues);
    if (unit.degree() > 1) {
      Value align = arith::ConstantIndexOp::create(b, kAlignment);
      value = arith::CeilDivUIOp::create(b, value, align);
      value = arith::MulIOp::create(b, value, align);
    }
    units.push_back(value);
  }
  return units;
}

Value Plan::totalBytes(ImplicitLocOpBuilder &b, ArrayRef<Value> symbolValues) {
  SmallVector<Value> units = unitValues(b, symbolValues);
  Value total = arith::ConstantIndexOp::create(b, 0);
  for (auto [unit, entry] : llvm::zip_equal(units, arenas)) {
    Value bytes = arith::MulIOp::create(
        b, unit, arith::ConstantIndexOp::create(b, entry.second.units));
    total = arith::AddIOp::create(b, total, bytes);
  }
  return total;
}

void Plan::apply(Value workspace) {
  ImplicitLocOpBuilder b(function.getLoc(), function.getContext());
  b.setInsertionPointToStart(&function.getBody().front());
  SmallVector<Value> sizes = symbols.emitDims(b, function);
  SmallVector<Value> units = unitValues(b, sizes);
  Value base = arith::ConstantIndexOp::create(b, 0);
  for (auto [unit, entry] : llvm::zip_equal(units, arenas)) {
    Arena &arena = entry.second;
    for (Buffer &buffer : arena.buffers) {
      Value offset = arith::MulIOp::create(
          b, unit, arith::ConstantIndexOp::create(b, buffer.place));
      offset = arith::AddIOp::create(b, base, offset);
      OpBuilder local(buffer.alloc);
      Value view = memref::ViewOp::create(
          local, buffer.alloc.getLoc(), buffer.alloc.getType(), workspace,
          offset, buffer.alloc.getDynamicSizes());
      buffer.alloc.replaceAllUsesWith(view);
      buffer.alloc.erase();
    }
    Value bytes = arith::MulIOp::create(
        b, unit, arith::ConstantIndexOp::create(b, arena.units));
    base = arith::AddIOp::create(b, base, bytes);
  }
}

struct PlanWorkspace : kvc::impl::PlanWorkspacePassBase<PlanWorkspace> {
  using PlanWorkspacePassBase::PlanWorkspacePassBase;

  void runOnOperation() override {
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (!function.isDeclaration() && failed(plan(function)))
        return signalPassFailure();
  }

  LogicalResult plan(func::FuncOp function) {
    if (!function.getBody().hasOneBlock())
      return success();
    kvc::Symbols symbols(function);
    Plan plan(function, symbols);
    if (failed(plan.collect()))
      return failure();
    plan.place();

    // @NAME_workspace(one index per dynamic size of the arguments) -> bytes
    ImplicitLocOpBuilder b(function.getLoc(), function);
    SmallVector<Type> inputs(symbols.size(), b.getIndexType());
    auto size =
        func::FuncOp::create(b, (function.getName() + "_workspace").str(),
                             b.getFunctionType(inputs, b.getIndexType()));
    size.setPrivate();
    Block *entry = size.addEntryBlock();
    b.setInsertionPointToStart(entry);
    SmallVector<Value> arguments(entry->getArguments());
    func::ReturnOp::create(b, plan.totalBytes(b, arguments));

    Type bytes = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
    unsigned position = function.getNumArguments();
    LogicalResult inserted = function.insertArgument(
        position, bytes,
        b.getDictionaryAttr(b.getNamedAttr("kvc.workspace", b.getUnitAttr())),
        function.getLoc());
    if (failed(inserted))
      return failure();
    plan.apply(function.getArgument(position));
    return success();
  }
};

} // namespace
