//===- RopeTurn.cpp - The cosines and sines of a rotation -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Angles are a position times factors that are numbers for each pair; tables
// are literals whose row 1 gives the frequencies and whose every other entry
// must agree. Rows may be gathered by positions that a tensor holds: the table
// is then read at a row of its own.
//
//===----------------------------------------------------------------------===//

#include "RopeTurn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

/// Elements of selection matrices and of tables that are read from resources.
static constexpr int64_t maxSelection = int64_t(1) << 14, maxTable = int64_t(1)
                                                                     << 24;

static void refuse(Refusal &refusal, StringRef id, const Twine &why,
                   const Expr *at = nullptr) {
  if (!refusal)
    refusal = {id, why.str(), at && at->op ? at->op : nullptr};
}

/// A float literal or resource that is read at an index.
static DenseElementsAttr literalOf(Scalars &scalars, const Expr *expr,
                                   int64_t limit) {
  if (!expr->is(Expr::Kind::Element) || expr->index.empty())
    return {};
  DenseElementsAttr attribute = scalars.literalOf(expr->tensor, limit);
  if (attribute && isa<FloatType>(attribute.getElementType()))
    return attribute;
  return {};
}

const Expr *TurnReader::look(const Expr *expr) {
  for (unsigned i = 0; i < 64; ++i) {
    const Expr *next = scalars.expand(expr);
    if (next->isApply<arith::ExtFOp, arith::TruncFOp>() &&
        next->type.getIntOrFloatBitWidth() >= width)
      next = next->operands[0];
    if (next == expr)
      break;
    expr = next;
  }
  return expr;
}

/// x * S with a literal S that picks one channel for each: that channel.
const Expr *TurnReader::throughSelection(const Expr *expr, double &factor,
                                         AffineExpr pair) {
  auto sum = matchReduction(scalars, expr);
  auto factors = sum ? matchProduct(scalars, *sum) : std::nullopt;
  if (!factors)
    return nullptr;
  Axes &axes = scalars.getAxes();
  int64_t count = axes.extent(sum->axis), pairs = axes.extent(pair);
  if (ShapedType::isDynamic(count) || count > 4096)
    return nullptr;
  for (bool first : {true, false}) {
    const Expr *x = look(first ? factors->first : factors->second),
               *selects = look(first ? factors->second : factors->first);
    DenseElementsAttr literal = literalOf(scalars, selects, maxSelection);
    if (!literal)
      continue;
    SmallVector<int64_t> strides =
        computeStrides(cast<ShapedType>(literal.getType()).getShape());
    // the entry's offset is linear in the channel and the pair
    AffineExpr offset = getAffineConstantExpr(0, axes.getContext());
    for (auto [at, stride] : llvm::zip_equal(selects->index, strides))
      offset = offset + at * stride;
    LinearForm form = axes.linearize(offset);
    int64_t ofChannel = 0, ofPair = 0;
    for (auto [atom, coefficient] : form.terms) {
      if (atom == sum->axis)
        ofChannel = coefficient;
      else if (atom == pair)
        ofPair = coefficient;
      else
        return nullptr;
    }
    // a graph may index beyond its table, which we must not
    const int64_t lowest = form.constant +
                           std::min<int64_t>((count - 1) * ofChannel, 0) +
                           std::min<int64_t>((pairs - 1) * ofPair, 0),
                  highest = form.constant +
                            std::max<int64_t>((count - 1) * ofChannel, 0) +
                            std::max<int64_t>((pairs - 1) * ofPair, 0);
    if (lowest < 0 || highest >= literal.getNumElements())
      return nullptr;
    auto entries = literal.getValues<APFloat>();
    int64_t begin = -1, step = 0;
    double value = 0;
    for (int64_t p = 0; p < pairs; ++p) {
      int64_t chosen = -1;
      for (int64_t c = 0; c < count; ++c) {
        double entry = entries[form.constant + c * ofChannel + p * ofPair]
                           .convertToDouble();
        if (entry == 0.0)
          continue;
        if (chosen >= 0 || (p > 0 && entry != value))
          return nullptr;
        chosen = c;
        value = entry;
      }
      if (chosen < 0)
        return nullptr;
      if (p == 0)
        begin = chosen;
      else if (p == 1)
        step = chosen - begin;
      if (chosen != begin + p * step)
        return nullptr;
    }
    factor *= value;
    return scalars.substitute(x, {{sum->axis, pair * step + begin}});
  }
  return nullptr;
}

