//===- Cubin.cpp - is what ptxas made a fast kernel, and all of them? -----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads PTX, the log of ptxas -v and the ELF image beside it. Invariant:
// silence is no evidence: a cubin counts as good only when it is machine code
// of each kernel and the log has the numbers of each.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/NVPTX.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace kvc::nvptx {

void Cubin::readLog(llvm::StringRef log) {
  static const llvm::Regex entry("Compiling entry function '([^']+)'");
  static const llvm::Regex frame("([0-9]+) bytes stack frame, ([0-9]+) bytes "
                                 "spill stores, ([0-9]+) bytes spill loads");
  static const llvm::Regex registers("Used ([0-9]+) registers");
  static const llvm::Regex barriers("used ([0-9]+) barriers");
  static const llvm::Regex shared("([0-9]+) bytes smem");
  static const llvm::Regex local("([0-9]+) bytes lmem");
  // C7508, C7510, C7517 and their like: ptxas could not prove what the
  // asynchronous matrix products need and waits after each.
  static const llvm::Regex wait("[(]C75[0-9][0-9][)]");
  SmallVector<StringRef> groups;
  auto number = [&](unsigned group) {
    unsigned value = 0;
    groups[group].getAsInteger(10, value);
    return value;
  };
  SmallVector<StringRef> lines;
  log.split(lines, '\n');
  for (StringRef line : lines) {
    if (wait.match(line) || line.contains("Potential Performance Loss"))
      injectedWaits.push_back(line.trim().str());
    if (entry.match(line, &groups)) {
      kernels.emplace_back();
      kernels.back().name = groups[1].str();
    }
    if (kernels.empty())
      continue;
    KernelUsage &kernel = kernels.back();
    if (frame.match(line, &groups)) {
      kernel.hasFrame = true;
      kernel.stackBytes = number(1);
      kernel.spillStores = number(2);
      kernel.spillLoads = number(3);
    }
    if (registers.match(line, &groups))
      kernel.registers = number(1);
    if (barriers.match(line, &groups))
      kernel.barriers = number(1);
    if (shared.match(line, &groups))
      kernel.sharedBytes = number(1);
    if (local.match(line, &groups))
      kernel.localBytes = number(1);
  }
}

/// The first bytes of something that is no cubin, for a message.
static std::string beginning(StringRef bytes) {
  if (bytes.empty())
    return "nothing";
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << bytes.size() << " bytes that begin with `";
  llvm::printEscapedString(bytes.take_front(8), stream);
  stream << "`";
  return text;
}

/// That `image` is an ELF file of CUDA code with a section for each kernel;
/// says what is wrong, or nothing.
static std::string checkImage(StringRef image, ArrayRef<KernelRecord> kernels) {
  using ELF = llvm::object::ELF64LE;
  auto file = llvm::object::ELFFile<ELF>::create(image);
  if (!image.starts_with(llvm::ELF::ElfMagic) || !file) {
    if (!file)
      llvm::consumeError(file.takeError());
    return beginning(image);
  }
  if (file->getHeader().e_machine != llvm::ELF::EM_CUDA)
    return "an ELF file of machine " +
           std::to_string(file->getHeader().e_machine);
  auto sections = file->sections();
  if (!sections)
    return "a damaged ELF file: " + llvm::toString(sections.takeError());
  llvm::StringSet<> names;
  for (const auto &section : *sections) {
    auto name = file->getSectionName(section);
    if (!name)
      return "a damaged ELF file: " + llvm::toString(name.takeError());
    names.insert(*name);
  }
  for (const KernelRecord &kernel : kernels)
    if (!names.contains(".text." + kernel.name))
      return "one without code of `" + kernel.name + "`";
  return "";
}

/// That the log has the numbers of each kernel; says what is wrong.
static std::string checkLog(ArrayRef<KernelUsage> usage,
                            ArrayRef<KernelRecord> kernels) {
  for (const KernelRecord &kernel : kernels) {
    auto isOf = [&](const KernelUsage &u) { return u.name == kernel.name; };
    unsigned entries = llvm::count_if(usage, isOf);
    std::string name = "`" + kernel.name + "`";
    if (entries != 1)
      return std::to_string(entries) + " entries for " + name;
    const KernelUsage &found = *llvm::find_if(usage, isOf);
    if (!found.registers || !found.hasFrame)
      return "an entry without " +
             std::string(found.registers ? "stack and spills" : "registers") +
             " for " + name;
  }
  if (usage.size() != kernels.size())
    return std::to_string(usage.size()) + " entries for " +
           std::to_string(kernels.size()) + " kernels";
  return "";
}

