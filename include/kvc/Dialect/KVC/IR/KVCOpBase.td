//===- KVCOpBase.td - what all kvc ops share -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Op class, operand classes. An operand is a tensor before bufferization and a
// memref after it; the verifiers hold the same constraints on both.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_OP_BASE_TD
#define KVC_OP_BASE_TD

include "kvc/Dialect/KVC/IR/KVCTypes.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"

class KVC_Op<string mnemonic, list<Trait> traits = []>
    : Op<KVC_Dialect, mnemonic, traits>;

def KVC_Shaped : AnyTypeOf<[AnyRankedTensor, AnyStridedMemRef],
                           "ranked tensor or strided memref",
                           "::mlir::ShapedType">;

/// Edits a score. Block arguments: score (f32), then batch, head, query, key
/// (index), then the captured tensors; yields the new score (f32).
defvar KVC_ScoreRegion = MaxSizedRegion<1>;

#endif // KVC_OP_BASE_TD