const Expr *TurnReader::strip(const Expr *expr, double &factor,
                              AffineExpr pair) {
  for (unsigned i = 0; i < 48; ++i) {
    const Expr *next = scalars.expand(expr);
    if (next->isApply<arith::NegFOp>()) {
      factor = -factor;
      expr = next->operands[0];
    } else if (next->isApply<arith::ExtFOp, arith::TruncFOp>() &&
               next->type.getIntOrFloatBitWidth() >= width) {
      expr = next->operands[0];
    } else if (next->isApply<arith::MulFOp>()) {
      std::optional<double> a = scalars.asReal(next->operands[0]),
                            b = scalars.asReal(next->operands[1]);
      if (!a && !b)
        return expr;
      factor *= a ? *a : *b;
      expr = next->operands[a ? 1 : 0];
    } else if (next->is(Expr::Kind::Element)) {
      const Expr *selected =
          next == expr ? throughSelection(expr, factor, pair) : next;
      if (!selected)
        return expr;
      expr = selected;
    } else {
      return expr;
    }
  }
  return expr;
}

Turn TurnReader::read(const Expr *expr) {
  Turn turn;
  turn.node = expr;
  expr = look(expr);
  if (expr->is(Expr::Kind::Apply) && expr->tensor) {
    // one index is a position that is not known here
    Index index;
    for (const Expr *operand : expr->operands) {
      if (operand->is(Expr::Kind::Affine)) {
        index.push_back(operand->affine);
        continue;
      }
      std::optional<Number> number;
      if (operand->is(Expr::Kind::Constant))
        number = toNumber(operand->constant);
      if (number) {
        index.push_back(getAffineConstantExpr(number->integer,
                                              scalars.getAxes().getContext()));
        continue;
      }
      if (turn.gathered)
        return turn;
      turn.gathered = operand;
      AffineExpr &row = rows[operand];
      int64_t size = cast<RankedTensorType>(expr->tensor.getType())
                         .getDimSize(index.size());
      if (!row)
        row = scalars.getAxes().add(size);
      else if (scalars.getAxes().extent(row) != size)
        return turn;
      turn.row = row;
      index.push_back(row);
    }
    if (!turn.gathered)
      return turn;
    expr = look(scalars.element(expr->tensor, index));
  }
  // a factor of cosines and sines (yarn's attention factor)
  if (expr->isApply<arith::MulFOp>())
    for (unsigned side : {0u, 1u})
      if (std::optional<double> number = scalars.asReal(expr->operands[side])) {
        turn.factor *= *number;
        expr = look(expr->operands[1 - side]);
        break;
      }
  if (expr->isApply<math::CosOp, math::SinOp>()) {
    turn.form =
        expr->isApply<math::CosOp>() ? Turn::Form::Cos : Turn::Form::Sin;
    turn.angle = expr->operands[0];
  } else if (DenseElementsAttr literal = literalOf(scalars, expr, maxTable)) {
    turn.form = Turn::Form::Table;
    turn.table = literal;
    turn.at = expr->index;
  }
  return turn;
}

/// The integer that counts positions: an axis, or what rows are gathered by.
bool TurnReader::takePosition(const Turn &turn, const Expr *counted,
                              Rotation &rotation, Refusal &refusal) {
  counted = scalars.expand(counted);
  if (turn.row) {
    if (!counted->is(Expr::Kind::Affine) || counted->affine != turn.row) {
      refuse(refusal, "rope-position",
             "the rows of the gathered table are not the positions");
      return false;
    }
    counted = turn.gathered;
    while (counted->isApply<arith::IndexCastOp, arith::IndexCastUIOp>())
      counted = scalars.expand(counted->operands[0]);
  }
  Type type = counted->type;
  if (!counted->is(Expr::Kind::Affine) && !type.isInteger(32) &&
      !type.isInteger(64)) {
    refuse(refusal, "rope-position", "the positions are neither i32 nor i64");
    return false;
  }
  rotation.position = counted;
  return true;
}

