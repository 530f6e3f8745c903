// SPDX-License-Identifier: MIT
// Parameters on a device without a loss, whose steps are given their gradients.
#pragma once

#include <lifelong/backend/backend.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/learner.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace test {

template <class T, class Backend>
struct DeviceParameters {
  using value_type = T;
  lifelong::ArrayOf<Backend, T> theta;

  explicit DeviceParameters(std::size_t count) { theta.resize(count); }
  std::span<T> parameters() { return {theta.data(), theta.size()}; }
};

/// Normal numbers.
template <class T>
std::vector<T> normal_values(std::size_t count, std::uint64_t seed) {
  const lifelong::Random random(seed);
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>(random.normal(i));
  return values;
}

/// An array of the backend with these values.
template <class Backend, class T>
lifelong::ArrayOf<Backend, T> on_device(const Backend& backend, const std::vector<T>& values) {
  lifelong::ArrayOf<Backend, T> array;
  array.resize(values.size());
  lifelong::detail::copy_in(backend, std::span<const T>(values), array.data());
  return array;
}

/// θ, Ω and θ* on the host, one behind the other, bit for bit.
template <class Learner>
std::vector<typename Learner::value_type> state_of(Learner& learner) {
  using T = typename Learner::value_type;
  const std::size_t count = learner.parameters().size();
  std::vector<T> all(2 * count);
  learner.copy_parameters(0, std::span(all).first(count));
  if constexpr (requires { learner.copy_importance(std::span<T>()); })
    learner.copy_importance(std::span(all).last(count));
  return all;
}

/// True if both have the same bits.
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

}  // namespace test
