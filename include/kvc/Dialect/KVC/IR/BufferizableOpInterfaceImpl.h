//===- BufferizableOpInterfaceImpl.h - bufferization of kvc ops -*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// External models, so that a user who never bufferizes does not load the
// bufferization dialect.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_DIALECT_KVC_IR_BUFFERIZABLEOPINTERFACEIMPL_H
#define KVC_DIALECT_KVC_IR_BUFFERIZABLEOPINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace kvc {

/// Makes append, attend, merge and the step's arrays bufferizable. The other
/// ops are lowered on tensors (attention, rope) or never compiled (gather).
void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

} // namespace kvc

#endif // KVC_DIALECT_KVC_IR_BUFFERIZABLEOPINTERFACEIMPL_H