/// position * frequency[pair], as a product of any factors and divisors.
bool TurnReader::readAngle(const Turn &turn, AffineExpr pair, int64_t pairs,
                           Rotation &rotation, Refusal &refusal) {
  SmallVector<std::pair<const Expr *, bool>> leaves,
      pending{{turn.angle, false}};
  double sign = 1;
  while (!pending.empty()) {
    auto [expr, inverse] = pending.pop_back_val();
    expr = look(expr);
    if (leaves.size() + pending.size() > 16)
      return false;
    if (expr->isApply<arith::NegFOp>()) {
      sign = -sign;
      pending.push_back({expr->operands[0], inverse});
    } else if (expr->isApply<arith::MulFOp, arith::DivFOp>()) {
      bool quotient = expr->isApply<arith::DivFOp>();
      pending.push_back({expr->operands[0], inverse});
      pending.push_back({expr->operands[1], inverse != quotient});
    } else {
      leaves.push_back({expr, inverse});
    }
  }
  const Expr *position = nullptr;
  SmallVector<std::pair<const Expr *, bool>> factors;
  for (auto [leaf, inverse] : leaves) {
    bool moves = (sequence && mentions(leaf, sequence)) ||
                 (turn.row && mentions(leaf, turn.row));
    bool counts = leaf->isApply<arith::SIToFPOp, arith::UIToFPOp>() &&
                  !mentions(leaf, pair);
    if (moves && mentions(leaf, pair)) {
      refuse(refusal, "rope-angle",
             "the angle is not a position times a frequency", leaf);
      return false;
    }
    if (moves ? !counts || inverse || position
              : counts && !position && !inverse) {
      if (moves) {
        refuse(refusal, "rope-position",
               "the positions are not integers that turn into the angle", leaf);
        return false;
      }
      // one and the same position for all, or a number
      if (!scalars.asReal(leaf)) {
        position = leaf;
        continue;
      }
    }
    if (moves)
      position = leaf;
    else
      factors.push_back({leaf, inverse});
  }
  if (!position) {
    refuse(refusal, "rope-position", "the angle does not depend on a position",
           turn.angle);
    return false;
  }
  if (!takePosition(turn, position->operands[0], rotation, refusal))
    return false;
  for (int64_t p = 0; p < pairs; ++p) {
    double value = sign;
    for (auto [factor, inverse] : factors) {
      unsigned budget = 64;
      const Expr *at = scalars.expandAll(
          scalars.substitute(factor,
                             {{pair, getAffineConstantExpr(
                                         p, scalars.getAxes().getContext())}}),
          budget);
      std::optional<double> number = at ? scalars.asReal(at) : std::nullopt;
      if (!number) {
        refuse(refusal, "rope-frequencies",
               "the frequencies are not numbers known when compiling", factor);
        return false;
      }
      value = inverse ? value / *number : value * *number;
    }
    rotation.frequencies.push_back(value);
  }
  return true;
}

namespace {
/// A literal of cosines or sines as rows of positions.
struct TurnTable {
  DenseElementsAttr table;
  int64_t rows = 0, rowStride = 0;
  LinearForm offset; // of the pair, less the row's

  double at(int64_t row, int64_t column) const {
    return table.getValues<APFloat>()[row * rowStride + column]
        .convertToDouble();
  }
};
} // namespace

/// Row 1 gives the frequencies; every entry must agree.
static TurnNumbers readNumbers(const TurnTable &cosine, const TurnTable &sine,
                               ArrayRef<int64_t> ofCosine,
                               ArrayRef<int64_t> ofSine) {
  TurnNumbers numbers;
  int64_t pairs = ofCosine.size();
  for (int64_t p = 0; p < pairs; ++p)
    numbers.frequencies.push_back(
        std::atan2(sine.at(1, ofSine[p]), cosine.at(1, ofCosine[p])));
  // the sign of the sines may stand in the table
  if (numbers.frequencies.back() < 0) {
    numbers.sinSign = -1;
    for (double &frequency : numbers.frequencies)
      frequency = -frequency;
  }
  numbers.factor = std::hypot(cosine.at(1, ofCosine[0]), sine.at(1, ofSine[0]));
  if (std::fabs(numbers.factor - 1) < 1e-6)
    numbers.factor = 1;
  for (int64_t row = 0; row < cosine.rows; ++row)
    for (int64_t p = 0; p < pairs; ++p) {
      double angle = row * numbers.frequencies[p];
      // angles were rounded to f32 before cosine and sine
      double bound = 2e-6 + 4e-7 * std::fabs(angle);
      double c = cosine.at(row, ofCosine[p]) / numbers.factor,
             s = sine.at(row, ofSine[p]) / numbers.factor * numbers.sinSign;
      if (std::fabs(c - std::cos(angle)) <= bound &&
          std::fabs(s - std::sin(angle)) <= bound)
        continue;
      numbers.refused = "the tables are not cosines and sines of a position "
                        "times a frequency";
      return numbers;
    }
  return numbers;
}

