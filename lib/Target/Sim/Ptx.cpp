//===- Ptx.cpp - inline PTX as calls through the table --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads one PTX instruction: its words (split at dots) and its operands
// ($n, {$n, ...}, [$n], [$n + 16], numbers). $n counts results first.
// Invariant: an instruction, a modifier or an operand that is not understood is
// an error that shows the text; nothing is skipped but cache hints.
//
//===----------------------------------------------------------------------===//

#include "Ptx.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

namespace kvc::sim {

using namespace mlir;

bool PtxInstruction::parseOperand(StringRef token) {
  token = token.trim();
  PtxOperand operand;
  if (token.consume_front("[")) {
    if (!token.consume_back("]"))
      return false;
    operand.isAddress = true;
    auto [base, offset] = token.split('+');
    if (!offset.empty() && offset.trim().getAsInteger(0, operand.immediate))
      return false;
    token = base.trim();
  } else if (token.consume_front("{")) {
    if (!token.consume_back("}"))
      return false;
  }
  SmallVector<StringRef> names;
  token.split(names, ',');
  for (StringRef name : names) {
    name = name.trim();
    unsigned index;
    if (name.consume_front("$")) {
      if (name.getAsInteger(10, index) ||
          index >= resultTypes.size() + inputs.size())
        return false;
      operand.registers.push_back(index);
      continue;
    }
    if (names.size() != 1 || operand.isAddress ||
        name.getAsInteger(0, operand.immediate))
      return false;
    operand.isImmediate = true;
  }
  operands.push_back(std::move(operand));
  return true;
}

bool PtxInstruction::parse() {
  StringRef rest = text.trim();
  rest.consume_back(";");
  if (rest.contains(';') || rest.starts_with("@"))
    return false;
  auto [mnemonic, arguments] = rest.split(' ');
  mnemonic.trim().split(parts, '.');
  // Commas outside of braces and brackets part operands.
  unsigned depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= arguments.size(); ++i) {
    if (i == arguments.size() || (arguments[i] == ',' && depth == 0)) {
      StringRef token = arguments.slice(begin, i);
      if (!token.trim().empty() && !parseOperand(token))
        return false;
      begin = i + 1;
    } else if (arguments[i] == '{' || arguments[i] == '[') {
      ++depth;
    } else if (arguments[i] == '}' || arguments[i] == ']') {
      --depth;
    }
  }
  return true;
}

bool PtxInstruction::emitConvert() {
  // cvt.rounding[.satfinite][.relu].to.from
  if (parts.size() < 4 || operands.size() < 2 || !isResults(0) || !isInput(1))
    return false;
  StringRef from = parts.back(), to = parts[parts.size() - 2];
  for (StringRef modifier : ArrayRef(parts).slice(1, parts.size() - 3))
    if (!llvm::is_contained({"rn", "rna", "satfinite", "relu"}, modifier))
      return false;
  uint32_t relu = has("relu") ? KVCRT_SIM_CONVERT_RELU : 0;
  auto emit = [&](uint32_t which, Value a, Value b) {
    give(r.call(op, Intrinsic::convert, {r.i32(loc, which | relu), a, b}));
    return true;
  };
  Value zero = r.i32(loc, 0);
  if (from == "f32" && operands.size() == 3 && isInput(2)) {
    auto which = llvm::StringSwitch<std::optional<uint32_t>>(to)
                     .Case("bf16x2", KVCRT_SIM_CONVERT_F32_BF16X2)
                     .Case("f16x2", KVCRT_SIM_CONVERT_F32_F16X2)
                     .Case("e4m3x2", KVCRT_SIM_CONVERT_F32_E4M3X2)
                     .Case("e5m2x2", KVCRT_SIM_CONVERT_F32_E5M2X2)
                     .Default(std::nullopt);
    return which && has("rn") && emit(*which, word(1), word(2));
  }
  if (operands.size() != 2)
    return false;
  if (from == "f32") {
    if (to == "tf32" && has("rna"))
      return emit(KVCRT_SIM_CONVERT_F32_TF32, word(1), zero);
    if (to == "bf16" && has("rn"))
      return emit(KVCRT_SIM_CONVERT_F32_BF16X2, zero, word(1));
    if (to == "f16" && has("rn"))
      return emit(KVCRT_SIM_CONVERT_F32_F16X2, zero, word(1));
    return false;
  }
  auto which =
      llvm::StringSwitch<std::optional<uint32_t>>((to + "." + from).str())
          .Case("f16x2.e4m3x2", KVCRT_SIM_CONVERT_E4M3X2_F16X2)
          .Case("f16x2.e5m2x2", KVCRT_SIM_CONVERT_E5M2X2_F16X2)
          .Case("e4m3x2.f16x2", KVCRT_SIM_CONVERT_F16X2_E4M3X2)
          .Case("e5m2x2.f16x2", KVCRT_SIM_CONVERT_F16X2_E5M2X2)
          .Default(std::nullopt);
  return which && has("rn") && emit(*which, word(1), zero);
}

