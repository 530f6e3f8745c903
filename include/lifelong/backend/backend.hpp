// SPDX-License-Identifier: MIT
// Where a learner's arrays lie, and how loops over them run.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <span>

#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>

namespace lifelong {

/// Runs loops over independent bodies. It has `threads()`, and `parallel_for(count, body)`, which calls `body(i)` for i
/// = 0 .. count-1. `backend::Serial` and `backend::OpenMP` satisfy it. Arrays of such a backend are host memory.
template <class B>
concept ExecutionBackend = std::copyable<B> && requires(const B& backend, void (*body)(std::size_t)) {
  { backend.threads() } -> std::convertible_to<std::size_t>;
  backend.parallel_for(std::size_t{}, body);
};

namespace detail {

/// A kernel as a backend receives it, with which concepts are checked.
struct AnyKernel {
  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t) const {
    return V(0);
  }
};

}  // namespace detail

/// A backend whose arrays lie in memory of its own, which the host does not touch:
/// - `Array<T>`: empty when default-constructed, copied as a value, with `size()`, `data()`, `reserve(count)` and
///   `resize(count)`, whose new elements are 0;
/// - `sum<T>(count, kernel)`: calls the kernel once for each i = 0 .. count-1 and returns the sum of what it returned,
///   in an order that depends on `count` alone; `maximum<T>(count, kernel)`: the largest, where NaN does not count;
/// - `copy_in(host, place)` and `copy_out(place, host)`: as many elements as the host's span has.
/// It may have `each<T>(first, count, kernel)`, which calls the kernel for i = first .. first+count-1 and need not wait
/// for it. A learner uses parameter-sized arrays through these alone. `parallel_for` runs on the host.
template <class B>
concept DeviceBackend = ExecutionBackend<B> && requires(const B& backend, float* place, const float* source,
                                                        std::span<float> host, std::span<const float> values) {
  typename B::template Array<float>;
  { backend.template sum<float>(std::size_t{}, detail::AnyKernel{}) } -> std::convertible_to<double>;
  { backend.template maximum<float>(std::size_t{}, detail::AnyKernel{}) } -> std::convertible_to<float>;
  backend.copy_in(values, place);
  backend.copy_out(source, host);
};

namespace detail {

template <class Backend, class T>
struct ArrayFor {
  using type = AlignedVector<T>;
};
template <DeviceBackend Backend, class T>
struct ArrayFor<Backend, T> {
  using type = typename Backend::template Array<T>;
};

template <class B>
consteval bool require_backend() {
  static_assert(std::copyable<B>, "ExecutionBackend: the backend must be copyable");
  static_assert(
      requires(const B& backend) {
        { backend.threads() } -> std::convertible_to<std::size_t>;
      },
      "ExecutionBackend: the backend needs threads() const, the number of threads");
  static_assert(ExecutionBackend<B>, "ExecutionBackend: the backend needs parallel_for(count, body) const");
  static_assert(
      !requires { typename B::template Array<float>; } || DeviceBackend<B>,
      "DeviceBackend: a backend with Array<T> needs sum<T>(count, kernel), maximum<T>(count, kernel), "
      "copy_in(host, place) and copy_out(place, host), all const");
  return true;
}

}  // namespace detail

/// An array in the backend's memory: `AlignedVector<T>` on the host, else the backend's own `Array<T>`.
template <class Backend, class T>
using ArrayOf = typename detail::ArrayFor<Backend, T>::type;

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
