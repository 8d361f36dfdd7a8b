//===- kvc-compile.cpp - graphs and specs to artefacts --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   kvc-compile model.mlir --policy=policy.mlir -o model.so
//   kvc-compile --attention=spec.mlir -o attention.so
//   kvc-compile --attention=spec.mlir --target=sm_90a --emit=ptx
//
// Invariant: every failure is a message that says where and what to do; the
// output file is written whole or not at all.
//
//===----------------------------------------------------------------------===//

#include "kvc/Pipelines/Compile.h"
#include "kvc/Target/CPU/Artifact.h"
#include "kvc/Target/NVPTX/Explain.h"
#include "kvc/Target/Sass/CostModel.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Support/Timing.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace {

enum class Emit { so, mlir, llvm, obj, header, ptx, cubin };

cl::OptionCategory category("kvc-compile options");
cl::opt<std::string> inputFile(cl::Positional, cl::desc("<model.mlir>"),
                               cl::cat(category));
cl::opt<std::string> attentionFile(
    "attention", cl::value_desc("spec.mlir"), cl::cat(category),
    cl::desc(
        "compile the kvc.variant ops of a module to an attention library"));
cl::opt<std::string> outputFile("o", cl::value_desc("file"), cl::cat(category),
                                cl::desc("output; - is stdout (text only)"));
cl::opt<std::string>
    targetName("target", cl::init("cpu"), cl::cat(category),
               cl::desc("cpu, a GPU (sm_90a, ...), or sim: and a GPU"));
cl::opt<std::string>
    cpuName("mcpu", cl::init("native"), cl::cat(category),
            cl::desc("native, x86-64-v3, x86-64-v4 or a CPU that LLVM knows"));
cl::opt<std::string>
    policyFile("policy", cl::value_desc("policy.mlir"), cl::cat(category),
               cl::desc("module with the attribute kvc.policies"));
cl::opt<Emit> emitKind(
    "emit", cl::init(Emit::so), cl::cat(category), cl::desc("what to write:"),
    cl::values(clEnumValN(Emit::so, "so", "sealed artefact (default)"),
               clEnumValN(Emit::mlir, "mlir", "MLIR after the last stage"),
               clEnumValN(Emit::llvm, "llvm", "optimised LLVM IR"),
               clEnumValN(Emit::obj, "obj", "relocatable object"),
               clEnumValN(Emit::header, "header",
                          "C header of the compiled variants"),
               clEnumValN(Emit::ptx, "ptx", "PTX of a GPU's kernels"),
               clEnumValN(Emit::cubin, "cubin", "their machine code")));
cl::opt<std::string> untilAfter("until-after", cl::value_desc("stage"),
                                cl::cat(category),
                                cl::desc("stop there and write MLIR"));
cl::opt<bool> explain("explain", cl::cat(category),
                      cl::desc("print layers, policies, groups and kernels"));
cl::opt<bool> withRecompute(
    "with-recompute", cl::cat(category),
    cl::desc("also compile the stateless graph, to compare with"));

cl::opt<std::string> ptxas(
    "ptxas", cl::value_desc("path"), cl::cat(category),
    cl::desc("assembler of a CUDA toolkit, or none; default: $KVC_PTXAS, the "
             "PATH, $CUDA_HOME, the usual place"));
cl::opt<uint64_t> cacheBytes(
    "cache-bytes", cl::init(kvc::nvptx::ImageCache::kDefaultBytes),
    cl::value_desc("bytes"), cl::cat(category),
    cl::desc("how much is kept there; what was used the longest ago goes"));
cl::opt<bool> allowSlowKernels(
    "allow-slow-kernels", cl::cat(category),
    cl::desc("take GPU kernels that spill registers, use local memory or have "
             "injected waits, with a warning"));
cl::opt<kvc::nvptx::Embed> embedded(
    "embed", cl::init(kvc::nvptx::Embed::Both), cl::cat(category),
    cl::desc("what an artefact for a GPU carries:"),
    cl::values(clEnumValN(kvc::nvptx::Embed::Both, "both",
                          "machine code and PTX, for this GPU and later ones"),
               clEnumValN(kvc::nvptx::Embed::Cubin, "cubin",
                          "machine code alone: a third of the size"),
               clEnumValN(kvc::nvptx::Embed::Ptx, "ptx",
                          "PTX alone, which the driver assembles")));
