// SPDX-License-Identifier: MIT
// A small classification problem made on the spot, so that the examples need no files.
#pragma once

#include <lifelong/lifelong.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// `count` noisy copies of four fixed 8 x 8 patterns, labelled 0 to 3.
inline lifelong::Dataset<float> patterns(std::size_t count, std::uint64_t seed) {
  constexpr std::size_t classes = 4, features = 64;
  const lifelong::Random pattern(7), noise(seed);
  std::vector<float> inputs;
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t label = n % classes;
    labels.push_back(static_cast<std::int32_t>(label));
    for (std::size_t i = 0; i < features; ++i)
      inputs.push_back(static_cast<float>(pattern.normal(label * features + i) + 1.5 * noise.normal(n * features + i)));
  }
  return {std::move(inputs), std::move(labels), {8, 8}};
}
