//===- manifest.h - the manifest's JSON as C structures -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Owns everything that a kvcrt_manifest points to; it is built once and does
// not change, so pointers into its containers stay valid.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_MANIFEST_H
#define KVCRT_SRC_MANIFEST_H

#include "json_reader.h"
#include "message.h"

#include "kvcrt/artifact.h"

#include <deque>
#include <vector>

namespace kvcrt {

class Manifest {
public:
  Manifest() = default;
  Manifest(const Manifest &) = delete;
  Manifest &operator=(const Manifest &) = delete;

  /// KVCRT_CORRUPT: not the documented form, or it contradicts itself.
  /// KVCRT_VERSION_MISMATCH, KVCRT_ILLEGAL_POLICY. May throw std::bad_alloc.
  kvcrt_status parse(const char *text, size_t size, Message message);
  const kvcrt_manifest &view() const { return view_; }

private:
  const char *keep(std::string text) {
    return strings_.emplace_back(std::move(text)).c_str();
  }
  void readGroups(const JsonPlace &root, JsonReader &reader);
  void readLayers(const JsonPlace &root, JsonReader &reader);
  void readVariants(const JsonPlace &root, JsonReader &reader);
  std::vector<kvcrt_manifest_tensor>
  readTensors(const JsonPlace &root, const char *key, JsonReader &reader);
  /// Each layer in exactly one group; each variant that a layer names exists.
  void connect(JsonReader &reader);
  kvcrt_status checkPolicies(Message message) const;

  kvcrt_manifest view_ = {};
  std::deque<std::string> strings_;
  std::deque<std::vector<int32_t>> groupLayers_;
  std::vector<const char *> features_;
  std::vector<kvcrt_manifest_group> groups_;
  std::vector<kvcrt_manifest_layer> layers_;
  std::vector<kvcrt_manifest_variant> variants_;
  std::vector<kvcrt_manifest_tensor> params_, constants_, inputs_, outputs_;
};

} // namespace kvcrt

#endif // KVCRT_SRC_MANIFEST_H
