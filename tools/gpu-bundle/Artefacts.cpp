//===- Artefacts.cpp - compiled variants of the bundle --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Artefacts.h"

#include "BenchShapes.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace kvc::bundle {

std::vector<Spec> bundleSpecs() {
  // In order of value, for a run that ends before the last.
  static const char *const names[] = {"element bf16",
                                      "gqa4 d128",
                                      "i8 d128",
                                      "f8E4M3FN both, bf16",
                                      "gqa4 d64",
                                      "mqa8 d128",
                                      "block 1",
                                      "block 256",
                                      "contiguous",
                                      "window 17",
                                      "streaming rope append",
                                      "rope neox append 64",
                                      "everything",
                                      "i8 both, bf16",
                                      "mqa16 d256",
                                      "gqa2 d192:128",
                                      "mha d64",
                                      "not causal",
                                      "mask f32",
                                      "mask packed",
                                      "alibi",
                                      "softcap",
                                      "sink logits",
                                      "score relative bias",
                                      "rope pairs attend 64",
                                      "block 3",
                                      "block 8",
                                      "f32 stored bf16",
                                      "f8E4M3FN d128 f16 page 1",
                                      "f8E4M3FN keys, i8 values",
                                      "op window 1",
                                      "streaming window 1",
                                      "gqa7 d72:96",
                                      "mqa20 d64",
                                      "mqa8 d64:256",
                                      "gqa4 d32",
                                      "mha d80",
                                      "gqa8 d112"};
  const std::vector<Spec> all = conformance::gpuSpecs();
  std::vector<Spec> specs;
  for (const char *name : names)
    for (const Spec &spec : all)
      if (spec.name == name)
        specs.push_back(spec);
  return specs;
}

std::string fileNameOf(const std::string &name) {
  std::string out;
  for (char c : name) {
    const bool plain = isalnum(static_cast<unsigned char>(c)) != 0;
    if (plain)
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  return out;
}

bool writeSpecs(const std::string &folder) {
  bool good = true;
  for (const std::vector<Spec> &specs : {bundleSpecs(), benchSpecs()})
    for (const Spec &spec : specs) {
      std::ofstream file(folder + "/" + fileNameOf(spec.name) + ".mlir");
      file << spec.toMlir() << "\n";
      good = good && file.good();
    }
  return good;
}

Kernels::Kernels(kvcrt_device *device, const std::string &folder,
                 const Spec &spec)
    : device(device) {
  const std::string path = folder + "/" + fileNameOf(spec.name) + ".so";
  char text[600] = "";
  if (kvcrt_status status =
          kvcrt_artifact_open(path.c_str(), &artefact, text, sizeof(text)))
    throw Failure(std::string(kvcrt_status_string(status)) + ": " + text);
  auto find = [&](const char *name, kvcrt_kernel_fn &out) {
    void *address = nullptr;
    if (kvcrt_status status = kvcrt_artifact_symbol(artefact, name, &address)) {
      kvcrt_artifact_close(artefact);
      throw Failure(path + ": expected a symbol " + name + ", got " +
                    kvcrt_status_string(status));
    }
    out = reinterpret_cast<kvcrt_kernel_fn>(address);
  };
  find("v_append", append);
  find("v_attend", attend);
  find("v_merge", merge);
}

Kernels::~Kernels() {
  // Kernels are known by addresses inside the library.
  (void)kvcrt_device_forget_kernels(device);
  kvcrt_artifact_close(artefact);
}

static bool isFolder(const std::string &path) {
  struct stat found;
  return stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

static void printLog(void *, int32_t, const char *message) {
  fprintf(stderr, "%s\n", message);
}

Machine::Machine(const std::string &kind, const std::string &artefacts) {
  kvcrt_device_desc desc;
  KVCRT_INIT(&desc);
  desc.num_workers = 1;
  desc.log = kind == "sim" ? &printLog : nullptr;
  if (kind == "cuda")
    desc.kind = KVCRT_DEVICE_CUDA;
  else if (kind == "sim")
    desc.kind = KVCRT_DEVICE_SIM;
  else
    throw Failure("expected --device=cuda or --device=sim, got " + kind);
  char text[600] = "";
  if (kvcrt_device_create(&desc, &device, text, sizeof(text)))
    throw Failure(text);
  KVCRT_INIT(&info);
  if (kind == "sim") {
    folder = artefacts + "/sim";
    title = "simulator";
    // As many blocks as make a plan split.
    info.multiprocessors = 8;
  } else {
    require(device, kvcrt_stream_create(device, &stream), "stream");
    require(device, kvcrt_device_get_info(device, &info), "device");
    const std::string chip = "sm_" + std::to_string(info.sm);
    title = std::string(info.name) + " (" + chip + ")";
    // Artefacts of exactly this chip, else of an older one of its generation.
    folder = artefacts + "/" + chip + "a";
    for (int32_t sm = info.sm; !isFolder(folder) && sm >= info.sm / 10 * 10;
         --sm)
      folder = artefacts + "/sm_" + std::to_string(sm);
    // Else the base's, whose PTX the driver assembles.
    if (!isFolder(folder) && info.sm > 80)
      folder = artefacts + "/sm_80";
  }
  if (!artefacts.empty() && !isFolder(folder))
    throw Failure("expected artefacts for " + title + " in " + artefacts +
                  ", got none; build the bundle with this chip in CHIPS");
}

Machine::~Machine() {
  if (stream)
    (void)kvcrt_stream_destroy(device, stream);
  kvcrt_device_destroy(device);
}

kvcrt_env Machine::env() const {
  kvcrt_env out = *kvcrt_device_env(device);
  out.stream = stream;
  return out;
}

kvcrt_plan_desc planOf(const Machine &machine, const Spec &spec,
                       int32_t splitKeys) {
  const kvcrt_policy &p = spec.policy;
  kvcrt_plan_desc desc;
  KVCRT_INIT(&desc);
  desc.kv_heads = p.kv_heads;
  desc.group = spec.queryHeads / p.kv_heads;
  desc.decode_rows = 16;
  desc.prefill_rows = 64;
  desc.tile_keys = 64;
  desc.decode_resident = 2 * machine.info.multiprocessors;
  desc.prefill_resident = machine.info.multiprocessors;
  desc.causal = spec.causal;
  desc.window =
      spec.window || p.retention != KVCRT_RETAIN_ALL ? spec.windowSize : 0;
  desc.sink_tokens = p.retention == KVCRT_RETAIN_STREAMING ? p.sink_tokens : 0;
  desc.split_keys = splitKeys;
  desc.decode_tokens = 8;
  return desc;
}

} // namespace kvc::bundle
