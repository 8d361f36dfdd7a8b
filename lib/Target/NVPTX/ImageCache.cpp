//===- ImageCache.cpp - compiled kernels by what they are made from -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   entry:  Header | key | description (JSON) | PTX | cubin
//
// named by the hash of all that decides what it is. Writers make a file of
// their own and rename it, so that a reader sees all of an entry or none.
// Invariant: nothing is returned whose checksum is wrong or that was made from
// something else.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/NVPTX.h"

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CachePruning.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

namespace kvc::nvptx {

static constexpr char kMagic[8] = {'K', 'V', 'C', 'I', 'M', 'G', '0', '2'};

namespace {
struct Header {
  char magic[8];
  uint64_t sumLow, sumHigh; // XXH3-128 of what follows
};
/// What the checksum begins with.
struct Sizes {
  uint64_t key, description, ptx, cubin; // bytes; no cubin: 0
};
} // namespace

static llvm::XXH128_hash_t hash(llvm::StringRef text) {
  return llvm::xxh3_128bits(llvm::ArrayRef(
      reinterpret_cast<const uint8_t *>(text.data()), text.size()));
}

template <typename T> static llvm::StringRef bytesOf(const T &value) {
  return {reinterpret_cast<const char *>(&value), sizeof(value)};
}

ImageCache::ImageCache(llvm::StringRef wanted, uint64_t maxBytes)
    : maxBytes(maxBytes) {
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

/// Whether an attribute of `op` or inside it prints as a name alone.
static bool namesResources(mlir::Operation *op) {
  return op
      ->walk([](mlir::Operation *nested) {
        return nested->getAttrDictionary().walk(
            [](mlir::DenseResourceElementsAttr) {
              return mlir::WalkResult::interrupt();
            });
      })
      .wasInterrupted();
}

std::string ImageCache::key(VariantOp variant, const GpuChip &chip,
                            const Ptxas *ptxas) {
  const std::string &identity = buildIdentity();
  if (identity.empty() || namesResources(variant))
    return "";
  std::string all;
  llvm::raw_string_ostream stream(all);
  // The form of the entries, the compiler, the target, the assembler, the
  // variant: its name is part of it, since kernels are called by it.
  stream << llvm::StringRef(kMagic, sizeof(kMagic)) << "|" << identity << "|"
         << chip.name << "|" << ptxVersion(chip) << "|"
         << (ptxas ? ptxas->getBuild() : "none") << "|" << Ptxas::flags()
         << "|";
  variant->print(stream,
                 mlir::OpPrintingFlags().useLocalScope().printGenericOpForm());
  llvm::XXH128_hash_t sum = hash(all);
  return llvm::utohexstr(sum.high64, /*LowerCase=*/true, 16) +
         llvm::utohexstr(sum.low64, /*LowerCase=*/true, 16);
}

std::string ImageCache::pathOf(llvm::StringRef key) const {
  llvm::SmallString<128> path(directory);
  // the prefix that LLVM's pruning looks for
  llvm::sys::path::append(path, "llvmcache-" + key);
  return path.str().str();
}

static std::string describe(const Image &image) {
  llvm::json::Array kernels, usage, waits, accesses;
  for (const KernelRecord &kernel : image.kernels) {
    llvm::json::Object numbers;
    for (const auto &[name, value] : kernel.numbers)
      numbers[name] = value;
    kernels.push_back(llvm::json::Object{{"name", kernel.name},
                                         {"threads", kernel.threads},
                                         {"shared", kernel.sharedBytes},
                                         {"numbers", std::move(numbers)}});
  }
  for (const std::string &words : image.slowAccesses)
    accesses.push_back(words);
  if (image.cubin) {
    for (const KernelUsage &u : image.cubin->kernels)
      usage.push_back(llvm::json::Array{
          u.name, u.registers, u.barriers, u.stackBytes, u.spillStores,
          u.spillLoads, u.localBytes, u.sharedBytes});
    for (const std::string &line : image.cubin->injectedWaits)
      waits.push_back(line);
  }
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(
      llvm::json::Object{{"name", image.name},
                         {"kernels", std::move(kernels)},
                         {"usage", std::move(usage)},
                         {"waits", std::move(waits)},
                         {"accesses", std::move(accesses)}});
  return text;
}

/// Reads a row: a name, then a number for each of `numbers`.
static bool readRow(const llvm::json::Value &value, std::string &name,
                    llvm::ArrayRef<unsigned *> numbers) {
  const llvm::json::Array *row = value.getAsArray();
  if (!row || row->size() != numbers.size() + 1)
    return false;
  auto text = (*row)[0].getAsString();
  if (!text)
    return false;
  name = text->str();
  for (auto [i, number] : llvm::enumerate(numbers)) {
    auto integer = (*row)[i + 1].getAsInteger();
    if (!integer || *integer < 0 || *integer > int64_t(UINT32_MAX))
      return false;
    *number = unsigned(*integer);
  }
  return true;
}

/// Fills `image` from its description; false when that is not one of ours.
static bool readDescription(llvm::StringRef text, Image &image, Cubin &cubin) {
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(text);
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return false;
  }
  const llvm::json::Object *all = parsed->getAsObject();
  if (!all)
    return false;
  auto name = all->getString("name");
  const llvm::json::Array *kernels = all->getArray("kernels"),
                          *usage = all->getArray("usage"),
                          *waits = all->getArray("waits"),
                          *accesses = all->getArray("accesses");
  if (!name || !kernels || !usage || !waits || !accesses)
    return false;
  image.name = name->str();
  for (const llvm::json::Value &value : *kernels) {
    KernelRecord kernel;
    llvm::json::Path::Root root;
    llvm::json::ObjectMapper map(value, root);
    std::map<std::string, int64_t> numbers;
    if (!map || !map.map("name", kernel.name) ||
        !map.map("threads", kernel.threads) ||
        !map.map("shared", kernel.sharedBytes) || !map.map("numbers", numbers))
      return false;
    kernel.numbers.assign(numbers.begin(), numbers.end());
    image.kernels.push_back(std::move(kernel));
  }
  for (const llvm::json::Value &value : *usage) {
    KernelUsage u;
    u.hasFrame = true;
    if (!readRow(value, u.name,
                 {&u.registers, &u.barriers, &u.stackBytes, &u.spillStores,
                  &u.spillLoads, &u.localBytes, &u.sharedBytes}))
      return false;
    cubin.kernels.push_back(std::move(u));
  }
  auto readLines = [](const llvm::json::Array &from,
                      std::vector<std::string> &to) {
    for (const llvm::json::Value &value : from) {
      auto line = value.getAsString();
      if (!line)
        return false;
      to.push_back(line->str());
    }
    return true;
  };
  return readLines(*waits, cubin.injectedWaits) &&
         readLines(*accesses, image.slowAccesses);
}

std::optional<Image> ImageCache::load(llvm::StringRef key,
                                      std::string &damage) const {
  if (!enabled() || key.empty())
    return std::nullopt;
  std::string path = pathOf(key);
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return std::nullopt; // absent, or somebody else's
  auto bad = [&](const char *what) {
    damage = "expected a whole entry in the cache, got " + std::string(what) +
             " in `" + path + "`";
    return std::nullopt;
  };
  llvm::StringRef bytes = (*file)->getBuffer();
  Header header;
  Sizes sizes;
  if (bytes.size() < sizeof(header) + sizeof(sizes))
    return bad("too few bytes");
  std::memcpy(&header, bytes.data(), sizeof(header));
  bytes = bytes.drop_front(sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0)
    return bad("another kind of file");
  llvm::XXH128_hash_t sum = hash(bytes);
  if (sum.low64 != header.sumLow || sum.high64 != header.sumHigh)
    return bad("a wrong checksum");
  std::memcpy(&sizes, bytes.data(), sizeof(sizes));
  bytes = bytes.drop_front(sizeof(sizes));
  auto take = [&](uint64_t size) {
    llvm::StringRef piece = bytes.take_front(size);
    bytes = bytes.drop_front(piece.size());
    return piece;
  };
  if (take(sizes.key) != key)
    return bad("that of other kernels");
  Image image;
  Cubin cubin;
  if (!readDescription(take(sizes.description), image, cubin))
    return bad("no description");
  image.ptx = take(sizes.ptx).str();
  cubin.image = take(sizes.cubin).str();
  if (image.ptx.size() != sizes.ptx || cubin.image.size() != sizes.cubin ||
      !bytes.empty())
    return bad("a wrong size");
  if (sizes.cubin)
    image.cubin = std::move(cubin);
  image.cached = true;
  return image;
}

std::string ImageCache::store(llvm::StringRef key, const Image &image) const {
  if (!enabled() || key.empty())
    return "";
  auto why = [&](const std::string &text) {
    return "cannot write to `" + directory + "`: " + text +
           "; name another directory in KVC_CACHE_DIR, or none";
  };
  if (std::error_code error = llvm::sys::fs::create_directories(directory))
    return why(error.message());
  std::string description = describe(image);
  Sizes sizes{key.size(), description.size(), image.ptx.size(),
              image.cubin ? image.cubin->image.size() : 0};
  std::string body = (bytesOf(sizes) + key + description + image.ptx).str();
  if (image.cubin)
    body += image.cubin->image;
  llvm::XXH128_hash_t sum = hash(body);
  Header header;
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.sumLow = sum.low64;
  header.sumHigh = sum.high64;
  llvm::Error error =
      llvm::writeToOutput(pathOf(key), [&](llvm::raw_ostream &stream) {
        stream << bytesOf(header) << body;
        return llvm::Error::success();
      });
  return error ? why(llvm::toString(std::move(error))) : "";
}

void ImageCache::prune() const {
  if (!enabled())
    return;
  llvm::CachePruningPolicy policy;
  policy.Interval = std::chrono::seconds(0);   // now
  policy.Expiration = std::chrono::seconds(0); // age alone is no reason
  policy.MaxSizeBytes = maxBytes;
  llvm::pruneCache(directory, policy);
}

} // namespace kvc::nvptx
