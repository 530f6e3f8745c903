// SPDX-License-Identifier: MIT
// Turns images or positions into one row of values.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/layout.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/shape.hpp>

namespace lifelong::nn {

/// PyTorch's `Flatten`: it maps any shape to {values}, in the order in which they lie, and costs nothing.
struct Flatten {
  static constexpr bool in_place = true;
  static constexpr bool passes_through = true;

  [[nodiscard]] Shape expected() const { return {}; }
  [[nodiscard]] std::string recipe() const { return "Flatten()"; }
  [[nodiscard]] Shape connect(Shape in) const { return {in.size()}; }
  void declare(Layout&, const std::string&) const {}
  template <class T>
  void initialize(std::span<T>, const Random&, std::uint64_t) const {}
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
