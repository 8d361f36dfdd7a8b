//===- Cell.cpp - one cell of the matrix on a device ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fixture's pool 0 is the kernels', in device memory; pool 1 and what the
// reference computes stay on the host.
//
//===----------------------------------------------------------------------===//
#include "Cell.h"

#include <algorithm>
#include <cstring>

namespace kvc::bundle {

using namespace conformance;

namespace {
/// A plan of a fixture's step, in memory of the mirror.
struct DevicePlan {
  DevicePlan(const Machine &machine, Mirror &mirror, const Spec &spec,
             const Batch &batch, Fixture &fixture) {
    const kvcrt_params params = fixture.attendParams(0);
    kvcrt_step_header &header = fixture.attendHeader();
    const kvcrt_plan_desc desc = planOf(machine, spec, batch.splitKeys);
    const int32_t *indptr = params.step.qo_indptr;
    const std::vector<int32_t> bounds =
        hostBounds(batch, params, header.num_seqs);
    int32_t longest = 1;
    for (int32_t bound : bounds)
      longest = std::max(longest, bound);
    kvcrt_plan plan = {};
    require(machine.device,
            kvcrt_plan_attend_sizes(&desc, header.num_seqs,
                                    std::max(header.num_tokens, 1), longest,
                                    &plan.capacity),
            "sizes of a plan");
    tasks.resize(size_t(plan.capacity.tasks) + 1);
    plan.tasks = tasks.data();
    require(
        machine.device,
        kvcrt_plan_attend(&desc, header.num_seqs, indptr, bounds.data(), &plan),
        "plan");
    header.num_tasks = plan.num_tasks;
    header.num_prefill_tasks = plan.num_prefill_tasks;
    mirror.add(tasks.data(), tasks.size() * sizeof(kvcrt_task), "tasks");
    const size_t rows = size_t(plan.capacity.slots) * size_t(desc.decode_rows);
    const int32_t dim = spec.policy.value_dim;
    where = {static_cast<const kvcrt_step_header *>(mirror.onDevice(&header)),
             static_cast<const kvcrt_task *>(mirror.onDevice(tasks.data())),
             static_cast<int32_t *>(
                 mirror.scratch(size_t(plan.capacity.groups) * 4)),
             static_cast<float *>(mirror.scratch(rows * size_t(dim) * 4)),
             static_cast<float *>(mirror.scratch(rows * 8)),
             plan.decode_blocks,
             plan.prefill_blocks,
             plan.appends,
             0};
  }

  std::vector<kvcrt_task> tasks;
  kvcrt_attend_plan where;
};
} // namespace

Outcome runCell(const Machine &machine, const Kernels &kernels,
                const Spec &spec, const Batch &batch, uint64_t seed) {
  Fixture fixture(spec, batch, seed);
  const kvcref::Variant reference = fixture.reference();
  const kvcrt_env env = machine.env();
  kvcrt_device *device = machine.device;
  Mirror mirror(device, machine.stream);
  fixture.forEachRange([&](const void *base, size_t bytes, const char *name) {
    mirror.add(base, bytes, name);
  });
  void *pool = nullptr, *scales = nullptr, *table = nullptr, *first = nullptr;
  fixture.forEachRange([&](const void *base, size_t bytes, const char *name) {
    if (!bytes)
      return;
    for (auto [wanted, out] : {std::pair<const char *, void **>{"pool", &pool},
                               {"scales", &scales},
                               {"block_table", &table},
                               {"first_block", &first}})
      if (strcmp(name, wanted) == 0)
        *out = const_cast<void *>(base);
  });

  Outcome outcome;
  for (bool history : {true, false}) {
    const kvcrt_params ours = mirror.translate(
        history ? fixture.historyParams(0) : fixture.attendParams(0));
    require(device, kernels.append(&env, &ours), "append");
    const kvcrt_params theirs =
        history ? fixture.historyParams(1) : fixture.attendParams(1);
    require(device, kvcref::append(reference, theirs), "reference append");
  }
  require(device, kvcrt_device_synchronize(device, machine.stream), "append");
  for (void *stored : {pool, scales})
    if (stored)
      mirror.pull(stored);
  outcome.appendError = compareStored(spec, batch, fixture.attendParams(0),
                                      fixture.attendParams(1));

  fixture.freeInvisibleBlocks();
  for (void *freed : {table, first})
    if (freed)
      mirror.push(freed);
  fixture.poisonOutputs();
  kvcrt_params params = fixture.attendParams(0);
  require(device, kvcref::attend(reference, params), "reference attend");
  const int64_t tokens = fixture.numTokens();
  auto read = [&] {
    return kvcref::readTensor(params.out, spec.policy.element, tokens,
                              spec.queryHeads, spec.policy.value_dim);
  };
  const kvcref::Array<double, 3> expected = read();
  const kvcref::LseRange expectedLse =
      expectLse(spec, reference, params, fixture, /*onGpu=*/true);

  const DevicePlan plan(machine, mirror, spec, batch, fixture);
  mirror.push(&fixture.attendHeader());
  kvcrt_params ours = mirror.translate(fixture.attendParams(0));
  kvcrt_attend_plan_apply(&plan.where, &ours);
  auto attend = [&](const kvcrt_params &with) {
    fixture.poisonOutputs();
    for (void *output : {static_cast<void *>(fixture.out.data()),
                         static_cast<void *>(fixture.lse.data())})
      mirror.push(output);
    require(device, kernels.attend(&env, &with), "attend");
    mirror.pull(fixture.out.data());
    mirror.pull(fixture.lse.data());
  };
  attend(ours);
  mirror.pull(&fixture.errorWord);
  outcome.outError = outputError(batch, read(), expected);
  if (spec.lse)
    outcome.lseError = compareLse(copyLse(fixture), expectedLse);
  if (fixture.errorWord)
    outcome.problem +=
        "error word is " + std::to_string(fixture.errorWord) + "; ";
  const std::vector<char> bits(fixture.out.data(),
                               fixture.out.data() + fixture.out.size());
  for (int32_t most : {1, 3}) {
    kvcrt_params again = ours;
    again.decode_blocks = std::min(ours.decode_blocks, most);
    again.prefill_blocks = std::min(ours.prefill_blocks, most);
    attend(again);
    if (!std::equal(bits.begin(), bits.end(), fixture.out.data()))
      outcome.problem +=
          "output on " + std::to_string(most) + " blocks has other bits; ";
  }
  return outcome;
}

} // namespace kvc::bundle
