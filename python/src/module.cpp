//===- module.cpp - the extension kvc._kvc --------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Python sees of the C API; kvc/attention.py is the face that users see.
//
//===----------------------------------------------------------------------===//
#include "cache.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

using namespace kvcpy;
using namespace nb::literals;

static nb::dict statsOf(Cache &cache) {
  const kvcrt_group_stats stats = cache.stats();
  nb::dict out;
  out["blocks_total"] = stats.blocks_total;
  out["blocks_used"] = stats.blocks_used;
  out["blocks_free"] = stats.blocks_free;
  out["blocks_quarantined"] = stats.blocks_quarantined;
  out["blocks_shared"] = stats.blocks_shared;
  out["blocks_used_peak"] = stats.blocks_used_peak;
  out["block_bytes"] = stats.block_bytes;
  out["bytes_used"] = stats.bytes_used;
  out["tokens"] = stats.tokens;
  return out;
}

NB_MODULE(_kvc, m) {
  nb::exception<OutOfBlocks>(m, "OutOfBlocks", PyExc_RuntimeError);

  nb::enum_<MaskKind>(m, "MaskKind")
      .value("none", MaskKind::None)
      .value("bool", MaskKind::Bool)
      .value("float", MaskKind::Float)
      .value("packed", MaskKind::Packed);

  nb::class_<Library>(m, "Library")
      .def(
          "__init__",
          [](Library *self, const std::string &path, int32_t threads,
             int32_t ordinal, MaskKind mask,
             const std::vector<std::pair<std::string, int32_t>> &captures) {
            std::vector<Capture> list;
            for (const auto &[type, rank] : captures)
              list.push_back({type, rank});
            new (self) Library(path, threads, ordinal, mask, std::move(list));
          },
          "path"_a, "threads"_a, "ordinal"_a, "mask"_a, "captures"_a)
      .def_prop_ro("target", &Library::target)
      .def_prop_ro("bytes_per_token",
                   [](const Library &library) {
                     return library.manifest().bytes_per_token;
                   })
      .def_prop_ro("window",
                   [](const Library &library) {
                     return library.policy().retention == KVCRT_RETAIN_ALL
                                ? 0
                                : library.policy().window;
                   })
      .def_prop_ro("is_cuda", [](const Library &library) {
        return library.kind() == KVCRT_DEVICE_CUDA;
      });

  nb::class_<Cache>(m, "Cache")
      .def(
          "__init__",
          [](Cache *self, std::shared_ptr<Library> library, int32_t layers,
             int32_t maxSeqs, int32_t maxTokens, int32_t maxLength,
             int32_t blocks, std::vector<float> slopes) {
            new (self) Cache(std::move(library),
                             {layers, maxSeqs, maxTokens, maxLength, blocks,
                              std::move(slopes)});
          },
          "library"_a, "layers"_a, "max_seqs"_a, "max_tokens"_a, "max_length"_a,
          "blocks"_a, "slopes"_a)
      .def("create", &Cache::create)
      .def("release", &Cache::release)
      .def("fork", &Cache::fork)
      .def("rollback", &Cache::rollback)
      .def("length", &Cache::length)
      .def("blocks", &Cache::blocks)
      .def("stats", &statsOf)
      .def("begin", &Cache::begin, "entries"_a, "stream"_a)
      .def("append", &Cache::append, "layer"_a, "key"_a.noconvert(),
           "value"_a.noconvert(), "stream"_a)
      .def(
          "attend",
          [](Cache &cache, int32_t layer, const Input &query, const Output &out,
             const std::optional<Output> &lse, float scale, float softcap,
             uintptr_t stream, std::optional<Input> mask,
             std::optional<Input> maskIndptr, std::optional<Input> maskFirst,
             std::optional<Input> sinkLogits,
             std::optional<std::vector<Input>> captures) {
            cache.attend(
                layer, query, out, lse,
                {std::move(mask), std::move(maskIndptr), std::move(maskFirst),
                 std::move(sinkLogits),
                 captures ? std::move(*captures) : std::vector<Input>()},
                scale, softcap, stream);
          },
          "layer"_a, "query"_a.noconvert(), "out"_a.noconvert(),
          "lse"_a.noconvert().none(), "scale"_a, "softcap"_a, "stream"_a,
          "mask"_a.noconvert().none() = nb::none(),
          "mask_indptr"_a.noconvert().none() = nb::none(),
          "mask_first"_a.noconvert().none() = nb::none(),
          "sink_logits"_a.noconvert().none() = nb::none(),
          "captures"_a.noconvert().none() = nb::none())
      .def("end", &Cache::end, "keep"_a)
      .def_prop_ro("is_open", &Cache::isOpen);
}
