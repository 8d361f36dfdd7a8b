//===- Target.cpp - which CPU an artefact is for --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: code generation gets the baseline x86-64-v3 plus the features of
// the list below that the CPU has, nothing else; so the manifest cannot
// promise less than the code uses.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/CPU/Target.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

namespace kvc::cpu {

using namespace mlir;

namespace {

constexpr llvm::StringLiteral kTriple = "x86_64-unknown-linux-gnu";
constexpr llvm::StringLiteral kBaseline = "x86-64-v3";

/// x86-64-v3 over what every x86-64 has, as far as it can matter to us.
constexpr llvm::StringLiteral kRequired[] = {
    "avx", "avx2",  "bmi",   "bmi2",   "f16c",
    "fma", "lzcnt", "movbe", "popcnt", "sse4.2"};
/// Used where there; AVX-512 only as a whole.
constexpr llvm::StringLiteral kAvx512[] = {"avx512bw", "avx512cd", "avx512dq",
                                           "avx512f", "avx512vl"};
constexpr llvm::StringLiteral kOptional[] = {"avx512bf16", "avx512vnni"};

const llvm::Target *lookupTarget(std::string &error) {
  static const bool initialized = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    return true;
  }();
  (void)initialized;
  return llvm::TargetRegistry::lookupTarget(llvm::Triple(kTriple), error);
}

} // namespace

bool Target::has(llvm::StringRef feature) const {
  return llvm::is_contained(features, feature);
}

FailureOr<Target> Target::create(llvm::StringRef cpu, EmitError emitError) {
  std::string error;
  const llvm::Target *backend = lookupTarget(error);
  if (!backend)
    return emitError() << "expected an LLVM with the X86 backend: " << error;

  std::function<bool(llvm::StringRef)> known;
  llvm::StringMap<bool> host;
  std::unique_ptr<llvm::MCSubtargetInfo> info;
  Target target;
  target.triple = kTriple.str();
  if (cpu == "native") {
    if (!llvm::Triple(llvm::sys::getProcessTriple()).isX86())
      return emitError() << "expected an x86-64 host for --mcpu=native, got "
                         << llvm::sys::getProcessTriple()
                         << "; name a CPU, e.g. --mcpu=x86-64-v3";
    host = llvm::sys::getHostCPUFeatures();
    target.tune = llvm::sys::getHostCPUName().str();
    known = [&](llvm::StringRef feature) { return host.lookup(feature); };
  } else {
    // An unknown name would be a warning on stderr and generic code.
    std::unique_ptr<llvm::MCSubtargetInfo> generic(
        backend->createMCSubtargetInfo(llvm::Triple(kTriple), "", ""));
    if (!generic->isCPUStringValid(cpu))
      return emitError() << "expected `native`, `x86-64-v3`, `x86-64-v4` or a "
                            "CPU that LLVM knows, got `"
                         << cpu << "`";
    info.reset(backend->createMCSubtargetInfo(llvm::Triple(kTriple), cpu, ""));
    target.tune = cpu.str();
    known = [&](llvm::StringRef feature) {
      return info->checkFeatures(("+" + feature).str());
    };
  }
  for (llvm::StringRef feature : kRequired) {
    if (!known(feature))
      return emitError() << "expected a CPU with " << feature << ", got `"
                         << cpu << "` without it; the least supported CPU is "
                         << kBaseline;
    target.features.push_back(feature.str());
  }
  if (llvm::all_of(kAvx512, known)) {
    for (llvm::StringRef feature : kAvx512)
      target.features.push_back(feature.str());
    for (llvm::StringRef feature : kOptional)
      if (known(feature))
        target.features.push_back(feature.str());
  }
  llvm::sort(target.features);
  return target;
}

unsigned Target::getVectorBits() const { return has("avx512f") ? 512 : 256; }

std::unique_ptr<llvm::TargetMachine> Target::createMachine() const {
  std::string error;
  const llvm::Target *backend = lookupTarget(error);
  llvm::TargetOptions options;
  options.FunctionSections = true;
  options.DataSections = true;
  std::string flags = "+" + llvm::join(features, ",+");
  return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(
      llvm::Triple(triple), kBaseline, flags, options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

void Target::annotate(llvm::Module &module) const {
  std::string flags = "+" + llvm::join(features, ",+");
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", kBaseline);
    function.addFnAttr("target-features", flags);
    function.addFnAttr("tune-cpu", tune);
    function.addFnAttr("prefer-vector-width", llvm::utostr(getVectorBits()));
  }
}

} // namespace kvc::cpu
