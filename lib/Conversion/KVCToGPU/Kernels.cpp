//===- Kernels.cpp - the frame of a GPU kernel ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a kernel's one parameter is kvcrt_params by value, so that a
// launch needs nothing but its address; shared memory is one external variable
// whose size the launch gives.
//
//===----------------------------------------------------------------------===//

#include "Kernels.h"

#include "kvc/Conversion/KVCToGPU/KVCToGPU.h"
#include "kvc/Support/GpuChip.h"

using namespace mlir;

namespace kvc::gpu {

FailureOr<Chip> Chip::get(StringRef name,
                          llvm::function_ref<InFlightDiagnostic()> emitError) {
  const GpuChip *known = findGpuChip(name);
  if (!known)
    return emitError() << "expected a chip among " << gpuChipNames()
                       << ", got `" << name << "`";
  Chip chip;
  chip.architecture = known->sm;
  chip.hasFp8 = known->sm >= 89;
  chip.sharedBytes = known->sharedPerBlock;
  chip.sharedBytesPerSM = known->sharedPerSM;
  return chip;
}

FailureOr<Frugality> Frugality::get(VariantOp op) {
  Attribute attribute = op->getAttr(kFrugalityAttr);
  if (!attribute)
    return Frugality();
  auto levels = dyn_cast<DenseI32ArrayAttr>(attribute);
  auto known = [](int32_t level) { return 0 <= level && level <= kMostFrugal; };
  if (levels && levels.size() == 2 && llvm::all_of(levels.asArrayRef(), known))
    return Frugality{levels[0], levels[1]};
  return op.emitOpError("expected array<i32: decode, prefill> of 0 to ")
         << kMostFrugal << " as `" << kFrugalityAttr << "`, got " << attribute;
}

void KernelEmitter::emitShared() {
  auto bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  LLVM::GlobalOp::create(builder, variant.op->getLoc(), bytes,
                         /*isConstant=*/false, LLVM::Linkage::External,
                         "kvc_shared", Attribute(), /*alignment=*/128,
                         /*addrSpace=*/3);
}

void KernelEmitter::emitKernel(
    StringRef suffix, int64_t threads, int64_t sharedBytes, HotLoop loop,
    llvm::function_ref<void(KernelBuilder &, AbiStruct<kvcrt_params>)> body) {
  Location loc = variant.op->getLoc();
  MLIRContext *context = builder.getContext();
  OpBuilder::InsertionGuard guard(builder);
  auto pointer = LLVM::LLVMPointerType::get(context);
  auto kernel = LLVM::LLVMFuncOp::create(
      builder, loc, variant.name + suffix.str(),
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer}));
  // The size and alignment of the C structure; fields are read by offset.
  static_assert(sizeof(kvcrt_params) % 8 == 0);
  auto block =
      LLVM::LLVMArrayType::get(builder.getI64Type(), sizeof(kvcrt_params) / 8);
  kernel.setArgAttr(0, LLVM::LLVMDialect::getByValAttrName(),
                    TypeAttr::get(block));
  kernel.setArgAttr(0, "nvvm.grid_constant", builder.getUnitAttr());
  kernel.setArgAttr(0, LLVM::LLVMDialect::getAlignAttrName(),
                    builder.getI64IntegerAttr(alignof(kvcrt_params)));
  kernel->setAttr("gpu.kernel", builder.getUnitAttr());
  kernel->setAttr("nvvm.kernel", builder.getUnitAttr());
  kernel->setAttr("nvvm.reqntid",
                  builder.getDenseI32ArrayAttr({int32_t(threads), 1, 1}));
  // Blocks are few and large: ptxas must not spill to fit more of them.
  kernel->setAttr("nvvm.minctasm", builder.getI32IntegerAttr(1));
  kernel->setAttr("kvc.shared_bytes", builder.getI64IntegerAttr(sharedBytes));
  if (loop.tokens) {
    kernel->setAttr("kvc.loop_tokens", builder.getI64IntegerAttr(loop.tokens));
    kernel->setAttr("kvc.loop_warps", builder.getI64IntegerAttr(loop.warps));
  }

  builder.setInsertionPointToStart(kernel.addEntryBlock(builder));
  VectorTarget target;
  target.vectorBits = 128;
  target.dataSpace = 1;
  target.genericIsConstant = loop.hoistsParams;
  KernelBuilder b(loc, builder, target);
  body(b, AbiStruct<kvcrt_params>(b.num(kernel.getArgument(0))));
  LLVM::ReturnOp::create(b, ValueRange{});
}

static Num loadStep(Type type, Num array, Num index) {
  KernelBuilder &b = *array.builder;
  return loadInvariant(type, b.at(array, b.toI64(index) * 4), 4);
}

Num loadStepI32(Num array, Num index) {
  return loadStep(array.builder->i32(), array, index);
}

Num loadStepF32(Num array, Num index) {
  return loadStep(array.builder->f32(), array, index);
}

static constexpr double kLog2E = 1.4426950408889634, kLn2 = 0.6931471805599453;

static Num expApprox(Num x) { return exp2Approx(x * kLog2E); }
static Num logApprox(Num x) { return log2Approx(x) * kLn2; }
/// Good to a unit in the last place for a divisor of at least 1; a division is
/// a call, and registers are spilled around it.
static Num divide(Num a, Num b) { return a * reciprocal(b); }

const EngineMath engineMath = {/*unit=*/kLog2E,
                               /*natural=*/kLn2,
                               {expApprox, exp2Approx, logApprox, tanhApprox},
                               /*weight=*/exp2Approx,
                               /*score=*/log2Approx,
                               divide,
                               loadStepI32,
                               loadStepF32};

} // namespace kvc::gpu
