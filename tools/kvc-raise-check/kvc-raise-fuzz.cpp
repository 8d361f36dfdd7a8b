//===- kvc-raise-fuzz.cpp - parse, raise and the passes after it ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A libFuzzer target. An input that parses and verifies must come through
// raise with a module that verifies; the passes after it may refuse, but must
// not crash. Text that does not parse is nobody's fault. Invariant: no state
// but the context outlives an input, and that one is replaced every so often.
//
//===----------------------------------------------------------------------===//

#include "TextMutator.h"
#include "kvc/Conversion/LinalgToKVC/LinalgToKVC.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "kvc/InitAll.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <cstdio>
#include <cstdlib>

using namespace mlir;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

static std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registry.insert<affine::AffineDialect, arith::ArithDialect,
                  bufferization::BufferizationDialect, cf::ControlFlowDialect,
                  func::FuncDialect, linalg::LinalgDialect, math::MathDialect,
                  scf::SCFDialect, tensor::TensorDialect>();
  kvc::registerAllDialects(registry);
  auto context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->allowUnregisteredDialects();
  return context;
}

/// Texts become types and attributes that a context keeps for ever.
static MLIRContext &getContext() {
  static std::unique_ptr<MLIRContext> context;
  static unsigned uses = 0;
  if (!context || ++uses % 4096 == 0)
    context = makeContext();
  return *context;
}

/// linalg's parser of `dimensions = [..]` and `permutation = [..]` (LLVM 22)
/// dereferences null when no array of integers stands there. Found so often
/// that it would hide everything else.
static bool crashesUpstreamParser(llvm::StringRef text) {
  for (llvm::StringRef name : {"dimensions", "permutation"})
    for (size_t at = text.find(name); at != llvm::StringRef::npos;
         at = text.find(name, at)) {
      at += name.size();
      llvm::StringRef rest = text.drop_front(at).ltrim();
      if (!rest.consume_front("="))
        continue;
      llvm::StringRef array = rest.ltrim();
      if (!array.consume_front("["))
        return true;
      array = array.take_until([](char c) { return c == ']'; }).trim();
      llvm::SmallVector<llvm::StringRef> elements;
      if (!array.empty())
        array.split(elements, ',');
      for (llvm::StringRef element : elements) {
        int64_t number;
        if (element.trim().getAsInteger(10, number))
          return true;
      }
    }
  return false;
}

static void run(ModuleOp module, bool mustSucceed, llvm::StringRef what,
                llvm::function_ref<void(PassManager &)> build) {
  PassManager pm(module.getContext());
  build(pm);
  if (succeeded(pm.run(module)) || !mustSucceed)
    return;
  std::fprintf(stderr, "%s failed on a valid module\n", what.str().c_str());
  std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  MLIRContext &context = getContext();
  ScopedDiagnosticHandler silent(&context,
                                 [](Diagnostic &) { return success(); });
  std::string text(reinterpret_cast<const char *>(data), size);
  if (crashesUpstreamParser(text))
    return -1;
  ParserConfig config(&context);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, config);
  if (!module)
    return -1; // not worth a place in the corpus
  // For triage: what crashes up to here is not ours.
  if (std::getenv("KVC_FUZZ_PARSE_ONLY"))
    return 0;
  OwningOpRef<ModuleOp> copy = module->clone();
  run(*module, true, "raise", [](PassManager &pm) {
    pm.addNestedPass<func::FuncOp>(kvc::createRaiseAttentionPass());
  });
  run(*copy, false, "introduce-cache", [](PassManager &pm) {
    pm.addNestedPass<func::FuncOp>(kvc::createRaiseAttentionPass());
    pm.addPass(kvc::createIntroduceCachePass());
    pm.addPass(kvc::createApplyPolicyPass());
    pm.addNestedPass<func::FuncOp>(kvc::createFusePass());
    pm.addPass(kvc::createPlanPass());
  });
  // It refuses what it cannot write, but raise makes nothing of that kind.
  bool isOurs = llvm::StringRef(text).contains("kvc.");
  run(*module, !isOurs, "decompose", [](PassManager &pm) {
    pm.addNestedPass<func::FuncOp>(kvc::createDecomposeAttentionPass());
  });
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  std::mt19937_64 random(seed);
  if (random() % 16 == 0)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::string text(reinterpret_cast<const char *>(data), size);
  for (unsigned edits = 1 + random() % 3; edits > 0; --edits)
    text = kvc::raisecheck::mutateText(text, random);
  size = std::min(text.size(), maxSize);
  std::copy_n(text.begin(), size, data);
  return size;
}
