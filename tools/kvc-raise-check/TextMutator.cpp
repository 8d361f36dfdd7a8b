//===- TextMutator.cpp - random edits of MLIR text ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: an edit is a function of the text and the generator alone, so a
// seed names a text.
//
//===----------------------------------------------------------------------===//

#include "TextMutator.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

using llvm::ArrayRef;
using llvm::StringRef;

namespace kvc::raisecheck {
namespace {

enum class Kind { Value, Number, Word, Other };

struct Word {
  Kind kind;
  size_t begin, size;
};

/// Values (%x), numbers, words with dots, and single other characters.
std::vector<Word> lex(StringRef text) {
  std::vector<Word> words;
  auto isWord = [](char c) {
    return llvm::isAlnum(c) || c == '_' || c == '.' || c == '$';
  };
  for (size_t i = 0; i < text.size();) {
    size_t begin = i;
    char c = text[i++];
    Kind kind = Kind::Other;
    if (c == '%' || c == '@' || c == '#' || c == '^') {
      kind = c == '%' ? Kind::Value : Kind::Word;
      while (i < text.size() && isWord(text[i]))
        ++i;
    } else if (llvm::isDigit(c)) {
      kind = Kind::Number;
      while (i < text.size() &&
             (llvm::isDigit(text[i]) || text[i] == '.' ||
              (text[i] == 'e' && i + 1 < text.size() &&
               (llvm::isDigit(text[i + 1]) || text[i + 1] == '-' ||
                text[i + 1] == '+')) ||
              ((text[i] == '-' || text[i] == '+') && text[i - 1] == 'e')))
        ++i;
    } else if (llvm::isAlpha(c) || c == '_') {
      kind = Kind::Word;
      while (i < text.size() && isWord(text[i]))
        ++i;
    } else if (llvm::isSpace(c)) {
      continue;
    }
    words.push_back({kind, begin, i - begin});
  }
  return words;
}

constexpr const char *numbers[] = {
    "0",          "1",      "2",          "-1",       "3",
    "0.0",        "-0.0",   "1.0",        "1.0e-9",   "0x7F800000",
    "0xFF800000", "0xFC00", "-1.0e9",     "-65504.0", "9223372036854775807",
    "0x7FC00000", "64",     "2147483647", "1000000",  "-3.4028235e38"};
constexpr const char *wordsKnown[] = {"arith.addf",
                                      "arith.subf",
                                      "arith.mulf",
                                      "arith.divf",
                                      "arith.maximumf",
                                      "arith.maxnumf",
                                      "arith.minimumf",
                                      "arith.negf",
                                      "math.exp",
                                      "math.exp2",
                                      "math.log",
                                      "math.tanh",
                                      "math.sin",
                                      "math.cos",
                                      "math.absf",
                                      "arith.addi",
                                      "arith.subi",
                                      "arith.muli",
                                      "arith.divsi",
                                      "arith.remsi",
                                      "arith.floordivsi",
                                      "arith.shli",
                                      "arith.andi",
                                      "arith.ori",
                                      "arith.xori",
                                      "linalg.exp",
                                      "linalg.add",
                                      "linalg.sub",
                                      "linalg.mul",
                                      "linalg.div",
                                      "linalg.max",
                                      "linalg.tanh",
                                      "linalg.batch_matmul",
                                      "linalg.matmul",
                                      "parallel",
                                      "reduction",
                                      "slt",
                                      "sle",
                                      "sgt",
                                      "sge",
                                      "eq",
                                      "ne",
                                      "ult",
                                      "olt",
                                      "oeq",
                                      "une",
                                      "true",
                                      "false",
                                      "arith.index_cast",
                                      "arith.extsi",
                                      "arith.extui",
                                      "arith.trunci",
                                      "arith.sitofp",
                                      "arith.uitofp",
                                      "arith.truncf",
                                      "arith.extf",
                                      "causal",
                                      "f32",
                                      "f16",
                                      "bf16",
                                      "i32",
                                      "i64",
                                      "i1",
                                      "index"};

class Edit {
public:
  Edit(StringRef text, std::mt19937_64 &random)
      : text(text), random(random), words(lex(text)) {}