cl::opt<std::string> nvdisasm(
    "nvdisasm", cl::value_desc("path"), cl::cat(category),
    cl::desc("disassembler of a CUDA toolkit for --explain, or none; default: "
             "$KVC_NVDISASM, the PATH, $CUDA_HOME, the usual place"));
cl::opt<std::string> evidenceFile(
    "evidence", cl::value_desc("file.json"), cl::cat(category),
    cl::desc("write what the machine code of a GPU's kernels does; needs "
             "ptxas and nvdisasm"));
cl::opt<std::string>
    cacheDir("cache-dir", cl::value_desc("directory"), cl::cat(category),
             cl::desc("compiled kernels, or none; default: $KVC_CACHE_DIR, "
                      "the user's cache directory"));
cl::opt<bool> verifyEach(
    "verify-each", cl::cat(category),
    cl::desc("verify the module after each pass, not after each stage"));
cl::opt<bool> stateless(
    "stateless", cl::cat(category),
    cl::desc("compile the stateless graph alone: kvc_model_recompute"));

/// The options' values, copied: lld has a command line of its own in this
/// process, with some of the same names.
struct Settings {
  std::string input, attention, output, target, cpu, policy, untilAfter, ptxas,
      cacheDir, nvdisasm, evidence;
  Emit emit;
  bool explain, withRecompute, stateless, allowSlowKernels, verifyEach;
  kvc::nvptx::Embed embed;
  uint64_t cacheBytes;
};

Settings parseCommandLine(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(
      argc, argv,
      "compiles a decoder's graph, or attention alone, to an artefact\n");
  Settings settings{inputFile,  attentionFile, outputFile,   targetName,
                    cpuName,    policyFile,    untilAfter,   ptxas,
                    cacheDir,   nvdisasm,      evidenceFile, emitKind,
                    explain,    withRecompute, stateless,    allowSlowKernels,
                    verifyEach, embedded,      cacheBytes};
  cl::ResetCommandLineParser();
  return settings;
}

class Driver {
public:
  Driver(MLIRContext &context, const Settings &settings)
      : context(context), settings(settings) {}
  LogicalResult run();

private:
  InFlightDiagnostic error() { return emitError(UnknownLoc::get(&context)); }
  LogicalResult checkOptions();
  /// Whether there will be PTX, and machine code where there is a ptxas.
  bool makesImages() const {
    return options.engine == kvc::Engine::cuda && settings.untilAfter.empty() &&
           settings.emit != Emit::mlir && settings.emit != Emit::header;
  }
  LogicalResult parse(StringRef path);
  LogicalResult runStages(const std::vector<kvc::Stage> &stages);
  LogicalResult lookUpKernels();
  LogicalResult compileKernels();
  LogicalResult explainMachineCode(const kvc::GpuChip &chip);
  LogicalResult writeImages();
  LogicalResult writeFile(StringRef path,
                          llvm::function_ref<void(llvm::raw_ostream &)> print);
  LogicalResult emit(const kvc::cpu::Target &target);

  MLIRContext &context;
  const Settings &settings;
  kvc::CompileOptions options;
  llvm::SourceMgr sources;
  std::unique_ptr<SourceMgrDiagnosticHandler> handler;
  OwningOpRef<ModuleOp> module;
  std::optional<kvc::nvptx::Compiler> compiler; // of a GPU's kernels
};

