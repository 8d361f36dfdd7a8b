//===- Mutate.cpp - kernels with one mistake ------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: the same module gives the same mutations in the same order; a
// mutated module still verifies.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/Sim/Mutate.h"

#include "kvc/Target/Sim/Passes.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/raw_ostream.h"

namespace kvc::sim {

#define GEN_PASS_DEF_SIMMUTATEPASS
#include "kvc/Target/Sim/Passes.h.inc"

using namespace mlir;

namespace {

struct Mutation {
  StringRef kind;
  Operation *op;
  std::function<void()> apply;
};

class Collector {
public:
  std::vector<Mutation> run(ModuleOp module) {
    module.walk([&](gpu::GPUModuleOp gpu) {
      gpu.walk([&](LLVM::LLVMFuncOp kernel) {
        lanes.clear();
        kernel.walk([&](Operation *op) { collect(op); });
      });
    });
    // Behind the others, one for each kernel.
    module.walk([&](gpu::GPUModuleOp gpu) {
      gpu.walk([&](LLVM::LLVMFuncOp kernel) { collectOffsets(kernel); });
    });
    return std::move(mutations);
  }

private:
  void add(StringRef kind, Operation *op, std::function<void()> apply) {
    mutations.push_back({kind, op, std::move(apply)});
  }
  void addDrop(StringRef kind, Operation *op) {
    if (op->use_empty())
      add(kind, op, [op] { op->erase(); });
  }
  void collect(Operation *op);
  void collectOrder(Operation *op);
  void collectLanes(Operation *op);
  void collectMatrices(Operation *op);
  void collectSwizzle(LLVM::XOrOp op);
  void collectOffsets(LLVM::LLVMFuncOp kernel);