  std::string run() {
    if (words.empty())
      return text.str();
    switch (below(10)) {
    case 0:
    case 1:
      return replaceSameKind(Kind::Value);
    case 2:
      return replaceSameKind(Kind::Number);
    case 3:
      return replaceSameKind(Kind::Word);
    case 4:
      return replaceKnown(Kind::Number, numbers);
    case 5:
      return replaceKnown(Kind::Word, wordsKnown);
    case 6:
      return changeExtent();
    case 7:
      return changeElementType();
    case 8:
      return editLines();
    default:
      return deleteWord();
    }
  }

private:
  size_t below(size_t bound) { return random() % std::max<size_t>(bound, 1); }

  const Word *choose(Kind kind) {
    llvm::SmallVector<const Word *> fitting;
    for (const Word &word : words)
      if (word.kind == kind)
        fitting.push_back(&word);
    return fitting.empty() ? nullptr : fitting[below(fitting.size())];
  }
  StringRef spelling(const Word &word) {
    return text.substr(word.begin, word.size);
  }
  std::string replaced(const Word &word, StringRef by) {
    return (text.take_front(word.begin) + by +
            text.drop_front(word.begin + word.size))
        .str();
  }
  std::string replaceSameKind(Kind kind) {
    const Word *at = choose(kind), *by = choose(kind);
    return at ? replaced(*at, spelling(*by)) : text.str();
  }
  std::string replaceKnown(Kind kind, ArrayRef<const char *> known) {
    const Word *at = choose(kind);
    return at ? replaced(*at, known[below(known.size())]) : text.str();
  }
  std::string deleteWord() { return replaced(words[below(words.size())], ""); }

  std::string replaceAll(StringRef from, StringRef to, bool inTypes) {
    std::string result;
    StringRef rest = text;
    while (true) {
      size_t at = rest.find(from);
      if (at == StringRef::npos)
        return result + rest.str();
      // an extent ends at `x` and begins after `<` or `x`
      char before = at ? rest[at - 1] : ' ';
      size_t after = at + from.size();
      bool fits = !inTypes || ((before == '<' || before == 'x') &&
                               after < rest.size() && rest[after] == 'x');
      result += rest.take_front(at);
      result += fits ? to : from;
      rest = rest.drop_front(after);
    }
  }
  /// One extent becomes another in every type.
  std::string changeExtent() {
    static constexpr const char *extents[] = {"?", "1", "0", "2",         "3",
                                              "4", "6", "8", "1000000007"};
    const Word *from = choose(Kind::Number);
    return from ? replaceAll(spelling(*from),
                             extents[below(std::size(extents))], true)
                : text.str();
  }
  std::string changeElementType() {
    static constexpr const char *types[] = {"f32", "f16", "bf16", "f64",
                                            "i32", "i64", "i8",   "i1"};
    return replaceAll(types[below(std::size(types))],
                      types[below(std::size(types))], false);
  }
  std::string editLines() {
    llvm::SmallVector<StringRef> lines;
    text.split(lines, '\n');
    size_t at = below(lines.size());
    switch (below(3)) {
    case 0:
      lines.erase(lines.begin() + at);
      break;
    case 1:
      std::swap(lines[at], lines[below(lines.size())]);
      break;
    default:
      lines.insert(lines.begin() + below(lines.size()), lines[at]);
    }
    return llvm::join(lines, "\n");
  }

  StringRef text;
  std::mt19937_64 &random;
  std::vector<Word> words;
};

} // namespace

std::string mutateText(const std::string &text, std::mt19937_64 &random) {
  return Edit(text, random).run();
}

} // namespace kvc::raisecheck
