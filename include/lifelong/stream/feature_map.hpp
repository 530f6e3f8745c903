// SPDX-License-Identifier: MIT
// A fixed sparse linear map on the features of an example: the permutation or rotation that makes a new task.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/core/shared.hpp>

namespace lifelong {

namespace detail {

/// out[j] = scale * sum_k weight[j * Taps + k] * in[index[j * Taps + k]]; the number of taps is a constant, so that the
/// compiler unrolls the sum.
template <std::size_t Taps, class S, class T>
void apply_taps(const std::uint32_t* __restrict index, const float* __restrict weight, const S* __restrict in, T scale,
                T* __restrict out, std::size_t count) {
  for (std::size_t j = 0; j < count; ++j) {
    T sum = 0;
    for (std::size_t k = 0; k < Taps; ++k)
      sum += static_cast<T>(weight[j * Taps + k]) * static_cast<T>(in[index[j * Taps + k]]);
    out[j] = scale * sum;
  }
}

/// Cosine and sine of an angle in degrees, exact at the multiples of 90.
struct Direction {
  double cosine, sine;

  static Direction of(double degrees) {
    constexpr Direction quarters[] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    const double turn = std::fmod(degrees, 360.0);
    if (std::fmod(turn, 90.0) == 0) return quarters[static_cast<int>(turn / 90) & 3];
    const double radians = turn * (3.14159265358979323846 / 180);
    return {std::cos(radians), std::sin(radians)};
  }
};

}  // namespace detail

/// out[j] = sum_k weight[j,k] * in[index[j,k]], with the same number of taps k for every output: 1 for a permutation, 4
/// for a bilinear rotation. A default-constructed map is the identity on any number of features. Copies share the
/// immutable tables, so copying costs nothing, and several threads may apply a map at once. A map of 4 taps takes about
/// 1 us on 784 features.
class FeatureMap {
 public:
  /// The identity.
  FeatureMap() = default;

  /// A map from `inputs` features by tables of outputs x taps, row-major.
  /// \throws InvalidArgument for 0 taps, an index outside the inputs or a weight that is not finite; ShapeMismatch for
  /// tables that differ in size or whose size is not a multiple of `taps`.
  FeatureMap(std::size_t inputs, std::size_t taps, std::vector<std::uint32_t> index, std::vector<float> weight)
      : inputs_(inputs), taps_(taps) {
    if (taps == 0) detail::raise<InvalidArgument>("FeatureMap needs at least 1 tap per output");
    if (index.size() % taps != 0)
      detail::raise<ShapeMismatch>("FeatureMap.index has " + std::to_string(index.size()) +
                                   " elements, not a multiple of " + std::to_string(taps) + " taps");
    detail::require_size("FeatureMap.weight", weight.size(), index.size());
    for (std::size_t t = 0; t < index.size(); ++t) check_tap(t, index[t], weight[t]);
    outputs_ = index.size() / taps;
    tables_ = Shared(Tables{std::move(index), std::move(weight)});
  }

  /// out[j] = in[p(j)], where p is a uniformly random permutation, which `random.shuffle` makes of 0 .. features-1.
  /// \throws InvalidArgument for more than 2^32 features.
  [[nodiscard]] static FeatureMap permutation(std::size_t features, const Random& random) {
    require_indexable(features);
    std::vector<std::uint32_t> index(features);
    for (std::size_t j = 0; j < features; ++j) index[j] = static_cast<std::uint32_t>(j);
    random.shuffle(std::span(index.data(), features));
    return {features, 1, std::move(index), std::vector<float>(features, 1.0f)};
  }

  /// Turns row-major images of height x width (`planes` of them per example, for example colours) clockwise as seen
  /// with row 0 on top, about the centre ((height-1)/2, (width-1)/2). Each output pixel is a bilinear mean of the four
  /// pixels around the place it comes from; pixels outside count as 0. Multiples of 360 degrees give the identity;
  /// other multiples of 90 move pixels without rounding. \throws InvalidArgument for an angle that is not finite, an
  /// empty image or more than 2^32 pixels.
  [[nodiscard]] static FeatureMap rotation(std::size_t height, std::size_t width, double clockwise_degrees,
                                           std::size_t planes = 1) {
    if (!detail::is_finite(clockwise_degrees))
      detail::raise<InvalidArgument>("the angle of a rotation must be finite, but is " +
                                     detail::text(clockwise_degrees));
    if (height == 0 || width == 0 || planes == 0)
      detail::raise<InvalidArgument>("an image to be rotated has no pixels");
    require_indexable(height, width, planes);
    if (std::fmod(clockwise_degrees, 360.0) == 0) return {};

    Taps taps(height, width, planes);
    const detail::Direction turn = detail::Direction::of(clockwise_degrees);
    const double centre_y = static_cast<double>(height - 1) / 2, centre_x = static_cast<double>(width - 1) / 2;
    for (std::size_t plane = 0; plane < planes; ++plane)
      for (std::size_t row = 0; row < height; ++row)
        for (std::size_t column = 0; column < width; ++column) {
          const double y = static_cast<double>(row) - centre_y, x = static_cast<double>(column) - centre_x;
          taps.sample(plane, centre_y + turn.cosine * y - turn.sine * x, centre_x + turn.sine * y + turn.cosine * x);
        }
    taps.drop_idle();
    FeatureMap map(height * width * planes, taps.per_output, std::move(taps.index), std::move(taps.weight));
    map.height_ = height;
    map.width_ = width;
    return map;
  }