  std::vector<Mutation> mutations;
  /// Values that say which lane or thread this is.
  llvm::DenseSet<Value> lanes;
};

bool is(Operation *op, StringRef name) {
  return op->getName().getStringRef() == name;
}

/// Does `value` reach the address of a shared access?
bool feedsSharedAddress(Value value) {
  SmallVector<Value> work = {value};
  llvm::DenseSet<Value> seen;
  while (!work.empty()) {
    Value next = work.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    for (Operation *user : next.getUsers()) {
      if (auto gep = dyn_cast<LLVM::GEPOp>(user)) {
        if (cast<LLVM::LLVMPointerType>(gep.getType()).getAddressSpace() == 3)
          return true;
      } else if (isa<LLVM::AddOp, LLVM::MulOp, LLVM::ShlOp, LLVM::OrOp,
                     LLVM::XOrOp, LLVM::ZExtOp, LLVM::SExtOp, LLVM::TruncOp>(
                     user)) {
        work.push_back(user->getResult(0));
      } else if (auto cast = dyn_cast<LLVM::IntToPtrOp>(user)) {
        if (llvm::cast<LLVM::LLVMPointerType>(cast.getType())
                .getAddressSpace() == 3)
          return true;
      }
    }
  }
  return false;
}

void Collector::collectOrder(Operation *op) {
  if (is(op, "nvvm.barrier0") || is(op, "nvvm.barrier"))
    addDrop("drop-barrier", op);
  else if (is(op, "nvvm.bar.warp.sync"))
    addDrop("drop-warp-sync", op);
  else if (is(op, "nvvm.memory.barrier") || isa<LLVM::FenceOp>(op))
    addDrop("drop-fence", op);
  else if (is(op, "nvvm.cp.async.commit.group"))
    addDrop("drop-commit", op);
  else if (is(op, "nvvm.cp.async.wait.group")) {
    addDrop("drop-wait", op);
    auto n = op->getAttrOfType<IntegerAttr>("n");
    add("weaken-wait", op, [op, n] {
      op->setAttr("n", IntegerAttr::get(n.getType(), n.getInt() + 1));
    });
  } else if (auto rmw = dyn_cast<LLVM::AtomicRMWOp>(op)) {
    if (rmw.getOrdering() != LLVM::AtomicOrdering::monotonic)
      add("relax-atomic", op, [rmw]() mutable {
        rmw.setOrdering(LLVM::AtomicOrdering::monotonic);
      });
  }
}

void Collector::collectLanes(Operation *op) {
  if (is(op, "nvvm.read.ptx.sreg.tid.x") ||
      is(op, "nvvm.read.ptx.sreg.laneid")) {
    lanes.insert(op->getResult(0));
    return;
  }
  if (!isa<LLVM::AndOp, LLVM::LShrOp, LLVM::URemOp, LLVM::UDivOp, LLVM::SRemOp,
           LLVM::SDivOp, LLVM::TruncOp, LLVM::ZExtOp, LLVM::SExtOp>(op) ||
      !lanes.contains(op->getOperand(0)))
    return;
  lanes.insert(op->getResult(0));
  APInt constant;
  if (op->getNumOperands() != 2 ||
      !matchPattern(op->getOperand(1), m_ConstantInt(&constant)))
    return;
  // A shift or a divisor one step further, a mask one bit shorter.
  APInt shifted = constant;
  if (isa<LLVM::AndOp>(op))
    shifted = constant.lshr(1);
  else if (isa<LLVM::LShrOp>(op))
    shifted = constant + 1;
  else
    shifted = constant.shl(1);
  add("shift-lane-map", op, [op, shifted] {
    OpBuilder builder(op);
    Type type = op->getOperand(1).getType();
    op->setOperand(
        1, LLVM::ConstantOp::create(builder, op->getLoc(), type,
                                    builder.getIntegerAttr(type, shifted)));
  });
}

void Collector::collectMatrices(Operation *op) {
  if (is(op, "nvvm.shfl.sync")) {
    add("shift-shuffle", op, [op] {
      OpBuilder builder(op);
      Value offset = op->getOperand(2);
      Value one =
          LLVM::ConstantOp::create(builder, op->getLoc(), offset.getType(),
                                   builder.getIntegerAttr(offset.getType(), 1));
      op->setOperand(2,
                     LLVM::XOrOp::create(builder, op->getLoc(), offset, one));
    });
  } else if (is(op, "nvvm.ldmatrix")) {
    add("shift-matrix", op, [op] {
      OpBuilder builder(op);
      Value pointer = op->getOperand(0);
      op->setOperand(0,
                     LLVM::GEPOp::create(builder, op->getLoc(),
                                         pointer.getType(), builder.getI8Type(),
                                         pointer, ArrayRef<LLVM::GEPArg>{16}));
    });
    add("flip-transposition", op, [op] {
      MLIRContext *context = op->getContext();
      Attribute row = parseAttribute("#nvvm.mma_layout<row>", context);
      Attribute col = parseAttribute("#nvvm.mma_layout<col>", context);
      op->setAttr("layout", op->getAttr("layout") == row ? col : row);
    });
  } else if (is(op, "nvvm.mma.sync")) {
    // A's registers of the lower rows and of the right columns.
    auto sizes = op->getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes");
    Type first = op->getOperand(0).getType();
    if (sizes && sizes[0] == 4 && op->getOperand(1) != op->getOperand(2) &&
        llvm::all_of(op->getOperands().take_front(4),
                     [&](Value v) { return v.getType() == first; }))
      add("swap-fragments", op, [op] {
        Value one = op->getOperand(1), two = op->getOperand(2);
        op->setOperand(1, two);
        op->setOperand(2, one);
      });
  }
}

void Collector::collectSwizzle(LLVM::XOrOp op) {
  if (!feedsSharedAddress(op.getRes()))
    return;
  add("flip-swizzle", op, [op]() mutable {
    op.replaceAllUsesWith(op.getOperand(0));
    op.erase();
  });
}

/// Offsets are products of 32 bits, as of a kernel that keeps them in int.
void Collector::collectOffsets(LLVM::LLVMFuncOp kernel) {
  SmallVector<LLVM::MulOp> products;
  kernel.walk([&](LLVM::MulOp product) {
    if (product.getType().isInteger(64))
      products.push_back(product);
  });
  if (products.empty())
    return;
  add("narrow-offsets", products.front(), [products] {
    for (LLVM::MulOp product : products) {
      OpBuilder builder(product.getContext());
      builder.setInsertionPointAfter(product);
      Value half = LLVM::TruncOp::create(builder, product.getLoc(),
                                         builder.getI32Type(), product);
      Value wide = LLVM::SExtOp::create(builder, product.getLoc(),
                                        product.getType(), half);
      product.getRes().replaceAllUsesExcept(wide, half.getDefiningOp());
    }
  });
}

void Collector::collect(Operation *op) {
  collectOrder(op);
  collectLanes(op);
  collectMatrices(op);
  if (auto exclusive = dyn_cast<LLVM::XOrOp>(op))
    collectSwizzle(exclusive);
}

struct SimMutatePass : impl::SimMutatePassBase<SimMutatePass> {
  using SimMutatePassBase::SimMutatePassBase;

  void runOnOperation() override {
    if (list) {
      for (auto [number, text] : llvm::enumerate(listMutations(getOperation())))
        llvm::outs() << number << " " << text << "\n";
      return;
    }
    if (failed(mutate(getOperation(), number)))
      signalPassFailure();
  }
};

} // namespace

std::vector<std::string> listMutations(ModuleOp module) {
  std::vector<std::string> lines;
  for (const Mutation &mutation : Collector().run(module)) {
    std::string line;
    llvm::raw_string_ostream os(line);
    os << mutation.kind << " "
       << mutation.op->getParentOfType<LLVM::LLVMFuncOp>().getSymName() << " ";
    mutation.op->getLoc().print(os);
    lines.push_back(line);
  }
  return lines;
}

LogicalResult mutate(ModuleOp module, unsigned number) {
  std::vector<Mutation> mutations = Collector().run(module);
  if (number >= mutations.size())
    return module.emitError() << "expected a mutation below "
                              << mutations.size() << ", got " << number;
  mutations[number].apply();
  return success();
}

} // namespace kvc::sim
