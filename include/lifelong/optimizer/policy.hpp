// SPDX-License-Identifier: MIT
// What an optimizer must provide.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <lifelong/policy/arrays.hpp>

namespace lifelong {
namespace detail {

template <class O>
concept has_step = requires(const O& optimizer, ArrayPointers<O, float> arrays, std::uint64_t step, float v) {
  { optimizer.template kernel<float>(arrays, step).step(std::size_t{}, v, v) } -> std::same_as<float>;
};

template <class O>
concept has_rate = requires(const O& optimizer, ArrayPointers<O, float> arrays, std::uint64_t step) {
  { optimizer.template kernel<float>(arrays, step).template rate<float>(std::size_t{}) } -> std::same_as<float>;
};

}  // namespace detail

/// What makes a step from a gradient: `kernel<T>(arrays, step_number)` returns a trivially copyable kernel with `V
/// step(i, θ, gradient)`, which returns the new θ. The names in the static member `arrays` ask for state, which is zero
/// at first. For implicit penalties the kernel has `V rate<V>(i)` as well, which is called after `step`: how far a unit
/// of steady gradient moves θ_i.
template <class O>
concept OptimizerPolicy = std::copyable<O> && detail::has_validate<O> && detail::has_step<O>;

namespace detail {

template <class O>
consteval bool require_optimizer() {
  static_assert(
      !requires { typename O::template State<float>; },
      "OptimizerPolicy: the optimizer names its arrays and numbers; State<T> is for structured penalties");
  static_assert(std::copyable<O>, "OptimizerPolicy: the optimizer must be copyable");
  static_assert(has_validate<O>,
                "OptimizerPolicy: the optimizer needs validate() const, which throws if a setting is wrong");
  static_assert(
      has_step<O>,
      "OptimizerPolicy: the optimizer needs kernel<T>(arrays, step) const with as many arrays as it names, which "
      "returns a kernel with step(i, theta, gradient), the new theta");
  return true;
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
