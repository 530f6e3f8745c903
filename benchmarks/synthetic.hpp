// SPDX-License-Identifier: MIT
// Data that need no download: random values, random labels. Arithmetic takes as long on any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/stream/dataset.hpp>

namespace lifelong::benchmarks {

/// `count` images of 28 x 28 bytes in ten classes, the shape of MNIST.
inline Dataset<std::uint8_t> synthetic_images(std::size_t count) {
  constexpr std::size_t pixels = 28 * 28;
  const Random random(1);
  std::vector<std::uint8_t> images(count * pixels);
  std::vector<std::int32_t> labels(count);
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::uint8_t>(random.below(i, 256));
  for (std::size_t n = 0; n < count; ++n) labels[n] = static_cast<std::int32_t>(random.below(images.size() + n, 10));
  return {std::move(images), std::move(labels), {28, 28}};
}

/// `count` labelled samples of `features` values in [0, 1).
struct Samples {
  std::size_t features;
  std::vector<float> inputs;
  std::vector<std::int32_t> labels;

  Samples(std::size_t count, std::size_t width, std::size_t classes = 10) : features(width) {
    const Random random(1);
    for (std::size_t i = 0; i < count * features; ++i) inputs.push_back(static_cast<float>(random.uniform(i)));
    for (std::size_t n = 0; n < count; ++n)
      labels.push_back(static_cast<std::int32_t>(random.below(inputs.size() + n, classes)));
  }
  [[nodiscard]] Batch<float> batch() const { return {labels.size(), features, inputs, labels}; }
};

}  // namespace lifelong::benchmarks
