//===- Layout.cpp - Bring a tensor into the axes' order -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Only reshapes, transposes and broadcasts are written, and none where the
// layouts agree.
//
//===----------------------------------------------------------------------===//

#include "Layout.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace kvc::raise {

std::optional<Layout> layoutOf(Axes &axes, const Element &element) {
  auto type = dyn_cast<RankedTensorType>(element.tensor.getType());
  if (!type || type.getRank() != static_cast<int64_t>(element.index.size()))
    return std::nullopt;
  Layout layout;
  llvm::SmallSetVector<AffineExpr, 8> used;
  for (auto [expr, size] : llvm::zip_equal(element.index, type.getShape())) {
    LinearForm form = axes.linearize(expr);
    if (form.constant != 0)
      return std::nullopt;
    llvm::sort(form.terms,
               [](auto &a, auto &b) { return a.second > b.second; });
    int64_t stride = 1;
    for (auto &[atom, coefficient] : llvm::reverse(form.terms)) {
      if (!isa<AffineDimExpr>(atom) || coefficient != stride ||
          ShapedType::isDynamic(stride) || !used.insert(atom))
        return std::nullopt;
      int64_t extent = axes.extent(atom);
      stride = ShapedType::isDynamic(extent) ? extent : stride * extent;
    }
    if (stride != size)
      return std::nullopt;
    AxisList list;
    for (auto &term : form.terms)
      list.push_back(term.first);
    layout.push_back(list);
  }
  return layout;
}

static bool contains(const Layout &layout, AffineExpr axis) {
  return llvm::any_of(layout, [&](const AxisList &list) {
    return llvm::is_contained(list, axis);
  });
}

std::optional<std::pair<Value, Layout>>
chooseSource(Scalars &scalars, const Expr *expr, const Layout &wanted) {
  std::optional<std::pair<Value, Layout>> usable;
  for (const Element &seen : llvm::reverse(scalars.seenThrough(expr))) {
    std::optional<Layout> layout = layoutOf(scalars.getAxes(), seen);
    if (!layout)
      continue;
    if (*layout == wanted)
      return std::make_pair(seen.tensor, *layout);
    bool fits = llvm::all_of(*layout, [&](const AxisList &list) {
      return llvm::all_of(list,
                          [&](AffineExpr a) { return contains(wanted, a); });
    });
    if (fits && !usable)
      usable = std::make_pair(seen.tensor, *layout);
  }
  return usable;
}

void Emitter::learnSizes(Value tensor, const Layout &layout) {
  Axes &axes = scalars.getAxes();
  for (auto [d, list] : llvm::enumerate(layout)) {
    int64_t inner = 1;
    for (AffineExpr axis : llvm::reverse(list)) {
      int64_t extent = axes.extent(axis);
      if (!ShapedType::isDynamic(extent)) {
        inner *= extent;
        continue;
      }
      if (sizes.contains(axis))
        continue;
      OpFoldResult origin = originOfSize(tensor, d);
      Value whole = origin ? dyn_cast<Value>(origin) : Value();
      if (!whole)
        whole = tensor::DimOp::create(builder, loc, tensor, d);
      if (inner == 1) {
        sizes[axis] = whole;
        continue;
      }
      AffineExpr d0 = builder.getAffineDimExpr(0);
      sizes[axis] = affine::AffineApplyOp::create(
                        builder, loc, AffineMap::get(1, 0, d0.floorDiv(inner)),
                        ValueRange{whole})
                        .getResult();
    }
  }
}

OpFoldResult Emitter::sizeOf(const AxisList &list) {
  int64_t product = 1;
  Value dynamic;
  for (AffineExpr axis : list) {
    int64_t extent = scalars.getAxes().extent(axis);
    if (!ShapedType::isDynamic(extent)) {
      product *= extent;
      continue;
    }
    auto known = sizes.find(axis);
    if (known == sizes.end() || dynamic)
      return {};
    dynamic = dyn_cast<Value>(known->second);
    if (!dynamic)
      return {};
  }
  if (!dynamic)
    return builder.getIndexAttr(product);
  if (product == 1)
    return dynamic;
  AffineExpr d0 = builder.getAffineDimExpr(0);
  return affine::AffineApplyOp::create(builder, loc,
                                       AffineMap::get(1, 0, d0 * product),
                                       ValueRange{dynamic})
      .getResult();
}

SmallVector<int64_t> Emitter::shapeOf(const Layout &layout) {
  SmallVector<int64_t> shape;
  for (const AxisList &list : layout) {
    int64_t size = 1;
    for (AffineExpr axis : list) {
      int64_t extent = scalars.getAxes().extent(axis);
      if (ShapedType::isDynamic(extent)) {
        size = ShapedType::kDynamic;
        break;
      }
      size *= extent;
    }
    shape.push_back(size);
  }
  return shape;
}

