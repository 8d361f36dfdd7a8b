//===- PrintEvidence.cpp - evidence as tables and as JSON -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kvc/Support/Table.h"
#include "kvc/Target/Sass/Evidence.h"

#include "llvm/Support/FormatVariadic.h"

namespace kvc::sass {

/// What was counted of an iteration; "+ ?" where there is more of it.
static std::string counted(unsigned count, const LoopEvidence &hot) {
  return std::to_string(count) + (hot.isWhole() ? "" : " + ?");
}

/// Instructions of a warp per 16 keys; "?" where these are not known.
static std::string per16(const ExplainedKernel &kernel) {
  if (!kernel.facts || !kernel.facts->loopTokens)
    return "?";
  const LoopEvidence &hot = *kernel.evidence.hot;
  return counted(hot.steady * 16 / kernel.facts->loopTokens, hot);
}

/// "none", "4, 4", "4, unknown".
static std::string tripsOf(const LoopEvidence &hot) {
  std::string text;
  for (const std::optional<unsigned> &trips : hot.innerTrips)
    text += (text.empty() ? "" : ", ") +
            (trips ? std::to_string(*trips) : std::string("unknown"));
  return text.empty() ? "none" : text;
}

void printEvidence(llvm::ArrayRef<ExplainedKernel> kernels,
                   llvm::StringRef title, llvm::raw_ostream &os) {
  std::vector<TableRow> rows{
      {"kernel", "instructions", "local", "generic", "calls", "hot loop"}};
  std::vector<TableRow> loops{{"hot loop of", "steady", "longest",
                               "per 16 keys", "copies 16 B", "narrower",
                               "64-bit a copy", "barriers", "local", "generic",
                               "calls", "trips of inner loops"}};
  std::vector<TableRow> mixes{{"steady path of"}};
  for (unsigned unit = 0; unit < kNumUnits; ++unit)
    mixes[0].push_back(nameOf(Unit(unit)).str());
  auto text = [](unsigned number) { return std::to_string(number); };
  for (const ExplainedKernel &kernel : kernels) {
    const KernelEvidence &e = kernel.evidence;
    rows.push_back({e.name, text(e.instructions), text(e.local),
                    text(e.generic), text(e.calls), e.hot ? "yes" : "none"});
    if (!e.hot)
      continue;
    const LoopEvidence &hot = *e.hot;
    loops.push_back({e.name, counted(hot.steady, hot),
                     counted(hot.longest, hot), per16(kernel),
                     counted(hot.copies16, hot), counted(hot.copiesNarrow, hot),
                     llvm::formatv("{0:f2}", hot.widePerCopy()),
                     text(hot.barriers), text(hot.local), text(hot.generic),
                     text(hot.calls), tripsOf(hot)});
    mixes.push_back({e.name});
    for (unsigned count : hot.mix)
      mixes.back().push_back(counted(count, hot));
  }
  printTable(os, ("machine code " + title).str(), rows);
  printTable(os, "hot loops: warp instructions of an iteration", loops);
  printTable(os, "what they are", mixes);
}

llvm::json::Array toJSON(llvm::ArrayRef<ExplainedKernel> kernels) {
  llvm::json::Array all;
  for (const ExplainedKernel &kernel : kernels) {
    const KernelEvidence &e = kernel.evidence;
    llvm::json::Object object{{"kernel", e.name},
                              {"instructions", e.instructions},
                              {"calls", e.calls},
                              {"local", e.local},
                              {"generic", e.generic}};
    if (kernel.facts)
      object["facts"] =
          llvm::json::Object{{"registers", kernel.facts->registers},
                             {"spilled", kernel.facts->spilled},
                             {"threads", kernel.facts->threads},
                             {"shared_bytes", kernel.facts->sharedBytes},
                             {"blocks_per_sm", kernel.facts->blocksPerSM},
                             {"loop_tokens", kernel.facts->loopTokens},
                             {"loop_warps", kernel.facts->loopWarps}};
    if (e.hot) {
      llvm::json::Array trips; // null: not known, and passed once
      for (const std::optional<unsigned> &of : e.hot->innerTrips)
        trips.push_back(of ? llvm::json::Value(*of) : nullptr);
      llvm::json::Object mix;
      for (unsigned unit = 0; unit < kNumUnits; ++unit)
        mix[nameOf(Unit(unit))] = e.hot->mix[unit];
      object["hot"] = llvm::json::Object{{"steady", e.hot->steady},
                                         {"longest", e.hot->longest},
                                         {"mix", std::move(mix)},
                                         {"copies_16", e.hot->copies16},
                                         {"copies_narrow", e.hot->copiesNarrow},
                                         {"wide", e.hot->wide},
                                         {"flops", e.hot->flops},
                                         {"barriers", e.hot->barriers},
                                         {"calls", e.hot->calls},
                                         {"local", e.hot->local},
                                         {"generic", e.hot->generic},
                                         {"inner_trips", std::move(trips)}};
    }
    all.push_back(std::move(object));
  }
  return all;
}

} // namespace kvc::sass
