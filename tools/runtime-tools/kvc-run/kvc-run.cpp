//===- kvc-run.cpp - runs a compiled model --------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifies and loads an artefact, maps its weights, continues the prompts of a
// file as one ragged batch over the paged cache, and, when asked, proves the
// outcome equal to full recompute or to the reference. Needs no LLVM.
//===----------------------------------------------------------------------===//
#include "Library.h"
#include "Report.h"

#include "../common/Failure.h"
#include "../common/Options.h"

#include <algorithm>
#include <cstdio>

using namespace kvctool;

namespace {

struct Arguments {
  std::string model, weights, prompts, json, attention, device;
  int32_t attentionSteps = 0;
  int32_t newTokens = 128;
  int32_t threads = 0;
  int32_t maxTokens = 256;
  int32_t maxSeqs = 8;
  int32_t blocks = 0;
  uint64_t memory = 0;
  std::vector<int64_t> lengths;
  bool check = false;
  bool quiet = false;
  std::vector<std::string> given; // names of the options
};

} // namespace

static Arguments parseArguments(int argc, char **argv) {
  Arguments arguments;
  const auto text = [](std::string &target) {
    return [&target](const std::string &value) { target = value; };
  };
  const auto count = [](int32_t &target, const char *name, int64_t least,
                        int64_t most) {
    return [&target, name, least, most](const std::string &value) {
      target = int32_t(parseCount(name, value, least, most));
    };
  };
  const auto flag = [](bool &target) {
    return [&target](const std::string &) { target = true; };
  };
  CommandLine line;
  line.tool = "kvc-run";
  line.usage = "model.so --weights=FILE --prompts=FILE [options]";
  line.about =
      "Continues prompts with a compiled model, greedily, as one ragged batch\n"
      "over a paged KV cache. An attention library for sim:CHIP, given alone,\n"
      "runs on random sequences against the reference.";
  line.options = {
      {"weights", "FILE", "safetensors file with the model's parameters",
       text(arguments.weights)},
      {"prompts", "FILE", "one JSON object a line, see below",
       text(arguments.prompts)},
      {"max-new-tokens", "N", "tokens to generate for each (default 128)",
       count(arguments.newTokens, "max-new-tokens", 1, INT32_MAX)},
      {"threads", "N", "default: as many as the process may run on",
       count(arguments.threads, "threads", 1, 4096)},
      {"max-batch-tokens", "N", "tokens of one step (default 256)",
       count(arguments.maxTokens, "max-batch-tokens", 1, 1 << 20)},
      {"max-seqs", "N", "sequences that run at once (default 8)",
       count(arguments.maxSeqs, "max-seqs", 1, 1 << 16)},
      {"blocks", "N", "cache blocks of every group (default: enough)",
       count(arguments.blocks, "blocks", 1, INT32_MAX)},
      {"memory", "BYTES", "or: memory for all groups, such as 64M",
       [&](const std::string &value) {
         arguments.memory = parseBytes("memory", value);
       }},
      {"attention", "FILE",
       "attention kernels of the same graph and policy for sim:CHIP, in the "
       "place of the model's; each compared with the reference",
       text(arguments.attention)},
      {"attention-steps", "N",
       "of the last N decode steps only (default: of all steps)",
       count(arguments.attentionSteps, "attention-steps", 1, INT32_MAX)},
      {"device", "NAME", "cpu, or sim for --attention (default: what it needs)",
       text(arguments.device)},
      {"check", "",
       "compare with full recompute or the reference; exit 1 if "
       "they differ",
       flag(arguments.check)},
      {"compare-lengths", "N,N..",
       "time one more token, cached against full "
       "recompute",
       [&](const std::string &value) {
         arguments.lengths = parseCounts("compare-lengths", value,
                                         kLeastComparedLength, INT32_MAX);
       }},
      {"json", "FILE", "write tokens and numbers there as well",
       text(arguments.json)},
      {"quiet", "", "no progress on stderr", flag(arguments.quiet)},
  };
  line.epilogue =
      "A prompt file has lines such as\n"
      "  {\"name\": \"hello\", \"text\": \"Once upon a time\"}\n"
      "  {\"name\": \"licence\", \"file\": \"LICENSE\", \"offset\": 0, "
      "\"length\": 256}\n"
      "  {\"name\": \"ids\", \"tokens\": [1, 2, 3], \"max_new_tokens\": 16}\n"
      "Bytes are tokens; paths are relative to the prompt file.";
  for (Option &option : line.options)
    option.accept = [&given = arguments.given, name = option.name,
                     accept = option.accept](const std::string &value) {
      given.push_back(name);
      accept(value);
    };
  const std::vector<std::string> rest = parseCommandLine(line, argc, argv);
  if (rest.size() != 1)
    fail("expected one model.so, got %zu arguments%s%s; see kvc-run --help",
         rest.size(), rest.size() > 1 ? ", the second " : "",
         rest.size() > 1 ? rest[1].c_str() : "");
  arguments.model = rest[0];
  if (!arguments.device.empty() && arguments.device != "cpu" &&
      arguments.device != "sim")
    fail("--device: expected cpu or sim, got '%s'; GPU kernels run in the "
         "simulator, compiled with --target=sim:CHIP",
         arguments.device.c_str());
  if (arguments.attention.empty() &&
      (arguments.device == "sim" || arguments.attentionSteps))
    fail(
        "expected --attention=FILE with %s, got none: a model runs on the cpu, "
        "its attention in the simulator; kvc-compile MODEL --policy=POLICY "
        "--target=sim:sm_90a -o FILE makes it",
        arguments.attentionSteps ? "--attention-steps" : "--device=sim");
  if (!arguments.attention.empty() && arguments.device == "cpu")
    fail("--device=cpu: expected no --attention, whose kernels need the sim "
         "device, got %s; use --device=sim",
         arguments.attention.c_str());
  // An attention library has neither.
  if (arguments.weights.empty() && arguments.prompts.empty())
    return arguments;
  if (arguments.weights.empty())
    fail("expected --weights=FILE, got none; kvc-weights --artifact=%s -o FILE "
         "writes random ones",
         arguments.model.c_str());
  if (arguments.prompts.empty())
    fail("expected --prompts=FILE, got none; see kvc-run --help for its form");
  if (arguments.blocks && arguments.memory)
    fail("expected one of --blocks and --memory, got both");
  if (arguments.maxTokens < arguments.maxSeqs)
    fail("expected --max-batch-tokens of at least --max-seqs (%d), so that "
         "every sequence can decode in each step, got %d",
         arguments.maxSeqs, arguments.maxTokens);
  return arguments;
}

