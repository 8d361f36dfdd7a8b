//===- kvc-plugin.cpp - kvc for somebody else's mlir-opt ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   mlir-opt --load-dialect-plugin=KVCPlugin.so --load-pass-plugin=KVCPlugin.so
//            --pass-pipeline='builtin.module(kvc-...)'
//
// Linked to libMLIR.so, as the host is: a plugin with archives of its own would
// have a second type storage.
//
//===----------------------------------------------------------------------===//

#include "kvc/InitAll.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

extern "C" LLVM_ATTRIBUTE_WEAK mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "kvc", KVC_VERSION,
          [](mlir::DialectRegistry *registry) {
            kvc::registerAllDialects(*registry);
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "kvc", KVC_VERSION,
          [] { kvc::registerAllPasses(); }};
}