bool isWholeCubin(const Image &image) {
  return checkImage(image.cubin->image, image.kernels).empty() &&
         checkLog(image.cubin->usage(), image.kernels).empty();
}

LogicalResult checkCubin(const Image &image, const Ptxas &ptxas,
                         EmitError emitError) {
  if (std::string got = checkImage(image.cubin->image, image.kernels);
      !got.empty())
    return emitError() << "expected a cubin of " << image.kernels.size()
                       << " kernels from " << ptxas.describe() << ", got "
                       << got
                       << "; name another ptxas with --ptxas, or none for PTX "
                          "alone";
  if (std::string got = checkLog(image.cubin->usage(), image.kernels);
      !got.empty())
    return emitError() << "expected registers, stack and spills of each "
                          "kernel from "
                       << ptxas.describe() << ", got " << got
                       << "; name another ptxas with --ptxas, or none for PTX "
                          "alone";
  return success();
}

std::vector<std::string> slowAccesses(StringRef ptx) {
  struct Found {
    StringRef kernel, first;
    unsigned count = 0;
  };
  SmallVector<Found> found;
  StringRef kernel;
  while (!ptx.empty()) {
    StringRef line;
    std::tie(line, ptx) = ptx.split('\n');
    line = line.trim();
    if (line.consume_front(".visible .entry ")) {
      kernel = line.take_until([](char c) { return c == '('; });
      continue;
    }
    if (line.starts_with("@")) // a predicate
      line = line.split(' ').second.ltrim();
    StringRef opcode =
        line.take_while([](char c) { return !llvm::isSpace(c); });
    StringRef name = opcode.split('.').first;
    if (name != "ld" && name != "st" && name != "atom" && name != "red")
      continue;
    bool placed = false;
    for (StringRef space : {".global", ".shared", ".param", ".const"})
      placed |= opcode.contains(space);
    if (placed)
      continue;
    if (found.empty() || found.back().kernel != kernel)
      found.push_back({kernel, line});
    ++found.back().count;
  }
  std::vector<std::string> words;
  for (const Found &f : found)
    words.push_back(("`" + f.kernel + "` with " + Twine(f.count) +
                     " accesses of local or unknown memory, the first `" +
                     f.first + "`")
                        .str());
  return words;
}

unsigned Cubin::spilledBytes() const {
  unsigned bytes = 0;
  for (const KernelUsage &kernel : kernels)
    bytes += kernel.spilledBytes();
  return bytes;
}

LogicalResult checkSpeed(const Image &image, const GpuChip &chip,
                         const Ptxas *ptxas, EmitError emitError) {
  bool slow = false;
  for (const std::string &accesses : image.slowAccesses) {
    slow = true;
    emitError() << "expected loads and stores of known memory on "
                << chip.name.str() << ", got " << accesses
                << "; report this spec, --allow-slow-kernels takes the kernel "
                   "as it is";
  }
  if (!image.cubin || !ptxas)
    return success(!slow);
  for (const KernelUsage &u : image.cubin->usage())
    if (u.spilledBytes()) {
      slow = true;
      emitError() << "expected a kernel without spills and local memory on "
                  << chip.name.str() << ", got `" << u.name << "` with "
                  << u.registers << " registers, " << u.stackBytes
                  << " bytes of stack, " << u.spillStores
                  << " of spill stores, " << u.spillLoads
                  << " of spill loads and " << u.localBytes
                  << " of local memory from " << ptxas->describe()
                  << "; a smaller head_dim or a narrower storage needs fewer "
                     "registers, --allow-slow-kernels takes it as it is";
    }
  for (const std::string &line : image.cubin->injectedWaits) {
    slow = true;
    emitError() << "expected matrix products that run without injected waits "
                   "on "
                << chip.name.str() << ", got `" << line << "` from "
                << ptxas->describe()
                << "; report this spec, --allow-slow-kernels takes the kernel "
                   "as it is";
  }
  return success(!slow);
}

} // namespace kvc::nvptx
