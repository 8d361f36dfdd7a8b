//===- Parse.cpp - the text of nvdisasm to instructions -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   .text.attend:                                   a function
//   .L_x_7:                                         a label
//           /*0a90*/              @!P4 BRA `(.L_x_107) ;
//           /*0aa0*/                   NOP ;
//
// Invariant: every line is an instruction, a label, a directive, a comment or
// an error.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/Sass/Sass.h"

#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace kvc::sass {

bool Instruction::hasModifier(StringRef modifier) const {
  llvm::SmallVector<StringRef> parts;
  StringRef(opcode).split(parts, '.');
  return llvm::is_contained(llvm::drop_begin(parts), modifier);
}

static bool isName(StringRef text) {
  return !text.empty() && llvm::all_of(text, [](char c) {
    return llvm::isAlnum(c) || c == '.' || c == '_' || c == '$' || c == '@';
  });
}

static llvm::Error bad(unsigned line, StringRef expected, StringRef got) {
  return llvm::createStringError("expected " + expected + ", got `" +
                                 got.take_front(100) + "` in line " +
                                 llvm::Twine(line) + " of the disassembly");
}

/// `text` is what stands behind the address: "@!P4 BRA `(.L_x_107) ;".
static llvm::Expected<Instruction> parseInstruction(StringRef text,
                                                    unsigned line) {
  Instruction result;
  result.line = line;
  StringRef rest = text;
  if (!rest.consume_back(";"))
    return bad(line, "an instruction that ends in `;`", text);
  rest = rest.trim();
  if (rest.consume_front("@")) {
    auto [predicate, after] = rest.split(' ');
    if (!isName(predicate.ltrim('!')))
      return bad(line, "a predicate behind `@`", text);
    result.predicate = predicate.str();
    rest = after.trim();
  }
  auto [opcode, operands] = rest.split(' ');
  if (!isName(opcode) || !llvm::isUpper(opcode.front()))
    return bad(line, "an opcode", text);
  result.opcode = opcode.str();
  result.operands = operands.trim().str();
  if (size_t at = operands.find("`("); at != StringRef::npos) {
    StringRef target = operands.drop_front(at + 2);
    size_t end = target.find(')');
    if (end == StringRef::npos || !isName(target.take_front(end)))
      return bad(line, "a label in `( )", text);
    result.target = target.take_front(end).str();
  }
  return result;
}

/// "/*0a90*/ rest": the rest; none when there is no address.
static std::optional<StringRef> afterAddress(StringRef line) {
  if (!line.consume_front("/*"))
    return std::nullopt;
  auto [address, rest] = line.split("*/");
  if (address.size() < 4 || !llvm::all_of(address, llvm::isHexDigit))
    return std::nullopt;
  // The encoding, where it was asked for.
  rest = rest.trim();
  if (size_t at = rest.find("/* 0x"); at != StringRef::npos)
    rest = rest.take_front(at).rtrim();
  return rest;
}

static llvm::Error checkTargets(const std::vector<Function> &functions) {
  for (const Function &function : functions)
    for (const Instruction &instruction : function.instructions)
      if (StringRef(instruction.target).starts_with(".L") &&
          !function.labels.contains(instruction.target))
        return bad(instruction.line, "a label of `" + function.name + "`",
                   instruction.target);
  return llvm::Error::success();
}

llvm::Expected<std::vector<Function>> parse(StringRef text) {
  std::vector<Function> functions;
  unsigned number = 0;
  bool inCode = false;
  for (StringRef whole : llvm::split(text, '\n')) {
    ++number;
    StringRef line = whole.trim();
    if (line.empty() || line.starts_with("//"))
      continue;
    if (std::optional<StringRef> rest = afterAddress(line)) {
      if (!inCode)
        return bad(number, "a function before instructions", line);
      if (rest->empty())
        continue; // the second half of an encoding
      auto instruction = parseInstruction(*rest, number);
      if (!instruction)
        return instruction.takeError();
      functions.back().instructions.push_back(std::move(*instruction));
      continue;
    }
    StringRef label = line;
    if (label.consume_back(":") && isName(label)) {
      if (StringRef name = label; name.consume_front(".text.")) {
        functions.emplace_back();
        functions.back().name = name.str();
        inCode = true;
      } else if (inCode) {
        functions.back().labels[label] = functions.back().instructions.size();
      }
      continue;
    }
    if (line.starts_with(".")) {
      if (line.starts_with(".section"))
        inCode = false; // until the section's label
      continue;
    }
    return bad(number, "an instruction, a label or a directive", line);
  }
  if (functions.empty())
    return llvm::createStringError(
        "expected a function in the disassembly, got none");
  for (const Function &function : functions)
    if (function.instructions.empty())
      return llvm::createStringError("expected instructions in `" +
                                     function.name + "`, got none");
  if (llvm::Error error = checkTargets(functions))
    return error;
  return functions;
}

} // namespace kvc::sass