bool TurnReader::readTables(const Turn &cosine, const Turn &sine,
                            AffineExpr pair, int64_t pairs, Rotation &rotation,
                            Refusal &refusal) {
  Axes &axes = scalars.getAxes();
  auto unknown = [&](const Twine &why) {
    refuse(refusal, "rope-table", why);
    return false;
  };
  AffineExpr position;
  SmallVector<int64_t> columns[2];
  TurnTable read[2];
  const Turn *both[2] = {&cosine, &sine};
  for (auto [turn, table, list] : llvm::zip_equal(both, read, columns)) {
    if (!turn->table.getElementType().isF32() &&
        !turn->table.getElementType().isF64())
      return unknown("a table of 16 bits does not tell its frequencies");
    ArrayRef<int64_t> shape =
        cast<ShapedType>(turn->table.getType()).getShape();
    SmallVector<int64_t> strides = computeStrides(shape);
    table.table = turn->table;
    AffineExpr rest = getAffineConstantExpr(0, axes.getContext());
    for (auto [at, size, stride] : llvm::zip_equal(turn->at, shape, strides)) {
      bool moves = (sequence && mentions(at, sequence)) ||
                   (turn->row && mentions(at, turn->row));
      if (!moves) {
        for (int64_t p = 0; p < pairs; ++p) {
          auto column =
              dyn_cast<AffineConstantExpr>(axes.simplify(axes.substitute(
                  at, {{pair, getAffineConstantExpr(p, axes.getContext())}})));
          if (!column || column.getValue() < 0 || column.getValue() >= size)
            return unknown("the columns of the tables are not those of the "
                           "channel pairs");
        }
        rest = rest + at * stride;
        continue;
      }
      if (table.rows || mentions(at, pair) || (position && position != at))
        return unknown("the rows of the tables are not one position");
      table.rows = size;
      table.rowStride = stride;
      position = at;
    }
    LinearForm form = axes.linearize(rest);
    int64_t ofPair = 0;
    for (auto [atom, coefficient] : form.terms) {
      if (atom != pair)
        return unknown("the table depends on more than position and channel");
      ofPair = coefficient;
    }
    for (int64_t p = 0; p < pairs; ++p)
      list.push_back(form.constant + p * ofPair);
  }
  if (!position || read[0].rows < 2 || read[0].rows != read[1].rows)
    return unknown("the tables do not hold several positions");
  std::vector<int64_t> key{pairs};
  for (auto &list : columns)
    key.insert(key.end(), list.begin(), list.end());
  auto [known, inserted] = tables.turns.try_emplace(
      {cosine.table.getAsOpaquePointer(), sine.table.getAsOpaquePointer(),
       std::move(key)});
  TurnNumbers &numbers = known->second;
  if (inserted)
    numbers = readNumbers(read[0], read[1], columns[0], columns[1]);
  if (!numbers.refused.empty())
    return unknown(numbers.refused);
  rotation.frequencies = numbers.frequencies;
  rotation.sinSign = numbers.sinSign;
  rotation.factor = numbers.factor;
  rotation.exact = false;
  return takePosition(
      cosine, scalars.affine(position, IntegerType::get(axes.getContext(), 64)),
      rotation, refusal);
}

std::optional<Rotation> TurnReader::resolve(const Turn &cosine,
                                            const Turn &sine, AffineExpr pair,
                                            int64_t pairs, Refusal &refusal) {
  Rotation rotation;
  if (cosine.form == Turn::Form::Cos && sine.form == Turn::Form::Sin) {
    if (!scalars.equal(cosine.angle, sine.angle) ||
        cosine.gathered != sine.gathered) {
      refuse(refusal, "rope-form", "cosines and sines are of two angles");
      return std::nullopt;
    }
    if (!readAngle(cosine, pair, pairs, rotation, refusal))
      return std::nullopt;
    rotation.factor = std::fabs(cosine.factor);
    // sin(-a) = -sin(a)
    if (rotation.frequencies.front() < 0) {
      rotation.sinSign = -1;
      for (double &frequency : rotation.frequencies)
        frequency = -frequency;
    }
    if (!llvm::all_of(rotation.frequencies, [](double f) { return f > 0; })) {
      refuse(refusal, "rope-frequencies", "a frequency is not positive");
      return std::nullopt;
    }
    return rotation;
  }
  if (cosine.form == Turn::Form::Table && sine.form == Turn::Form::Table &&
      cosine.gathered == sine.gathered) {
    if (!readTables(cosine, sine, pair, pairs, rotation, refusal))
      return std::nullopt;
    rotation.factor *= std::fabs(cosine.factor);
    return rotation;
  }
  refuse(refusal, "rope-table",
         "channel pairs are turned by tables that are not known when "
         "compiling");
  return std::nullopt;
}

} // namespace kvc::raise