bool PtxInstruction::emitApproximate() {
  // ex2.approx[.ftz].f32
  if (operands.size() != 2 || !isResults(0) || !isInput(1) || !has("approx"))
    return false;
  for (StringRef modifier : ArrayRef(parts).drop_front())
    if (!llvm::is_contained({"approx", "ftz", "f32", "bf16x2", "f16x2"},
                            modifier))
      return false;
  if (parts.back() == "bf16x2" || parts.back() == "f16x2") {
    if (parts[0] != "ex2")
      return false;
    uint32_t type =
        parts.back() == "bf16x2" ? KVCRT_SIM_TYPE_BF16 : KVCRT_SIM_TYPE_F16;
    Value zero = r.i32(loc, 0);
    give(r.call(
        op, Intrinsic::half2,
        {r.i32(loc, KVCRT_SIM_HALF2_EX2 | type << 8), word(1), zero, zero}));
    return true;
  }
  if (parts.back() != "f32" || !value(1).getType().isF32())
    return false;
  auto which = llvm::StringSwitch<std::optional<uint32_t>>(parts[0])
                   .Case("ex2", KVCRT_SIM_APPROXIMATE_EX2)
                   .Case("lg2", KVCRT_SIM_APPROXIMATE_LG2)
                   .Case("rcp", KVCRT_SIM_APPROXIMATE_RCP)
                   .Case("rsqrt", KVCRT_SIM_APPROXIMATE_RSQRT)
                   .Case("sqrt", KVCRT_SIM_APPROXIMATE_SQRT)
                   .Case("sin", KVCRT_SIM_APPROXIMATE_SIN)
                   .Case("cos", KVCRT_SIM_APPROXIMATE_COS)
                   .Case("tanh", KVCRT_SIM_APPROXIMATE_TANH)
                   .Default(std::nullopt);
  if (!which)
    return false;
  results.push_back(r.call(
      op, Intrinsic::approximate,
      {r.i32(loc, *which | (has("ftz") ? KVCRT_SIM_FLUSH : 0)), value(1)}));
  return true;
}

bool PtxInstruction::emitHalf2() {
  // fma.rn.bf16x2, add.bf16x2, max.f16x2
  auto which = llvm::StringSwitch<std::optional<uint32_t>>(parts[0])
                   .Case("add", KVCRT_SIM_HALF2_ADD)
                   .Case("sub", KVCRT_SIM_HALF2_SUB)
                   .Case("mul", KVCRT_SIM_HALF2_MUL)
                   .Case("fma", KVCRT_SIM_HALF2_FMA)
                   .Case("min", KVCRT_SIM_HALF2_MIN)
                   .Case("max", KVCRT_SIM_HALF2_MAX)
                   .Default(std::nullopt);
  unsigned count = parts[0] == "fma" ? 3 : 2;
  bool bf16 = parts.back() == "bf16x2";
  if (!which || (!bf16 && parts.back() != "f16x2") ||
      operands.size() != count + 1 || !isResults(0))
    return false;
  for (StringRef modifier : ArrayRef(parts).slice(1, parts.size() - 2))
    if (modifier != "rn")
      return false;
  SmallVector<Value> arguments = {r.i32(
      loc, *which | (bf16 ? KVCRT_SIM_TYPE_BF16 : KVCRT_SIM_TYPE_F16) << 8)};
  for (unsigned i = 1; i <= count; ++i) {
    if (!isInput(i))
      return false;
    arguments.push_back(word(i));
  }
  while (arguments.size() < 4)
    arguments.push_back(r.i32(loc, 0));
  give(r.call(op, Intrinsic::half2, arguments));
  return true;
}