LogicalResult Driver::checkOptions() {
  if (settings.input.empty() == settings.attention.empty())
    return error() << "expected either a graph or --attention=spec.mlir, got "
                   << (settings.input.empty() ? "neither" : "both");
  bool binary = settings.untilAfter.empty() &&
                (settings.emit == Emit::so || settings.emit == Emit::obj ||
                 settings.emit == Emit::cubin);
  if (binary && (settings.output.empty() || settings.output == "-"))
    return error() << "expected a file as -o for "
                   << (settings.emit == Emit::so      ? "an artefact"
                       : settings.emit == Emit::cubin ? "machine code"
                                                      : "an object")
                   << ", got " << (settings.output.empty() ? "none" : "stdout");
  if (options.attention && !options.policyFile.empty())
    return error() << "expected no --policy with --attention: each variant's "
                      "cache type is its policy";
  if (options.attention && (options.withRecompute || options.stateless))
    return error() << "expected no --with-recompute or --stateless with "
                      "--attention: there is no graph";
  bool gpu = options.engine != kvc::Engine::cpu;
  if (gpu && (options.withRecompute || options.stateless))
    return error() << "expected no --with-recompute or --stateless with "
                      "--target="
                   << settings.target
                   << ": GPUs run attention alone, whole models run on the cpu";
  if ((settings.emit == Emit::ptx || settings.emit == Emit::cubin) &&
      options.engine != kvc::Engine::cuda)
    return error() << "expected a GPU as --target for --emit=ptx and "
                      "--emit=cubin, got `"
                   << settings.target << "`";
  if (!settings.evidence.empty() && !makesImages())
    return error() << "expected machine code of a GPU for --evidence, got "
                   << (options.engine == kvc::Engine::cuda
                           ? "an output that is written before there is any"
                           : "--target=" + settings.target)
                   << "; give a chip as --target, and cubin or so as --emit";
  if (options.stateless && !options.policyFile.empty())
    return error()
           << "expected no --policy with --stateless: there is no cache";
  return success();
}

LogicalResult Driver::parse(StringRef path) {
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> file = openInputFile(path, &message);
  if (!file)
    return error() << "expected a readable file: " << message;
  sources.AddNewSourceBuffer(std::move(file), SMLoc());
  module = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  return success(!!module);
}

LogicalResult Driver::runStages(const std::vector<kvc::Stage> &stages) {
  bool images = makesImages();
  for (const kvc::Stage &stage : stages) {
    if (images && stage.name == "kernels" && failed(lookUpKernels()))
      return failure();
    PassManager pm(&context);
    // What a stage leaves is verified, and not what each of its passes does:
    // that takes as long as all of them.
    pm.enableVerifier(settings.verifyEach);
    stage.build(pm);
    if (failed(pm.run(*module)) || failed(verify(*module)))
      return failure();
    if (settings.explain && (stage.name == "plan" ||
                             (options.attention && stage.name == "describe")))
      kvc::printPlan(*module, llvm::outs());
    if (images && stage.name == "gpu") {
      if (failed(compileKernels()))
        return failure();
      if (settings.emit == Emit::ptx || settings.emit == Emit::cubin)
        return success();
    }
    if (stage.name == settings.untilAfter ||
        (settings.emit == Emit::header && stage.name == "plan"))
      return success();
    // The variants are gone after this stage.
    if (settings.emit == Emit::header && stage.name == "describe")
      return success();
  }
  return success();
}

/// No path is stdout.
LogicalResult
Driver::writeFile(StringRef path,
                  llvm::function_ref<void(llvm::raw_ostream &)> print) {
  std::string message;
  std::unique_ptr<llvm::ToolOutputFile> file =
      openOutputFile(path.empty() ? "-" : path, &message);
  if (!file)
    return error() << "expected to write a file: " << message;
  print(file->os());
  file->os().flush();
  if (std::error_code full = file->os().error()) {
    file->os().clear_error(); // else LLVM ends the process
    return error() << "expected to write all of `" << path
                   << "`, got: " << full.message();
  }
  file->keep();
  return success();
}

/// Finds the assembler and what is in the cache, before kernels are made.
LogicalResult Driver::lookUpKernels() {
  auto emitError = [&] { return error(); };
  kvc::nvptx::CompilerOptions wanted;
  auto chip = kvc::nvptx::getChip(options.chip, emitError);
  if (failed(chip))
    return failure();
  wanted.chip = *chip;
  // PTX needs no assembler; it is asked what it thinks of the kernels where
  // somebody wants to know.
  wanted.assembles = settings.emit != Emit::ptx || settings.explain ||
                     !settings.ptxas.empty() || !settings.evidence.empty();
  wanted.ptxas = settings.ptxas;
  wanted.cacheDir = settings.cacheDir;
  wanted.cacheBytes = settings.cacheBytes;
  wanted.allowSlowKernels = settings.allowSlowKernels;
  auto created = kvc::nvptx::Compiler::create(wanted, emitError);
  if (failed(created))
    return failure();
  compiler.emplace(std::move(*created));
  if (!compiler->getPtxas() &&
      (settings.emit == Emit::so || settings.emit == Emit::obj) &&
      settings.embed == kvc::nvptx::Embed::Cubin)
    return error() << "expected a ptxas for --embed=cubin, got none; install a "
                      "CUDA toolkit, name it with --ptxas, or use --embed=ptx";
  if (!compiler->getPtxas() && settings.emit == Emit::cubin)
    return error() << "expected a ptxas for --emit=cubin, got none; install a "
                      "CUDA toolkit, name it with --ptxas, or use --emit=ptx";
  if (!compiler->getPtxas() && wanted.assembles && settings.ptxas != "none")
    remark::missed(module->getLoc(),
                   remark::RemarkOpts::name("no-ptxas").category("nvptx"))
        << "PTX alone, which the driver assembles when it is loaded: "
           "expected a ptxas as --ptxas or in " +
               kvc::nvptx::Ptxas::searched() + ", got none";
  compiler->lookUp(*module);
  return success();
}