/// Tokens that a sequence can have in the cache.
static int32_t maxLength(const kvcrt_manifest &manifest) {
  int32_t longest = manifest.max_positions ? manifest.max_positions : INT32_MAX;
  for (int32_t g = 0; g < manifest.num_groups; ++g) {
    const kvcrt_policy &policy = manifest.groups[g].policy;
    if (policy.max_positions)
      longest = std::min(longest, policy.max_positions);
    if (policy.layout == KVCRT_LAYOUT_CONTIGUOUS)
      longest = std::min(longest, policy.block);
  }
  return longest;
}

/// The last generated token is never fed back, and takes no position.
static void checkPositions(const std::vector<Prompt> &prompts,
                           int32_t longest) {
  for (const Prompt &prompt : prompts) {
    const int64_t length = int64_t(prompt.tokens.size());
    if (length > longest)
      fail("%s: prompt '%s': expected at most %d tokens ("
           "max_positions of model and policy), got %lld; shorten it",
           prompt.where.c_str(), prompt.name.c_str(), longest,
           static_cast<long long>(length));
    if (length + prompt.newTokens - 1 > longest)
      fail("%s: prompt '%s': expected prompt and new tokens within %d "
           "positions, got %lld + %d; lower --max-new-tokens to %lld or "
           "shorten the prompt",
           prompt.where.c_str(), prompt.name.c_str(), longest,
           static_cast<long long>(length), prompt.newTokens,
           static_cast<long long>(longest - length + 1));
  }
}

/// Whether the file is an attention library; what is wrong with it is said when
/// it is opened.
static bool isLibrary(const std::string &path) {
  kvcrt_artifact *opened = nullptr;
  if (kvcrt_artifact_inspect(path.c_str(), &opened, nullptr, 0))
    return false;
  const ArtifactHandle artifact(opened);
  return std::string(kvcrt_artifact_manifest(opened)->kind) == "attention";
}

static int runAlone(const Arguments &arguments) {
  for (const std::string &name : arguments.given)
    if (name != "threads" && name != "json" && name != "quiet")
      fail("--%s: expected a model, got the attention library %s; give it as "
           "--attention beside its model",
           name.c_str(), arguments.model.c_str());
  Attention attention(arguments.model, !arguments.quiet);
  runLibrary(attention, arguments.threads);
  Report report;
  report.model = arguments.model;
  report.attentionTarget = attention.target();
  report.attentionSteps = attention.steps();
  report.attention = attention.layers();
  printAttention(report);
  fflush(stdout);
  if (!arguments.json.empty())
    writeJson(report, arguments.json);
  const std::string problem = attention.firstProblem();
  if (!problem.empty())
    fail("%s", problem.c_str());
  return 0;
}