  [[nodiscard]] bool identity() const { return !tables_; }
  /// Number of inputs that the map is made for; 0 for the identity, which takes any number.
  [[nodiscard]] std::size_t inputs() const { return inputs_; }
  /// Number of outputs; 0 for the identity, which has as many as inputs.
  [[nodiscard]] std::size_t outputs() const { return outputs_; }
  /// Taps per output; 0 for the identity.
  [[nodiscard]] std::size_t taps() const { return taps_; }
  /// Height and width of the images that a rotation turns and makes; 0 for other maps.
  [[nodiscard]] std::size_t height() const { return height_; }
  [[nodiscard]] std::size_t width() const { return width_; }
  /// The tables, outputs x taps, row-major; empty for the identity.
  [[nodiscard]] std::span<const std::uint32_t> index() const LIFELONG_LIFETIME_BOUND {
    return tables_ ? std::span<const std::uint32_t>(tables_->index) : std::span<const std::uint32_t>{};
  }
  [[nodiscard]] std::span<const float> weight() const LIFELONG_LIFETIME_BOUND {
    return tables_ ? std::span<const float>(tables_->weight) : std::span<const float>{};
  }

  /// out = scale * map(in). The arrays must not overlap. Sums run over k = 0, 1, ... in T.
  /// \throws ShapeMismatch unless `in` and `out` have exactly the map's sizes.
  template <class S, class T>
  void apply(std::span<const S> in, T scale, std::span<T> out) const {
    detail::require_size("the input of a FeatureMap", in.size(), identity() ? out.size() : inputs_);
    detail::require_size("the output of a FeatureMap", out.size(), identity() ? in.size() : outputs_);
    if (identity())
      for (std::size_t j = 0; j < out.size(); ++j) out[j] = scale * static_cast<T>(in[j]);
    else
      apply_tables(in.data(), scale, out.data());
  }

 private:
  struct Tables {
    std::vector<std::uint32_t> index;
    std::vector<float> weight;
  };

  /// Collects the bilinear taps of a rotation.
  struct Taps {
    Taps(std::size_t h, std::size_t w, std::size_t planes)
        : index(4 * h * w * planes), weight(4 * h * w * planes), height(h), width(w) {}

    /// The next output is the value at (y, x) of `plane`.
    void sample(std::size_t plane, double y, double x) {
      const double top = std::floor(y), left = std::floor(x);
      const double down = y - top, right = x - left;
      add(plane, top, left, (1 - down) * (1 - right));
      add(plane, top, left + 1, (1 - down) * right);
      add(plane, top + 1, left, down * (1 - right));
      add(plane, top + 1, left + 1, down * right);
    }

    /// Keeps one tap per output if no output has more than one weight.
    void drop_idle() {
      std::vector<std::uint32_t> single_index(index.size() / 4);
      std::vector<float> single_weight(index.size() / 4);
      for (std::size_t t = 0; t < index.size(); ++t) {
        if (weight[t] == 0) continue;
        if (single_weight[t / 4] != 0) return;
        single_index[t / 4] = index[t];
        single_weight[t / 4] = weight[t];
      }
      index = std::move(single_index);
      weight = std::move(single_weight);
      per_output = 1;
    }

    std::vector<std::uint32_t> index;
    std::vector<float> weight;
    std::size_t per_output = 4;

   private:
    /// Adds a tap. A pixel outside the image becomes the nearest one inside, with weight 0.
    void add(std::size_t plane, double y, double x, double w) {
      const std::size_t row = nearest(y, height), column = nearest(x, width);
      const bool inside = static_cast<double>(row) == y && static_cast<double>(column) == x;
      index[count] = static_cast<std::uint32_t>((plane * height + row) * width + column);
      weight[count] = inside ? static_cast<float>(w) : 0.0f;
      ++count;
    }
    static std::size_t nearest(double position, std::size_t extent) {
      if (position <= 0) return 0;
      return position >= static_cast<double>(extent - 1) ? extent - 1 : static_cast<std::size_t>(position);
    }
    std::size_t height, width, count = 0;
  };

  void check_tap(std::size_t t, std::uint32_t index, float weight) const {
    if (index >= inputs_)
      detail::raise<InvalidArgument>("FeatureMap.index[" + std::to_string(t) + "] is " + std::to_string(index) +
                                     ", but there are only " + std::to_string(inputs_) + " inputs");
    if (!detail::is_finite(weight))
      detail::raise<InvalidArgument>("FeatureMap.weight[" + std::to_string(t) + "] is not finite");
  }

  static void require_indexable(std::size_t height, std::size_t width = 1, std::size_t planes = 1) {
    const double features = static_cast<double>(height) * static_cast<double>(width) * static_cast<double>(planes);
    if (features > 0x1p32)
      detail::raise<InvalidArgument>("a FeatureMap has at most 2^32 features, not " + detail::text(features));
  }

  template <class S, class T>
  void apply_tables(const S* in, T scale, T* out) const {
    const std::uint32_t* index = tables_->index.data();
    const float* weight = tables_->weight.data();
    if (taps_ == 1) return detail::apply_taps<1>(index, weight, in, scale, out, outputs_);
    if (taps_ == 4) return detail::apply_taps<4>(index, weight, in, scale, out, outputs_);
    for (std::size_t j = 0; j < outputs_; ++j) {
      T sum = 0;
      for (std::size_t t = j * taps_; t < (j + 1) * taps_; ++t)
        sum += static_cast<T>(weight[t]) * static_cast<T>(in[index[t]]);
      out[j] = scale * sum;
    }
  }

  Shared<Tables> tables_;
  std::size_t inputs_ = 0, outputs_ = 0, taps_ = 0, height_ = 0, width_ = 0;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
