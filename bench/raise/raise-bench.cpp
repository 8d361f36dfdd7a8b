//===- raise-bench.cpp - time of raise over the number of layers ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Raises generated decoders of 1 to 64 layers (grouped queries, rotary
// embedding, causal mask, about 45 ops a layer) and lets Google Benchmark fit
// the growth: it is to be linear. Only the pass is timed, not the parser.
//
// Invariant: a run in which an attention is not found is an error, not a time.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/LinalgToKVC/LinalgToKVC.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <benchmark/benchmark.h>

using namespace mlir;

/// One layer over %x<n> (128 tokens of 256 channels, 8 query heads on 2 KV
/// heads of 32 channels); `@` stands for the number of the layer.
static const char layer[] = R"(
  %qm@ = linalg.matmul ins(%x@, %wq@ : tensor<128x256xf32>, tensor<256x256xf32>) outs(%rows256 : tensor<128x256xf32>) -> tensor<128x256xf32>
  %km@ = linalg.matmul ins(%x@, %wk@ : tensor<128x256xf32>, tensor<256x64xf32>) outs(%rows64 : tensor<128x64xf32>) -> tensor<128x64xf32>
  %vm@ = linalg.matmul ins(%x@, %wv@ : tensor<128x256xf32>, tensor<256x64xf32>) outs(%rows64 : tensor<128x64xf32>) -> tensor<128x64xf32>
  %qs@ = tensor.expand_shape %qm@ [[0], [1, 2]] output_shape [128, 8, 32] : tensor<128x256xf32> into tensor<128x8x32xf32>
  %ks@ = tensor.expand_shape %km@ [[0], [1, 2]] output_shape [128, 2, 32] : tensor<128x64xf32> into tensor<128x2x32xf32>
  %vs@ = tensor.expand_shape %vm@ [[0], [1, 2]] output_shape [128, 2, 32] : tensor<128x64xf32> into tensor<128x2x32xf32>
  %qh@ = linalg.transpose ins(%qs@ : tensor<128x8x32xf32>) outs(%q_empty : tensor<8x128x32xf32>) permutation = [1, 0, 2]
  %kh@ = linalg.transpose ins(%ks@ : tensor<128x2x32xf32>) outs(%k_empty : tensor<2x128x32xf32>) permutation = [1, 0, 2]
  %vh@ = linalg.transpose ins(%vs@ : tensor<128x2x32xf32>) outs(%k_empty : tensor<2x128x32xf32>) permutation = [1, 0, 2]
  %q1@ = tensor.extract_slice %qh@[0, 0, 0] [8, 128, 16] [1, 1, 1] : tensor<8x128x32xf32> to tensor<8x128x16xf32>
  %q2@ = tensor.extract_slice %qh@[0, 0, 16] [8, 128, 16] [1, 1, 1] : tensor<8x128x32xf32> to tensor<8x128x16xf32>
  %qn@ = linalg.negf ins(%q2@ : tensor<8x128x16xf32>) outs(%q_half : tensor<8x128x16xf32>) -> tensor<8x128x16xf32>
  %qr@ = tensor.concat dim(2) %qn@, %q1@ : (tensor<8x128x16xf32>, tensor<8x128x16xf32>) -> tensor<8x128x32xf32>
  %qc@ = linalg.mul ins(%qh@, %q_cos : tensor<8x128x32xf32>, tensor<8x128x32xf32>) outs(%q_empty : tensor<8x128x32xf32>) -> tensor<8x128x32xf32>
  %qi@ = linalg.mul ins(%qr@, %q_sin : tensor<8x128x32xf32>, tensor<8x128x32xf32>) outs(%q_empty : tensor<8x128x32xf32>) -> tensor<8x128x32xf32>
  %q@ = linalg.add ins(%qc@, %qi@ : tensor<8x128x32xf32>, tensor<8x128x32xf32>) outs(%q_empty : tensor<8x128x32xf32>) -> tensor<8x128x32xf32>
  %k1@ = tensor.extract_slice %kh@[0, 0, 0] [2, 128, 16] [1, 1, 1] : tensor<2x128x32xf32> to tensor<2x128x16xf32>
  %k2@ = tensor.extract_slice %kh@[0, 0, 16] [2, 128, 16] [1, 1, 1] : tensor<2x128x32xf32> to tensor<2x128x16xf32>
  %kn@ = linalg.negf ins(%k2@ : tensor<2x128x16xf32>) outs(%k_half : tensor<2x128x16xf32>) -> tensor<2x128x16xf32>
  %kr@ = tensor.concat dim(2) %kn@, %k1@ : (tensor<2x128x16xf32>, tensor<2x128x16xf32>) -> tensor<2x128x32xf32>
  %kc@ = linalg.mul ins(%kh@, %k_cos : tensor<2x128x32xf32>, tensor<2x128x32xf32>) outs(%k_empty : tensor<2x128x32xf32>) -> tensor<2x128x32xf32>
  %ki@ = linalg.mul ins(%kr@, %k_sin : tensor<2x128x32xf32>, tensor<2x128x32xf32>) outs(%k_empty : tensor<2x128x32xf32>) -> tensor<2x128x32xf32>
  %k@ = linalg.add ins(%kc@, %ki@ : tensor<2x128x32xf32>, tensor<2x128x32xf32>) outs(%k_empty : tensor<2x128x32xf32>) -> tensor<2x128x32xf32>
  %kb@ = linalg.broadcast ins(%k@ : tensor<2x128x32xf32>) outs(%group : tensor<2x4x128x32xf32>) dimensions = [1]
  %vb@ = linalg.broadcast ins(%vh@ : tensor<2x128x32xf32>) outs(%group : tensor<2x4x128x32xf32>) dimensions = [1]
  %ka@ = tensor.collapse_shape %kb@ [[0, 1], [2], [3]] : tensor<2x4x128x32xf32> into tensor<8x128x32xf32>
  %va@ = tensor.collapse_shape %vb@ [[0, 1], [2], [3]] : tensor<2x4x128x32xf32> into tensor<8x128x32xf32>
  %kt@ = linalg.transpose ins(%ka@ : tensor<8x128x32xf32>) outs(%kt_empty : tensor<8x32x128xf32>) permutation = [0, 2, 1]
  %s@ = linalg.batch_matmul ins(%q@, %kt@ : tensor<8x128x32xf32>, tensor<8x32x128xf32>) outs(%scores : tensor<8x128x128xf32>) -> tensor<8x128x128xf32>
  %m@ = linalg.generic {indexing_maps = [#cell, #cell], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s@ : tensor<8x128x128xf32>) outs(%scores : tensor<8x128x128xf32>) {
  ^bb0(%e: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %visible = arith.cmpi sle, %j, %i : index
    %scaled = arith.mulf %e, %scale : f32
    %masked = arith.select %visible, %scaled, %lowest : f32
    linalg.yield %masked : f32
  } -> tensor<8x128x128xf32>
  %p@ = linalg.softmax dimension(2) ins(%m@ : tensor<8x128x128xf32>) outs(%scores : tensor<8x128x128xf32>) -> tensor<8x128x128xf32>
  %a@ = linalg.batch_matmul ins(%p@, %va@ : tensor<8x128x128xf32>, tensor<8x128x32xf32>) outs(%q_zero : tensor<8x128x32xf32>) -> tensor<8x128x32xf32>
  %at@ = linalg.transpose ins(%a@ : tensor<8x128x32xf32>) outs(%qs_empty : tensor<128x8x32xf32>) permutation = [1, 0, 2]
  %ac@ = tensor.collapse_shape %at@ [[0], [1, 2]] : tensor<128x8x32xf32> into tensor<128x256xf32>
  %om@ = linalg.matmul ins(%ac@, %wo@ : tensor<128x256xf32>, tensor<256x256xf32>) outs(%rows256 : tensor<128x256xf32>) -> tensor<128x256xf32>
  %y@ = linalg.add ins(%x@, %om@ : tensor<128x256xf32>, tensor<128x256xf32>) outs(%rows256 : tensor<128x256xf32>) -> tensor<128x256xf32>
)";

static const char prologue[] = R"(
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %scale = arith.constant 0.17677669529 : f32
  %rows256_empty = tensor.empty() : tensor<128x256xf32>
  %rows256 = linalg.fill ins(%zero : f32) outs(%rows256_empty : tensor<128x256xf32>) -> tensor<128x256xf32>
  %rows64_empty = tensor.empty() : tensor<128x64xf32>
  %rows64 = linalg.fill ins(%zero : f32) outs(%rows64_empty : tensor<128x64xf32>) -> tensor<128x64xf32>
  %qs_empty = tensor.empty() : tensor<128x8x32xf32>
  %q_empty = tensor.empty() : tensor<8x128x32xf32>
  %q_zero = linalg.fill ins(%zero : f32) outs(%q_empty : tensor<8x128x32xf32>) -> tensor<8x128x32xf32>
  %k_empty = tensor.empty() : tensor<2x128x32xf32>
  %q_half = tensor.empty() : tensor<8x128x16xf32>
  %k_half = tensor.empty() : tensor<2x128x16xf32>
  %kt_empty = tensor.empty() : tensor<8x32x128xf32>
  %group = tensor.empty() : tensor<2x4x128x32xf32>
  %scores_empty = tensor.empty() : tensor<8x128x128xf32>
  %scores = linalg.fill ins(%zero : f32) outs(%scores_empty : tensor<8x128x128xf32>) -> tensor<8x128x128xf32>
)";

