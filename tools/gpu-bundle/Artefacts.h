//===- Artefacts.h - compiled variants of the bundle ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bundle's variants are specs of the conformance matrix and of the
// benchmark. Each lies as DIR/CHIP/NAME.so, with its name's letters and digits;
// `--write-specs` writes the specs that kvc-compile makes them of, so that
// artefacts and programs cannot disagree.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_ARTEFACTS_H
#define KVC_TOOLS_GPU_BUNDLE_ARTEFACTS_H

#include "Mirror.h"
#include "Spec.h"
#include "kvcrt/artifact.h"
#include "kvcrt/plan.h"

#include <memory>

namespace kvc::bundle {

using conformance::Spec;

/// The conformance variants: one per storage, mask, position, retention and
/// feature, and the geometries that stress a schedule.
std::vector<Spec> bundleSpecs();

/// Letters and digits of a name, dashes between.
std::string fileNameOf(const std::string &name);
/// Writes DIR/NAME.mlir for these and the benchmark's; false when it cannot.
bool writeSpecs(const std::string &folder);

/// An opened artefact with one variant.
class Kernels {
public:
  /// Throws a Failure.
  Kernels(kvcrt_device *device, const std::string &folder, const Spec &spec);
  ~Kernels();
  Kernels(const Kernels &) = delete;

  kvcrt_kernel_fn append = nullptr, attend = nullptr, merge = nullptr;

private:
  kvcrt_device *device;
  kvcrt_artifact *artefact = nullptr;
};

/// A device of the bundle: what runs, where its artefacts are.
class Machine {
public:
  /// kind: "cuda" or "sim"; artefacts: their folder, or none when no kernel of
  /// one will run. Throws a Failure with what is missing.
  Machine(const std::string &kind, const std::string &artefacts);
  ~Machine();
  Machine(const Machine &) = delete;

  /// An environment whose launches go to the stream.
  kvcrt_env env() const;
  bool onGpu() const { return stream != nullptr; }

  kvcrt_device *device = nullptr;
  void *stream = nullptr; // null on the simulator
  kvcrt_device_info info{};
  std::string folder; // of this chip's artefacts
  std::string title;  // for tables
};

/// How a variant's kernels (docs/decisions/0004-gpu-launch.md) take a step.
/// splitKeys: of each split, so that a sequence has the same bits in any batch;
/// 0: splits are chosen for the batch.
kvcrt_plan_desc planOf(const Machine &machine, const Spec &spec,
                       int32_t splitKeys);

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_ARTEFACTS_H