/// PTX and, where there is a ptxas, machine code of all kernels; they become
/// data of the module unless they are what is asked for.
LogicalResult Driver::compileKernels() {
  if (failed(compiler->compile(*module)))
    return failure();
  const kvc::GpuChip &chip = *kvc::findGpuChip(options.chip);
  if (settings.explain) {
    compiler->printSummary(llvm::outs());
    kvc::nvptx::printUsage(chip, compiler->getImages(), llvm::outs());
  }
  if ((settings.explain || !settings.evidence.empty()) &&
      failed(explainMachineCode(chip)))
    return failure();
  if (settings.emit != Emit::ptx && settings.emit != Emit::cubin)
    kvc::nvptx::embedImages(*module, chip, compiler->getImages(),
                            settings.embed);
  return success();
}

/// What the machine code does, where there is some and a program to read it.
LogicalResult Driver::explainMachineCode(const kvc::GpuChip &chip) {
  auto nvdisasm = kvc::sass::Nvdisasm::find(settings.nvdisasm);
  if (!nvdisasm)
    return error() << llvm::toString(nvdisasm.takeError());
  ArrayRef<kvc::nvptx::Image> images = compiler->getImages();
  bool assembled = llvm::all_of(
      images, [](const kvc::nvptx::Image &image) { return !!image.cubin; });
  if (!*nvdisasm || !assembled) {
    const char *why =
        assembled ? "no nvdisasm; install a CUDA toolkit or the package "
                    "nvidia-cuda-nvdisasm, or run tools/fetch-cuda-tools.sh"
                  : "no ptxas; install a CUDA toolkit or name it with --ptxas";
    if (!settings.evidence.empty())
      return error() << "expected to count what machine code does, got " << why;
    llvm::errs() << "kvc-compile: remark: [static-evidence] nothing is known "
                    "of the machine code: "
                 << why << "\n";
    return success();
  }
  auto kernels = kvc::nvptx::gatherEvidence(images, chip, **nvdisasm,
                                            [&] { return error(); });
  if (failed(kernels))
    return failure();
  if (settings.explain) {
    kvc::sass::printEvidence(*kernels, ("for " + chip.name).str(),
                             llvm::outs());
    kvc::sass::printPredictions(chip, *kernels, llvm::outs());
  }
  if (settings.evidence.empty())
    return success();
  llvm::json::Array all = kvc::sass::toJSON(*kernels);
  for (auto [object, kernel] : llvm::zip_equal(all, *kernels))
    (*object.getAsObject())["predicted"] =
        kvc::sass::predictionsToJSON(chip, kernel);
  return writeFile(settings.evidence, [&](llvm::raw_ostream &os) {
    os << llvm::json::Value(std::move(all)) << "\n";
  });
}

/// One file per gpu.module: the named one when there is one, else name.MODULE
/// and the name's ending.
LogicalResult Driver::writeImages() {
  bool text = settings.emit == Emit::ptx;
  StringRef output = settings.output;
  ArrayRef<kvc::nvptx::Image> images = compiler->getImages();
  for (const kvc::nvptx::Image &image : images) {
    std::string path = output.str();
    if (images.size() > 1 && !output.empty() && output != "-") {
      StringRef ending = llvm::sys::path::extension(output);
      path =
          (output.drop_back(ending.size()) + "." + image.name + ending).str();
    }
    if (failed(writeFile(path, [&](llvm::raw_ostream &os) {
          os << (text ? image.ptx : image.cubin->image);
        })))
      return failure();
  }
  return success();
}

