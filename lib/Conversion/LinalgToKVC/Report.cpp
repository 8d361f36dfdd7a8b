//===- Report.cpp - What raise found, and what it left alone --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sentence of a remark, the cells of the table and the fields of the JSON
// are all made from the same Reading.
//
//===----------------------------------------------------------------------===//

#include "Report.h"

#include "kvc/Support/Table.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace kvc::raise {

static int64_t extent(const AxisList &list, const Axes &axes) {
  int64_t product = 1;
  for (AffineExpr axis : list) {
    if (ShapedType::isDynamic(axes.extent(axis)))
      return -1;
    product *= axes.extent(axis);
  }
  return product;
}

Reading readMatch(const Match &match, const Axes &axes) {
  const Roles &r = match.roles;
  const MaskPlan &mask = match.mask;
  Reading reading{};
  reading.batch = extent(r.batch, axes);
  reading.queryHeads = extent(r.heads(), axes);
  reading.kvHeads = extent(r.kvHeads, axes);
  reading.queries = extent(r.query, axes);
  reading.keys = extent(r.key, axes);
  reading.keyDim = extent(r.headDim, axes);
  reading.valueDim = extent(r.valueDim, axes);
  reading.form = match.softmax.form.str();
  if (mask.causal)
    reading.mask.push_back("causal");
  if (mask.window)
    reading.mask.push_back("window " + std::to_string(*mask.window));
  if (!mask.kept.empty())
    reading.mask.push_back("boolean operand");
  if (!mask.dense.empty())
    reading.mask.push_back("additive operand");
  reading.scale = match.scale;
  reading.runtimeScale = !match.runtimeScales.empty();
  reading.softcap = match.score.softcap;
  if (match.softmax.sink)
    reading.score.push_back("sink logits");
  if (match.score.edit)
    reading.score.push_back(mask.alibi ? "alibi in the score region"
                                       : "a score region");
  reading.rope = match.q.rope && match.k.rope ? "q and k"
                 : match.q.rope               ? "q only"
                 : match.k.rope               ? "k only"
                                              : "none";
  reading.fullyMasked = stringifyFullyMasked(mask.fullyMasked).str();
  reading.why = mask.why;
  return reading;
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

static std::string size(int64_t extent) {
  return extent < 0 ? "?" : std::to_string(extent);
}

static std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

static std::string maskWords(const Reading &r) {
  return r.mask.empty() ? "none" : llvm::join(r.mask, " + ");
}

static std::string scaleWords(const Reading &r) {
  return number(r.scale) + (r.runtimeScale ? " times a runtime factor" : "");
}

/// Soft-cap first: that is the order of the score.
static std::vector<std::string> scoreWords(const Reading &r) {
  std::vector<std::string> words;
  if (r.softcap != 0)
    words.push_back("softcap " + number(r.softcap));
  llvm::append_range(words, r.score);
  return words;
}

static std::string sentence(const Reading &r) {
  std::string text =
      llvm::formatv("batch {0}, query heads {1}, kv heads {2}, queries {3}, "
                    "keys {4}, head dim {5}:{6}, softmax {7}, mask {8}, "
                    "scale {9}",
                    size(r.batch), size(r.queryHeads), size(r.kvHeads),
                    size(r.queries), size(r.keys), size(r.keyDim),
                    size(r.valueDim), r.form, maskWords(r), scaleWords(r));
  for (const std::string &word : scoreWords(r))
    text += ", " + word;
  text += ", rope " + r.rope + ", fully masked rows " + r.fullyMasked;
  if (!r.why.empty())
    text += " (" + r.why + ")";
  return text;
}

static std::string where(Location loc) {
  if (auto file = loc->findInstanceOf<FileLineColLoc>())
    return llvm::formatv("{0}:{1}:{2}",
                         llvm::sys::path::filename(file.getFilename().strref()),
                         file.getLine(), file.getColumn());
  if (auto name = loc->findInstanceOf<NameLoc>())
    return name.getName().str();
  return "?";
}

//===----------------------------------------------------------------------===//
// Report
//===----------------------------------------------------------------------===//

void Report::addRaised(Location loc, Reading reading, std::vector<Note> kept) {
  Note note{loc, "raise-attention", sentence(reading)};
  rows.push_back({std::move(note), std::move(reading), std::move(kept)});
}

void Report::addMissed(Note note) {
  rows.push_back({std::move(note), std::nullopt, {}});
}

void Report::emitRemarks(StringRef category, StringRef function) const {
  auto options = [&](const Note &note) {
    return remark::RemarkOpts::name(note.id).category(category).function(
        function);
  };
  for (const Row &row : rows) {
    if (row.reading)
      remark::passed(row.note.loc, options(row.note)) << row.note.why;
    else
      remark::missed(row.note.loc, options(row.note)) << row.note.why;
    for (const Note &note : row.kept)
      remark::missed(note.loc, options(note)) << note.why;
  }
}

void Report::printTable(llvm::raw_ostream &os, StringRef function) const {
  std::vector<TableRow> table{{"#", "where", "result", "batch", "heads",
                               "query", "key", "dim", "softmax", "mask",
                               "scale", "score", "rope", "empty rows",
                               "what was kept, or why not"}};
  for (auto [i, row] : llvm::enumerate(rows)) {
    TableRow cells{std::to_string(i), where(row.note.loc)};
    if (!row.reading) {
      cells.push_back("missed");
      cells.resize(table[0].size() - 1);
      cells.push_back(row.note.id + ": " + row.note.why);
      table.push_back(std::move(cells));
      continue;
    }
    const Reading &r = *row.reading;
    std::string score = llvm::join(scoreWords(r), ", ");
    std::vector<std::string> kept;
    for (const Note &note : row.kept)
      kept.push_back(note.id + ": " + note.why);
    if (!r.why.empty())
      kept.push_back(r.why);
    TableRow more{"raised",
                  size(r.batch),
                  size(r.queryHeads) + " on " + size(r.kvHeads),
                  size(r.queries),
                  size(r.keys),
                  size(r.keyDim) + ":" + size(r.valueDim),
                  r.form,
                  maskWords(r),
                  scaleWords(r),
                  score.empty() ? "none" : score,
                  r.rope,
                  r.fullyMasked,
                  llvm::join(kept, "; ")};
    llvm::append_range(cells, more);
    table.push_back(std::move(cells));
  }
  kvc::printTable(os, ("attention in @" + function).str(), table);
}

static void writeLocation(llvm::json::OStream &json, Location loc) {
  if (auto file = loc->findInstanceOf<FileLineColLoc>()) {
    json.attribute("file", file.getFilename().strref());
    json.attribute("line", int64_t(file.getLine()));
    json.attribute("column", int64_t(file.getColumn()));
  }
  if (auto name = loc->findInstanceOf<NameLoc>())
    json.attribute("name", name.getName().strref());
}

static void writeNote(llvm::json::OStream &json, const Note &note) {
  writeLocation(json, note.loc);
  json.attribute("id", note.id);
  json.attribute("why", note.why);
}

static void writeReading(llvm::json::OStream &json, const Reading &r) {
  auto extent = [&](StringRef name, int64_t value) {
    json.attribute(name, value < 0 ? llvm::json::Value(nullptr)
                                   : llvm::json::Value(value));
  };
  auto words = [&](StringRef name, const std::vector<std::string> &list) {
    json.attributeArray(name, [&] {
      for (const std::string &word : list)
        json.value(word);
    });
  };
  extent("batch", r.batch);
  extent("query_heads", r.queryHeads);
  extent("kv_heads", r.kvHeads);
  extent("queries", r.queries);
  extent("keys", r.keys);
  extent("key_dim", r.keyDim);
  extent("value_dim", r.valueDim);
  json.attribute("softmax", r.form);
  words("mask", r.mask);
  json.attribute("scale", r.scale);
  json.attribute("runtime_scale", r.runtimeScale);
  json.attribute("softcap", r.softcap);
  words("score", r.score);
  json.attribute("rope", r.rope);
  json.attribute("fully_masked", r.fullyMasked);
}

void Report::printJSON(llvm::raw_ostream &os, StringRef function) const {
  llvm::json::OStream json(os);
  json.object([&] {
    json.attribute("function", function);
    json.attributeArray("attentions", [&] {
      for (const Row &row : rows)
        json.object([&] {
          json.attribute("raised", row.reading.has_value());
          writeNote(json, row.note);
          if (!row.reading)
            return;
          writeReading(json, *row.reading);
          json.attributeArray("kept", [&] {
            for (const Note &note : row.kept)
              json.object([&] { writeNote(json, note); });
          });
        });
    });
  });
  os << "\n";
}

} // namespace kvc::raise
