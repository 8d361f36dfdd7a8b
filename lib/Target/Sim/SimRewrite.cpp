//===- SimRewrite.cpp - gpu.modules as host functions ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lays out shared memory, moves the kernels out of their gpu.module and
// rewrites them one by one. Invariant: a module that cannot be rewritten as a
// whole fails; no kernel is left half done behind a success.
//
//===----------------------------------------------------------------------===//

#include "Record.h"
#include "Rewriter.h"
#include "kvc/Target/Sim/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace kvc::sim {

#define GEN_PASS_DEF_SIMREWRITEPASS
#include "kvc/Target/Sim/Passes.h.inc"

using namespace mlir;

namespace {

/// Between two shared variables, so that running over the end of one is seen.
constexpr uint32_t kRedZone = 16;

/// The first address at or behind `from` that is aligned as declared, and no
/// better: a kernel must not live on luck.
uint32_t placeExactly(uint32_t from, uint32_t alignment) {
  uint32_t address = llvm::alignTo(from, alignment);
  return address % (2 * alignment) ? address : address + alignment;
}

class ModuleRewriter {
public:
  ModuleRewriter(ModuleOp module, gpu::GPUModuleOp gpu)
      : module(module), gpu(gpu), symbols(module), layout(module) {}

  LogicalResult run();

private:
  LogicalResult layOutShared();
  LogicalResult moveGlobal(LLVM::GlobalOp global);
  LogicalResult rewriteKernel(LLVM::LLVMFuncOp kernel);
  FailureOr<uint32_t> takeParameter(LLVM::LLVMFuncOp kernel);

