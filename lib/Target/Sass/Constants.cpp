//===- Constants.cpp - registers whose value the code tells ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The integer instructions that ptxas counts with. All others, and these with
// a modifier that is not named here, only write.
//
//===----------------------------------------------------------------------===//

#include "Constants.h"
#include "Flow.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using llvm::ArrayRef;
using llvm::StringRef;

namespace kvc::sass {

/// "R4", "UR4", "P0", "UP0"; none for others, and for those that hold zero.
std::optional<unsigned> Registers::find(StringRef name) {
  unsigned base = name.consume_front("U") ? 1 : 0, number;
  bool isPredicate = name.consume_front("P");
  if (!isPredicate && !name.consume_front("R"))
    return std::nullopt;
  if (name.getAsInteger(10, number) || number >= (isPredicate ? 7u : 255u))
    return std::nullopt;
  if (isPredicate)
    return (base ? kUniformPredicate : kPredicate) + number;
  return (base ? kUniform : 0) + number;
}

static bool isPredicate(StringRef name) {
  name.consume_front("!");
  name.consume_front("U");
  return name == "PT" ||
         (name.size() == 2 && name[0] == 'P' && llvm::isDigit(name[1]));
}

/// "R4", "-R4.reuse", "URZ", "-0x10"; unknown for constant memory and halves.
Registers::Value Registers::integer(StringRef operand) const {
  operand.consume_back(".reuse");
  bool negated = operand.consume_front("-");
  bool inverted = !negated && operand.consume_front("~");
  Value value;
  uint32_t literal;
  if (operand == "RZ" || operand == "URZ")
    value = 0;
  else if (operand.starts_with("0x") && !operand.getAsInteger(0, literal))
    value = literal;
  else if (auto at = find(operand))
    value = values[*at];
  if (!value)
    return value;
  return negated ? -*value : inverted ? ~*value : *value;
}

/// "P0", "!UP1", "PT".
Registers::Value Registers::predicate(StringRef operand) const {
  bool negated = operand.consume_front("!");
  Value value;
  if (operand == "PT" || operand == "UPT")
    value = 1;
  else if (auto at = find(operand))
    value = values[*at];
  if (value)
    value = *value ^ uint32_t(negated);
  return value;
}

void Registers::meet(const Registers &other) {
  for (auto [mine, theirs] : llvm::zip_equal(values, other.values))
    if (mine != theirs)
      mine = std::nullopt;
}

static llvm::SmallVector<StringRef> operandsOf(const Instruction &i) {
  llvm::SmallVector<StringRef> operands;
  StringRef(i.operands).split(operands, ',');
  for (StringRef &operand : operands)
    operand = operand.trim();
  return operands;
}

/// Registers that a result lies in, from the one that is named on.
static unsigned widthOf(const Instruction &i) {
  StringRef root = i.root();
  if (root.ends_with("GMMA")) // of a warpgroup, 64 x 256 sums in f32
    return 128;
  if (root.ends_with("MMA"))
    return 4;
  if (root == "LDSM")
    return i.hasModifier("4") ? 4 : i.hasModifier("2") ? 2 : 1;
  if (i.hasModifier("256"))
    return 8;
  if (i.hasModifier("128"))
    return 4;
  if (root == "SHF") // of 64 bits, one half
    return 1;
  for (StringRef pair : {"WIDE", "64", "U64", "S64", "F64", "B64"})
    if (i.hasModifier(pair))
      return 2;
  bool isPair =
      llvm::StringSwitch<bool>(root)
          .Cases({"DADD", "DMUL", "DFMA", "FADD2", "FMUL2", "FFMA2"}, true)
          .Cases({"CS2R", "CS2UR"}, !i.hasModifier("32"))
          .Default(false);
  return isPair ? 2 : 1;
}

void Registers::forget(const Instruction &i) {
  StringRef root = i.root();
  // What a function that comes back leaves is not known.
  if (isCall(i))
    return values.assign(kCount, std::nullopt);
  // Masks of predicates.
  if (root == "R2P" || root == "UR2UP")
    for (unsigned at = kPredicate; at < kCount; ++at)
      values[at] = std::nullopt;
  // Results come first: a register, of the widest loads two, and up to two
  // predicates before or behind it, or predicates alone. One that is only read
  // may be forgotten with them.
  bool loads = root.starts_with("LD");
  bool named =
      root.contains("SETP") || root.ends_with("PLOP3") || root == "FCHK";
  for (auto [place, operand] : llvm::enumerate(operandsOf(i))) {
    auto at = find(operand);
    if (isPredicate(operand)) {
      if (at && place < 3)
        values[*at] = std::nullopt;
      continue;
    }
    if (at && (!named || loads)) {
      unsigned end = *at < kUniform ? kUniform : kPredicate;
      for (unsigned k = 0; k < widthOf(i) && *at + k < end; ++k)
        values[*at + k] = std::nullopt;
    }
    named = true;
  }
}

/// A half as it is printed: "0", "1.875".
static std::optional<uint32_t> halfBits(StringRef text) {
  llvm::APFloat value(llvm::APFloat::IEEEhalf());
  auto status = value.convertFromString(text, llvm::RoundingMode::TowardZero);
  if (!status) {
    llvm::consumeError(status.takeError());
    return std::nullopt;
  }
  if (*status != llvm::APFloat::opOK)
    return std::nullopt;
  return uint32_t(value.bitcastToAPInt().getZExtValue());
}

/// Whether all modifiers are among `names`.
static bool hasOnly(const Instruction &i,
                    std::initializer_list<StringRef> names) {
  llvm::SmallVector<StringRef> parts;
  StringRef(i.opcode).split(parts, '.');
  return llvm::all_of(llvm::drop_begin(parts), [&](StringRef part) {
    return llvm::is_contained(names, part);
  });
}

/// "ISETP.GT.U32.AND P0, PT, R1, 0xf, P1": P0 is (R1 > 15) & P1, the second
/// result is !(R1 > 15) & P1.
Registers::Results Registers::compare(const Instruction &i,
                                      ArrayRef<StringRef> operands) const {
  if (operands.size() != 5 || !hasOnly(i, {"LT", "LE", "GT", "GE", "EQ", "NE",
                                           "U32", "AND", "OR", "XOR"}))
    return {};
  Value a = integer(operands[2]), b = integer(operands[3]);
  Value with = predicate(operands[4]);
  Value holds, fails;
  if (a && b) {
    bool less = i.hasModifier("U32") ? *a < *b : int32_t(*a) < int32_t(*b);
    bool equal = *a == *b;
    holds = i.hasModifier("LT")   ? less
            : i.hasModifier("LE") ? less || equal
            : i.hasModifier("GT") ? !less && !equal
            : i.hasModifier("GE") ? !less
            : i.hasModifier("EQ") ? equal
                                  : !equal;
    fails = !*holds;
  }
  auto combine = [&](Value x) -> Value {
    if (i.hasModifier("XOR"))
      return x && with ? Value(*x ^ *with) : std::nullopt;
    // One of them alone may decide.
    uint32_t deciding = i.hasModifier("OR");
    if (x == Value(deciding) || with == Value(deciding))
      return deciding;
    return x && with ? Value(!deciding) : std::nullopt;
  };
  return {{find(operands[0]), combine(holds)},
          {find(operands[1]), combine(fails)}};
}

/// "PLOP3.LUT P0, PT, PT, PT, UP0, 0x80, 0x0": of three predicates, two results
/// by a table each, in which the first of the three is the highest bit of the
/// place.
Registers::Results Registers::lookUp(const Instruction &i,
                                     llvm::ArrayRef<StringRef> operands) const {
  if (operands.size() != 7 || !hasOnly(i, {"LUT"}))
    return {};
  unsigned place = 0;
  for (StringRef operand : operands.slice(2, 3)) {
    Value value = predicate(operand);
    if (!value)
      return {};
    place = place << 1 | *value;
  }
  Results results;
  for (unsigned k = 0; k < 2; ++k)
    if (Value table = integer(operands[5 + k]))
      results.push_back({find(operands[k]), *table >> place & 1});
  return results;
}

Registers::Results Registers::compute(const Instruction &i) const {
  llvm::SmallVector<StringRef> operands = operandsOf(i);
  StringRef root = i.root(), to = operands.front();
  if (llvm::is_contained({"ISETP", "UISETP"}, root))
    return compare(i, operands);
  if (root == "PLOP3")
    return lookUp(i, operands);
  if (isPredicate(to))
    return {};
  // Carries out of a sum stand behind its result.
  ArrayRef<StringRef> from = ArrayRef<StringRef>(operands).drop_front();
  while (!from.empty() && isPredicate(from.front()))
    from = from.drop_front();
  auto has = [&](std::initializer_list<StringRef> roots, size_t count,
                 std::initializer_list<StringRef> modifiers = {}) {
    return llvm::is_contained(roots, root) && from.size() == count &&
           hasOnly(i, modifiers);
  };
  auto place = find(to);
  if (!place)
    return {};
  if (has({"CS2R"}, 1) && from[0] == "SRZ")
    return {{place, 0}, {*place + 1, 0}};
  // -0 and two halves: a constant by the units that multiply.
  if (has({"HFMA2"}, 4, {"MMA"}) && from[0] == "-RZ" && from[1] == "RZ") {
    auto high = halfBits(from[2]), low = halfBits(from[3]);
    return {{place, high && low ? Value(*high << 16 | *low) : std::nullopt}};
  }
  llvm::SmallVector<uint32_t> in;
  for (StringRef operand : from) {
    Value value = integer(operand);
    if (!value)
      return {};
    in.push_back(*value);
  }
  // Of 64 bits, the lower ones: forget() drops the others.
  if (has({"IADD3", "UIADD3"}, 3, {"64"}))
    return {{place, in[0] + in[1] + in[2]}};
  if (has({"IADD", "UIADD", "VIADD", "UVIADD"}, 2))
    return {{place, in[0] + in[1]}};
  if (has({"IMAD", "UIMAD"}, 3, {"MOV", "U32", "IADD", "SHL"}))
    return {{place, in[0] * in[1] + in[2]}};
  if (has({"MOV", "UMOV", "R2UR"}, 1, {"64"}))
    return {{place, in[0]}};
  return {};
}

void Registers::execute(const Instruction &i) {
  Value guard = i.predicate.empty() ? Value(1) : predicate(i.predicate);
  if (guard == Value(0))
    return;
  Results results = compute(i);
  std::optional<Registers> before;
  if (!guard)
    before = *this;
  forget(i);
  for (auto [place, value] : results)
    if (place)
      values[*place] = value;
  if (before)
    meet(*before);
}

std::optional<bool> Registers::isTaken(const Instruction &i) const {
  Value guard = i.predicate.empty() ? Value(1) : predicate(i.predicate);
  // "BRA.U !UP0, `(.L_x_1)": taken where both hold.
  Value other = 1;
  StringRef condition = StringRef(i.operands).split('`').first.trim();
  if (!i.target.empty() && i.root() != "CALL" && !condition.empty()) {
    condition.consume_back(",");
    // "BRA.DIV UR4, ": whether threads are apart.
    other = isPredicate(condition) ? predicate(condition) : std::nullopt;
  }
  if (guard == Value(0) || other == Value(0))
    return false;
  if (guard && other)
    return true;
  return std::nullopt;
}

} // namespace kvc::sass
