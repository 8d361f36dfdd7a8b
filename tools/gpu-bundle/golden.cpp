//===- golden.cpp - kvc-golden of the GPU bundle --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Captures what a GPU makes of drawn inputs, instruction by instruction, and
// holds the simulator against a capture. Inputs travel with the results, so a
// capture is of use wherever the simulator is.
//
// Exit: 0 when captured, or all agrees; 1 when something does not; 2 when
// nothing could run.
//
//===----------------------------------------------------------------------===//
#include "Artefacts.h"
#include "GoldenOps.h"
#include "Options.h"

#include <nlohmann/json.hpp>

#include <cinttypes>
#include <cstring>
#include <fstream>

using namespace kvc::bundle;

static const char *const kUsage =
    "kvc-golden: instructions of a GPU, captured\n"
    "  --out=FILE          capture to it (golden.json)\n"
    "  --device=cuda|sim   whose results (cuda)\n"
    "  --cases=N           warps of drawn inputs for each instruction (64)\n"
    "  --seed=N            of the inputs (1)\n"
    "  --check=FILE        hold the simulator against a capture instead\n"
    "  --only=TEXT         instructions whose name holds this text\n"
    "  --print-ptx=FOLDER  write each instruction's PTX, and stop\n";

namespace {
using Words = std::vector<uint32_t>;

/// What a lane of a simulated block does: its case is its block.
struct Simulated {
  const GoldenOp *op;
  const uint32_t *in;
  uint32_t *out;
};
void runLane(kvcrt_sim_thread *t, const void *params) {
  Simulated s;
  memcpy(&s, params, sizeof(s));
  auto of = [&](uint32_t which) {
    return uint32_t(t->table->special_register(t, 0, which));
  };
  const uint64_t lane = uint64_t(of(KVCRT_SIM_REGISTER_CTAID_X)) * kLanes +
                        of(KVCRT_SIM_REGISTER_TID_X);
  s.op->simulate(t, s.in + lane * s.op->inputs, s.out + lane * s.op->outputs);
}
} // namespace

static Words run(const Machine &machine, const GoldenOp &op, const Words &in) {
  const uint32_t cases = uint32_t(in.size()) / kLanes / op.inputs;
  Words out(size_t(cases) * kLanes * op.outputs);
  const kvcrt_env env = machine.env();
  kvcrt_launch call;
  KVCRT_INIT(&call);
  call.grid[0] = cases;
  call.grid[1] = call.grid[2] = 1;
  kvcrt_kernel kernel;
  KVCRT_INIT(&kernel);
  kernel.name = "golden";
  kernel.threads = kLanes;
  kernel.num_images = 1;
  call.kernel = &kernel;
  if (!machine.onGpu()) {
    static const char *const location = "golden";
    const kvcrt_sim_shared shared = {"rows", kGoldenShared, 512, 128, 0};
    kvcrt_sim_kernel sim;
    KVCRT_INIT(&sim);
    sim.name = "golden";
    sim.function = &runLane;
    sim.table_size = sizeof(kvcrt_sim_table);
    sim.params_size = sizeof(Simulated);
    sim.shared = &shared;
    sim.num_shared = 1;
    sim.locations = &location;
    sim.num_locations = 1;
    const kvcrt_image image = {KVCRT_IMAGE_SIM, 0, &sim, sizeof(sim), "sim"};
    kernel.images = &image;
    const Simulated params = {&op, in.data(), out.data()};
    call.params = &params;
    call.params_size = sizeof(params);
    require(machine.device, env.launch(env.context, &env, &call), op.name);
    return out;
  }
  const std::string ptx = goldenPtx(op), chip = "sm_" + std::to_string(op.sm);
  const kvcrt_image image = {KVCRT_IMAGE_PTX, op.sm, ptx.c_str(),
                             ptx.size() + 1, chip.c_str()};
  // The one before may have lain at this one's address.
  require(machine.device, kvcrt_device_forget_kernels(machine.device),
          "unload");
  kernel.images = &image;
  Mirror memory(machine.device, machine.stream);
  memory.add(in.data(), in.size() * 4, "inputs");
  memory.add(out.data(), out.size() * 4, "outputs");
  void *params[2] = {memory.onDevice(in.data()), memory.onDevice(out.data())};
  call.params = params;
  call.params_size = sizeof(params);
  require(machine.device, env.launch(env.context, &env, &call), op.name);
  memory.pull(out.data());
  return out;
}

static std::string toHex(const Words &words) {
  std::string out(words.size() * 8, '0');
  for (size_t i = 0; i < words.size(); ++i) {
    char text[9];
    snprintf(text, sizeof(text), "%08" PRIx32, words[i]);
    memcpy(&out[i * 8], text, 8);
  }
  return out;
}

static Words fromHex(const std::string &text, size_t multiple) {
  Words words(text.size() / 8);
  for (size_t i = 0; i < words.size(); ++i) {
    char *end = nullptr;
    const std::string word = text.substr(8 * i, 8);
    words[i] = uint32_t(strtoul(word.c_str(), &end, 16));
    if (*end)
      throw Failure("expected eight hexadecimal digits, got " + word);
  }
  if (words.empty() || text.size() % 8 || words.size() % multiple)
    throw Failure("expected words of whole warps, got " +
                  std::to_string(text.size()) + " digits");
  return words;
}

