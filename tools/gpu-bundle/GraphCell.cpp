//===- GraphCell.cpp - a captured step replayed with other lengths --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two runtimes make the same calls, so that their tables agree: one on the
// device, whose kernels run, one on the host, where the reference works. The
// launches of one decode step (append and attend of several layers) are
// captured; later steps, over more tokens and fewer sequences, bring their
// arrays into the same slot and launch the graph alone.
//
//===----------------------------------------------------------------------===//
#include "Cell.h"

#include <algorithm>
#include <cstring>

namespace kvc::bundle {

using namespace conformance;

namespace {
constexpr int32_t kLayers = 3, kMaxTokens = 128, kMaxSeqs = 3, kMaxLen = 1024,
                  kSplitKeys = 256;

/// One side: its runtime and the buffers of each layer.
class Side {
public:
  Side(kvcrt_device *device, void *stream, const Spec &spec,
       const kvcrt_plan_desc *plan)
      : device(device), stream(stream), spec(spec), memory(device, stream) {
    kvcrt_group_desc group = {};
    group.policy = spec.policy;
    group.num_layers = kLayers;
    group.num_blocks = kMaxSeqs * (kMaxLen / spec.policy.block + 2);
    group.plan = plan;
    kvcrt_runtime_desc desc;
    KVCRT_INIT(&desc);
    desc.device = device;
    desc.groups = &group;
    desc.num_groups = 1;
    desc.max_steps_in_flight = 1; // one slot: one set of arrays
    desc.capacity.max_seqs = kMaxSeqs;
    desc.capacity.max_tokens = kMaxTokens;
    desc.capacity.max_kv_len = kMaxLen;
    runtime = createRuntime(desc);
    for (kvcrt_sequence &name : names)
      require(device, kvcrt_sequence_create(runtime.get(), &name), "sequence");
    const kvcrt_policy &p = spec.policy;
    for (Layer &layer : layers) {
      layer.query = buffer(spec.queryHeads, p.key_dim);
      layer.key = buffer(p.kv_heads, p.key_dim);
      layer.value = buffer(p.kv_heads, p.value_dim);
      layer.out = buffer(spec.queryHeads, p.value_dim);
      layer.lse = static_cast<float *>(
          memory.scratch(size_t(kMaxTokens) * spec.queryHeads * 4));
    }
  }

  void begin(const std::vector<int32_t> &newTokens) {
    std::vector<kvcrt_step_entry> entries;
    for (size_t s = 0; s < newTokens.size(); ++s)
      if (newTokens[s])
        entries.push_back({names[s], newTokens[s], KVCRT_LOGITS_NONE});
    char text[500] = "";
    const kvcrt_status status =
        kvcrt_step_begin(runtime.get(), entries.data(), int32_t(entries.size()),
                         &view, text, sizeof(text));
    require(device, status, text);
    require(device, kvcrt_step_submit(runtime.get(), view.id, stream),
            "submit");
  }
  void end() {
    require(device, kvcrt_step_commit(runtime.get(), view.id, nullptr),
            "commit");
    require(device, kvcrt_step_retire(runtime.get(), view.id), "retire");
  }
  kvcrt_params params(int32_t layer) const {
    const Layer &l = layers[layer];
    kvcrt_params params;
    KVCRT_INIT(&params);
    params.step = *view.step;
    params.cache = view.caches[layer];
    if (view.plans)
      kvcrt_attend_plan_apply(&view.plans[layer], &params);
    params.query = l.query;
    params.new_key = l.key;
    params.new_value = l.value;
    params.out = l.out;
    params.lse = l.lse;
    params.lse_token_stride = spec.queryHeads * 4;
    params.scale = spec.scale;
    params.softcap = spec.softcapValue;
    params.window = spec.windowSize;
    params.sink_tokens = spec.policy.sink_tokens;
    return params;
  }

  struct Layer {
    kvcrt_tensor query, key, value, out;
    float *lse;
  };
  Layer layers[kLayers];
  kvcrt_step_view view{};

private:
  kvcrt_tensor buffer(int32_t heads, int32_t dim) {
    const int64_t row = int64_t(dim) * elementBytes();
    return {memory.scratch(size_t(kMaxTokens * heads * row)), heads * row, row};
  }
  int64_t elementBytes() const {
    return spec.policy.element == KVCRT_F32 ? 4 : 2;
  }

  kvcrt_device *device;
  void *stream;
  const Spec &spec;
  Mirror memory;
  Runtime runtime;
  kvcrt_sequence names[kMaxSeqs];
};

/// The host's device and what belongs to it.
struct HostDevice {
  HostDevice() {
    kvcrt_device_desc desc;
    KVCRT_INIT(&desc);
    desc.num_workers = 1;
    require(nullptr, kvcrt_device_create(&desc, &device, nullptr, 0),
            "host device");
  }
  ~HostDevice() { kvcrt_device_destroy(device); }
  kvcrt_device *device = nullptr;
};

class GraphCell {
public:
  GraphCell(const Machine &machine, const Kernels &kernels, const Spec &spec,
            uint64_t seed)
      : machine(machine), kernels(kernels), spec(spec), random(seed),
        plan(planOf(machine, spec, kSplitKeys)),
        ours(machine.device, machine.stream, spec, &plan),
        theirs(host.device, nullptr, spec, nullptr) {}
  ~GraphCell() { kvcrt_graph_destroy(machine.device, graph); }

