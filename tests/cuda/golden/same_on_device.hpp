// SPDX-License-Identifier: MIT
// The trainings of the golden run once more on the CUDA backend, next to those on the processor: every bit of θ, Ω and
// θ* has to be the same after each part of a task, and penalties up to the order of their sums.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "moved_model.hpp"

namespace golden {

/// What is compared of a learner.
template <class Learner>
std::vector<typename Learner::value_type> bits_of(Learner& learner) {
  using T = typename Learner::value_type;
  const std::size_t count = learner.parameters().size();
  std::vector<T> all(3 * count);
  learner.copy_parameters(0, std::span(all).first(count));
  if constexpr (requires { learner.copy_importance(std::span<T>()); }) {
    learner.copy_importance(std::span(all).subspan(count, count));
    const auto& anchor = learner.state().penalty.template get<Learner::Penalty::anchored.anchor>();
    ll::detail::copy_out(learner.backend(), anchor.data(), std::span(all).last(count));
  }
  return all;
}

/// \throws std::runtime_error, which names the first value that differs.
template <class Host, class Device>
void require_same(Host& host, Device& device, const std::string& when) {
  using T = typename Host::value_type;
  const std::vector<T> expected = bits_of(host), actual = bits_of(device);
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (std::memcmp(&expected[i], &actual[i], sizeof(T)) != 0)
      throw std::runtime_error("value " + std::to_string(i) + " of " + std::to_string(expected.size()) + " is " +
                               std::to_string(actual[i]) + " on the device, and should be " +
                               std::to_string(expected[i]) + ", " + when);
  const double a = host.penalty_value(), b = device.penalty_value();
  if (!(std::fabs(a - b) <= 1024 * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::fabs(a)))
    throw std::runtime_error("the penalty is " + std::to_string(b) + " on the device, and should be " +
                             std::to_string(a) + ", " + when);
}

template <class Learner, class Model, class... Parts>
void require_same_on_device(Learner& host, const Model& model, const Tasks& tasks, const ll::Scope& scope,
                            const Parts&... parts) {
  const ll::cuda::Backend backend;
  ll::Learner device{test::MovedNetwork<Model, ll::cuda::Backend>(model, backend), parts..., backend};
  if constexpr (ll::NamedModel<Model>) device.restrict_importance(scope);
  for (std::size_t k = 0; k < tasks.size(); ++k) {
    train(host, tasks[k]);
    train(device, tasks[k]);
    require_same(host, device, "before the end of task " + std::to_string(k));
    host.consolidate(tasks[k], {.batch_size = 16});
    device.consolidate(tasks[k], {.batch_size = 16});
    require_same(host, device, "after task " + std::to_string(k));
  }
}

}  // namespace golden
