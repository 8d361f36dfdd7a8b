//===- KVCInterfaces.td - the axes of a cache policy -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One attribute interface per axis. An interface states facts (bits, scale
// shape, visible range) and, where an axis computes, emits arith, vector and
// math only, so that every schedule of every target can use it. A new storage
// format or retention rule is one attribute that implements one of these.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_INTERFACES_TD
#define KVC_INTERFACES_TD

include "mlir/IR/Interfaces.td"

class KVC_AxisInterface<string name> : AttrInterface<name> {
  let cppNamespace = "::kvc";
}

def KVC_AddToPolicy : InterfaceMethod<[{
    Writes this axis into `policy`, which the verifier and the runtime judge by
    kvcrt/legality.def.
  }], "void", "addToPolicy", (ins "::kvcrt_policy &":$policy)>;

def KVC_LayoutAttrInterface : KVC_AxisInterface<"LayoutAttrInterface"> {
  let description = [{Where the rows of a cache lie in the pool.}];
  let methods = [
    KVC_AddToPolicy,
    InterfaceMethod<"Tokens per block of the block table.",
      "int64_t", "getBlockSize", (ins)>,
  ];
}

def KVC_StorageAttrInterface : KVC_AxisInterface<"StorageAttrInterface"> {
  let description = [{
    How the elements of K or of V become bits and back. A *row* is what one
    head holds for one token: `dim` elements.
  }];
  let methods = [
    InterfaceMethod<"This axis as plain data; the same for K and for V.",
      "::kvcrt_storage", "getStorage", (ins)>,
    InterfaceMethod<[{
        Element type of a vector of stored payload: an 8-bit float stands as
        the i8 of its bits.
      }],
      "::mlir::Type", "getPayloadType", (ins)>,
    InterfaceMethod<"Bits of one stored element.",
      "int64_t", "getBits", (ins)>,
    InterfaceMethod<"Whether payload is accompanied by scales.",
      "bool", "hasScale", (ins), "", [{ return false; }]>,
    InterfaceMethod<"Whether scales are accompanied by zero points.",
      "bool", "hasZeroPoint", (ins), "", [{ return false; }]>,
    InterfaceMethod<"Scales of one row of `dim` elements; 0 without scales.",
      "int64_t", "getScalesPerRow", (ins "int64_t":$dim), "",
      [{ return 0; }]>,
    InterfaceMethod<"Bytes of one row's scales; 0 without scales.",
      "int64_t", "getScaleBytes", (ins "int64_t":$dim), "", [{ return 0; }]>,
    InterfaceMethod<[{
        Empty when emitDecode and emitEncode work, else why they do not
        (a format that the type can say and no engine runs yet).
      }], "std::string", "getUnsupportedReason", (ins)>,
    InterfaceMethod<[{
        Emits the decoding of `payload` (vector<N x payload type>) with the
        row's `scale` and `zeroPoint` (f32, null where there is none); returns
        vector<N x f32>. Requires an empty getUnsupportedReason().
      }], "::mlir::Value", "emitDecode",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::Value":$payload, "::mlir::Value":$scale,
           "::mlir::Value":$zeroPoint)>,
    InterfaceMethod<[{
        Emits the scale of the row whose elements are the vectors of f32 in
        `pieces`; returns nulls without scales. A row with a NaN or an
        infinity has a scale that is not finite: the caller tests it and sets
        KVCRT_ERROR_NAN_INPUT.
      }], "::kvc::RowScale", "emitScale",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::ValueRange":$pieces)>,
    InterfaceMethod<[{
        Emits the encoding of `values` (vector<N x f32>), a piece of a row
        whose scale is `scale`; returns vector<N x payload type>. An engine
        that divides by `scale` in a way of its own hands it in as `quotient`,
        others a null.
      }], "::mlir::Value", "emitEncode",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::Value":$values, "::mlir::Value":$scale,
           "::mlir::Value":$zeroPoint, "::kvc::RowQuotient":$quotient)>,
  ];
  let extraSharedClassDeclaration = [{
    /// Format of the payload.
    ::kvcrt_format getFormat() {
      return static_cast<::kvcrt_format>($_attr.getStorage().format);
    }
    /// Bytes of one row's payload, padding excluded.
    int64_t getPayloadBytes(int64_t dim) {
      return (dim * $_attr.getBits() + 7) / 8;
    }
    /// Bytes from one row to the next in a pool of ours: a multiple of 16.
    int64_t getRowPitch(int64_t dim) {
      return (getPayloadBytes(dim) + 15) / 16 * 16;
    }
  }];
}

def KVC_PositionAttrInterface : KVC_AxisInterface<"PositionAttrInterface"> {
  let description = [{
    What append and attend do about positions. Positions are those of
    `kvc.step.positions`; indices (masks, windows) are another thing.
  }];
  let methods = [
    KVC_AddToPolicy,
    InterfaceMethod<[{
        The rotation that queries undergo in attend, a RopeAttr; null if none.
        (Attributes are defined after their interfaces, hence the base class.)
      }], "::mlir::Attribute", "getRotation", (ins), "", [{ return {}; }]>,
    InterfaceMethod<"Whether append rotates K before storing it.",
      "bool", "rotatesAtAppend", (ins), "", [{ return false; }]>,
    InterfaceMethod<"Whether attend rotates K after reading it.",
      "bool", "rotatesAtAttend", (ins), "", [{ return false; }]>,
    InterfaceMethod<[{
        ALiBi slopes of `queryHeads` heads: the score of (query, key) gets
        `slope * (key position - query position)`; empty when there is none.
      }], "::llvm::SmallVector<float>", "getSlopes",
      (ins "int64_t":$queryHeads), "", [{ return {}; }]>,
  ];
}

def KVC_RetentionAttrInterface : KVC_AxisInterface<"RetentionAttrInterface"> {
  let description = [{
    Which keys a query sees, by index alone, and so which blocks can be freed
    and skipped. Causality and kv_len are not retention's: attend adds them.
    The window and the number of sinks are run-time values (kvcrt_params);
    their presence is a fact of the type.
  }];
  let methods = [
    KVC_AddToPolicy,
    InterfaceMethod<"W, the query itself counted; 0 when unlimited.",
      "int64_t", "getWindowSize", (ins), "", [{ return 0; }]>,
    InterfaceMethod<"Leading keys that are visible whatever the window.",
      "int64_t", "getNumSinkTokens", (ins), "", [{ return 0; }]>,
    InterfaceMethod<"Whether query index `query` sees key index `key`.",
      "bool", "isVisible", (ins "int64_t":$query, "int64_t":$key)>,
    InterfaceMethod<[{
        First key, sinks apart, that `query` sees: every key in
        [sinks, first) is invisible.
      }], "int64_t", "getFirstVisible", (ins "int64_t":$query)>,
    InterfaceMethod<[{
        Emits isVisible. All operands have one type: index, an integer, or a
        vector of integers; `window` and `sinkTokens` are ignored where the
        rule has none and may then be null. Returns i1 (or a vector of i1).
      }], "::mlir::Value", "emitVisible",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::Value":$query, "::mlir::Value":$key,
           "::mlir::Value":$window, "::mlir::Value":$sinkTokens)>,
    InterfaceMethod<[{
        Emits getFirstVisible for `query` of type index or an integer;
        `window` has its type or is null where the rule has none.
      }], "::mlir::Value", "emitFirstVisible",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::Value":$query, "::mlir::Value":$window)>,
  ];
}

#endif // KVC_INTERFACES_TD