/// cos or sin of position times theta^(-2 i / 32), for `heads` heads.
static std::string rotation(StringRef name, StringRef function, int heads) {
  std::string type = "tensor<" + std::to_string(heads) + "x128x32xf32>";
  std::string empty = heads == 8 ? "%q_empty" : "%k_empty";
  return ("  " + name +
          " = linalg.generic {indexing_maps = [#cell], iterator_types = "
          "[\"parallel\", \"parallel\", \"parallel\"]} outs(" +
          empty + " : " + type + R"() {
  ^bb0(%o: f32):
    %p = linalg.index 1 : index
    %c = linalg.index 2 : index
    %c16 = arith.constant 16 : index
    %pair = arith.remui %c, %c16 : index
    %pi = arith.index_cast %p : index to i32
    %pf = arith.sitofp %pi : i32 to f32
    %ii = arith.index_cast %pair : index to i32
    %if = arith.sitofp %ii : i32 to f32
    %sixteen = arith.constant 16.0 : f32
    %exponent = arith.divf %if, %sixteen : f32
    %theta = arith.constant 10000.0 : f32
    %power = math.powf %theta, %exponent : f32
    %one = arith.constant 1.0 : f32
    %frequency = arith.divf %one, %power : f32
    %angle = arith.mulf %pf, %frequency : f32
    %r = )" +
          function + " %angle : f32\n    linalg.yield %r : f32\n  } -> " +
          type + "\n")
      .str();
}