Value Emitter::empty(const Layout &layout, Type elementType) {
  SmallVector<OpFoldResult> mixed;
  for (const AxisList &list : layout) {
    mixed.push_back(sizeOf(list));
    if (!mixed.back())
      return {};
  }
  return tensor::EmptyOp::create(builder, loc, mixed, elementType);
}

/// Same axes in the same order, grouped otherwise: down to one dimension per
/// axis, then up to the wanted grouping.
Value Emitter::reshape(Value source, const Layout &from, const Layout &to) {
  Type elementType = cast<RankedTensorType>(source.getType()).getElementType();
  Layout flat;
  for (const AxisList &list : from)
    for (AffineExpr axis : list)
      flat.push_back({axis});
  auto typeOf = [&](const Layout &layout) {
    return RankedTensorType::get(shapeOf(layout), elementType);
  };
  // groups of a coarser layout's dims over the flat ones; dims without an
  // axis need a unit dimension of their own between two reshapes
  auto groupsOver = [](const Layout &coarse) {
    SmallVector<ReassociationIndices> groups;
    int64_t next = 0;
    for (const AxisList &list : coarse) {
      ReassociationIndices group;
      for (unsigned i = 0; i < list.size(); ++i)
        group.push_back(next++);
      groups.push_back(group);
    }
    return groups;
  };
  auto withoutUnits = [](const Layout &layout) {
    Layout result;
    for (const AxisList &list : layout)
      if (!list.empty())
        result.push_back(list);
    return result;
  };
  // which dims of `layout` fold into each dim of its unit-free form
  auto unitGroups = [](const Layout &layout) {
    SmallVector<ReassociationIndices> groups;
    ReassociationIndices pending;
    for (auto [d, list] : llvm::enumerate(layout)) {
      pending.push_back(d);
      if (list.empty())
        continue;
      groups.push_back(pending);
      pending.clear();
    }
    if (!groups.empty())
      groups.back().append(pending);
    return groups;
  };
  auto expandTo = [&](Value value, const Layout &layout,
                      ArrayRef<ReassociationIndices> groups) -> Value {
    SmallVector<OpFoldResult> mixed;
    for (const AxisList &list : layout) {
      mixed.push_back(sizeOf(list));
      if (!mixed.back())
        return {};
    }
    return tensor::ExpandShapeOp::create(builder, loc, typeOf(layout), value,
                                         groups, mixed);
  };

  Layout fromTight = withoutUnits(from), toTight = withoutUnits(to);
  Value value = source;
  if (fromTight.size() != from.size())
    value = tensor::CollapseShapeOp::create(builder, loc, typeOf(fromTight),
                                            value, unitGroups(from));
  if (fromTight != toTight) {
    if (fromTight.size() != flat.size())
      value = expandTo(value, flat, groupsOver(fromTight));
    if (value && toTight.size() != flat.size())
      value = tensor::CollapseShapeOp::create(builder, loc, typeOf(toTight),
                                              value, groupsOver(toTight));
  }
  if (value && toTight.size() != to.size())
    value = expandTo(value, to, unitGroups(to));
  return value;
}

Value Emitter::relayout(Value source, const Layout &from, const Layout &to) {
  if (from == to)
    return source;
  learnSizes(source, from);
  Type elementType = cast<RankedTensorType>(source.getType()).getElementType();
  Layout order; // of the source's axes
  AxisList have, want;
  for (const AxisList &list : from)
    have.append(list.begin(), list.end());
  for (const AxisList &list : to)
    want.append(list.begin(), list.end());
  for (AffineExpr axis : have)
    order.push_back({axis});
  for (AffineExpr axis : have)
    if (!llvm::is_contained(want, axis))
      return {};
  AxisList common;
  SmallVector<int64_t> missing;
  Layout flatTo;
  for (auto [d, axis] : llvm::enumerate(want)) {
    flatTo.push_back({axis});
    if (llvm::is_contained(have, axis))
      common.push_back(axis);
    else
      missing.push_back(d);
  }
  Value value = source;
  Layout current = from;
  if (have != common) {
    value = reshape(value, current, order);
    SmallVector<int64_t> permutation;
    Layout permuted;
    for (AffineExpr axis : common) {
      permutation.push_back(llvm::find(have, axis) - have.begin());
      permuted.push_back({axis});
    }
    Value init = value ? empty(permuted, elementType) : Value();
    if (!init)
      return {};
    value = linalg::TransposeOp::create(builder, loc, value, init, permutation)
                ->getResult(0);
    current = permuted;
  }
  if (!missing.empty()) {
    Layout flat;
    for (AffineExpr axis : common)
      flat.push_back({axis});
    value = reshape(value, current, flat);
    Value init = value ? empty(flatTo, elementType) : Value();
    if (!init)
      return {};
    value = linalg::BroadcastOp::create(builder, loc, value, init, missing)
                ->getResult(0);
    current = flatTo;
  }
  return reshape(value, current, to);
}

} // namespace kvc::raise