static int capture(const Machine &machine, const std::string &only,
                   uint32_t cases, uint32_t seed, const std::string &path) {
  nlohmann::json ops = nlohmann::json::array();
  int failures = 0;
  for (const GoldenOp &op : goldenOps()) {
    if (op.name.find(only) == std::string::npos)
      continue;
    if (machine.onGpu() && machine.info.sm < op.sm) {
      printf("%-20s not of this GPU: sm_%d has it first\n", op.name.c_str(),
             op.sm);
      continue;
    }
    std::mt19937 random(seed);
    Words in(size_t(cases) * kLanes * op.inputs);
    for (uint32_t i = 0; i < cases; ++i)
      op.draw(random, &in[size_t(i) * kLanes * op.inputs], op.inputs);
    try {
      ops.push_back({{"name", op.name},
                     {"in", toHex(in)},
                     {"out", toHex(run(machine, op, in))}});
    } catch (const Failure &failure) {
      printf("%-20s FAILED %s\n", op.name.c_str(), failure.what().c_str());
      ++failures;
    }
  }
  std::ofstream file(path);
  file << nlohmann::json{{"device", machine.title},
                         {"sm", machine.info.sm},
                         {"seed", seed},
                         {"ops", ops}}
              .dump(1)
       << "\n";
  if (!file.good() || ops.empty()) {
    fprintf(stderr,
            "kvc-golden: expected instructions and a file, got %zu and %s\n",
            ops.size(), path.c_str());
    return 2;
  }
  printf("%zu instructions of %s, %u warps each, in %s\n", ops.size(),
         machine.title.c_str(), cases, path.c_str());
  return failures ? 1 : 0;
}

static int check(const std::string &path, const std::string &only) {
  std::ifstream file(path);
  const nlohmann::json golden = nlohmann::json::parse(file, nullptr, false);
  if (!golden.is_object() || !golden.contains("ops"))
    throw Failure("expected a capture, got " + path);
  const Machine machine("sim", "");
  int agree = 0, all = 0;
  for (const nlohmann::json &row : golden["ops"]) {
    const std::string name = row.at("name").get<std::string>();
    if (name.find(only) == std::string::npos)
      continue;
    const GoldenOp *op = nullptr;
    for (const GoldenOp &one : goldenOps())
      if (one.name == name)
        op = &one;
    if (!op)
      throw Failure("expected an instruction, got " + name);
    const size_t perIn = kLanes * op->inputs, perOut = kLanes * op->outputs;
    const Words in = fromHex(row.at("in").get<std::string>(), perIn);
    const Words out = fromHex(row.at("out").get<std::string>(), perOut);
    if (in.size() / perIn != out.size() / perOut)
      throw Failure(name + ": expected as many results as inputs");
    const Words ours = run(machine, *op, in);
    Words scale = out;
    if (op->rule.kind == Rule::Product) {
      Words magnitudes = in;
      for (size_t i = 0; i < in.size(); ++i)
        magnitudes[i] &=
            i % op->inputs < op->inputs - 4 ? op->rule.magnitude : 0x7fffffffu;
      scale = run(machine, *op, magnitudes);
    }
    double worst = 0;
    size_t wrong = 0, first = 0, cases = in.size() / perIn;
    for (size_t i = cases; i-- > 0;) {
      const double distance = distanceOf(*op, &ours[i * perOut],
                                         &out[i * perOut], &scale[i * perOut]);
      worst = std::max(worst, distance);
      if (distance > 1) {
        ++wrong;
        first = i;
      }
    }
    ++all;
    agree += !wrong;
    printf("%-6s %-20s ", wrong ? "WRONG" : "ok", name.c_str());
    if (op->rule.kind != Rule::Bits)
      printf("within %.3f of the bound, ", worst);
    printf("%zu of %zu warps", cases - wrong, cases);
    if (wrong)
      for (size_t i = 0; i < perOut; ++i)
        if (const size_t at = first * perOut + i; ours[at] != out[at]) {
          printf("; warp %zu, lane %zu, word %zu: expected %08" PRIx32
                 ", got %08" PRIx32,
                 first, i / op->outputs, i % op->outputs, out[at], ours[at]);
          break;
        }
    printf("\n");
  }
  printf("%d of %d instructions are as on %s\n", agree, all,
         golden.value("device", "?").c_str());
  if (!all)
    throw Failure("expected an instruction to check, got none");
  return agree == all ? 0 : 1;
}

int main(int argc, char **argv) {
  const Options options(
      argc, argv, kUsage,
      {"out", "device", "cases", "seed", "check", "only", "print-ptx"});
  const std::string only = options.get("only");
  try {
    if (const std::string folder = options.get("print-ptx"); !folder.empty()) {
      for (const GoldenOp &op : goldenOps()) {
        std::ofstream file(folder + "/sm_" + std::to_string(op.sm) + "-" +
                           fileNameOf(op.name) + ".ptx");
        file << goldenPtx(op);
        if (!file.good())
          throw Failure("cannot write to " + folder);
      }
      return 0;
    }
    if (!options.get("check").empty())
      return check(options.get("check"), only);
    const Machine machine(options.get("device", "cuda"), "");
    return capture(
        machine, only,
        uint32_t(std::max(1, atoi(options.get("cases", "64").c_str()))),
        uint32_t(atoi(options.get("seed", "1").c_str())),
        options.get("out", "golden.json"));
  } catch (const Failure &failure) {
    fprintf(stderr, "kvc-golden: %s\n", failure.what().c_str());
  } catch (const nlohmann::json::exception &error) {
    fprintf(stderr, "kvc-golden: expected a capture: %s\n", error.what());
  }
  return 2;
}
