//===- kvc-weights.cpp - a weights file for a model -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a safetensors file with every parameter that an artefact's manifest
// (or a list in JSON) names, filled by Generator.h. Same seed, same bytes, on
// every machine.
//===----------------------------------------------------------------------===//
#include "Generator.h"

#include "../common/Failure.h"
#include "../common/Options.h"

#include "kvcref/formats.h"
#include "kvcrt/artifact.h"
#include "kvcrt/safetensors.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace kvctool;

namespace {

constexpr uint64_t kMostElements = uint64_t(1) << 40;

struct Parameter {
  std::string name;
  kvcrt_dtype dtype;
  std::vector<int64_t> shape;
};

struct CloseArtifact {
  void operator()(kvcrt_artifact *artifact) const {
    kvcrt_artifact_close(artifact);
  }
};

} // namespace

static std::vector<Parameter> readArtifact(const std::string &path) {
  kvcrt_artifact *opened = nullptr;
  Message message;
  // Inspecting runs nothing of the file: any machine can write the weights.
  require(kvcrt_artifact_inspect(path.c_str(), &opened, message.data(),
                                 message.size()),
          path, message);
  std::unique_ptr<kvcrt_artifact, CloseArtifact> artifact(opened);
  const kvcrt_manifest &manifest = *kvcrt_artifact_manifest(opened);
  std::vector<Parameter> parameters;
  for (int32_t i = 0; i < manifest.num_params; ++i) {
    const kvcrt_manifest_tensor &tensor = manifest.params[i];
    parameters.push_back({tensor.name,
                          kvcrt_dtype(tensor.dtype),
                          {tensor.shape, tensor.shape + tensor.rank}});
  }
  if (parameters.empty())
    fail("%s: expected an artefact with parameters, got one without; compile a "
         "whole model (not --attention)",
         path.c_str());
  return parameters;
}

