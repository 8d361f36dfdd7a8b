//===- fake_cuda.h - a stand-in for libcuda, seen from its tests ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A library with the driver's symbols over host memory, to test what the cuda
// device does with a driver where there is no GPU. It says nothing about
// kernels or times.
//
// What it is strict about: work on a stream happens only when somebody waits
// for it, new memory holds 0xCD, a captured launch sees memory as it is at
// replay, and streams do not wait for the default one.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_FAKE_CUDA_H
#define KVCRT_TEST_FAKE_CUDA_H

#include <cstddef>

namespace kvcrt_test {

/// What stands for a cubin or PTX: cuModuleLoadDataEx takes its address.
struct FakeImage {
  char magic[8]; // "FAKECUDA"
  const char *kernel;
  size_t paramBytes;
  void (*run)(const void *params, unsigned blocks);
  int loadResult;      // what loading answers
  const char *loadLog; // nullable: what the assembler says
};

/// The library's own controls, found by dlsym as fake_cuda_controls.
struct FakeControls {
  void (*reset)();
  /// The nth call (from 1) of `symbol` answers `result`, once.
  void (*fail)(const char *symbol, int nth, int result);
  /// "version", "devices", "major", "minor"
  void (*set)(const char *property, int value);
  /// One line a call since reset; the symbol is its first word.
  const char *(*log)();
  /// Memory, regions, mappings, streams, events, graphs, modules, pools and
  /// contexts that were made and not destroyed.
  int (*live)();
};

} // namespace kvcrt_test

#endif // KVCRT_TEST_FAKE_CUDA_H
