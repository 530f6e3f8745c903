// SPDX-License-Identifier: MIT
// The shape of a sample between layers: values, positions of values, or an image.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>

#include <lifelong/core/error.hpp>

namespace lifelong::nn {

/// Extents of one sample, as in PyTorch without the batch: {features}, {positions, features} or {channels, height,
/// width}; row-major, so the last one varies fastest. `Shape{}` stands for a shape that is not known.
class Shape {
 public:
  constexpr Shape() = default;
  /// \throws InvalidArgument for more than three extents.
  constexpr Shape(std::initializer_list<std::size_t> extents) : rank_(extents.size()) {
    if (rank_ > extents_.size()) lifelong::detail::raise<InvalidArgument>("a Shape has at most three extents");
    std::size_t k = 0;
    for (const std::size_t extent : extents) extents_[k++] = extent;
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

  /// This shape with another last extent; it must have one.
  [[nodiscard]] constexpr Shape with_last(std::size_t extent) const {
    Shape changed = *this;
    changed.extents_[rank_ - 1] = extent;
    return changed;
  }

  /// The shape in messages: `3 x 28 x 28`.
  [[nodiscard]] std::string text() const {
    std::string all;
    for (std::size_t k = 0; k < rank_; ++k) all += (k == 0 ? "" : " x ") + std::to_string(extents_[k]);
    return all;
  }

  friend constexpr bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::size_t, 3> extents_{};
  std::size_t rank_ = 0;
};

}  // namespace lifelong::nn
