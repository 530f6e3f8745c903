// SPDX-License-Identifier: MIT
// A structured penalty and its parameters, wherever the backend has its arrays.
#pragma once

#include <cstddef>
#include <span>

#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/aligned_vector.hpp>

namespace lifelong::detail {

/// Parameters as a structured penalty reads them: on the host, in `staging` if they lie elsewhere.
template <class T, class Backend>
std::span<const T> on_host(const Backend& backend, std::span<const T> theta, AlignedVector<T>& staging) {
  if constexpr (DeviceBackend<Backend>) {
    staging.resize(theta.size());
    copy_out(backend, theta.data(), std::span<T>(staging));
    return staging;
  } else {
    return theta;
  }
}

/// Gradient of a structured penalty into `out`, which lies where the backend has its arrays; returns the value.
template <class Penalty, class State, class T, class Backend>
double structured_gradient(const Penalty& penalty, State& state, const Backend& backend, std::span<const T> theta,
                           ArrayOf<Backend, T>& out, AlignedVector<T>& staging) {
  out.resize(theta.size());
  if constexpr (DeviceBackend<Backend>) {
    AlignedVector<T> gradient(theta.size());
    const double value = penalty.gradient(state, backend, on_host<T>(backend, theta, staging), std::span<T>(gradient));
    copy_in(backend, std::span<const T>(gradient), out.data());
    return static_cast<double>(value);
  } else {
    return static_cast<double>(penalty.gradient(state, backend, theta, std::span<T>(out.data(), out.size())));
  }
}

}  // namespace lifelong::detail
