//===- operands.cpp - what attend reads besides query and cache -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "operands.h"

#include <algorithm>

namespace kvcpy {
namespace {

class Setter {
public:
  Setter(const Library &library, const kvcrt_step &step, kvcrt_params &params,
         std::vector<Library::Range> &ranges)
      : library(library), step(step), params(params), ranges(ranges) {}

  void setSinkLogits(const std::optional<Input> &logits);
  void setMask(const Operands &operands);
  void setCaptures(const std::vector<Input> &captures);

private:
  Entries take(const Input &tensor, const char *name, const char *type,
               std::vector<int64_t> shape = {}, bool anyStride = false);
  void setDense(const Input &tensor);
  void setPacked(const Operands &operands);
  void checkPacked(int64_t bytes) const;

  const Library &library;
  const kvcrt_step &step;
  kvcrt_params &params;
  std::vector<Library::Range> &ranges;
};

/// `given` is there just where the attention was made for it.
void expectJust(bool wanted, bool given, const char *name, const char *made) {
  if (wanted && !given)
    refuse(std::string(name) + ": expected a tensor, which an attention with " +
           made + " reads, got none");
  if (!wanted && given)
    refuse(std::string(name) + ": expected none without " + made +
           ", got a tensor");
}

Entries Setter::take(const Input &tensor, const char *name, const char *type,
                     std::vector<int64_t> shape, bool anyStride) {
  const Entries entries =
      entriesOf(tensor, {name, type, std::move(shape),
                         library.kind() == KVCRT_DEVICE_CUDA, library.ordinal(),
                         anyStride});
  ranges.push_back({entries.first, entries.bytes});
  return entries;
}

void Setter::setSinkLogits(const std::optional<Input> &logits) {
  expectJust(library.features() & KVCRT_FEATURE_SINK_LOGITS, logits.has_value(),
             "sink_logits", "sink_logits=True");
  if (logits)
    params.sink_logits = reinterpret_cast<const float *>(
        take(*logits, "sink_logits", "f32", {library.queryHeads()}).data);
}

void Setter::setMask(const Operands &operands) {
  const MaskKind kind = library.maskKind();
  expectJust(kind != MaskKind::None, operands.mask.has_value(), "mask",
             "mask=...");
  if (kind == MaskKind::Packed)
    setPacked(operands);
  else if (operands.maskIndptr || operands.maskFirst)
    refuse("mask: expected a dense one, got a PackedMask, which needs "
           "mask=\"packed\"");
  else if (operands.mask)
    setDense(*operands.mask);
}

void Setter::setDense(const Input &tensor) {
  const bool additive = library.maskKind() == MaskKind::Float;
  const Entries mask = take(tensor, "mask", additive ? "f32" : "bool");
  const int64_t heads = library.queryHeads(), rank = int64_t(mask.shape.size());
  const int64_t tokens = step.header->num_tokens;
  const int64_t longest = step.header->max_kv_len;
  const bool headed = rank == 3 && mask.shape[0] == heads;
  if ((rank != 2 && !headed) || mask.shape[rank - 2] != tokens ||
      mask.shape[rank - 1] < longest)
    refuse("mask: expected shape [" + std::to_string(tokens) +
           ", columns] or [" + std::to_string(heads) + ", " +
           std::to_string(tokens) + ", columns] with at least " +
           std::to_string(longest) + " columns (the longest sequence), got " +
           listOf(mask.shape));
  params.mask = mask.data;
  params.mask_token_stride = mask.strides[rank - 2];
  params.mask_head_stride = headed ? mask.strides[0] : 0;
  params.mask_columns =
      int32_t(std::min<int64_t>(mask.shape[rank - 1], INT32_MAX));
}

void Setter::setPacked(const Operands &operands) {
  if (!operands.maskIndptr)
    refuse("mask: expected a PackedMask, got a dense one; pack it, or make the "
           "attention with mask=\"bool\"");
  const int64_t rows = step.header->num_seqs;
  const Entries mask = take(*operands.mask, "mask.bits", "u8");
  if (mask.shape.size() != 1)
    refuse("mask.bits: expected one dimension, got shape " +
           listOf(mask.shape));
  params.mask = mask.data;
  params.mask_indptr = reinterpret_cast<const int32_t *>(
      take(*operands.maskIndptr, "mask.indptr", "i32", {rows + 1}).data);
  params.mask_first_column =
      operands.maskFirst
          ? reinterpret_cast<const int32_t *>(
                take(*operands.maskFirst, "mask.first", "i32", {rows}).data)
          : nullptr;
  if (library.kind() != KVCRT_DEVICE_CUDA) // else it lies on the GPU
    checkPacked(mask.shape[0]);
}

void Setter::setCaptures(const std::vector<Input> &captures) {
  const std::vector<Capture> &wanted = library.captures();
  if (captures.size() != wanted.size())
    refuse("captures: expected " + std::to_string(wanted.size()) +
           " tensors, as score.captures says, got " +
           std::to_string(captures.size()));
  for (size_t i = 0; i < captures.size(); ++i) {
    const std::string name = "captures[" + std::to_string(i) + "]";
    const Entries entries =
        take(captures[i], name.c_str(), wanted[i].type.c_str(), {},
             /*anyStride=*/true);
    if (int32_t(entries.shape.size()) != wanted[i].rank)
      refuse(name + ": expected " + std::to_string(wanted[i].rank) +
             " dimensions, got shape " + listOf(entries.shape));
    kvcrt_capture &capture = params.captures[i];
    capture.data = entries.data;
    std::copy(entries.shape.begin(), entries.shape.end(), capture.shape);
    std::copy(entries.strides.begin(), entries.strides.end(), capture.stride);
  }
}

/// Each sequence's bits lie within the bytes.
void Setter::checkPacked(int64_t bytes) const {
  for (int32_t s = 0; s < step.header->num_seqs; ++s) {
    const std::string of = " of sequence " + std::to_string(s) + " of the step";
    const int64_t length = step.kv_len[s],
                  first = params.mask_first_column ? params.mask_first_column[s]
                                                   : 0;
    if (first < 0 || first > length)
      refuse("mask.first" + of + ": expected 0 to " + std::to_string(length) +
             ", got " + std::to_string(first));
    const int64_t rows = step.qo_indptr[s + 1] - step.qo_indptr[s],
                  needed = (rows * (length - first) + 7) / 8,
                  begin = params.mask_indptr[s];
    if (begin < 0 || begin + needed > bytes)
      refuse("mask.indptr" + of + ": expected " + std::to_string(needed) +
             " bytes from there on within " + std::to_string(bytes) + ", got " +
             std::to_string(begin));
  }
}

} // namespace

void setOperands(const Library &library, const kvcrt_step &step,
                 const Operands &operands, kvcrt_params &params,
                 std::vector<Library::Range> &ranges) {
  Setter setter(library, step, params, ranges);
  setter.setSinkLogits(operands.sinkLogits);
  setter.setMask(operands);
  setter.setCaptures(operands.captures);
}

} // namespace kvcpy
