//===- Image.h - compiled kernels, and their cache on disk ------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one gpu.module becomes. All of it is kept in the cache, so that a
// compilation that finds it makes neither kernels nor PTX.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_NVPTX_IMAGE_H
#define KVC_TARGET_NVPTX_IMAGE_H

#include "kvc/Support/GpuChip.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kvc {
class VariantOp;
} // namespace kvc

namespace kvc::nvptx {

class Ptxas;

/// What a launch must know of a kernel.
struct KernelRecord {
  std::string name;
  uint32_t threads = 0, sharedBytes = 0; // of a block; shared: dynamic
  /// The kernel's attributes that are numbers of ours (kvc.shared_bytes, ...).
  std::vector<std::pair<std::string, int64_t>> numbers;
};

/// What ptxas says of one kernel.
struct KernelUsage {
  std::string name;
  unsigned registers = 0, barriers = 0;
  unsigned stackBytes = 0, spillStores = 0, spillLoads = 0; // bytes
  unsigned localBytes = 0;                                  // of a thread
  unsigned sharedBytes = 0;                                 // static
  bool hasFrame = false; // whether stack and spills were said at all
  /// Bytes of local memory in any form; 0 in a kernel that is as it should be.
  unsigned spilledBytes() const {
    return stackBytes + spillStores + spillLoads + localBytes;
  }
};

/// Machine code and what the assembler said of it.
struct Cubin {
  std::string image; // ELF
  std::vector<KernelUsage> kernels;
  /// Lines that say that ptxas added waits to matrix products (C75xx).
  std::vector<std::string> injectedWaits;

  const std::vector<KernelUsage> &usage() const { return kernels; }
  unsigned spilledBytes() const; // of all kernels
  /// Fills in what `log`, of ptxas -v, says.
  void readLog(llvm::StringRef log);
};

/// One gpu.module, compiled.
struct Image {
  std::string name; // of the gpu.module
  std::vector<KernelRecord> kernels;
  std::string ptx;
  /// Loads and stores of it, by kernel, in local memory or in memory of a space
  /// that was not known (slowAccesses).
  std::vector<std::string> slowAccesses;
  std::optional<Cubin> cubin; // without ptxas: none
  bool cached = false;        // found, not made
};

/// Reads PTX: for each kernel with accesses in local memory, or without a state
/// space, how many there are and the first of them.
std::vector<std::string> slowAccesses(llvm::StringRef ptx);

/// Identifies the code of this process, that is everything that decides what
/// becomes of a variant: a hash of the build ids of the program and of all
/// libraries in it (libLLVM and libMLIR among them), or of the contents of
/// those that have no build id. Empty when one of them cannot be read.
const std::string &buildIdentity();

/// Images on disk by what they are made from. Safe against concurrent writers
/// (entries appear whole) and damage (entries carry a checksum); never a reason
/// to fail: what cannot be read is made anew, what cannot be written is not
/// kept.
class ImageCache {
public:
  static constexpr uint64_t kDefaultBytes = uint64_t(256) << 20;

  /// `directory`: "" is $KVC_CACHE_DIR or the user's cache directory, "none"
  /// is no cache. `maxBytes` of entries are kept.
  explicit ImageCache(llvm::StringRef directory = "",
                      uint64_t maxBytes = kDefaultBytes);

  bool enabled() const { return !directory.empty(); }
  llvm::StringRef getDirectory() const { return directory; }

  /// Names the image of `variant` on `chip` by `ptxas` (null: PTX alone), as
  /// this build of the compiler makes it. Empty, which is not kept, for a
  /// variant whose text does not say all of it, and without build identity.
  static std::string key(VariantOp variant, const GpuChip &chip,
                         const Ptxas *ptxas);
  /// Nothing when absent; `damage` says what was wrong with an entry that was
  /// there.
  std::optional<Image> load(llvm::StringRef key, std::string &damage) const;
  /// Says why when the entry could not be kept.
  std::string store(llvm::StringRef key, const Image &image) const;
  /// Removes the entries that were used the longest ago until `maxBytes` are
  /// left.
  void prune() const;

private:
  std::string pathOf(llvm::StringRef key) const;

  std::string directory;
  uint64_t maxBytes;
};

} // namespace kvc::nvptx

#endif // KVC_TARGET_NVPTX_IMAGE_H
