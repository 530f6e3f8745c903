// SPDX-License-Identifier: MIT
// Tasks that permute the features, as in permuted MNIST.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/stream/task.hpp>

namespace lifelong::stream {

/// How `permuted` makes its tasks.
struct PermutedOptions {
  std::uint64_t seed = 0;  ///< chooses the permutations
  Scenario scenario = Scenario::domain;
};

/// Makes `tasks` tasks on the same data. Task 0 has it as it is, task t through a random permutation of the features
/// that depends on (seed, t) alone (Goodfellow et al. 2013; Kirkpatrick et al. 2017). The tasks are lazy: each holds
/// one table of features x 8 bytes. \throws InvalidArgument for 0 tasks or more than 2^32, or real targets outside
/// Scenario::domain; ShapeMismatch if train and test differ in shape.
template <class S>
[[nodiscard]] Stream<S> permuted(const SplitData<S>& data, std::size_t tasks, PermutedOptions options = {}) {
  if (tasks > std::uint64_t{1} << 32)
    detail::raise<InvalidArgument>("permuted makes at most 2^32 tasks, not " + std::to_string(tasks));
  std::vector<FeatureMap> maps;
  std::vector<std::string> names;
  for (std::size_t t = 0; t < tasks; ++t) {
    const Random random{options.seed, Purpose::permutation, static_cast<std::uint32_t>(t)};
    maps.push_back(t == 0 ? FeatureMap{} : FeatureMap::permutation(data.train.features(), random));
    names.push_back("permutation " + std::to_string(t));
  }
  return detail::mapped_stream(data, maps, std::move(names), options.scenario);
}

}  // namespace lifelong::stream

#include <lifelong/config/pop_macros.hpp>
