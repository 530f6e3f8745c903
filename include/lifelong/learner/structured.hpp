// SPDX-License-Identifier: MIT
// A structured penalty and its parameters, wherever the backend has its arrays.
#pragma once

#include <lifelong/config/push_macros.hpp>

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
    if (staging.size() < theta.size()) staging.resize(theta.size());
    const std::span<T> host = std::span(staging).first(theta.size());
    copy_out(backend, theta.data(), host, "the parameters");
    return host;
  } else {
    return theta;
  }
}

/// Gradient of a structured penalty into `out`, which lies where the backend has its arrays; returns the value. Where
/// that is not the host, θ and the gradient pass through `staging`.
template <class Penalty, class State, class T, class Backend>
double structured_gradient(const Penalty& penalty, State& state, const Backend& backend, std::span<const T> theta,
                           ArrayOf<Backend, T>& out, AlignedVector<T>& staging) {
  out.resize(theta.size());
  if constexpr (DeviceBackend<Backend>) {
    staging.resize(2 * theta.size());
    const std::span<T> host = std::span(staging).first(theta.size()), gradient = std::span(staging).last(theta.size());
    copy_out(backend, theta.data(), host, "the parameters");
    const double value = penalty.gradient(state, backend, std::span<const T>(host), gradient);
    copy_in(backend, std::span<const T>(gradient), out.data(), "the penalty's gradient");
    return value;
  } else {
    return static_cast<double>(penalty.gradient(state, backend, theta, std::span<T>(out.data(), out.size())));
  }
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
