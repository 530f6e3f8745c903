// SPDX-License-Identifier: MIT
// The extents of an array: how many elements they make, and how a message writes them.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>

namespace lifelong::detail {

/// Product of the extents, or nothing if it does not fit into `std::size_t`.
inline std::optional<std::size_t> checked_product(std::span<const std::size_t> extents) {
  std::size_t product = 1;
  for (const std::size_t extent : extents) {
    if (extent != 0 && product > std::numeric_limits<std::size_t>::max() / extent) return std::nullopt;
    product *= extent;
  }
  return product;
}

/// `28 x 28`
inline std::string shape_text(std::span<const std::size_t> shape) {
  std::string text;
  for (const std::size_t extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

}  // namespace lifelong::detail
