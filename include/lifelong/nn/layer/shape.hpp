// SPDX-License-Identifier: MIT
// The shape of a sample between layers: values, positions of values, or an image.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>

namespace lifelong::nn {

/// Extents of one sample, as in PyTorch without the batch: {features}, {positions, features} or {channels, height,
/// width}; row-major, so the last one varies fastest. `Shape{}` stands for a shape that is not known.
class Shape {
 public:
  constexpr Shape() = default;
  /// \throws InvalidArgument for more than three extents, or if their product overflows.
  constexpr Shape(std::initializer_list<std::size_t> extents) : rank_(extents.size()) {
    if (rank_ > extents_.size()) lifelong::detail::raise<InvalidArgument>("a Shape has at most three extents");
    std::size_t k = 0;
    for (const std::size_t extent : extents) extents_[k++] = extent;
    if (!countable()) refuse();
  }

  /// Number of extents; 0 if the shape is not known.
  [[nodiscard]] constexpr std::size_t rank() const { return rank_; }
  /// Extent k < rank().
  [[nodiscard]] constexpr std::size_t operator[](std::size_t k) const { return extents_[k]; }
  /// The last extent; 0 if there is none.
  [[nodiscard]] constexpr std::size_t last() const { return rank_ == 0 ? 0 : extents_[rank_ - 1]; }

  /// Values per sample, the product of the extents; 0 if there are none.
  [[nodiscard]] constexpr std::size_t size() const {
    std::size_t product = rank_ == 0 ? 0 : 1;
    for (std::size_t k = 0; k < rank_; ++k) product *= extents_[k];
    return product;
  }

  /// This shape with another last extent; it must have one. \throws InvalidArgument if the product overflows.
  [[nodiscard]] constexpr Shape with_last(std::size_t extent) const {
    Shape changed = *this;
    changed.extents_[rank_ - 1] = extent;
    if (!changed.countable()) changed.refuse();
    return changed;
  }

  /// The shape in messages: `3 x 28 x 28`.
  [[nodiscard]] std::string text() const { return lifelong::detail::shape_text(std::span(extents_).first(rank_)); }
  /// The shape in a recipe: `3x28x28`.
  [[nodiscard]] std::string word() const { return lifelong::detail::shape_text(std::span(extents_).first(rank_), "x"); }

  friend constexpr bool operator==(const Shape&, const Shape&) = default;

 private:
  /// Whether `size()` is the product.
  [[nodiscard]] constexpr bool countable() const {
    return lifelong::detail::checked_product(std::span(extents_).first(rank_)).has_value();
  }
  [[noreturn]] void refuse() const {
    lifelong::detail::raise<InvalidArgument>("the shape " + text() + " has more values than can be counted");
  }

  std::array<std::size_t, 3> extents_{};
  std::size_t rank_ = 0;
};

namespace detail {

/// \throws InvalidArgument unless an array has an index of 32 bits for each of a sample's values.
inline void require_addressable(const Shape& shape) {
  if (shape.size() > 0xFFFFFFFF)
    lifelong::detail::raise<InvalidArgument>(shape.text() + " values per sample are more than 2^32 - 1");
}

/// Values of an array with a row for each sample. \throws OutOfMemory if they cannot be counted.
inline std::size_t values_of(std::size_t samples, const Shape& shape) {
  if (samples > 0xFFFFFFFF && shape.size() > static_cast<std::size_t>(-1) / samples)
    lifelong::detail::raise<OutOfMemory>("no memory for " + std::to_string(samples) + " samples of " + shape.text());
  return samples * shape.size();
}

}  // namespace detail

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