  ModuleOp module;
  gpu::GPUModuleOp gpu;
  SymbolTable symbols;
  DataLayout layout;
  llvm::StringMap<SharedVariable> shared;
  std::vector<SharedVariable> order; // by address
  llvm::StringMap<std::string> renamed;
};

LogicalResult ModuleRewriter::layOutShared() {
  uint32_t end = KVCRT_SIM_SHARED_BASE;
  auto place = [&](LLVM::GlobalOp global, uint32_t bytes) {
    uint32_t alignment = uint32_t(global.getAlignment().value_or(
        layout.getTypeABIAlignment(global.getGlobalType())));
    uint32_t address = placeExactly(end, std::max(alignment, 1u));
    SharedVariable variable{global.getSymName().str(), address, bytes,
                            alignment};
    shared[global.getSymName()] = variable;
    order.push_back(variable);
    return address + bytes;
  };
  SmallVector<LLVM::GlobalOp> dynamic;
  for (auto global : gpu.getOps<LLVM::GlobalOp>()) {
    if (global.getAddrSpace() != KVCRT_SIM_SHARED)
      continue;
    uint64_t bytes = layout.getTypeSize(global.getGlobalType());
    if (bytes > (16u << 20))
      return global.emitError() << "expected a shared variable of at most 16 "
                                   "MiB, got "
                                << bytes << " bytes";
    if (bytes == 0)
      dynamic.push_back(global);
    else
      end = place(global, uint32_t(bytes)) + kRedZone;
  }
  // All dynamic variables are the same memory, behind the others.
  LLVM::GlobalOp widest;
  for (LLVM::GlobalOp global : dynamic)
    if (!widest ||
        global.getAlignment().value_or(1) > widest.getAlignment().value_or(1))
      widest = global;
  if (!widest)
    return success();
  place(widest, 0);
  for (LLVM::GlobalOp global : dynamic)
    shared[global.getSymName()] = shared[widest.getSymName()];
  return success();
}

/// A constant of the kernels becomes one of the host.
LogicalResult ModuleRewriter::moveGlobal(LLVM::GlobalOp global) {
  if (!global.getConstant())
    return global.emitError() << "expected shared variables and constants in a "
                                 "gpu.module, got the variable `"
                              << global.getSymName() << "`";
  std::string name = (gpu.getName() + "_" + global.getSymName()).str();
  if (symbols.lookup(name))
    return global.emitError()
           << "expected no symbol `" << name << "` beside the gpu.module";
  renamed[global.getSymName()] = name;
  auto copy = cast<LLVM::GlobalOp>(global->clone());
  copy.setSymName(name);
  copy.setLinkage(LLVM::Linkage::Internal);
  copy.setAddrSpace(0);
  symbols.insert(copy);
  return success();
}

/// Makes (params) or () into (thread, params); the size of the block.
FailureOr<uint32_t> ModuleRewriter::takeParameter(LLVM::LLVMFuncOp kernel) {
  Block &entry = kernel.getBody().front();
  auto pointer = LLVM::LLVMPointerType::get(kernel.getContext());
  uint32_t size = 0;
  if (entry.getNumArguments() > 1)
    return kernel.emitError() << "expected a kernel with one parameter by "
                                 "value, got "
                              << entry.getNumArguments() << " parameters";
  if (entry.getNumArguments() == 1) {
    auto type = kernel.getArgAttrOfType<TypeAttr>(
        0, LLVM::LLVMDialect::getByValAttrName());
    if (!type || entry.getArgument(0).getType() != pointer)
      return kernel.emitError() << "expected a parameter `!llvm.ptr "
                                   "{llvm.byval = ...}`, got "
                                << entry.getArgument(0).getType();
    size = uint32_t(layout.getTypeSize(type.getValue()));
  } else {
    entry.addArgument(pointer, kernel.getLoc());
  }
  entry.insertArgument(0u, pointer, kernel.getLoc());
  return size;
}

LogicalResult ModuleRewriter::rewriteKernel(LLVM::LLVMFuncOp kernel) {
  std::string name = kernel.getSymName().str();
  std::string hostName = name + "_kernel";
  if (symbols.lookup(hostName) || symbols.lookup(name + "_sim"))
    return kernel.emitError() << "expected no symbol `" << hostName << "` or `"
                              << name << "_sim` beside the gpu.module";
  KernelRecord record;
  record.name = name;
  record.function = hostName;
  record.shared = order;
  if (auto bytes = kernel->getAttrOfType<IntegerAttr>("kvc.shared_bytes"))
    record.sharedBytes = uint32_t(bytes.getInt());
  if (auto threads = kernel->getAttrOfType<DenseI32ArrayAttr>("nvvm.reqntid"))
    for (auto [i, count] : llvm::enumerate(threads.asArrayRef().take_front(3)))
      record.threads[i] = uint32_t(count);
  if (record.threads[0])
    for (uint32_t &count : record.threads)
      count = std::max(count, 1u);

  FailureOr<uint32_t> size = takeParameter(kernel);
  if (failed(size))
    return failure();
  record.paramsSize = *size;

  MLIRContext *context = kernel.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context);
  OpBuilder builder(module.getBodyRegion());
  builder.setInsertionPointToEnd(module.getBody());
  auto host = LLVM::LLVMFuncOp::create(
      builder, kernel.getLoc(), hostName,
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                  {pointer, pointer}));
  host.getBody().takeBody(kernel.getBody());
  host->setAttr("kvc.sim_kernel", builder.getUnitAttr());
  // An artefact has no memset to call.
  host.setPassthroughAttr(builder.getStrArrayAttr({"no-builtins"}));
  symbols.insert(host);

  Locations locations;
  Rewriter rewriter(host.getBody().getArgument(0), locations, shared, layout);
  SmallVector<Operation *> ops;
  host.getBody().walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops) {
    if (auto of = dyn_cast<LLVM::AddressOfOp>(op)) {
      auto it = renamed.find(of.getGlobalName());
      if (it != renamed.end()) {
        // Its space on the GPU is no space of the host.
        builder.setInsertionPoint(of);
        Value address = LLVM::AddressOfOp::create(builder, of.getLoc(), pointer,
                                                  it->second);
        if (of.getType() != pointer)
          address = LLVM::AddrSpaceCastOp::create(builder, of.getLoc(),
                                                  of.getType(), address);
        of.replaceAllUsesWith(address);
        of.erase();
        continue;
      }
    }
    if (failed(rewriter.rewrite(op)))
      return failure();
  }
  host->removeAttr("kvc.sim_kernel");
  record.locations = locations.get();
  emitRecord(module, symbols, record);
  return success();
}

LogicalResult ModuleRewriter::run() {
  if (failed(layOutShared()))
    return failure();
  for (Operation &op : gpu.getBody()->getOperations()) {
    if (auto global = dyn_cast<LLVM::GlobalOp>(op)) {
      if (global.getAddrSpace() != KVCRT_SIM_SHARED &&
          failed(moveGlobal(global)))
        return failure();
      continue;
    }
    if (!isa<LLVM::LLVMFuncOp>(op))
      return op.emitError()
             << "expected the llvm and nvvm dialects alone in a "
                "kernel for the simulator, got `"
             << op.getName() << "`; run kvc-lower-gpu-kernels first";
  }
  for (auto function :
       llvm::make_early_inc_range(gpu.getOps<LLVM::LLVMFuncOp>()))
    if (function->hasAttr("nvvm.kernel") && failed(rewriteKernel(function)))
      return failure();
  gpu.erase();
  return success();
}

struct SimRewritePass : impl::SimRewritePassBase<SimRewritePass> {
  using SimRewritePassBase::SimRewritePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto gpu :
         llvm::make_early_inc_range(module.getOps<gpu::GPUModuleOp>()))
      if (failed(ModuleRewriter(module, gpu).run()))
        return signalPassFailure();
    if (module->hasAttr("gpu.container_module"))
      module->removeAttr("gpu.container_module");
  }
};

} // namespace
} // namespace kvc::sim
