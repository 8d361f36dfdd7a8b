//===- Flow.cpp - blocks and loops of a function --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dominators as Cooper, Harvey and Kennedy compute them.
//
//===----------------------------------------------------------------------===//

#include "Flow.h"

#include "llvm/ADT/StringSwitch.h"
#include <algorithm>

using llvm::StringRef;

namespace kvc::sass {

namespace {
enum class Kind { next, jump, leave, indirect, unknown };
constexpr unsigned kBehind = ~0u; // the block behind the last
} // namespace

bool isCall(const Instruction &instruction) {
  return instruction.root() == "CALL" &&
         !StringRef(instruction.target).starts_with(".L");
}

static Kind kindOf(const Instruction &i) {
  StringRef root = i.root();
  if (root == "CALL")
    return isCall(i) ? Kind::next : Kind::jump;
  Kind kind = llvm::StringSwitch<Kind>(root)
                  .Cases({"BRA", "JMP"}, Kind::jump)
                  .Cases({"EXIT", "RET", "KILL"}, Kind::leave)
                  .Cases({"BRX", "BRXU", "JMX", "JMXU"}, Kind::indirect)
                  // They name a place where threads meet, and go on.
                  .Cases({"BSSY", "BSYNC", "WARPSYNC"}, Kind::next)
                  .Default(i.target.empty() ? Kind::next : Kind::unknown);
  if (kind == Kind::jump && i.target.empty())
    return Kind::indirect;
  return kind;
}

/// Whether the next instruction may follow a jump: "@P0 BRA", "BRA.U !UP0, ".
static bool isConditional(const Instruction &i) {
  return !i.predicate.empty() || !StringRef(i.operands).starts_with("`(");
}

namespace {
class Builder {
public:
  explicit Builder(const Function &function) : function(function) {}
  llvm::Expected<Flow> build();

private:
  llvm::Error cut();
  llvm::Error order();
  void dominate();
  llvm::Error findLoops();

