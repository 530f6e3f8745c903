// SPDX-License-Identifier: MIT
// Normalisation over groups of channels of each sample.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/normalization.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// y = γ_c x̂ + β_c, x̂ = (x - mean) / √(variance + ε) over a sample's values in each of the `groups` groups of
/// neighbouring channels, where the variance has 1/count: PyTorch's `GroupNorm(groups, channels)` on {channels},
/// {channels, length} or {channels, height, width}. The parameters are `weight` γ {channels}, ones at first, and `bias`
/// β {channels}, zeros at first. Wu & He 2018.
///
/// The pixels share γ and β, so m is applied to each sample's Σ_p dy x̂ and Σ_p dy, and moments are exact.
struct GroupNorm {
  std::size_t groups = 0;
  std::size_t channels = 0;
  double epsilon = 1e-5;
  std::size_t positions = 1;  ///< pixels per sample, found by `connect`

  static constexpr bool in_place = true;

  [[nodiscard]] Shape expected() const { return {}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "GroupNorm(groups " + std::to_string(groups) + ", channels " + std::to_string(channels) + ", epsilon " +
           lifelong::detail::exact_text(epsilon) + ")";
  }

  /// \throws InvalidArgument unless the groups divide the channels and ε > 0, ShapeMismatch unless the first extent is
  /// `channels`.
  Shape connect(Shape in) {
    const std::string name = "GroupNorm{" + std::to_string(groups) + ", " + std::to_string(channels) + "}";
    if (groups == 0 || channels == 0 || channels % groups != 0)
      lifelong::detail::raise<InvalidArgument>(name + " must have channels that its groups divide");
    lifelong::detail::require_positive("GroupNorm.epsilon", epsilon);
    if (in.rank() == 0 || in[0] != channels)
      lifelong::detail::raise<ShapeMismatch>(name + " takes " + std::to_string(channels) + " channels but is given " +
                                             in.text());
    positions = in.size() / channels;
    return in;
  }

  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".weight", {channels}, BlockKind::normalization);
    layout.add(prefix + ".bias", {channels}, BlockKind::normalization);
  }

  template <class T>
  void initialize(std::span<T> own, const Random&, std::uint64_t) const {
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = i < channels ? T(1) : T(0);
  }

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    const std::size_t sets = x.count * groups, length = channels / groups * positions;
    for (std::size_t k = 0; k < 2; ++k) detail::grow(flow.memory.array(k), sets);
    T *mean = flow.memory.array(0).data(), *scale = flow.memory.array(1).data();
    detail::for_each_range(backend, sets, 8 * length, [&](std::size_t begin, std::size_t end) {
      for (std::size_t s = begin; s < end; ++s) {
        const detail::Statistics<T> found = detail::statistics(x.data + s * length, length, epsilon);
        mean[s] = found.mean;
        scale[s] = found.scale;
      }
    });
    stretches(flow).normalize(backend, flow.theta.data(), x, y);
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T> out) const {
    const auto values = stretches(flow);
    detail::grow(flow.scratch, 2 * x.count * channels);
    T *products = flow.scratch.data(), *sums = products + x.count * channels;
    values.gradients(backend, x, Rows<const T>(dy), products, sums);
    if (!out.empty()) {
      const bool add = pass.add || !pass.first();
      detail::sum_samples(backend, pass.moment, Rows<const T>{products, x.count, channels}, add, out.data());
      detail::sum_samples(backend, pass.moment, Rows<const T>{sums, x.count, channels}, add, out.data() + channels);
    }
    for (std::size_t k = 2; k < 4; ++k) detail::grow(flow.memory.array(k), x.count * groups);
    T *back_mean = flow.memory.array(2).data(), *back_variance = flow.memory.array(3).data();
    const std::size_t size = channels / groups;
    const T* gamma = flow.theta.data();
    for (std::size_t s = 0; s < x.count * groups; ++s) {
      back_mean[s] = mean_over_group(gamma, sums, s);
      back_variance[s] = mean_over_group(gamma, products, s);
    }
    values.backward(backend, gamma, x, Rows<const T>(dy), dx, [=](std::size_t r) {
      return detail::Back<T>{back_mean[r / size], back_variance[r / size]};
    });
  }

 private:
  template <class T>
  auto stretches(const Flow<T>& flow) const {
    const auto of = [mean = flow.memory.array(0).data(), scale = flow.memory.array(1).data(),
                     size = channels / groups](std::size_t r) {
      return detail::Statistics<T>{mean[r / size], scale[r / size]};
    };
    return detail::ChannelsFirst<T, decltype(of)>{channels, positions, of};
  }

  /// The mean over the values of group s, where groups are counted over all samples, of γ times the sums of the
  /// channels.
  template <class T>
  T mean_over_group(const T* gamma, const T* channel_sums, std::size_t s) const {
    const std::size_t size = channels / groups;
    T total = 0;
    for (std::size_t r = s * size; r < (s + 1) * size; ++r) total += gamma[r % channels] * channel_sums[r];
    return total / static_cast<T>(size * positions);
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