static std::string decoder(int64_t layers) {
  std::string text = "#cell = affine_map<(h, i, j) -> (h, i, j)>\n"
                     "func.func @main(%x_0: tensor<128x256xf32>";
  for (int64_t i = 0; i < layers; ++i) {
    std::string n = "_" + std::to_string(i);
    text += ", %wq" + n + ": tensor<256x256xf32>, %wk" + n +
            ": tensor<256x64xf32>, %wv" + n + ": tensor<256x64xf32>, %wo" + n +
            ": tensor<256x256xf32>";
  }
  text += ") -> tensor<128x256xf32> {";
  text += prologue;
  text += rotation("%q_cos", "math.cos", 8) + rotation("%q_sin", "math.sin", 8);
  text += rotation("%k_cos", "math.cos", 2) + rotation("%k_sin", "math.sin", 2);
  for (int64_t i = 0; i < layers; ++i) {
    std::string body = layer;
    // this layer's result is the next one's input
    size_t at;
    while ((at = body.find("%y@")) != std::string::npos)
      body.replace(at, 3, "%x_" + std::to_string(i + 1));
    while ((at = body.find('@')) != std::string::npos)
      body.replace(at, 1, "_" + std::to_string(i));
    text += body;
  }
  return text + "  return %x_" + std::to_string(layers) +
         " : tensor<128x256xf32>\n}\n";
}

static void raiseLayers(benchmark::State &state) {
  DialectRegistry registry;
  registerAllDialects(registry);
  registry.insert<kvc::KVCDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  std::string text = decoder(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    PassManager manager(&context);
    manager.addNestedPass<func::FuncOp>(kvc::createRaiseAttentionPass());
    if (!module) {
      state.SkipWithError("expected a graph that parses");
      break;
    }
    state.ResumeTiming();
    bool raised = succeeded(manager.run(*module));
    state.PauseTiming();
    int64_t found = 0, rotated = 0;
    module->walk([&](Operation *op) {
      found += isa<kvc::AttentionOp>(op);
      rotated += isa<kvc::RopeOp>(op);
    });
    if (!raised || found != state.range(0) || rotated != 2 * found) {
      state.SkipWithError("expected an attention and two rotations a layer");
      break;
    }
    module = nullptr;
    state.ResumeTiming();
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK(raiseLayers)
    ->RangeMultiplier(2)
    ->Range(1, 64)
    ->Unit(benchmark::kMillisecond)
    ->Complexity();

BENCHMARK_MAIN();
