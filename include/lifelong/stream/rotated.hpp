// SPDX-License-Identifier: MIT
// Tasks that turn the images, as in rotated MNIST.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/stream/task.hpp>

namespace lifelong::stream {

/// How `rotated` makes its tasks.
struct RotatedOptions {
  Scenario scenario = Scenario::domain;
};

/// Makes one task per angle, in degrees clockwise, on the same data, with the images turned by `FeatureMap::rotation`
/// (Lopez-Paz and Ranzato 2017). The last two extents of the data's shape are height and width, those before them
/// planes. The tasks are lazy: each holds one table of features x 32 bytes. \throws InvalidArgument without angles, for
/// an angle that is not finite, for data that are not images, or for real targets outside Scenario::domain;
/// ShapeMismatch if train and test differ in shape.
template <class S>
[[nodiscard]] Stream<S> rotated(const SplitData<S>& data, std::span<const double> degrees,
                                RotatedOptions options = {}) {
  const std::vector<std::size_t>& shape = data.train.shape();
  if (shape.size() < 2)
    detail::raise<InvalidArgument>("rotated needs images of height x width, but an example has shape {" +
                                   detail::shape_text(shape) + "}");
  if (shape != data.test.shape())
    detail::raise<ShapeMismatch>("train images are " + detail::shape_text(shape) + ", test images " +
                                 detail::shape_text(data.test.shape()));
  const std::size_t height = shape[shape.size() - 2], width = shape.back();
  std::vector<FeatureMap> maps;
  std::vector<std::string> names;
  for (const double angle : degrees) {
    maps.push_back(FeatureMap::rotation(height, width, angle, data.train.features() / (height * width)));
    names.push_back("rotation " + detail::text(angle));
  }
  return detail::mapped_stream(data, maps, std::move(names), options.scenario);
}

/// The same, so that one can write `rotated(data, {0, 20, 40})`.
template <class S>
[[nodiscard]] Stream<S> rotated(const SplitData<S>& data, std::initializer_list<double> degrees,
                                RotatedOptions options = {}) {
  return rotated(data, std::span<const double>(degrees.begin(), degrees.size()), options);
}

}  // namespace lifelong::stream

#include <lifelong/config/pop_macros.hpp>