bool PtxInstruction::emitMultiply() {
  // mma.sync.aligned.m16n8k32.row.col[.satfinite].d.a.b.c
  if (parts.size() < 10 || operands.size() != 4 || parts[1] != "sync" ||
      parts[2] != "aligned" || parts[4] != "row" || parts[5] != "col" ||
      !isResults(0))
    return false;
  StringRef shape = parts[3];
  uint32_t depth;
  if (!shape.consume_front("m16n8k") || shape.getAsInteger(10, depth))
    return false;
  auto type = [](StringRef name) {
    return llvm::StringSwitch<std::optional<uint32_t>>(name)
        .Case("f16", KVCRT_SIM_TYPE_F16)
        .Case("bf16", KVCRT_SIM_TYPE_BF16)
        .Case("f32", KVCRT_SIM_TYPE_F32)
        .Case("s8", KVCRT_SIM_TYPE_S8)
        .Case("u8", KVCRT_SIM_TYPE_U8)
        .Case("e4m3", KVCRT_SIM_TYPE_E4M3)
        .Case("e5m2", KVCRT_SIM_TYPE_E5M2)
        .Case("s32", KVCRT_SIM_TYPE_S32)
        .Case("tf32", KVCRT_SIM_TYPE_TF32)
        .Default(std::nullopt);
  };
  auto last = ArrayRef(parts).take_back(4);
  auto d = type(last[0]), a = type(last[1]), b = type(last[2]),
       c = type(last[3]);
  if (!d || !a || !b || c != d)
    return false;
  uint32_t descriptor = *a | *b << 4 | *c << 8 | depth << 16;
  for (StringRef modifier : ArrayRef(parts).slice(6, parts.size() - 10)) {
    if (modifier != "satfinite")
      return false;
    descriptor |= KVCRT_SIM_MULTIPLY_SATURATE;
  }
  SmallVector<Value> registers, out;
  for (unsigned i = 1; i < 4; ++i)
    if (!words(i, registers))
      return false;
  // As many registers as the shape has; a wrong count would be read past.
  unsigned bits = llvm::is_contained({"f16", "bf16"}, last[1]) ? 16
                  : last[1] == "tf32"                          ? 32
                                                               : 8;
  unsigned halves = depth * bits / 128;
  unsigned accumulators = *c == KVCRT_SIM_TYPE_F16 ? 2 : 4;
  if (operands[1].registers.size() != 2 * halves ||
      operands[2].registers.size() != halves ||
      operands[3].registers.size() != accumulators ||
      resultTypes.size() != accumulators)
    return false;
  r.multiply(op, descriptor, registers, resultTypes.size(), out);
  for (Value value : out)
    give(value);
  return true;
}

