//===- report.cpp - kvc-report of the GPU bundle --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A benchmark's JSON as a roofline picture (SVG) and, with the JSON of peers
// that ran between our cells, as one table. Invariant: every number comes from
// a file; what was not measured is drawn as such.
//
// Exit: 0, or 2 when a file is not what it should be.
//
//===----------------------------------------------------------------------===//
#include "Mirror.h"
#include "Options.h"
#include "Roofline.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>

using namespace kvc::bundle;
using nlohmann::json;

static const char *const kUsage =
    "kvc-report: what was measured, as a picture and a table\n"
    "  --bench=FILE   of kvc-bench --json (bench.json)\n"
    "  --peers=FILE   of peers/measure.py, if any\n"
    "  --svg=FILE     write the roofline\n";

static json readJson(const std::string &path) {
  std::ifstream file(path);
  if (!file)
    throw Failure("cannot open " + path);
  json out = json::parse(file, nullptr, false);
  if (!out.is_object() || !out.contains("cells"))
    throw Failure("expected cells as JSON, got " + path);
  return out;
}

static Point toPoint(const json &cell) {
  Point point;
  point.name = cell.at("name").get<std::string>();
  for (auto [letter, series] : {std::pair('D', "decode"),
                                {'W', "windows"},
                                {'P', "prefill"},
                                {'S', "32 layers"}})
    if (point.name[0] == letter)
      point.series = series;
  const double bytes =
      cell.at("kv_bytes").get<double>() + cell.at("io_bytes").get<double>();
  const double flops = cell.at("flops").get<double>();
  const double seconds = cell.value("median_s", 0.0);
  point.intensity = bytes > 0 ? flops / bytes : 0;
  point.flopsPerSecond = seconds > 0 ? flops / seconds : 0;
  return point;
}

/// Ours beside the peers', cell by cell. Ours are the ones that were measured
/// between theirs; a ratio above 1 is a peer that took longer.
static void printPeers(const json &peers) {
  for (const json &peer : peers.value("absent", json::array()))
    printf("not here: %s (%s)\n", peer.at("peer").get<std::string>().c_str(),
           peer.at("why").get<std::string>().c_str());
  if (peers["cells"].empty()) {
    printf("no peer was measured\n");
    return;
  }
  printf("%-24s %-20s %-16s %10s %10s %8s %10s\n", "cell", "variant", "peer",
         "peer us", "ours us", "ratio", "plan us");
  for (const json &row : peers["cells"]) {
    printf("%-24s %-20s %-16s", row.at("name").get<std::string>().c_str(),
           row.at("variant").get<std::string>().c_str() + 6,
           row.at("peer").get<std::string>().c_str());
    if (const std::string failure = row.value("failure", "");
        !failure.empty()) {
      printf(" %s\n", failure.c_str());
      continue;
    }
    const double theirs = row.at("median_s").get<double>();
    const double ours = row.value("ours_median_s", 0.0);
    printf(" %10.1f", theirs * 1e6);
    if (ours > 0 && theirs > 0)
      printf(" %10.1f %8.2f", ours * 1e6, theirs / ours);
    else
      printf(" %10s %8s", "-", "-");
    printf(" %10.1f\n", row.value("plan_s", 0.0) * 1e6);
  }
}

int main(int argc, char **argv) {
  const Options options(argc, argv, kUsage, {"bench", "peers", "svg"});
  try {
    const json bench = readJson(options.get("bench", "bench.json"));
    Roofline picture;
    picture.title = bench.at("device").get<std::string>();
    picture.bytesPerSecond = bench.value("read_bytes_per_s", 0.0);
    picture.flopsPerSecond = std::max(bench.value("mma_flops_per_s", 0.0),
                                      bench.value("own_flops_per_s", 0.0));
    size_t failed = 0;
    for (const json &cell : bench["cells"])
      if (cell.value("failure", "").empty())
        picture.points.push_back(toPoint(cell));
      else
        ++failed;
    if (!options.get("peers").empty()) {
      const json peers = readJson(options.get("peers"));
      printPeers(peers);
      for (const json &cell : peers["cells"])
        if (cell.value("failure", "").empty()) {
          Point point = toPoint(cell);
          point.series = cell.at("peer").get<std::string>();
          point.ours = false;
          picture.points.push_back(std::move(point));
        }
    }
    if (const std::string path = options.get("svg"); !path.empty()) {
      std::ofstream file(path);
      file << picture.toSvg();
      if (!file.good())
        throw Failure("cannot write " + path);
      printf("%s: %zu points, %zu cells failed\n", path.c_str(),
             picture.points.size(), failed);
    }
  } catch (const Failure &failure) {
    fprintf(stderr, "kvc-report: %s\n", failure.what().c_str());
    return 2;
  } catch (const json::exception &error) {
    fprintf(stderr, "kvc-report: expected a benchmark's JSON: %s\n",
            error.what());
    return 2;
  }
  return 0;
}
