// SPDX-License-Identifier: MIT
// The same importance for every parameter.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::importance {

/// Ω_i = value after every task. 0 is plain fine-tuning, a large value keeps the network rigid, and 1 with a quadratic
/// penalty is L2 towards the last task's parameters (L2-SP, Li 2018). `Learner::set_importance` sets one value per
/// parameter.
struct Constant {
  double value = 1;
  Merge merge = Merge::last();

  /// \throws InvalidArgument unless value >= 0 and finite.
  void validate() const {
    detail::require_at_least("Constant.value", value, 0);
    merge.validate();
  }

  /// \throws InvalidArgument for a value that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("Constant.value", value);
  }

  /// Whether every importance is 0 because that is wanted, which is no mistake then.
  [[nodiscard]] bool wants_zeros() const { return value == 0; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "Constant(value " + detail::exact_text(value) + ", merge " + merge.text() + ")";
  }

  template <class T>
  struct Kernel {
    T value;
    template <class V>
    LIFELONG_HOST_DEVICE V contribution(std::size_t, V, V) const {
      return V(value);
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 0>, const Clock&) const {
    return {static_cast<T>(value)};
  }
};

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