bool PtxInstruction::emitMatrix(bool isLoad) {
  // ldmatrix.sync.aligned.m8n8.x4[.trans].shared.b16
  uint32_t count = has("x4") ? 4 : has("x2") ? 2 : has("x1") ? 1 : 0;
  if (!count || !has("m8n8") || parts.back() != "b16" || operands.size() != 2)
    return false;
  uint32_t descriptor = count;
  if (has("trans"))
    descriptor |= KVCRT_SIM_MATRIX_TRANSPOSED;
  if (isLoad) {
    if (!isResults(0) || resultTypes.size() != count || !isInput(1))
      return false;
    SmallVector<Value> out;
    r.loadMatrix(op, addressOf(1), descriptor, count, out);
    for (Value value : out)
      give(value);
    return true;
  }
  SmallVector<Value> values;
  if (!isInput(0) || !words(1, values) || values.size() != count)
    return false;
  Value room = r.registers(loc, count);
  for (unsigned i = 0; i < count; ++i)
    r.storeRegister(loc, room, i, values[i]);
  r.call(op, Intrinsic::store_matrix,
         {addressOf(0), r.i32(loc, descriptor), room});
  return true;
}

bool PtxInstruction::emitLogic() {
  // lop3.b32 d, a, b, c, table: bit (a b c) of the table, bit by bit
  if (parts.size() != 2 || parts[1] != "b32" || operands.size() != 5 ||
      !isResults(0) || !operands[4].isImmediate)
    return false;
  OpBuilder &b = r.builder;
  Value ones = r.i32(loc, ~0u), result = r.i32(loc, 0);
  Value inputsOf[3];
  for (unsigned i = 0; i < 3; ++i)
    inputsOf[i] = word(i + 1);
  for (unsigned row = 0; row < 8; ++row) {
    if (!(operands[4].immediate >> row & 1))
      continue;
    Value term = ones;
    for (unsigned i = 0; i < 3; ++i) {
      Value bits = inputsOf[i];
      if (!(row >> (2 - i) & 1))
        bits = LLVM::XOrOp::create(b, loc, bits, ones);
      term = LLVM::AndOp::create(b, loc, term, bits);
    }
    result = LLVM::OrOp::create(b, loc, result, term);
  }
  give(result);
  return true;
}

bool PtxInstruction::emit() {
  StringRef name = parts[0];
  if (name == "cvt")
    return emitConvert();
  if (llvm::is_contained(
          {"ex2", "lg2", "rcp", "rsqrt", "sqrt", "sin", "cos", "tanh"}, name))
    return emitApproximate();
  if (llvm::is_contained({"add", "sub", "mul", "fma", "min", "max"}, name))
    return emitHalf2();
  if (name == "mma")
    return emitMultiply();
  if (name == "ldmatrix" || name == "stmatrix")
    return emitMatrix(name == "ldmatrix");
  if (name == "cp")
    return emitCopy();
  if (name == "ld" || name == "st")
    return emitLoadOrStore(name == "st");
  if (name == "fence" || name == "membar")
    return emitFence();
  if (name == "atom" || name == "red")
    return emitAtomic();
  if (name == "bar" || name == "barrier")
    return emitBarrier();
  if (name == "lop3")
    return emitLogic();
  if (name == "prmt" && parts.size() == 2 && operands.size() == 4 &&
      isResults(0)) {
    give(r.call(op, Intrinsic::permute,
                {word(1), word(2), word(3), r.i32(loc, 0)}));
    return true;
  }
  if (name == "prefetch" && operands.size() == 1 && isInput(0)) {
    r.call(op, Intrinsic::prefetch,
           {addressOf(0),
            r.i32(loc, has("global") ? KVCRT_SIM_GLOBAL : KVCRT_SIM_GENERIC)});
    return true;
  }
  if (name == "nanosleep" && operands.size() == 1) {
    r.call(op, Intrinsic::sleep, {word(0)});
    return true;
  }
  if (name == "trap" && operands.empty()) {
    r.call(op, Intrinsic::trap, {});
    return true;
  }
  // When the next grid may start; grids run one after another here.
  return name == "griddepcontrol" && operands.empty();
}

LogicalResult Rewriter::rewritePtx(Operation *op, StringRef text,
                                   TypeRange resultTypes, ValueRange inputs,
                                   SmallVectorImpl<Value> &results) {
  return PtxInstruction(*this, op, text, resultTypes, inputs, results).run();
}

} // namespace kvc::sim
