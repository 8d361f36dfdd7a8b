//===- Rewriter.h - one kernel on its way to the simulator ------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parts of kvc-sim-rewrite share: emitting a call through the
// thread's table, and the kernel's locations. Signatures come from the C types
// of kvcrt_sim_table, so that a call cannot disagree with the runtime.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_TARGET_SIM_REWRITER_H
#define KVC_LIB_TARGET_SIM_REWRITER_H

#include "kvcrt/sim.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace kvc::sim {

/// A row of kvcrt/sim_intrinsics.def; the number is its place in the table.
enum class Intrinsic : unsigned {
#define KVCRT_SIM_INTRINSIC(name, result, parameters, ptx) name,
#include "kvcrt/sim_intrinsics.def"
};

/// Where a shared variable of a gpu.module lies.
struct SharedVariable {
  std::string name;
  uint32_t address, bytes, alignment;
};

/// Location strings of a gpu.module; 0 is "the kernel".
class Locations {
public:
  uint32_t add(mlir::Operation *op);
  llvm::ArrayRef<std::string> get() const { return texts; }

private:
  std::vector<std::string> texts = {"the kernel"};
  llvm::StringMap<uint32_t> indices;
};

/// Rewrites the body of one function.
class Rewriter {
public:
  Rewriter(mlir::Value thread, Locations &locations,
           const llvm::StringMap<SharedVariable> &shared,
           const mlir::DataLayout &layout)
      : builder(thread.getContext()), thread(thread), locations(locations),
        shared(shared), layout(layout) {}

  /// Replaces `op` when it is a GPU's business; fails, with a message, when
  /// nothing here knows it. Leaves plain arithmetic and control flow alone.
  mlir::LogicalResult rewrite(mlir::Operation *op);

  // For the parts.
  mlir::OpBuilder builder;

  /// Calls through the table at the location of `op`; null for void.
  mlir::Value call(mlir::Operation *op, Intrinsic intrinsic,
                   mlir::ValueRange arguments);
  mlir::Value i32(mlir::Location loc, uint32_t value);
  mlir::Value i64(mlir::Location loc, uint64_t value);
  /// A pointer as the number that the GPU computes with.
  mlir::Value address(mlir::Location loc, mlir::Value pointer);
  /// Any scalar or vector of 8, 16, 32 or 64 bits as an integer of `bits`
  /// (zero-extended), and back.
  mlir::Value toInteger(mlir::Location loc, mlir::Value value, unsigned bits);
  mlir::Value fromInteger(mlir::Location loc, mlir::Value value,
                          mlir::Type type);
  unsigned bitsOf(mlir::Type type) {
    return unsigned(layout.getTypeSizeInBits(type).getFixedValue());
  }
  /// Room for `words` 32-bit registers on the thread's stack.
  mlir::Value registers(mlir::Location loc, unsigned words);
  void storeRegister(mlir::Location loc, mlir::Value room, unsigned index,
                     mlir::Value word);
  mlir::Value loadRegister(mlir::Location loc, mlir::Value room,
                           unsigned index);
  /// A structure of `type` made of 32-bit registers.
  mlir::Value packStruct(mlir::Location loc, mlir::Type type,
                         mlir::ValueRange words);

  /// mma.sync over registers that are already 32-bit words.
  void multiply(mlir::Operation *op, uint32_t descriptor,
                mlir::ValueRange operands, unsigned numResults,
                llvm::SmallVectorImpl<mlir::Value> &results);
  /// ldmatrix into `count` words.
  void loadMatrix(mlir::Operation *op, mlir::Value address, uint32_t descriptor,
                  unsigned count, llvm::SmallVectorImpl<mlir::Value> &results);
  /// Packed `access` of sim.h.
  static uint32_t packAccess(uint64_t bytes, uint64_t alignment,
                             uint32_t flags = 0);
  /// Checks an access; returns the host's pointer.
  mlir::Value check(mlir::Operation *op, mlir::Value pointer, uint32_t access,
                    bool isWrite);
  mlir::Value check(mlir::Operation *op, mlir::Value address, unsigned space,
                    uint32_t access, bool isWrite);

  mlir::LogicalResult rewriteNvvm(mlir::Operation *op);
  mlir::LogicalResult rewriteLLVM(mlir::Operation *op);
  /// One PTX instruction: `operands` are its $0, $1, ... of which the first
  /// `results` are written.
  mlir::LogicalResult rewritePtx(mlir::Operation *op, llvm::StringRef text,
                                 mlir::TypeRange resultTypes,
                                 mlir::ValueRange inputs,
                                 llvm::SmallVectorImpl<mlir::Value> &results);

  mlir::LogicalResult atomic(mlir::Operation *op, uint32_t operation,
                             mlir::Value pointer, mlir::Value operand,
                             mlir::Value compare, mlir::Type type,
                             uint32_t scope, uint32_t order,
                             mlir::Value &result);

private:
  mlir::LogicalResult rewriteLoad(mlir::LLVM::LoadOp op);
  mlir::LogicalResult rewriteStore(mlir::LLVM::StoreOp op);
  mlir::LogicalResult rewriteAtomicRMW(mlir::LLVM::AtomicRMWOp op);
  mlir::LogicalResult rewriteCmpXchg(mlir::LLVM::AtomicCmpXchgOp op);
  mlir::LogicalResult rewriteFence(mlir::LLVM::FenceOp op);
  mlir::LogicalResult rewriteCast(mlir::LLVM::AddrSpaceCastOp op);
  mlir::LogicalResult rewriteAddressOf(mlir::LLVM::AddressOfOp op);
  mlir::LogicalResult rewriteInlineAsm(mlir::LLVM::InlineAsmOp op);
  mlir::LogicalResult rewriteCall(mlir::LLVM::CallOp op);
  /// Arithmetic that host code generation would not do as a GPU does.
  mlir::LogicalResult rewriteArithmetic(mlir::Operation *op, bool &handled);
  mlir::Value truncateToBf16(mlir::Location loc, mlir::Value value);
  mlir::Value extendFromBf16(mlir::Location loc, mlir::Value value);
  void approximate(mlir::Operation *op, uint32_t which);
  void fusedMultiplyAdd(mlir::Operation *op);

  mlir::Value thread;
  Locations &locations;
  const llvm::StringMap<SharedVariable> &shared;
  const mlir::DataLayout &layout;
};

/// True for memory of the thread's own or of the host's constants: parameters,
/// stack and globals that are not shared. Such accesses are not checked.
bool isPrivate(mlir::Value pointer);

/// Scope and order of LLVM's atomics.
mlir::FailureOr<uint32_t> scopeOf(mlir::Operation *op,
                                  std::optional<llvm::StringRef> name);
uint32_t orderOf(mlir::LLVM::AtomicOrdering ordering);

} // namespace kvc::sim

#endif // KVC_LIB_TARGET_SIM_REWRITER_H