static int run(int argc, char **argv) {
  const Arguments arguments = parseArguments(argc, argv);
  if (arguments.weights.empty()) {
    if (isLibrary(arguments.model))
      return runAlone(arguments);
    fail("expected --weights=FILE, got none; kvc-weights --artifact=%s -o FILE "
         "writes random ones",
         arguments.model.c_str());
  }
  Model model(arguments.model);
  const kvcrt_manifest &manifest = model.manifest();
  std::unique_ptr<Attention> attention;
  if (!arguments.attention.empty())
    attention = std::make_unique<Attention>(arguments.attention, manifest,
                                            !arguments.quiet);
  model.createDevice(attention ? attention->deviceKind()
                               : int32_t(KVCRT_DEVICE_CPU),
                     arguments.threads);
  Report report;
  report.model = arguments.model;
  report.threads = model.threads();
  report.prompts =
      readPrompts(arguments.prompts, model.vocab(), arguments.newTokens);
  int32_t longest = maxLength(manifest);
  checkPositions(report.prompts, longest);
  for (int64_t length : arguments.lengths)
    if (length > longest)
      fail("--compare-lengths: expected at most %d tokens ("
           "max_positions of model and policy), got %lld",
           longest, static_cast<long long>(length));
  if (!arguments.lengths.empty() && !model.hasRecompute())
    fail("--compare-lengths: expected an artefact with a recompute function, "
         "got none in %s; compile it with --with-recompute",
         arguments.model.c_str());
  const bool exact = matchesRecompute(manifest);
  if (arguments.check && exact && !model.hasRecompute())
    fail("--check: expected an artefact with a recompute function, got none in "
         "%s; compile it with --with-recompute",
         arguments.model.c_str());
  if (longest == INT32_MAX) // unbounded: as long as it must be
    for (const Prompt &prompt : report.prompts)
      longest = int32_t(std::min<int64_t>(
          std::max<int64_t>(longest == INT32_MAX ? 0 : longest,
                            int64_t(prompt.tokens.size()) + prompt.newTokens),
          INT32_MAX));
  report.maxLength = longest;
  model.loadWeights(arguments.weights);

  const GenerateOptions generateOptions{arguments.maxTokens, arguments.maxSeqs,
                                        arguments.check, !arguments.quiet,
                                        arguments.attentionSteps};
  Engine::Options engineOptions{
      arguments.maxTokens, arguments.maxSeqs, longest, {},
      arguments.memory,    attention.get()};
  if (arguments.blocks)
    engineOptions.blocks.assign(manifest.num_groups, arguments.blocks);
  else if (!arguments.memory)
    engineOptions.blocks =
        planBlocks(manifest, report.prompts, generateOptions);
  {
    Engine engine(model, engineOptions);
    report.run = generate(model, engine, report.prompts, generateOptions);
    report.memory = engine.memory();
    report.bytesPerToken = engine.bytesPerToken();
  }
  printRun(report, model.vocab() <= 256);
  fflush(stdout);

  std::string difference;
  if (attention) {
    report.attentionTarget = attention->target();
    report.attentionSteps = attention->steps();
    report.attention = attention->layers();
    printAttention(report);
    fflush(stdout);
    difference = attention->firstProblem();
  }
  const auto compare = [&](const Comparison &comparison) {
    printComparison(comparison);
    fflush(stdout);
    if (difference.empty() && !comparison.passed)
      difference = comparison.firstDifference;
    report.comparisons.push_back(comparison);
  };
  if (arguments.check && exact)
    compare(checkRecompute(model, report.prompts, report.run, bool(attention),
                           !arguments.quiet));
  if (arguments.check)
    compare(checkReference(model, engineOptions, report.prompts, report.run,
                           !arguments.quiet));
  if (!arguments.lengths.empty()) {
    report.lengths =
        compareLengths(model, arguments.lengths, arguments.maxTokens);
    printLengths(report.lengths);
  }
  if (!arguments.json.empty())
    writeJson(report, arguments.json);
  if (!difference.empty())
    fail("%s", difference.c_str());
  return 0;
}

int main(int argc, char **argv) { return runTool("kvc-run", run, argc, argv); }
