//===- Workspace.cpp - what attend keeps in env->workspace ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes and offsets of the workspace. Invariant: emitWorkspaceParts is monotone
// in its counts, so that a size computed from capacities holds any step within
// them.
//
//===----------------------------------------------------------------------===//

#include "Workspace.h"

#include "llvm/Support/MathExtras.h"

namespace kvc::cpu {

namespace {
/// Hands out consecutive parts, each beginning on a line.
struct Allocator {
  int64_t next = 0;
  int64_t take(int64_t bytes) {
    int64_t begin = next;
    next += llvm::alignTo(bytes, kLine);
    return begin;
  }
};
} // namespace

StateLayout StateLayout::get(int64_t rows, const TileShape &shape) {
  Allocator a;
  StateLayout layout;
  layout.acc = a.take(rows * shape.valueRowBytes());
  layout.max = a.take(rows * 4);
  layout.sum = a.take(rows * 4);
  layout.size = a.next;
  return layout;
}

SoftmaxState SoftmaxState::at(Num address, const StateLayout &layout) {
  KernelBuilder &b = *address.builder;
  return {b.at(address, layout.acc), b.at(address, layout.max),
          b.at(address, layout.sum)};
}

RowTableLayout RowTableLayout::get(const TileShape &shape) {
  Allocator a;
  RowTableLayout layout;
  layout.key = a.take(shape.tileKeys * 8);
  layout.value = a.take(shape.tileKeys * 8);
  layout.keyScale = a.take(shape.tileKeys * 4);
  layout.valueScale = a.take(shape.tileKeys * 4);
  layout.size = a.next;
  return layout;
}

ScratchLayout ScratchLayout::get(const TileShape &shape) {
  Allocator a;
  ScratchLayout layout;
  int64_t rowBytes = std::max(shape.keyRowBytes(), shape.valueRowBytes());
  int64_t tableBytes = RowTableLayout::get(shape).size;
  layout.query = a.take(shape.maxRows * shape.keyRowBytes());
  layout.sinkQuery = a.take(shape.maxRows * shape.keyRowBytes());
  layout.scores = a.take(shape.maxRows * shape.scoreRowBytes());
  layout.sinkScores = a.take(shape.maxRows * shape.scoreRowBytes());
  layout.state = a.take(StateLayout::get(shape.maxRows, shape).size);
  layout.total = a.take(StateLayout::get(shape.decodeRows, shape).size);
  layout.rescale = a.take(shape.maxRows * 4);
  layout.tables = a.take(2 * tableBytes);
  layout.packedTable = a.take(tableBytes);
  layout.packedKey = a.take(shape.tileKeys * shape.keyRowBytes());
  layout.packedValue = a.take(shape.tileKeys * shape.valueRowBytes());
  layout.zeroRow = a.take(rowBytes);
  layout.row = a.take(rowBytes);
  layout.size = a.next;
  return layout;
}

WorkspaceParts emitWorkspaceParts(const TileShape &shape, Num numTasks,
                                  Num numFolds, Num numSlots, Num numWorkers) {
  KernelBuilder &b = *numTasks.builder;
  WorkspaceParts parts;
  auto after = [&](Num begin, Num count, int64_t bytes) {
    return begin + roundUp(count * bytes, kLine);
  };
  parts.tasks = b.i64(llvm::alignTo(sizeof(Closure), kLine));
  parts.foldTasks = after(parts.tasks, numTasks, sizeof(Task));
  parts.partials = after(parts.foldTasks, numFolds, sizeof(Task));
  parts.scratch = after(parts.partials, numSlots,
                        StateLayout::get(shape.decodeRows, shape).size);
  parts.size = after(parts.scratch, numWorkers, ScratchLayout::get(shape).size);
  return parts;
}

} // namespace kvc::cpu