LogicalResult Driver::emit(const kvc::cpu::Target &target) {
  if (!settings.untilAfter.empty() || settings.emit == Emit::mlir)
    return writeFile(settings.output,
                     [&](llvm::raw_ostream &os) { module->print(os); });
  if (settings.emit == Emit::header)
    return writeFile(settings.output, [&](llvm::raw_ostream &os) {
      kvc::cpu::printHeader(*module, os);
    });
  if (settings.emit == Emit::ptx || settings.emit == Emit::cubin)
    return writeImages();
  auto emitError = [&] { return error(); };
  std::string manifest = kvc::cpu::completeManifest(*module, target);
  llvm::LLVMContext llvmContext;
  FailureOr<std::unique_ptr<llvm::Module>> translated =
      kvc::cpu::translate(*module, target, llvmContext);
  if (failed(translated))
    return failure();
  if (settings.emit == Emit::llvm)
    return writeFile(settings.output, [&](llvm::raw_ostream &os) {
      (*translated)->print(os, nullptr);
    });
  auto object = kvc::cpu::emitObject(**translated, target, emitError);
  if (failed(object))
    return failure();
  if (settings.emit == Emit::obj)
    return writeFile(settings.output, [&](llvm::raw_ostream &os) {
      os.write(object->data(), object->size());
    });
  FailureOr<std::string> library = kvc::cpu::linkLibrary(*object, emitError);
  if (failed(library))
    return failure();
  return kvc::cpu::seal(*library, manifest, settings.output, emitError);
}

LogicalResult Driver::run() {
  handler = std::make_unique<SourceMgrDiagnosticHandler>(sources, &context,
                                                         llvm::errs());
  // What has no place in a file is said by the tool.
  ScopedDiagnosticHandler unplaced(&context, [](Diagnostic &diagnostic) {
    if (!isa<UnknownLoc>(diagnostic.getLocation()) ||
        diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return failure();
    llvm::errs() << "kvc-compile: error: " << diagnostic << "\n";
    return success();
  });
  options.policyFile = settings.policy;
  options.withRecompute = settings.withRecompute;
  options.stateless = settings.stateless;
  options.attention = !settings.attention.empty();
  options.explain = settings.explain;
  if (failed(kvc::parseTarget(settings.target, options,
                              [&] { return error(); })) ||
      failed(checkOptions()))
    return failure();
  auto target = kvc::cpu::Target::create(settings.cpu, [&] { return error(); });
  if (failed(target))
    return failure();
  // Why something was not recognised or not done; with --explain, what was.
  remark::RemarkCategories categories;
  // (`all` alone enables none: it is added to those that are set.)
  categories.missed = ".*";
  if (settings.explain)
    categories.passed = ".*";
  if (failed(remark::enableOptimizationRemarks(
          context, nullptr, std::make_unique<remark::RemarkEmittingPolicyAll>(),
          categories, /*printAsEmitRemarks=*/true)))
    return failure();
  std::vector<kvc::Stage> stages = kvc::getStages(options, *target);
  if (!settings.untilAfter.empty() &&
      llvm::none_of(stages, [&](const kvc::Stage &stage) {
        return stage.name == settings.untilAfter;
      })) {
    InFlightDiagnostic diagnostic = error();
    diagnostic << "expected a stage as --until-after, got `"
               << settings.untilAfter << "`; stages are";
    for (const kvc::Stage &stage : stages)
      diagnostic << " " << stage.name;
    return diagnostic;
  }
  if (failed(parse(options.attention ? settings.attention : settings.input)) ||
      failed(kvc::checkInput(*module, options)))
    return failure();
  if (options.stateless)
    kvc::makeStateless(*module);
  if (failed(runStages(stages)))
    return failure();
  return emit(*target);
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM initialize(argc, argv);
  Settings settings = parseCommandLine(argc, argv);
  DialectRegistry registry;
  kvc::registerCompilerDialects(registry);
  MLIRContext context(registry);
  // The place and the words are enough; a whole graph would follow them.
  context.printOpOnDiagnostic(false);
  return failed(Driver(context, settings).run());
}
