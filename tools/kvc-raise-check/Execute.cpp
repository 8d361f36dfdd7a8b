//===- Execute.cpp - run linalg through upstream's lowering ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nothing of kvc is on the way: one-shot-bufferize, loops, LLVM, ORC.
// Invariant: compiled code allocates from an arena that lives as long as one
// call of execute, filled with ones (NaN as any float) before it is handed out.
//
//===----------------------------------------------------------------------===//

#include "Execute.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include <cstring>

using namespace mlir;
using kvc::interpreter::Datum;
using kvc::interpreter::Tensor;

namespace kvc::raisecheck {
namespace {

// i1 is a byte in memory; index and i64 are 8.
constexpr const char *lowering =
    "func.func(convert-elementwise-to-linalg,linalg-generalize-named-ops),"
    "canonicalize,cse,one-shot-bufferize{bufferize-function-boundaries "
    "function-boundary-type-conversion=identity-layout-map},"
    "func.func(convert-linalg-to-loops),expand-strided-metadata,lower-affine,"
    "convert-scf-to-cf,"
    "arith-emulate-unsupported-floats{source-types=bf16,f16 target-type=f32},"
    "arith-expand{include-bf16=true},convert-complex-to-standard,"
    "convert-complex-to-llvm,convert-math-to-llvm,"
    "convert-math-to-libm,finalize-memref-to-llvm,convert-func-to-llvm,"
    "convert-cf-to-llvm,convert-arith-to-llvm,convert-index-to-llvm,"
    "reconcile-unrealized-casts";

std::vector<std::unique_ptr<char[]>> arena;

void *arenaAllocate(uint64_t size) {
  arena.push_back(std::make_unique<char[]>(size + 64));
  std::memset(arena.back().get(), 0xff, size + 64);
  auto address = reinterpret_cast<uintptr_t>(arena.back().get());
  return reinterpret_cast<void *>((address + 63) / 64 * 64);
}
void arenaFree(void *) {}

/// {rank, descriptor}: how MLIR passes a memref of any rank.
struct Unranked {
  int64_t rank;
  int64_t *words;
};

/// Called by compiled code where a copy is strided.
void memrefCopy(int64_t elementBytes, Unranked *from, Unranked *to) {
  const int64_t rank = from->rank;
  const int64_t *sizes = from->words + 3;
  auto address = [&](const Unranked &memref, llvm::ArrayRef<int64_t> point) {
    int64_t at = memref.words[2];
    for (int64_t d = 0; d < rank; ++d)
      at += point[d] * memref.words[3 + rank + d];
    return reinterpret_cast<char *>(memref.words[1]) + at * elementBytes;
  };
  for (int64_t d = 0; d < rank; ++d)
    if (sizes[d] == 0)
      return;
  llvm::SmallVector<int64_t> point(rank, 0);
  for (int64_t d = 0; d >= 0;) {
    std::memcpy(address(*to, point), address(*from, point), elementBytes);
    for (d = rank - 1; d >= 0 && ++point[d] == sizes[d]; --d)
      point[d] = 0;
  }
}

llvm::Error failure(const Twine &what) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), what);
}

unsigned byteWidth(Type type) {
  return type.isIndex() ? 8 : llvm::divideCeil(type.getIntOrFloatBitWidth(), 8);
}

