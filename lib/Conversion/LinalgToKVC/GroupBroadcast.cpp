//===- GroupBroadcast.cpp - Which axes are heads, groups, queries ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// K and V are seen through their broadcast over the query heads of a group, so
// a group axis is one that queries have and keys do not. Head h of the result
// is kv * group + g by construction; a graph that orders heads otherwise gets a
// transpose.
//
//===----------------------------------------------------------------------===//

#include "Match.h"

using namespace mlir;

namespace kvc::raise {

/// What `expr` depends on however deep it is computed, as far as it is known.
static bool dependsOn(Scalars &scalars, const Expr *expr, AffineExpr axis) {
  unsigned budget = 256;
  const Expr *whole = scalars.expandAll(expr, budget);
  return !whole || mentions(whole, axis);
}

std::optional<Roles> assignRoles(Scalars &scalars, ArrayRef<AxisList> batchAxes,
                                 ArrayRef<AxisList> queryAxes,
                                 const AxisList &valueAxes, const Expr *q,
                                 const Expr *k, const Expr *v,
                                 ArrayRef<MaskTerm> masks, AffineExpr key,
                                 AffineExpr headDim, HiddenGroups &hidden,
                                 Refusal &refusal, Operation *op) {
  Axes &axes = scalars.getAxes();
  auto refuse = [&](StringRef id, const Twine &why) -> std::optional<Roles> {
    if (!refusal)
      refusal = {id, why.str(), op};
    return std::nullopt;
  };
  auto longer = [&](AffineExpr axis) { return axes.extent(axis) != 1; };
  Roles roles;
  if (longer(key))
    roles.key.push_back(key);
  if (longer(headDim))
    roles.headDim.push_back(headDim);
  for (AffineExpr axis : valueAxes)
    if (longer(axis))
      roles.valueDim.push_back(axis);

  // keys and values: batch and heads
  AxisList kv;
  for (const AxisList &loop : batchAxes)
    for (AffineExpr axis : loop) {
      if (!longer(axis))
        continue;
      bool inK = mentions(k, axis), inV = mentions(v, axis);
      if (inK != inV) {
        if (dependsOn(scalars, inK ? k : v, axis))
          return refuse("group-broadcast",
                        "keys and values are shared by different groups of "
                        "query heads");
        hidden.found.push_back(axis);
        inK = hidden.writtenOut;
      }
      (inK ? kv : roles.groups).push_back(axis);
    }
  if (kv.size() >= 2) {
    roles.batch.push_back(kv.front());
    roles.kvHeads.assign(kv.begin() + 1, kv.end());
  } else {
    roles.kvHeads = kv;
  }

  // queries: of several such loops the one the mask asks about, else the last
  AffineExpr chosen;
  bool several = false;
  for (const AxisList &loop : queryAxes)
    for (AffineExpr axis : loop) {
      if (mentions(k, axis) || mentions(v, axis))
        return refuse("query-axis",
                      "keys or values depend on the query position");
      bool masked = llvm::any_of(masks, [&](const MaskTerm &term) {
        return longer(axis) && mentions(term.expanded, axis);
      });
      if (!masked)
        continue;
      several |= static_cast<bool>(chosen);
      chosen = axis;
    }
  if (several)
    return refuse("query-axis", "the mask depends on two query axes");
  if (!chosen && !queryAxes.empty() && !queryAxes.back().empty())
    chosen = queryAxes.back().back();
  for (const AxisList &loop : queryAxes)
    for (AffineExpr axis : loop)
      if (longer(axis))
        (axis == chosen ? roles.query : roles.groups).push_back(axis);

  auto only = [&](const Expr *e, const Layout &allowed) {
    for (unsigned a = 0; a < axes.size(); ++a) {
      AffineExpr axis = getAffineDimExpr(a, axes.getContext());
      if (longer(axis) && mentions(e, axis) &&
          !llvm::is_contained(hidden.found, axis) &&
          llvm::none_of(allowed, [&](const AxisList &list) {
            return llvm::is_contained(list, axis);
          }))
        return false;
    }
    return true;
  };
  if (!only(q, roles.q()))
    return refuse("query-axis", "queries depend on the key position");
  if (!only(k, roles.k()) || !only(v, roles.v()))
    return refuse("key-axis", "keys or values depend on more than batch, head, "
                              "position and channel");
  return roles;
}

} // namespace kvc::raise
