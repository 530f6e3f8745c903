// SPDX-License-Identifier: MIT
// No penalty: plain fine-tuning.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <string>

#include <lifelong/config.hpp>
#include <lifelong/penalty/term.hpp>

namespace lifelong::penalty {

/// A penalty that costs nothing and keeps nothing: the learner trains as it would without this library.
struct None {
  void validate() const {}

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return "None()"; }

  struct Kernel {
    template <class V>
    LIFELONG_HOST_DEVICE Term<V> term(std::size_t, V) const {
      return {V(0), V(0)};
    }
    template <class V>
    LIFELONG_HOST_DEVICE V absorb(std::size_t, V, V, const Absorption<V>&) const {
      return V(0);
    }
  };

  template <class T>
  [[nodiscard]] Kernel kernel(std::array<T*, 0>) const {
    return {};
  }
};

/// The same, for programs in which `None` is a macro, as X11's headers define it.
using Nothing = None;

}  // namespace lifelong::penalty

#include <lifelong/config/pop_macros.hpp>