/// [{"name":, "shape": [..], "dtype": "f32"}, ...], as tools/export writes it.
static std::vector<Parameter> readList(const std::string &path) {
  std::ifstream in(path);
  std::stringstream text;
  if (!in || !(text << in.rdbuf()))
    fail("%s: expected a readable list of parameters, got: %s", path.c_str(),
         strerror(errno));
  const nlohmann::json list =
      nlohmann::json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (!list.is_array() || list.empty())
    fail("%s: expected a JSON list of {\"name\", \"shape\", \"dtype\"}, got "
         "other text",
         path.c_str());
  std::vector<Parameter> parameters;
  for (const nlohmann::json &entry : list) {
    if (!entry.is_object() || !entry.contains("name") ||
        !entry["name"].is_string() || !entry.contains("dtype") ||
        !entry["dtype"].is_string() || !entry.contains("shape") ||
        !entry["shape"].is_array())
      fail("%s: entry %zu: expected {\"name\", \"shape\", \"dtype\"}, got %s",
           path.c_str(), parameters.size(), entry.dump().c_str());
    Parameter parameter{entry["name"], KVCRT_DTYPE_F32, {}};
    for (const nlohmann::json &extent : entry["shape"]) {
      if (!extent.is_number_unsigned() || parameter.shape.size() == 8)
        fail("%s: '%s': expected a shape of at most 8 numbers, got %s",
             path.c_str(), parameter.name.c_str(),
             entry["shape"].dump().c_str());
      parameter.shape.push_back(extent);
    }
    const std::string dtype = entry["dtype"];
    if (dtype == "f16")
      parameter.dtype = KVCRT_DTYPE_F16;
    else if (dtype == "bf16")
      parameter.dtype = KVCRT_DTYPE_BF16;
    else if (dtype != "f32")
      fail("%s: '%s': expected dtype f32, f16 or bf16, got %s", path.c_str(),
           parameter.name.c_str(), dtype.c_str());
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

/// Rounds to the parameter's type.
static std::vector<char> encode(const Parameter &parameter,
                                const std::vector<float> &values) {
  int32_t id = KVCRT_F32;
  switch (parameter.dtype) {
  case KVCRT_DTYPE_F32:
    break;
  case KVCRT_DTYPE_F16:
    id = KVCRT_F16;
    break;
  case KVCRT_DTYPE_BF16:
    id = KVCRT_BF16;
    break;
  default:
    fail("parameter '%s': expected dtype F32, F16 or BF16, got %s; these "
         "weights must come from elsewhere",
         parameter.name.c_str(), kvcrt_dtype_name(parameter.dtype));
  }
  std::vector<char> bytes(values.size() * kvcrt_dtype_size(parameter.dtype));
  const kvcref::Format *target = kvcref::findFormat(id);
  for (size_t i = 0; i < values.size(); ++i)
    target->store(bytes.data(), i, values[i]);
  return bytes;
}

static int run(int argc, char **argv) {
  std::string artifact, list, output;
  uint64_t seed = 1;
  CommandLine line;
  line.tool = "kvc-weights";
  line.usage = "(--artifact=FILE | --params=FILE) [--seed=N] -o FILE";
  line.about =
      "Writes a safetensors file of random weights for a compiled model: the\n"
      "same bytes for the same seed on every machine.";
  line.options = {
      {"artifact", "FILE", "take names and shapes from this model.so",
       [&](const std::string &value) { artifact = value; }},
      {"params", "FILE", "take them from a list that tools/export wrote",
       [&](const std::string &value) { list = value; }},
      {"seed", "N", "another seed, other weights (default 1)",
       [&](const std::string &value) {
         seed = uint64_t(parseCount("seed", value, 0, INT64_MAX));
       }},
      {"output", "FILE", "the safetensors file to write; -o FILE is the same",
       [&](const std::string &value) { output = value; }},
  };
  const std::vector<std::string> rest = parseCommandLine(line, argc, argv);
  if (!rest.empty())
    fail("expected options only, got '%s'; see kvc-weights --help",
         rest[0].c_str());
  if (artifact.empty() == list.empty())
    fail("expected one of --artifact and --params, got %s",
         artifact.empty() ? "neither" : "both");
  if (output.empty())
    fail("expected --output=FILE, got no place to write to");

  const std::vector<Parameter> parameters =
      artifact.empty() ? readList(list) : readArtifact(artifact);
  std::vector<std::vector<char>> data;
  std::vector<kvcrt_safetensor> tensors;
  uint64_t elements = 0, size = 0;
  for (const Parameter &parameter : parameters) {
    uint64_t count = 1;
    for (int64_t extent : parameter.shape)
      if (extent < 0 ||
          __builtin_mul_overflow(count, uint64_t(extent), &count) ||
          count > kMostElements)
        fail("parameter '%s': expected a static shape of at most 2^40 "
             "elements, got dimension %lld",
             parameter.name.c_str(), static_cast<long long>(extent));
    const FillRule rule = fillRule(parameter.name, parameter.shape);
    data.push_back(
        encode(parameter, generate(parameter.name, rule, seed, count)));
    kvcrt_safetensor tensor{};
    tensor.name = parameter.name.c_str();
    tensor.dtype = parameter.dtype;
    tensor.rank = int32_t(parameter.shape.size());
    std::copy(parameter.shape.begin(), parameter.shape.end(), tensor.shape);
    tensor.data = data.back().data();
    tensor.bytes = data.back().size();
    tensors.push_back(tensor);
    elements += count;
    size += tensor.bytes;
  }
  const std::string seedText = std::to_string(seed);
  const char *metadata[] = {"generator", "kvc-weights philox4x32-10", "seed",
                            seedText.c_str()};
  Message message;
  require(kvcrt_safetensors_write(output.c_str(), tensors.data(),
                                  int32_t(tensors.size()), metadata, 2,
                                  message.data(), message.size()),
          output, message);
  printf("%s: %zu tensors, %llu parameters, %.1f MiB, seed %s\n",
         output.c_str(), tensors.size(),
         static_cast<unsigned long long>(elements), size / 1048576.0,
         seedText.c_str());
  return 0;
}

int main(int argc, char **argv) {
  return runTool("kvc-weights", run, argc, argv);
}
