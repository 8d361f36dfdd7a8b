//===- Report.h - What raise found, and what it left alone -------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One row per attention or near miss, told three times: as MLIR remarks, as a
// table for people and as JSON for programs.
//
// Invariant: a row is made before anything is rewritten, since the ops that it
// speaks of may be gone when it is told.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_REPORT_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_REPORT_H

#include "Match.h"
#include "llvm/Support/raw_ostream.h"

namespace kvc::raise {

/// A remark: where, its id (docs/raise.md) and what it says.
struct Note {
  mlir::Location loc;
  std::string id, why;
};

/// How an attention was read, in words and numbers.
struct Reading {
  /// Extents; -1 where they are dynamic.
  int64_t batch, queryHeads, kvHeads, queries, keys, keyDim, valueDim;
  std::string form;               // how the softmax was spelled
  std::vector<std::string> mask;  // "causal", "window 64", ...; empty: none
  double scale;                   // what is known of it
  bool runtimeScale;              // and a factor known at run time
  double softcap;                 // 0: none
  std::vector<std::string> score; // "sink logits", "alibi", "region"
  std::string rope;               // "q and k", "q only", "k only", "none"
  std::string fullyMasked;        // what a row yields that sees no key
  std::string why;                // why a part of the mask stays
};

/// Reads `match`; before it is built.
Reading readMatch(const Match &match, const Axes &axes);

class Report {
public:
  /// An attention that became kvc.attention, and what was kept of its parts.
  void addRaised(mlir::Location loc, Reading reading, std::vector<Note> kept);
  /// A near miss.
  void addMissed(Note note);

  bool empty() const { return rows.empty(); }
  void emitRemarks(llvm::StringRef category, llvm::StringRef function) const;
  void printTable(llvm::raw_ostream &os, llvm::StringRef function) const;
  /// One line: {"function": ..., "attentions": [...]}.
  void printJSON(llvm::raw_ostream &os, llvm::StringRef function) const;

private:
  struct Row {
    Note note;                      // id "raise-attention" when raised
    std::optional<Reading> reading; // of those that were raised
    std::vector<Note> kept;
  };
  std::vector<Row> rows;
};

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_REPORT_H
