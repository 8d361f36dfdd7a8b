//===- LowerContractions.cpp - register-blocked FMA loops -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C[.., m, n] += A[.., m, k] * B[.., k, n] on buffers, n contiguous:
//
//   parallel (batch.., other columns.., m block of 96, n block of 4 vectors)
//     for k block                   B's block stays in L2 over the m block
//       for m in steps of `rows`    sums of rows x 4 vectors in registers
//         for k: load 4 vectors of B; for each row broadcast A, 4 FMA
//       the rows left over: a kernel of exactly that many rows
//
// Invariant: every element of C is read and written by one task only, and sums
// over k in ascending order, whatever the number of rows or threads.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "Kernels.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace kvc {
#define GEN_PASS_DEF_LOWERCONTRACTIONSPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

/// Rows that share one pass over a block of B.
constexpr int64_t kRowBlock = 96;
/// Longest k block: 1024 x 64 floats are 256 KiB, a quarter of an L2.
constexpr int64_t kDepthBlock = 1024;
/// Bytes of B that are worth a task of their own.
constexpr int64_t kTaskBytes = 256 * 1024;

/// One contraction and the emission of its loops.
class Kernel {
public:
  static std::optional<Kernel> match(linalg::LinalgOp op, unsigned vectorBits);
  void emit();

private:
  Kernel(linalg::LinalgOp op, kvc::KernelShape shape)
      : op(op), shape(shape), b(op.getLoc(), op) {}

  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value extent(unsigned dim) {
    return getValueOrCreateConstantIndexOp(b, b.getLoc(), ranges[dim].size);
  }
  SmallVector<Value> indices(unsigned operand, ArrayRef<Value> dims);
  VectorType vectorOf(Value memref) {
    return VectorType::get({shape.lanes},
                           cast<MemRefType>(memref.getType()).getElementType());
  }
  Value loadVector(Value memref, ArrayRef<Value> at, Value mask);
  Value toSumType(Value value);
  int64_t grain();

  void emitDepthBlocks(SmallVector<Value> &dims, Value rowBegin, Value rowEnd,
                       ArrayRef<Value> masks);
  void emitRows(SmallVector<Value> &dims, Value rowBegin, Value rowEnd,
                ArrayRef<Value> masks, Value depthBegin, Value depthEnd);
  void emitTile(SmallVector<Value> dims, int64_t rows, ArrayRef<Value> masks,
                Value depthBegin, Value depthEnd);
  SmallVector<Value> emitDepth(SmallVector<Value> &dims, unsigned level,
                               int64_t rows, ArrayRef<Value> masks,
                               Value depthBegin, Value depthEnd,
                               ValueRange sums);

  linalg::LinalgOp op;
  kvc::KernelShape shape;
  ImplicitLocOpBuilder b;
  Value lhs, rhs, out;
  SmallVector<AffineMap> maps;
  SmallVector<Range> ranges;
  SmallVector<unsigned> outer; // parallel, one iteration each
  std::optional<unsigned> row; // blocked by shape.rows
  unsigned column = 0;         // contiguous in B and C
  SmallVector<unsigned> depth; // reductions
};

bool isContiguous(Value memref) {
  auto type = dyn_cast<MemRefType>(memref.getType());
  if (!type || type.getRank() == 0)
    return false;
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(type.getStridesAndOffset(strides, offset)) &&
         strides.back() == 1;
}

/// The dimension that a map's last result is; none when it is something else.
std::optional<unsigned> lastDim(AffineMap map) {
  if (map.getNumResults() == 0)
    return std::nullopt;
  auto dim = dyn_cast<AffineDimExpr>(map.getResults().back());
  return dim ? std::optional<unsigned>(dim.getPosition()) : std::nullopt;
}

std::optional<Kernel> Kernel::match(linalg::LinalgOp op, unsigned vectorBits) {
  if (!op.hasPureBufferSemantics() || !linalg::isaContractionOpInterface(op))
    return std::nullopt;
  // Either operand may be the one whose last dimension the output shares.
  Value out = op.getDpsInits()[0];
  if (!isa<Float16Type, BFloat16Type, Float32Type>(
          cast<MemRefType>(out.getType()).getElementType()))
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (!llvm::all_of(maps,
                    [](AffineMap map) { return map.isProjectedPermutation(); }))
    return std::nullopt;
  std::optional<unsigned> column = lastDim(maps[2]);
  if (!column)
    return std::nullopt;
  unsigned left = 0, right = 1;
  if (lastDim(maps[right]) != column)
    std::swap(left, right);
  if (lastDim(maps[right]) != column || maps[left].isFunctionOfDim(*column))
    return std::nullopt;
  std::swap(maps[0], maps[left]);

  Kernel kernel(op, kvc::KernelShape::get(vectorBits));
  kernel.lhs = op->getOperand(left);
  kernel.rhs = op->getOperand(right);
  kernel.out = out;
  kernel.maps = maps;
  kernel.column = *column;
  if (!isContiguous(kernel.rhs) || !isContiguous(out))
    return std::nullopt;
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  for (unsigned dim = 0, e = iterators.size(); dim < e; ++dim) {
    if (dim == *column)
      continue;
    if (iterators[dim] == utils::IteratorType::reduction)
      kernel.depth.push_back(dim);
    else
      kernel.outer.push_back(dim);
  }
  // The last row dimension is blocked: rows of it reuse B.
  for (unsigned dim : llvm::reverse(kernel.outer))
    if (!maps[1].isFunctionOfDim(dim)) {
      kernel.row = dim;
      llvm::erase(kernel.outer, dim);
      break;
    }
  return kernel;
}

