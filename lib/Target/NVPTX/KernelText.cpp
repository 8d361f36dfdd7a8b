//===- KernelText.cpp - kernels in PTX text -------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: text of which anything is not as emitPTX writes it is left alone.
//
//===----------------------------------------------------------------------===//

#include "KernelText.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"

using llvm::StringRef;

namespace kvc::nvptx {

static constexpr StringRef kEntry = "\n.visible .entry ",
                           kGlobal = "\t// .globl\t";

/// The kernel from its first line to its last, empty when there is none.
static StringRef textOf(StringRef ptx, StringRef name) {
  size_t begin = ptx.find((kEntry + name + "(").str());
  if (begin == StringRef::npos)
    return "";
  StringRef rest = ptx.drop_front(begin + 1);
  return rest.substr(0, rest.find(("\n" + kGlobal).str())).rtrim();
}

/// What the labels of the kernel that `ptx` has at `text` begin with.
static std::string labelsOf(StringRef ptx, StringRef text) {
  StringRef before(ptx.data(), size_t(text.data() - ptx.data()) - 1);
  return ("$L__BB" + llvm::Twine(before.count(kEntry)) + "_").str();
}

/// The lines before the first kernel without those that name it.
static std::string declarations(StringRef ptx) {
  llvm::SmallVector<StringRef> lines;
  ptx.substr(0, ptx.find(kEntry)).split(lines, '\n');
  std::string all;
  for (StringRef line : lines)
    if (!line.starts_with(kGlobal))
      all += (line + "\n").str();
  return all;
}

/// `text` with `to` for `from`.
static std::string renamed(StringRef text, StringRef from, StringRef to) {
  std::string all;
  while (true) {
    size_t at = text.find(from);
    all += text.substr(0, at);
    if (at == StringRef::npos)
      return all;
    all += to;
    text = text.drop_front(at + from.size());
  }
}

Replaced replaceKernel(std::string &ptx, StringRef other, StringRef name) {
  StringRef before = textOf(ptx, name), after = textOf(other, name);
  if (before.empty() || after.empty() ||
      declarations(ptx) != declarations(other))
    return Replaced::No;
  std::string text =
      renamed(after, labelsOf(other, after), labelsOf(ptx, before));
  if (text == before)
    return Replaced::Same;
  ptx.replace(size_t(before.data() - ptx.data()), before.size(), text);
  return Replaced::Yes;
}

} // namespace kvc::nvptx
