//===- CubinCache.cpp - assembled kernels by content ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   entry:  Header | cubin | log        named by the hash of what made it
//
// Writers make a file of their own and rename it, so that a reader sees all of
// an entry or none. Invariant: nothing is returned whose checksum is wrong.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/NVPTX.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CachePruning.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

namespace kvc::nvptx {

static constexpr char kMagic[8] = {'K', 'V', 'C', 'C', 'U', 'B', '0', '1'};
/// Oldest entries go when all of them are larger than this.
static constexpr uint64_t kMaxBytes = uint64_t(256) << 20;

namespace {
struct Header {
  char magic[8];
  uint64_t imageBytes, logBytes;
  uint64_t sumLow, sumHigh; // XXH3-128 of what follows
};
} // namespace

static llvm::XXH128_hash_t hash(llvm::StringRef text) {
  return llvm::xxh3_128bits(llvm::ArrayRef(
      reinterpret_cast<const uint8_t *>(text.data()), text.size()));
}

CubinCache::CubinCache(llvm::StringRef wanted) {
  if (wanted == "none")
    return;
  directory = wanted.str();
  if (directory.empty())
    if (auto named = llvm::sys::Process::GetEnv("KVC_CACHE_DIR")) {
      if (*named == "none")
        return;
      directory = *named;
    }
  if (directory.empty()) {
    llvm::SmallString<128> standard;
    if (!llvm::sys::path::cache_directory(standard))
      return;
    llvm::sys::path::append(standard, "kvc");
    directory = standard.str().str();
  }
}

std::string CubinCache::key(llvm::StringRef ptx, const GpuChip &chip,
                            const Ptxas &ptxas) {
  // The version of the entries' format is part of their name.
  std::string all =
      ("1|" + chip.name + "|" + ptxas.getBuild() + "|-O3|" + ptx).str();
  llvm::XXH128_hash_t sum = hash(all);
  return llvm::utohexstr(sum.high64, /*LowerCase=*/true, 16) +
         llvm::utohexstr(sum.low64, /*LowerCase=*/true, 16);
}

std::string CubinCache::pathOf(llvm::StringRef key) const {
  llvm::SmallString<128> path(directory);
  // the prefix that LLVM's pruning looks for
  llvm::sys::path::append(path, "llvmcache-" + key);
  return path.str().str();
}

std::optional<Cubin> CubinCache::load(llvm::StringRef key,
                                      std::string &damage) const {
  if (!enabled())
    return std::nullopt;
  std::string path = pathOf(key);
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return std::nullopt; // absent, or somebody else's
  llvm::StringRef bytes = (*file)->getBuffer();
  auto bad = [&](const char *what) {
    damage = "expected a whole entry in the cache, got " + std::string(what) +
             " in `" + path + "`";
    return std::nullopt;
  };
  Header header;
  if (bytes.size() < sizeof(header))
    return bad("too few bytes");
  std::memcpy(&header, bytes.data(), sizeof(header));
  bytes = bytes.drop_front(sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0)
    return bad("another kind of file");
  if (header.imageBytes > bytes.size() ||
      header.logBytes != bytes.size() - header.imageBytes)
    return bad("a wrong size");
  llvm::XXH128_hash_t sum = hash(bytes);
  if (sum.low64 != header.sumLow || sum.high64 != header.sumHigh)
    return bad("a wrong checksum");
  Cubin cubin;
  cubin.image = bytes.take_front(header.imageBytes).str();
  cubin.log = bytes.drop_front(header.imageBytes).str();
  cubin.cached = true;
  return cubin;
}

std::string CubinCache::store(llvm::StringRef key, const Cubin &cubin) const {
  if (!enabled())
    return "";
  auto why = [&](const std::string &text) {
    return "cannot write to `" + directory + "`: " + text +
           "; name another directory in KVC_CACHE_DIR, or none";
  };
  if (std::error_code error = llvm::sys::fs::create_directories(directory))
    return why(error.message());
  std::string body = cubin.image + cubin.log;
  llvm::XXH128_hash_t sum = hash(body);
  Header header;
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.imageBytes = cubin.image.size();
  header.logBytes = cubin.log.size();
  header.sumLow = sum.low64;
  header.sumHigh = sum.high64;
  llvm::Error error =
      llvm::writeToOutput(pathOf(key), [&](llvm::raw_ostream &stream) {
        stream.write(reinterpret_cast<const char *>(&header), sizeof(header));
        stream << body;
        return llvm::Error::success();
      });
  if (error)
    return why(llvm::toString(std::move(error)));
  llvm::CachePruningPolicy policy;
  policy.MaxSizeBytes = kMaxBytes;
  llvm::pruneCache(directory, policy);
  return "";
}

} // namespace kvc::nvptx