void store(Type type, double number, char *at) {
  if (auto real = dyn_cast<FloatType>(type)) {
    APFloat value(number);
    bool losesInfo;
    value.convert(real.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    uint64_t bits = value.bitcastToAPInt().getZExtValue();
    std::memcpy(at, &bits, byteWidth(type));
    return;
  }
  auto integer = static_cast<int64_t>(number);
  std::memcpy(at, &integer, byteWidth(type));
}

double load(Type type, const char *at) {
  uint64_t bits = 0;
  std::memcpy(&bits, at, byteWidth(type));
  if (auto real = dyn_cast<FloatType>(type)) {
    APFloat value(real.getFloatSemantics(), APInt(real.getWidth(), bits));
    bool losesInfo;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    return value.convertToDouble();
  }
  if (type.isInteger(1))
    return double(bits & 1);
  return double(llvm::SignExtend64(bits, byteWidth(type) * 8));
}

/// {allocated, aligned, offset, sizes, strides}, as MLIR passes a memref.
struct Descriptor {
  std::vector<int64_t> words;

  explicit Descriptor(int64_t rank) : words(3 + 2 * rank) {}
  explicit Descriptor(const Tensor &tensor) : Descriptor(tensor.rank()) {
    const unsigned width = byteWidth(tensor.elementType);
    auto *data =
        static_cast<char *>(arenaAllocate(tensor.numbers.size() * width));
    for (auto [i, number] : llvm::enumerate(tensor.numbers))
      store(tensor.elementType, number, data + i * width);
    words[0] = words[1] = reinterpret_cast<int64_t>(data);
    words[2] = 0;
    int64_t stride = 1;
    for (int64_t d = tensor.rank() - 1; d >= 0; --d) {
      words[3 + d] = tensor.shape[d];
      words[3 + tensor.rank() + d] = stride;
      stride *= tensor.shape[d];
    }
  }
};

/// The tensor whose descriptor begins at `words`.
Tensor read(RankedTensorType type, const int64_t *words) {
  const int64_t rank = type.getRank();
  Tensor tensor(type.getElementType(),
                llvm::ArrayRef<int64_t>(words + 3, rank));
  const int64_t *strides = words + 3 + rank;
  const auto *data = reinterpret_cast<const char *>(words[1]);
  for (auto [i, number] : llvm::enumerate(tensor.numbers)) {
    int64_t at = words[2], rest = i;
    for (int64_t d = rank - 1; d >= 0; --d) {
      at += rest % tensor.shape[d] * strides[d];
      rest /= tensor.shape[d];
    }
    number =
        load(tensor.elementType, data + at * byteWidth(tensor.elementType));
  }
  return tensor;
}

/// linalg.softmax and tensor.concat have no bufferization: their own
/// decompositions, of upstream, come first.
llvm::Error decompose(ModuleOp module) {
  std::vector<linalg::SoftmaxOp> ops;
  module.walk([&](linalg::SoftmaxOp op) { ops.push_back(op); });
  IRRewriter rewriter(module.getContext());
  for (linalg::SoftmaxOp op : ops) {
    rewriter.setInsertionPoint(op);
    FailureOr<SmallVector<Value>> results = op.decomposeOperation(rewriter);
    if (failed(results))
      return failure("expected linalg.softmax to decompose");
    rewriter.replaceOp(op, *results);
  }
  RewritePatternSet patterns(module.getContext());
  tensor::populateDecomposeTensorConcatPatterns(patterns);
  if (failed(applyPatternsGreedily(module, std::move(patterns))))
    return failure("expected tensor.concat to decompose");
  return llvm::Error::success();
}

/// void NAME_packed(void **arguments): loads what `callee` takes by value and
/// hands on what it takes by pointer.
void addPackedEntry(llvm::Module &module, llvm::Function &callee,
                    llvm::StringRef name) {
  llvm::LLVMContext &context = module.getContext();
  auto *pointer = llvm::PointerType::getUnqual(context);
  auto *entry = llvm::Function::Create(
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer}, false),
      llvm::Function::ExternalLinkage, name, module);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", entry));
  std::vector<llvm::Value *> arguments;
  for (llvm::Argument &argument : callee.args()) {
    llvm::Value *slot = builder.CreateConstGEP1_64(pointer, entry->getArg(0),
                                                   argument.getArgNo());
    llvm::Value *value = builder.CreateLoad(pointer, slot);
    if (!argument.getType()->isPointerTy())
      value = builder.CreateLoad(argument.getType(), value);
    arguments.push_back(value);
  }
  builder.CreateCall(&callee, arguments);
  builder.CreateRetVoid();
}

llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>>
compile(ModuleOp module, llvm::ArrayRef<llvm::StringRef> names) {
  auto context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> translated =
      translateModuleToLLVMIR(module, *context);
  if (!translated)
    return failure("expected the module to translate to LLVM IR");
  for (llvm::StringRef name : names) {
    llvm::Function *callee =
        translated->getFunction(("_mlir_ciface_" + name).str());
    if (!callee)
      return failure("expected a C interface of @" + name);
    addPackedEntry(*translated, *callee, (name + "_packed").str());
  }
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  // compiling is most of the time of a small graph
  builder->setCodeGenOptLevel(llvm::CodeGenOptLevel::None);
  auto jit = llvm::orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(*builder)
                 .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                 .create();
  if (!jit)
    return jit.takeError();
  translated->setDataLayout((*jit)->getDataLayout());
  translated->setTargetTriple((*jit)->getTargetTriple());
  llvm::orc::SymbolMap own;
  auto define = [&](llvm::StringRef name, auto *function) {
    own[(*jit)->mangleAndIntern(name)] = {
        llvm::orc::ExecutorAddr::fromPtr(function),
        llvm::JITSymbolFlags::Exported};
  };
  define("malloc", &arenaAllocate);
  define("free", &arenaFree);
  define("memrefCopy", &memrefCopy);
  if (llvm::Error error =
          (*jit)->getMainJITDylib().define(absoluteSymbols(own)))
    return error;
  if (llvm::Error error = (*jit)->addIRModule(llvm::orc::ThreadSafeModule(
          std::move(translated), std::move(context))))
    return error;
  return jit;
}

} // namespace

void initializeExecution() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  registerAllPasses();
}

void registerExecutionDialects(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
}

llvm::Expected<std::vector<std::vector<Tensor>>>
execute(OwningOpRef<ModuleOp> module, llvm::ArrayRef<llvm::StringRef> names,
        llvm::ArrayRef<Datum> inputs) {
  std::vector<std::vector<RankedTensorType>> types;
  SmallVector<Type> inputTypes;
  for (llvm::StringRef name : names) {
    auto function = module->lookupSymbol<func::FuncOp>(name);
    inputTypes = llvm::to_vector(function.getArgumentTypes());
    function->setAttr("llvm.emit_c_interface",
                      UnitAttr::get(module->getContext()));
    types.emplace_back();
    for (Type type : function.getResultTypes()) {
      auto shaped = dyn_cast<RankedTensorType>(type);
      if (!shaped)
        return failure("expected tensors as results");
      types.back().push_back(shaped);
    }
  }
  if (llvm::Error error = decompose(*module))
    return error;
  PassManager pm(module->getContext());
  if (failed(parsePassPipeline(lowering, pm)))
    return failure("expected the lowering to parse");
  pm.enableVerifier(false);
  if (failed(pm.run(*module)))
    return failure("expected upstream's lowering to succeed");
  auto jit = compile(*module, names);
  if (!jit)
    return jit.takeError();

  std::vector<std::vector<Tensor>> results;
  for (auto [name, resultTypes] : llvm::zip_equal(names, types)) {
    auto entry = (*jit)->lookup((name + "_packed").str());
    if (!entry)
      return entry.takeError();
    // the results' descriptors lie one after the other
    std::vector<int64_t> answer;
    for (RankedTensorType type : resultTypes)
      answer.resize(answer.size() + 3 + 2 * type.getRank());
    std::vector<Descriptor> descriptors;
    descriptors.reserve(inputs.size());
    std::vector<std::array<char, 8>> scalars(inputs.size());
    std::vector<void *> arguments{answer.data()};
    for (auto [i, input] : llvm::enumerate(inputs)) {
      if (const auto *tensor = std::get_if<Tensor>(&input)) {
        arguments.push_back(descriptors.emplace_back(*tensor).words.data());
        continue;
      }
      store(inputTypes[i], std::get<double>(input), scalars[i].data());
      arguments.push_back(scalars[i].data());
    }
    entry->toPtr<void (*)(void **)>()(arguments.data());
    results.emplace_back();
    const int64_t *at = answer.data();
    for (RankedTensorType type : resultTypes) {
      results.back().push_back(read(type, at));
      at += 3 + 2 * type.getRank();
    }
  }
  arena.clear();
  return results;
}

} // namespace kvc::raisecheck
