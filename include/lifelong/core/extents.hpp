// SPDX-License-Identifier: MIT
// The extents of an array: how many elements they make, and how a message writes them.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace lifelong::detail {

/// Product of the extents, or nothing if it does not fit into `std::size_t`; 0 if any of them is 0.
constexpr std::optional<std::size_t> checked_product(std::span<const std::size_t> extents) {
  std::size_t product = 1;
  bool fits = true;
  for (const std::size_t extent : extents) {
    if (extent == 0) return 0;
    fits = fits && product <= static_cast<std::size_t>(-1) / extent;
    product *= extent;
  }
  return fits ? std::optional(product) : std::nullopt;
}

/// `28 x 28`
inline std::string shape_text(std::span<const std::size_t> shape, const char* times = " x ") {
  std::string text;
  for (const std::size_t extent : shape) text += (text.empty() ? "" : times) + std::to_string(extent);
  return text;
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
