//===- BadCalls.cpp - what kernels answer to wrong arguments --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: each case changes one thing of a call that is known to be good.
//
//===----------------------------------------------------------------------===//

#include "Check.h"

#include <cmath>
#include <functional>

namespace kvc::conformance {

Outcome runBadCalls(const Spec &spec, const CompiledVariant &kernels,
                    uint64_t seed) {
  Outcome outcome;
  Batch batch{"bad calls", {{3, 20}}, Pool::Hnd, 1, 0};
  Fixture fixture(spec, batch, seed);
  kvcrt_capacity capacity = fixture.capacity(1);
  Memory workspace(kernels.workspace(&capacity));
  const kvcrt_env goodEnv = serialEnv(workspace);

  using Change = std::function<void(kvcrt_env &, kvcrt_params &)>;
  auto expectStatus = [&](const char *what, kvcrt_kernel_fn kernel,
                          kvcrt_status status, const Change &change) {
    kvcrt_env env = goodEnv;
    kvcrt_params params = fixture.attendParams(0);
    kvcrt_step_header header = *params.step.header;
    params.step.header = &header;
    change(env, params);
    int32_t answer = kernel(&env, &params);
    if (answer != status)
      outcome.problem += std::string(what) + ": expected status " +
                         std::to_string(int(status)) + ", got " +
                         std::to_string(answer) + "; ";
  };
  kvcrt_params history = fixture.historyParams(0);
  if (kernels.append(&goodEnv, &history) != KVCRT_OK)
    outcome.problem += "append of the history fails; ";

  for (kvcrt_kernel_fn kernel : {kernels.append, kernels.attend}) {
    bool attends = kernel == kernels.attend;
    expectStatus("good call", kernel, KVCRT_OK,
                 [](kvcrt_env &, kvcrt_params &) {});
    expectStatus("older params", kernel, KVCRT_VERSION_MISMATCH,
                 [](kvcrt_env &, kvcrt_params &p) { --p.struct_size; });
    expectStatus("newer step", kernel, KVCRT_VERSION_MISMATCH,
                 [](kvcrt_env &, kvcrt_params &p) { ++p.step.abi_version; });
    expectStatus("newer env", kernel, KVCRT_VERSION_MISMATCH,
                 [](kvcrt_env &e, kvcrt_params &) { ++e.abi_version; });
    expectStatus("no header", kernel, KVCRT_INVALID_ARGUMENT,
                 [](kvcrt_env &, kvcrt_params &p) { p.step.header = nullptr; });
    expectStatus(
        "no keys", kernel, KVCRT_INVALID_ARGUMENT,
        [](kvcrt_env &, kvcrt_params &p) { p.cache.key.payload = nullptr; });
    expectStatus(
        "no threads", kernel, KVCRT_INVALID_ARGUMENT,
        [](kvcrt_env &e, kvcrt_params &) { e.parallel_for = nullptr; });
    expectStatus("other block size", kernel, KVCRT_INVALID_ARGUMENT,
                 [](kvcrt_env &, kvcrt_params &p) { ++p.cache.block_size; });
    expectStatus("small workspace", kernel, KVCRT_WORKSPACE_TOO_SMALL,
                 [](kvcrt_env &e, kvcrt_params &) { e.workspace_size = 4096; });
    expectStatus("no workspace", kernel, KVCRT_WORKSPACE_TOO_SMALL,
                 [](kvcrt_env &e, kvcrt_params &) { e.workspace = nullptr; });
    expectStatus("no tokens, no operands", kernel, KVCRT_OK,
                 [](kvcrt_env &, kvcrt_params &p) {
                   const_cast<kvcrt_step_header *>(p.step.header)->num_tokens =
                       0;
                   p.query.data = p.new_key.data = nullptr;
                 });
    expectStatus("no operand", kernel, KVCRT_INVALID_ARGUMENT,
                 [&](kvcrt_env &, kvcrt_params &p) {
                   (attends ? p.query : p.new_key).data = nullptr;
                 });
  }
  expectStatus(
      "table shorter than the sequence", kernels.attend, KVCRT_INVALID_ARGUMENT,
      [](kvcrt_env &, kvcrt_params &p) { p.cache.block_table_stride = 0; });
  if (spec.mask == kvcref::MaskKind::DenseF32)
    expectStatus("mask narrower than the sequence", kernels.attend,
                 KVCRT_INVALID_ARGUMENT,
                 [](kvcrt_env &, kvcrt_params &p) { --p.mask_columns; });

  // What cannot be a status is a bit of the error word.
  auto expectBit = [&](const char *what, kvcrt_kernel_fn kernel, int32_t bit,
                       const Change &change) {
    fixture.errorWord = 0;
    expectStatus(what, kernel, KVCRT_OK, change);
    if (fixture.errorWord != bit)
      outcome.problem += std::string(what) + ": expected error bits " +
                         std::to_string(bit) + ", got " +
                         std::to_string(fixture.errorWord) + "; ";
    fixture.errorWord = 0;
  };
  std::vector<int32_t> badSlots(3, 0x7ffffff0), skipped(3, -1);
  expectBit("slot outside the pool", kernels.append, KVCRT_ERROR_BLOCK_RANGE,
            [&](kvcrt_env &, kvcrt_params &p) {
              p.cache.slot_mapping = badSlots.data();
            });
  expectBit("skipped slots", kernels.append, 0,
            [&](kvcrt_env &, kvcrt_params &p) {
              p.cache.slot_mapping = skipped.data();
            });
  std::vector<int32_t> badTable(64, -1);
  expectBit("block outside the pool", kernels.attend, KVCRT_ERROR_BLOCK_RANGE,
            [&](kvcrt_env &, kvcrt_params &p) {
              p.cache.block_table = badTable.data();
            });
  if (spec.policy.position == KVCRT_POSITION_ROPE) {
    std::vector<int32_t> far(3, 1 << 20);
    expectBit("position outside the table", kernels.attend,
              KVCRT_ERROR_POSITION_RANGE, [&](kvcrt_env &, kvcrt_params &p) {
                p.step.positions = far.data();
              });
  }
  if (spec.policy.value.kind == KVCRT_STORAGE_QUANT) {
    // 0xff bytes are NaN in every element type.
    Memory rows(3 * spec.policy.kv_heads * spec.policy.value_dim * 4);
    expectBit(
        "NaN to be quantised", kernels.append, KVCRT_ERROR_NAN_INPUT,
        [&](kvcrt_env &, kvcrt_params &p) { p.new_value.data = rows.data(); });
  }
  return outcome;
}

} // namespace kvc::conformance
