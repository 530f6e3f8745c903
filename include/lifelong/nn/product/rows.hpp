// SPDX-License-Identifier: MIT
// A matrix with one sample per row, as a view.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>
#include <type_traits>

namespace lifelong::nn {

/// `count` rows of `width` values without gaps, row-major. It does not own the array.
template <class T>
struct Rows {
  T* data = nullptr;
  std::size_t count = 0;
  std::size_t width = 0;

  [[nodiscard]] std::size_t size() const { return count * width; }
  [[nodiscard]] std::span<T> row(std::size_t n) const { return {data + n * width, width}; }
  operator Rows<const T>() const requires(!std::is_const_v<T>) { return {data, count, width}; }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
