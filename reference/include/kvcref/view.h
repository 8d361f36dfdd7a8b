//===- kvcref/view.h - strided views and small dense arrays ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the reference looks at numbers: a View is a pointer, a shape and strides
// (counted in elements); a stride of 0 broadcasts. An Array owns its numbers,
// row-major. Both are indexed like mathematics: x(token, head, dim).
//
// Invariant: a View never owns and never checks bounds in a release build; a
// View whose data is null stands for "absent".
//===----------------------------------------------------------------------===//
#ifndef KVCREF_VIEW_H
#define KVCREF_VIEW_H

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace kvcref {

template <typename T, int Rank> struct View {
  T *data = nullptr;
  std::array<int64_t, Rank> shape{};
  std::array<int64_t, Rank> stride{}; // elements

  View() = default;
  View(T *data, std::array<int64_t, Rank> shape,
       std::array<int64_t, Rank> stride)
      : data(data), shape(shape), stride(stride) {}

  /// Row-major without gaps.
  View(T *data, std::array<int64_t, Rank> shape) : data(data), shape(shape) {
    int64_t step = 1;
    for (int d = Rank - 1; d >= 0; --d) {
      stride[d] = step;
      step *= shape[d];
    }
  }

  /// A view that may be written can be read.
  template <typename U, typename = std::enable_if_t<
                            std::is_same_v<T, const U> && !std::is_const_v<U>>>
  View(const View<U, Rank> &other)
      : data(other.data), shape(other.shape), stride(other.stride) {}

  explicit operator bool() const { return data != nullptr; }

  template <typename... Index> T &operator()(Index... index) const {
    static_assert(sizeof...(Index) == Rank, "one index per dimension");
    const int64_t indices[] = {static_cast<int64_t>(index)...};
    int64_t offset = 0;
    for (int d = 0; d < Rank; ++d) {
      assert(indices[d] >= 0 && indices[d] < shape[d] && "index out of bounds");
      offset += indices[d] * stride[d];
    }
    return data[offset];
  }

  /// The part at `index` of the leading dimension.
  View<T, Rank - 1> operator[](int64_t index) const {
    assert(index >= 0 && index < shape[0] && "index out of bounds");
    View<T, Rank - 1> part;
    part.data = data + index * stride[0];
    for (int d = 1; d < Rank; ++d) {
      part.shape[d - 1] = shape[d];
      part.stride[d - 1] = stride[d];
    }
    return part;
  }

  /// Entries [begin, begin + count) of the leading dimension.
  View slice(int64_t begin, int64_t count) const {
    assert(begin >= 0 && begin + count <= shape[0] && "slice out of bounds");
    View part = *this;
    if (data)
      part.data = data + begin * stride[0];
    part.shape[0] = count;
    return part;
  }
};

template <typename T, int Rank> struct Array {
  std::vector<T> elements;
  std::array<int64_t, Rank> shape{};

  Array() = default;
  explicit Array(std::array<int64_t, Rank> shape, T fill = T())
      : elements(count(shape), fill), shape(shape) {}
  Array(std::array<int64_t, Rank> shape, std::vector<T> values)
      : elements(std::move(values)), shape(shape) {
    assert(elements.size() == count(shape) && "wrong number of elements");
  }

  View<T, Rank> view() { return {elements.data(), shape}; }
  View<const T, Rank> view() const { return {elements.data(), shape}; }
  operator View<T, Rank>() { return view(); }
  operator View<const T, Rank>() const { return view(); }

  template <typename... Index> T &operator()(Index... index) {
    return view()(index...);
  }
  template <typename... Index> const T &operator()(Index... index) const {
    return view()(index...);
  }

private:
  static size_t count(const std::array<int64_t, Rank> &shape) {
    size_t n = 1;
    for (int64_t extent : shape)
      n *= static_cast<size_t>(extent);
    return n;
  }
};

} // namespace kvcref

#endif // KVCREF_VIEW_H
