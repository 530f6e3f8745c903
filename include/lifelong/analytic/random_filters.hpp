// SPDX-License-Identifier: MIT
// Random filters over an image, ReLU and mean pooling: features that need no data and know what a neighbourhood is.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/analytic/keyed.hpp>
#include <lifelong/analytic/tiles.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>

namespace lifelong::analytic {

/// Settings of `RandomFilters`.
struct RandomFiltersOptions {
  std::size_t filters = 64;  ///< number of filters
  std::size_t side = 7;      ///< height and width of a filter
  std::size_t cells = 5;     ///< the image of a filter's answers is pooled to cells x cells means
  std::uint64_t seed = 0;
};

/// Features of an image of one channel: each filter, standard normal numbers made to have mean 0 and length 1, is laid
/// over every place where it fits, negative answers become 0, and the answers are averaged over cells. The edges of
/// cells are ⌊H' i / cells⌋ for H' places in a column, likewise across. Feature (cell · filters + f) is filter f's;
/// cells are counted row by row. The filters are a function of the seed alone, with the same bits with every C library.
///
/// With the defaults 28 x 28 pixels give 1,600 features for 1.5 million multiplications. It is a `Trunk`.
template <std::floating_point T>
class RandomFilters {
 public:
  using value_type = T;
  using Options = RandomFiltersOptions;
  static constexpr bool concurrent = true;

  /// \throws InvalidArgument for no filters, filters larger than the image, or more cells than there are places in a
  /// row or column; OutOfMemory.
  RandomFilters(std::size_t height, std::size_t width, Options options = {})
      : height_(height), width_(width), options_(options) {
    lifelong::detail::require_at_least("RandomFilters.filters", static_cast<double>(options.filters), 1);
    if (options.side == 0 || options.side > std::min(height, width))
      lifelong::detail::raise<InvalidArgument>("RandomFilters.side must be from 1 to the smaller side of the image, " +
                                               std::to_string(std::min(height, width)) + ", but is " +
                                               std::to_string(options.side));
    const std::size_t fits = std::min(height, width) - options.side + 1;
    if (options.cells == 0 || options.cells > fits)
      lifelong::detail::raise<InvalidArgument>("RandomFilters.cells must be from 1 to the " + std::to_string(fits) +
                                               " places of a filter, but is " + std::to_string(options.cells));
    const std::size_t most = std::size_t{1} << 24;
    const auto message = [&] {
      return std::to_string(options.filters) + " RandomFilters of " + std::to_string(options.side) + " x " +
             std::to_string(options.side) + " do not fit into memory";
    };
    if (options.filters > most || height > most || width > most) lifelong::detail::raise<OutOfMemory>(message());
    padded_ = (options.filters + padding - 1) / padding * padding;
    lifelong::detail::with_memory([&] { make_filters(); }, message);
  }

  [[nodiscard]] std::size_t inputs() const { return height_ * width_; }
  [[nodiscard]] std::size_t outputs() const { return options_.filters * options_.cells * options_.cells; }
  [[nodiscard]] std::size_t bytes() const { return taps_.size() * sizeof(T); }
  /// A number made of the settings, by which a saved head knows its trunk.
  [[nodiscard]] std::uint64_t fingerprint() const {
    return detail::fingerprint({2, height_, width_, options_.filters, options_.side, options_.cells, options_.seed});
  }
  /// The value of filter f at (row, column).
  [[nodiscard]] T tap(std::size_t f, std::size_t row, std::size_t column) const {
    return taps_[(row * options_.side + column) * padded_ + f];
  }

  /// Writes N x `outputs()` features. \throws ShapeMismatch; InvalidArgument for sequences of unequal length.
  void predict(const Batch<T>& batch, std::span<T> out) const {
    lifelong::detail::refuse_lengths(batch, "analytic::RandomFilters");
    lifelong::detail::check_inputs(batch, inputs());
    lifelong::detail::require_rows("the array for the features", out.size(), batch.size, outputs());
    using V = Packet<T>;
    for (std::size_t n = 0; n < batch.size; ++n)
      for (std::size_t f = 0; f < options_.filters; f += chunk<V>)
        for (std::size_t row = 0; row < options_.cells; ++row)
          for (std::size_t column = 0; column < options_.cells; ++column)
            pool<V>(batch.inputs.data() + n * inputs(), f, row, column, out.data() + n * outputs());
  }

 private:
  static constexpr std::size_t packets = 2;
  template <class V>
  static constexpr std::size_t chunk = packets* lane_count<V>;  // filters at a time
  static constexpr std::size_t padding = 32;                    // a multiple of any chunk
  static constexpr std::size_t places = 4;                      // neighbours at a time

  void make_filters() {
    const std::size_t area = options_.side * options_.side;
    taps_.resize(area * padded_);
    AlignedVector<double> filter(area);
    for (std::size_t f = 0; f < options_.filters; ++f) {
      detail::normal_row(Random(options_.seed, Purpose::initialization), f * area, true, std::span<double>(filter));
      for (std::size_t k = 0; k < area; ++k) taps_[k * padded_ + f] = static_cast<T>(filter[k]);
    }
  }

  /// The mean of one cell for a chunk of filters.
  template <class V>
  void pool(const T* image, std::size_t f, std::size_t row, std::size_t column, T* out) const {
    const std::size_t down = height_ - options_.side + 1, across = width_ - options_.side + 1, n = options_.cells;
    const std::size_t top = down * row / n, bottom = down * (row + 1) / n;
    const std::size_t left = across * column / n, right = across * (column + 1) / n;
    V sums[packets] = {V(T(0)), V(T(0))};
    for (std::size_t y = top; y < bottom; ++y) {
      std::size_t x = left;
      for (; x + places <= right; x += places) add_answers<places>(image + y * width_ + x, f, sums);
      for (; x < right; ++x) add_answers<1>(image + y * width_ + x, f, sums);
    }
    const T area = static_cast<T>((bottom - top) * (right - left));
    T means[chunk<V>];
    for (std::size_t p = 0; p < packets; ++p) store<V>(means, p * lane_count<V>, sums[p] / V(area));
    std::copy_n(means, std::min(chunk<V>, options_.filters - f), out + (row * n + column) * options_.filters + f);
  }

  /// Adds the answers at `count` neighbouring places, place by place.
  template <std::size_t count, class V>
  void add_answers(const T* corner, std::size_t f, V (&sums)[packets]) const {
    V answers[count][packets];
    detail::unroll<count>([&](auto i) { detail::unroll<packets>([&](auto p) { answers[i][p] = V(T(0)); }); });
    const T* tap = taps_.data() + f;
    for (std::size_t r = 0; r < options_.side; ++r)
      for (std::size_t c = 0; c < options_.side; ++c, tap += padded_) {
        V weight[packets];
        detail::unroll<packets>([&](auto p) { weight[p] = load<V>(tap, p * lane_count<V>); });
        detail::unroll<count>([&](auto i) {
          const V pixel(corner[r * width_ + c + i]);
          detail::unroll<packets>([&](auto p) { answers[i][p] = multiply_add(pixel, weight[p], answers[i][p]); });
        });
      }
    detail::unroll<count>(
        [&](auto i) { detail::unroll<packets>([&](auto p) { sums[p] = sums[p] + max(answers[i][p], V(T(0))); }); });
  }

  std::size_t height_, width_, padded_ = 0;
  Options options_;
  AlignedVector<T> taps_;  // for each place in a filter the values of all filters, padded by zeros
};

}  // namespace lifelong::analytic

#include <lifelong/config/pop_macros.hpp>