SmallVector<Value> Kernel::indices(unsigned operand, ArrayRef<Value> dims) {
  SmallVector<Value> result;
  for (AffineExpr expr : maps[operand].getResults())
    result.push_back(dims[cast<AffineDimExpr>(expr).getPosition()]);
  return result;
}

Value Kernel::loadVector(Value memref, ArrayRef<Value> at, Value mask) {
  VectorType type = vectorOf(memref);
  if (!mask)
    return vector::LoadOp::create(b, type, memref, at);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, type, memref, at, mask, zero);
}

/// Widens f16 and bf16 operands: sums are f32.
Value Kernel::toSumType(Value value) {
  Type sum = b.getF32Type();
  if (getElementTypeOrSelf(value) == sum)
    return value;
  Type to = sum;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    to = vector.clone(sum);
  return arith::ExtFOp::create(b, to, value);
}

/// Iterations that one task should take at least.
int64_t Kernel::grain() {
  auto type = cast<MemRefType>(rhs.getType());
  int64_t bytes = shape.columns() * type.getElementTypeBitWidth() / 8;
  for (unsigned dim : depth) {
    std::optional<int64_t> size = getConstantIntValue(ranges[dim].size);
    if (!size)
      return 1;
    bytes *= *size;
  }
  return std::max<int64_t>(1, kTaskBytes / bytes);
}

void Kernel::emit() {
  ranges = op.createLoopRanges(b, b.getLoc());
  SmallVector<Value> lower, upper, step;
  SmallVector<unsigned> order(outer);
  auto loop = [&](unsigned dim, int64_t by) {
    lower.push_back(constant(0));
    upper.push_back(extent(dim));
    step.push_back(constant(by));
  };
  for (unsigned dim : outer)
    loop(dim, 1);
  loop(column, shape.columns());
  order.push_back(column);
  if (row) {
    loop(*row, kRowBlock);
    order.push_back(*row);
  }
  auto parallel = scf::ParallelOp::create(b, lower, upper, step);
  parallel->setAttr("kvc.grain", b.getIndexAttr(grain()));
  b.setInsertionPointToStart(parallel.getBody());
  SmallVector<Value> dims(ranges.size());
  for (auto [dim, value] : llvm::zip_equal(order, parallel.getInductionVars()))
    dims[dim] = value;

  // Columns are masked unless their number is a known multiple of the block.
  SmallVector<Value> masks(shape.vectors);
  std::optional<int64_t> columns = getConstantIntValue(ranges[column].size);
  if (!columns || *columns % shape.columns())
    for (int64_t j = 0; j < shape.vectors; ++j) {
      Value first =
          arith::AddIOp::create(b, dims[column], constant(j * shape.lanes));
      Value left = arith::SubIOp::create(b, extent(column), first);
      masks[j] = vector::CreateMaskOp::create(
          b, VectorType::get({shape.lanes}, b.getI1Type()), left);
    }

  Value begin, end;
  if (row) {
    begin = dims[*row];
    end = arith::MinSIOp::create(
        b, arith::AddIOp::create(b, begin, constant(kRowBlock)), extent(*row));
  }
  emitDepthBlocks(dims, begin, end, masks);
  op->erase();
}

void Kernel::emitDepthBlocks(SmallVector<Value> &dims, Value rowBegin,
                             Value rowEnd, ArrayRef<Value> masks) {
  Value zero = constant(0), all = extent(depth.back());
  std::optional<int64_t> size = getConstantIntValue(ranges[depth.back()].size);
  if (depth.size() != 1 || (size && *size <= 2 * kDepthBlock))
    return emitRows(dims, rowBegin, rowEnd, masks, zero, all);
  Value block = constant(kDepthBlock);
  auto loop = scf::ForOp::create(b, zero, all, block);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value end = arith::MinSIOp::create(
      b, arith::AddIOp::create(b, loop.getInductionVar(), block), all);
  emitRows(dims, rowBegin, rowEnd, masks, loop.getInductionVar(), end);
}

