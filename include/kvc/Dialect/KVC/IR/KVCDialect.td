//===- KVCDialect.td - the kvc dialect -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect itself. Types, attributes, ops and interfaces have files of
// their own; KVCOps.td includes them all.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_DIALECT_TD
#define KVC_DIALECT_TD

include "mlir/IR/OpBase.td"

def KVC_Dialect : Dialect {
  let name = "kvc";
  let cppNamespace = "::kvc";
  let summary = "Attention over a KV cache whose policy is part of its type";
  let description = [{
    The cache of a decoder is a value of type `!kvc.cache`: a reference to the
    keys and values of one layer, for all sequences of the running batch. Its
    type carries the geometry and the policy (layout, storage, position,
    retention, rollback), and the verifier refuses illegal combinations by the
    same table (`kvcrt/legality.def`) that the runtime uses.

    A cache is a reference: `kvc.append` writes it, `kvc.attend` and
    `kvc.gather` read it, program order is the order of effects. Graph-level IR
    knows neither blocks nor sequences; `!kvc.step` stands for one ragged batch
    that the runtime builds.

    `docs/dialect.md` is the specification; constraint labels such as
    `append_c2` are the same there, in the op definitions, in the verifiers and
    in the names of the test functions.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::vector::VectorDialect"
  ];
  let extraClassDeclaration = [{
    void registerAttributes();
    void registerTypes();
  }];
}

#endif // KVC_DIALECT_TD
