//===- kvc-sim-run.cpp - run one kernel of a file in the simulator --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   kvc-sim-run kernels.mlir --kernel=add --grid=4 --block=128
//     --arg=in:f32:512:iota --arg=in:f32:512:random=1 --arg=out:f32:512
//     --arg=i32:512 --print=2
//
// The file holds gpu.modules of the llvm and nvvm dialects. Prints each finding
// and the status, then the buffers asked for. Exit code 1 when the launch had
// findings, 2 when it did not come to that.
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"

#include "kvc/Target/CPU/Artifact.h"
#include "kvc/Target/CPU/Target.h"
#include "kvc/Target/Sim/Passes.h"
#include "kvcrt/runtime.h"
#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace kvc;

static cl::opt<std::string> input(cl::Positional, cl::init("-"),
                                  cl::desc("<file.mlir>"));
static cl::opt<std::string> kernelName("kernel", cl::Required,
                                       cl::desc("kernel to run"));
static cl::list<unsigned> gridSize("grid", cl::CommaSeparated,
                                   cl::desc("blocks: x[,y[,z]]"));
static cl::list<unsigned> blockSize("block", cl::CommaSeparated,
                                    cl::desc("threads of a block: x[,y[,z]]"));
static cl::opt<unsigned>
    sharedBytes("shared", cl::init(0),
                cl::desc("bytes of dynamic shared memory"));
static cl::opt<uint64_t> seed("seed", cl::init(0),
                              cl::desc("order of threads; 0 = as numbered"));
static cl::opt<unsigned>
    repeat("repeat", cl::init(1),
           cl::desc("launches, the seed one higher each time"));
static cl::opt<int> workers("workers", cl::init(1), cl::desc("CPU threads"));
static cl::list<std::string> args("arg", cl::desc("see Arguments.h"));
static cl::list<unsigned> printed("print", cl::desc("argument to print"));
static cl::list<std::string>
    saved("save", cl::desc("INDEX=PATH: bytes of an argument into a file"));

static void log(void *, int32_t, const char *message) {
  outs() << "finding: " << message << "\n";
}

static void toThree(const cl::list<unsigned> &from, uint32_t (&to)[3]) {
  for (size_t i = 0; i < 3; ++i)
    to[i] = i < from.size() ? from[i] : 1;
}

static int fail(const Twine &message) {
  errs() << "error: " << message << "\n";
  return 2;
}

static int run() {
  mlir::DialectRegistry registry;
  registry.insert<mlir::DLTIDialect, mlir::gpu::GPUDialect,
                  mlir::LLVM::LLVMDialect, mlir::NVVM::NVVMDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(input, &context);
  if (!module)
    return 2;
  mlir::PassManager passes(&context);
  passes.addPass(sim::createSimRewritePass());
  if (mlir::failed(passes.run(*module)))
    return 2;

  auto emitError = [&] { return mlir::emitError(module->getLoc()); };
  auto target = cpu::Target::create("native", emitError);
  if (mlir::failed(target))
    return 2;
  auto llvmContext = std::make_unique<LLVMContext>();
  auto host = cpu::translate(*module, *target, *llvmContext);
  if (mlir::failed(host))
    return 2;
  // As in an artefact: no symbol but the module's own.
  auto jit = orc::LLJITBuilder()
                 .setLinkProcessSymbolsByDefault(false)
                 .setPlatformSetUp(orc::setUpInactivePlatform)
                 .create();
  if (!jit)
    return fail(toString(jit.takeError()));
  if (Error error = (*jit)->addIRModule(
          orc::ThreadSafeModule(std::move(*host), std::move(llvmContext))))
    return fail(toString(std::move(error)));
  auto symbol = (*jit)->lookup(kernelName + "_sim");
  if (!symbol)
    return fail(toString(symbol.takeError()));
  auto *kernel = symbol->toPtr<const kvcrt_sim_kernel *>();

  kvcrt_device_desc desc;
  KVCRT_INIT(&desc);
  desc.kind = KVCRT_DEVICE_CPU;
  desc.num_workers = workers;
  desc.log = &log;
  kvcrt_device *device = nullptr;
  char message[200];
  if (kvcrt_device_create(&desc, &device, message, sizeof(message)))
    return fail(message);
  kvcrt_sim *sim = nullptr;
  if (kvcrt_sim_create(nullptr, &sim))
    return fail("the simulator cannot start");
  simrun::Arguments arguments;
  for (const std::string &arg : args)
    if (Error error = arguments.add(arg))
      return fail(toString(std::move(error)));
  if (Error error = arguments.registerWith(sim))
    return fail(toString(std::move(error)));
  if (arguments.block().size() < kernel->params_size)
    return fail("expected " + Twine(kernel->params_size) +
                " bytes of arguments, got " + Twine(arguments.block().size()));

  uint32_t grid[3], block[3];
  toThree(gridSize, grid);
  toThree(blockSize, block);
  int32_t status = KVCRT_OK;
  for (unsigned i = 0; i < repeat && status == KVCRT_OK; ++i) {
    kvcrt_sim_set_seed(sim, seed ? seed + i : i);
    status =
        kvcrt_sim_launch(sim, kvcrt_device_env(device), kernel, grid, block,
                         sharedBytes ? sharedBytes : kernel->shared_bytes,
                         arguments.block().data());
  }
  outs() << "status: " << kvcrt_status_string(status) << "\n";
  for (unsigned index : printed) {
    const simrun::Buffer *buffer = arguments.buffer(index);
    if (!buffer)
      return fail("expected --print of a buffer, got " + Twine(index));
    outs() << "argument " << index << ":\n";
    simrun::Arguments::print(*buffer, outs());
  }
  for (StringRef save : saved) {
    auto [number, path] = save.split('=');
    unsigned index;
    const simrun::Buffer *buffer =
        number.getAsInteger(10, index) ? nullptr : arguments.buffer(index);
    std::error_code error;
    raw_fd_ostream os(path, error);
    if (!buffer || error)
      return fail("expected --save=INDEX=PATH, got " + save);
    os.write(buffer->data, buffer->bytes);
  }
  kvcrt_sim_destroy(sim);
  kvcrt_device_destroy(device);
  return status == KVCRT_OK ? 0 : status == KVCRT_DEVICE_ERROR ? 1 : 2;
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  cl::ParseCommandLineOptions(argc, argv, "runs one kernel in the simulator\n");
  return run();
}