  const Function &function;
  Flow flow;
  std::vector<llvm::SmallVector<unsigned>> before; // predecessors
};
} // namespace

/// Blocks in the order of the text, with their successors.
llvm::Error Builder::cut() {
  const std::vector<Instruction> &code = function.instructions;
  std::vector<bool> starts(code.size() + 1);
  starts[0] = true;
  for (const auto &label : function.labels)
    starts[label.second] = true;
  for (unsigned i = 0; i < code.size(); ++i) {
    const Instruction &instruction = code[i];
    Kind kind = kindOf(instruction);
    auto where = [&](const llvm::Twine &what) {
      return llvm::createStringError(
          "expected " + what + ", got `" + instruction.opcode + " " +
          instruction.operands + "` in line " + llvm::Twine(instruction.line) +
          " of the disassembly, in `" + function.name + "`");
    };
    if (kind == Kind::indirect)
      return where("jumps to labels");
    if (kind == Kind::unknown)
      return where("an opcode that is known to name a label");
    if (kind != Kind::next)
      starts[i + 1] = true;
  }
  std::vector<unsigned> blockAt(code.size() + 1, kBehind);
  for (unsigned i = 0; i < code.size(); ++i) {
    if (starts[i]) {
      flow.blocks.emplace_back();
      flow.blocks.back().begin = i;
    }
    flow.blocks.back().end = i + 1;
    blockAt[i] = flow.blocks.size() - 1;
  }
  for (Block &block : flow.blocks) {
    const Instruction &last = code[block.end - 1];
    Kind kind = kindOf(last);
    auto add = [&](unsigned at) {
      // Behind the last instruction: an error if it is ever reached.
      if (!llvm::is_contained(block.successors, blockAt[at]))
        block.successors.push_back(blockAt[at]);
      return blockAt[at];
    };
    if (kind == Kind::jump && last.predicate != "!PT")
      block.taken = add(function.labels.lookup(last.target));
    block.ends = kind == Kind::leave && last.predicate != "!PT";
    bool falls = kind == Kind::next ||
                 (kind == Kind::jump && isConditional(last)) ||
                 (kind == Kind::leave && !last.predicate.empty());
    if (falls)
      block.next = add(block.end);
  }
  return llvm::Error::success();
}

/// Keeps what is reachable, in reverse postorder.
llvm::Error Builder::order() {
  std::vector<unsigned> postorder;
  std::vector<char> seen(flow.blocks.size());
  std::vector<std::pair<unsigned, unsigned>> stack{{0, 0}};
  seen[0] = true;
  while (!stack.empty()) {
    auto &[block, next] = stack.back();
    if (next == flow.blocks[block].successors.size()) {
      postorder.push_back(block);
      stack.pop_back();
      continue;
    }
    unsigned successor = flow.blocks[block].successors[next++];
    if (successor == kBehind)
      return llvm::createStringError(
          "expected `" + function.name + "` to end in EXIT, got `" +
          function.instructions.back().opcode + "` in line " +
          llvm::Twine(function.instructions.back().line) +
          " of the disassembly");
    if (!seen[successor]) {
      seen[successor] = true;
      stack.push_back({successor, 0});
    }
  }
  std::reverse(postorder.begin(), postorder.end());
  std::vector<unsigned> place(flow.blocks.size());
  for (auto [i, block] : llvm::enumerate(postorder))
    place[block] = i;
  std::vector<Block> blocks;
  for (unsigned block : postorder) {
    blocks.push_back(flow.blocks[block]);
    Block &last = blocks.back();
    for (unsigned &successor : last.successors)
      successor = place[successor];
    for (std::optional<unsigned> *successor : {&last.taken, &last.next})
      if (*successor)
        *successor = place[**successor];
  }
  flow.blocks = std::move(blocks);
  before.resize(flow.blocks.size());
  for (auto [i, block] : llvm::enumerate(flow.blocks))
    for (unsigned successor : block.successors)
      before[successor].push_back(i);
  return llvm::Error::success();
}

void Builder::dominate() {
  constexpr unsigned kNone = ~0u; // not yet known
  std::vector<unsigned> &dominator = flow.dominator;
  dominator.assign(flow.blocks.size(), kNone);
  dominator[0] = 0;
  auto meet = [&](unsigned a, unsigned b) {
    while (a != b)
      (a > b ? a : b) = dominator[a > b ? a : b];
    return a;
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (unsigned i = 1; i < flow.blocks.size(); ++i) {
      unsigned found = kNone;
      for (unsigned p : before[i])
        if (dominator[p] != kNone)
          found = found == kNone ? p : meet(p, found);
      changed |= found != dominator[i];
      dominator[i] = found;
    }
  }
}

llvm::Error Builder::findLoops() {
  for (auto [latch, block] : llvm::enumerate(flow.blocks))
    for (unsigned header : block.successors) {
      if (header > latch)
        continue;
      if (!flow.dominates(header, latch))
        return llvm::createStringError(
            "expected loops with one entry in `" + function.name +
            "`, got another at line " +
            llvm::Twine(function.instructions[flow.blocks[header].begin].line) +
            " of the disassembly");
      auto loop = llvm::find_if(
          flow.loops, [&](const Loop &l) { return l.header == header; });
      if (loop == flow.loops.end()) {
        flow.loops.emplace_back();
        loop = std::prev(flow.loops.end());
        loop->header = header;
        loop->holds.resize(flow.blocks.size());
        loop->holds[header] = true;
      }
      loop->latches.push_back(latch);
      llvm::SmallVector<unsigned> work{unsigned(latch)};
      while (!work.empty()) {
        unsigned at = work.pop_back_val();
        if (loop->holds[at])
          continue;
        loop->holds[at] = true;
        llvm::append_range(work, before[at]);
      }
    }
  return llvm::Error::success();
}

llvm::Expected<Flow> Builder::build() {
  if (llvm::Error error = cut())
    return error;
  if (llvm::Error error = order())
    return error;
  dominate();
  if (llvm::Error error = findLoops())
    return error;
  return std::move(flow);
}

llvm::Expected<Flow> Flow::of(const Function &function) {
  return Builder(function).build();
}

} // namespace kvc::sass