void Kernel::emitRows(SmallVector<Value> &dims, Value rowBegin, Value rowEnd,
                      ArrayRef<Value> masks, Value depthBegin, Value depthEnd) {
  if (!row)
    return emitTile(dims, 1, masks, depthBegin, depthEnd);
  Value rows = constant(shape.rows);
  Value count = arith::SubIOp::create(b, rowEnd, rowBegin);
  Value left = arith::RemUIOp::create(b, count, rows);
  Value full = arith::SubIOp::create(b, rowEnd, left);
  {
    auto loop = scf::ForOp::create(b, rowBegin, full, rows);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    dims[*row] = loop.getInductionVar();
    emitTile(dims, shape.rows, masks, depthBegin, depthEnd);
  }
  auto cases = llvm::to_vector(llvm::seq<int64_t>(1, shape.rows));
  auto choice =
      scf::IndexSwitchOp::create(b, TypeRange(), left, cases, cases.size());
  dims[*row] = full;
  for (auto [i, count] : llvm::enumerate(cases)) {
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&choice.getCaseRegions()[i]);
    emitTile(dims, count, masks, depthBegin, depthEnd);
    scf::YieldOp::create(b);
  }
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&choice.getDefaultRegion());
  scf::YieldOp::create(b);
}

/// `rows` rows from dims[row] on, four vectors of columns from dims[column].
void Kernel::emitTile(SmallVector<Value> dims, int64_t rows,
                      ArrayRef<Value> masks, Value depthBegin, Value depthEnd) {
  auto each = [&](auto visit) {
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < shape.vectors; ++j) {
        SmallVector<Value> at(dims);
        if (row)
          at[*row] = arith::AddIOp::create(b, dims[*row], constant(i));
        at[column] =
            arith::AddIOp::create(b, dims[column], constant(j * shape.lanes));
        visit(i * shape.vectors + j, indices(2, at), masks[j]);
      }
  };
  SmallVector<Value> sums(rows * shape.vectors);
  each([&](int64_t k, ArrayRef<Value> at, Value mask) {
    sums[k] = toSumType(loadVector(out, at, mask));
  });
  sums = emitDepth(dims, 0, rows, masks, depthBegin, depthEnd, sums);
  each([&](int64_t k, ArrayRef<Value> at, Value mask) {
    Value sum = sums[k];
    if (sum.getType() != vectorOf(out))
      sum = arith::TruncFOp::create(b, vectorOf(out), sum);
    if (mask)
      vector::MaskedStoreOp::create(b, out, at, mask, sum);
    else
      vector::StoreOp::create(b, sum, out, at);
  });
}

/// The loops over the reductions from `level` on; returns the sums.
SmallVector<Value> Kernel::emitDepth(SmallVector<Value> &dims, unsigned level,
                                     int64_t rows, ArrayRef<Value> masks,
                                     Value depthBegin, Value depthEnd,
                                     ValueRange sums) {
  bool innermost = level + 1 == depth.size();
  auto loop = scf::ForOp::create(b, innermost ? depthBegin : constant(0),
                                 innermost ? depthEnd : extent(depth[level]),
                                 constant(1), sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  dims[depth[level]] = loop.getInductionVar();
  SmallVector<Value> next(loop.getRegionIterArgs());
  if (!innermost) {
    next = emitDepth(dims, level + 1, rows, masks, depthBegin, depthEnd, next);
  } else {
    SmallVector<Value> left(rows);
    for (int64_t i = 0; i < rows; ++i) {
      SmallVector<Value> at(dims);
      if (row)
        at[*row] = arith::AddIOp::create(b, dims[*row], constant(i));
      Value scalar = toSumType(memref::LoadOp::create(b, lhs, indices(0, at)));
      left[i] = vector::BroadcastOp::create(
          b, VectorType::get({shape.lanes}, scalar.getType()), scalar);
    }
    for (int64_t j = 0; j < shape.vectors; ++j) {
      SmallVector<Value> at(dims);
      at[column] =
          arith::AddIOp::create(b, dims[column], constant(j * shape.lanes));
      Value right = toSumType(loadVector(rhs, indices(1, at), masks[j]));
      for (int64_t i = 0; i < rows; ++i) {
        Value &sum = next[i * shape.vectors + j];
        sum = vector::FMAOp::create(b, left[i], right, sum);
      }
    }
  }
  scf::YieldOp::create(b, next);
  return SmallVector<Value>(loop.getResults());
}

struct LowerContractions
    : kvc::impl::LowerContractionsPassBase<LowerContractions> {
  using LowerContractionsPassBase::LowerContractionsPassBase;

  void runOnOperation() override {
    std::vector<Kernel> kernels;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (std::optional<Kernel> kernel = Kernel::match(op, vectorBits))
        kernels.push_back(*kernel);
    });
    for (Kernel &kernel : kernels)
      kernel.emit();
  }
};

} // namespace