  Outcome run();

private:
  /// A step of both sides; with the graph when there is one for it.
  void step(const std::vector<int32_t> &newTokens, bool decode);
  void launchAll(bool widest);
  void fillInputs();
  void compare();

  const Machine &machine;
  const Kernels &kernels;
  const Spec &spec;
  Random random;
  kvcrt_plan_desc plan;
  HostDevice host;
  Side ours, theirs;
  kvcrt_graph *graph = nullptr;
  Outcome outcome;
  int32_t replays = 0;
};
} // namespace

/// New queries, keys and values for every layer, the same on both sides.
void GraphCell::fillInputs() {
  const int64_t tokens = ours.view.host_step->header->num_tokens;
  for (int32_t l = 0; l < kLayers; ++l)
    for (auto member :
         {&Side::Layer::query, &Side::Layer::key, &Side::Layer::value}) {
      const kvcrt_tensor &to = theirs.layers[l].*member;
      const int64_t heads = to.token_stride / to.head_stride;
      const int64_t dim =
          to.head_stride / (spec.policy.element == KVCRT_F32 ? 4 : 2);
      kvcref::Array<double, 3> numbers({tokens, heads, dim});
      for (double &x : numbers.elements)
        x = 2 * random.uniform();
      kvcref::writeTensor(numbers.view(), spec.policy.element, to);
      require(machine.device,
              kvcrt_device_update(machine.device, (ours.layers[l].*member).data,
                                  to.data, uint64_t(tokens * to.token_stride),
                                  machine.stream),
              "inputs");
    }
}

void GraphCell::launchAll(bool widest) {
  const kvcrt_env env = machine.env();
  for (int32_t l = 0; l < kLayers; ++l) {
    kvcrt_params params = ours.params(l);
    // A grid for every later step; surplus blocks leave.
    if (widest)
      params.decode_blocks = plan.decode_resident;
    // Layers take turns: attend appends, or a launch of its own does.
    params.attend_appends = l % 2 == 1 && ours.view.plans[l].appends;
    if (!params.attend_appends)
      require(machine.device, kernels.append(&env, &params), "append");
    require(machine.device, kernels.attend(&env, &params), "attend");
  }
}

void GraphCell::compare() {
  const int64_t tokens = ours.view.host_step->header->num_tokens;
  const int32_t element = spec.policy.element;
  for (int32_t l = 0; l < kLayers; ++l) {
    kvcrt_params params = theirs.params(l);
    const kvcref::Variant reference = spec.toReference();
    require(host.device, kvcref::append(reference, params), "reference append");
    require(host.device, kvcref::attend(reference, params), "reference attend");
    auto read = [&] {
      return kvcref::readTensor(params.out, element, tokens, spec.queryHeads,
                                spec.policy.value_dim);
    };
    const kvcref::Array<double, 3> expected = read();
    require(machine.device,
            kvcrt_device_read(
                machine.device, params.out.data, ours.layers[l].out.data,
                uint64_t(tokens * params.out.token_stride), machine.stream),
            "outputs");
    outcome.outError =
        std::max(outcome.outError, relativeError(read(), expected));
  }
}

void GraphCell::step(const std::vector<int32_t> &newTokens, bool decode) {
  ours.begin(newTokens);
  theirs.begin(newTokens);
  fillInputs();
  if (decode && graph) {
    require(machine.device,
            kvcrt_graph_launch(machine.device, graph, machine.stream),
            "replay");
    ++replays;
  } else {
    launchAll(false);
  }
  compare();
  if (decode && !graph) {
    // Its kernels are loaded; both append and attend may be done again.
    require(machine.device, kvcrt_graph_begin(machine.device, machine.stream),
            "capture");
    launchAll(true);
    require(machine.device,
            kvcrt_graph_end(machine.device, machine.stream, &graph), "capture");
  }
  ours.end();
  theirs.end();
}

Outcome GraphCell::run() {
  step({5, 70, 33}, false);
  step({1, 1, 1}, true); // captured
  step({1, 1, 1}, true);
  step({90, 0, 17}, false);
  step({1, 1, 1}, true);
  step({0, 100, 0}, false);
  step({0, 1, 1}, true); // one sequence fewer
  step({1, 0, 0}, true);
  if (replays != 4)
    outcome.problem = "expected 4 replays, got " + std::to_string(replays);
  return outcome;
}

Outcome runGraphCell(const Machine &machine, const Kernels &kernels,
                     const Spec &spec, uint64_t seed) {
  return GraphCell(machine, kernels, spec, seed).run();
}

} // namespace kvc::bundle
