// SPDX-License-Identifier: MIT
// Normalisation of each channel over the batch.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/normalization.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// y = γ_c x̂ + β_c, x̂ = (x - μ_c) / √(σ²_c + ε): PyTorch's `BatchNorm1d` and `2d` on {channels}, {channels, length}
/// or {channels, height, width}. The parameters are `weight` γ {channels}, ones at first, and `bias` β {channels},
/// zeros at first. Ioffe 2015.
///
/// In training μ and σ² are the mean and variance (1/count) over the batch and its pixels, and each step moves the
/// buffers `running_mean` and `running_var` by `momentum` towards the batch's mean and variance (1/(count - 1)). A
/// batch whose loss is not finite moves nothing. In evaluation μ and σ² are these buffers. Samples then do not depend
/// on each other, m is applied to each sample's Σ_p dy x̂ and Σ_p dy, and moments are exact. Without running statistics
/// evaluation uses those of the batch, and there are neither moments nor pullbacks.
struct BatchNorm {
  std::size_t channels = 0;
  double momentum = 0.1;
  bool running_statistics = true;
  double epsilon = 1e-5;
  std::size_t positions = 1;  ///< pixels per sample, found by `connect`

  static constexpr bool in_place = true;

  [[nodiscard]] Shape expected() const { return {}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "BatchNorm(channels " + std::to_string(channels) + ", momentum " + lifelong::detail::exact_text(momentum) +
           ", epsilon " + lifelong::detail::exact_text(epsilon) +
           (running_statistics ? ")" : ", statistics of the batch)");
  }

  /// \throws InvalidArgument for 0 channels, a momentum outside [0, 1] or ε <= 0, ShapeMismatch unless the first extent
  /// is `channels`.
  Shape connect(Shape in) {
    if (channels == 0) lifelong::detail::raise<InvalidArgument>(name() + " must have at least 1 channel");
    lifelong::detail::require_between("BatchNorm.momentum", momentum, 0, 1);
    lifelong::detail::require_positive("BatchNorm.epsilon", epsilon);
    if (in.rank() == 0 || in[0] != channels)
      lifelong::detail::raise<ShapeMismatch>(name() + " takes " + std::to_string(channels) + " channels but is given " +
                                             in.text());
    positions = in.size() / channels;
    return in;
  }

  /// \throws InvalidArgument without running statistics.
  void require_samples_apart() const {
    if (!running_statistics)
      lifelong::detail::raise<InvalidArgument>(
          name() +
          " has no running statistics: its outputs for a sample depend on the rest of the batch, so there is "
          "no gradient of one sample. Use running_statistics = true, or GroupNorm or LayerNorm");
  }

  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".weight", {channels}, BlockKind::normalization);
    layout.add(prefix + ".bias", {channels}, BlockKind::normalization);
  }
  void declare_buffers(Layout& layout, const std::string& prefix) const {
    if (!running_statistics) return;
    layout.add(prefix + ".running_mean", {channels}, BlockKind::normalization);
    layout.add(prefix + ".running_var", {channels}, BlockKind::normalization);
  }

  template <class T>
  void initialize(std::span<T> own, const Random&, std::uint64_t) const {
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = i < channels ? T(1) : T(0);
  }
  template <class T>
  void initialize_buffers(std::span<T> buffers) const {
    for (std::size_t i = 0; i < buffers.size(); ++i) buffers[i] = i < channels ? T(0) : T(1);
  }

  /// \throws InvalidArgument if statistics would be those of a single value per channel.
  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    for (std::size_t k = 0; k < 2; ++k) detail::grow(flow.memory.array(k), channels);
    T *mean = flow.memory.array(0).data(), *scale = flow.memory.array(1).data();
    if (of_batch(flow)) {
      take_statistics(backend, flow, x);
    } else {
      for (std::size_t c = 0; c < channels; ++c) {
        mean[c] = flow.buffers[c];
        scale[c] = flow.buffers[channels + c];
      }
    }
    for (std::size_t c = 0; c < channels; ++c) scale[c] = T(1) / sqrt(scale[c] + static_cast<T>(epsilon));
    stretches(flow).normalize(backend, flow.theta.data(), x, y);
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T> out) const {
    const auto values = stretches(flow);
    const T* gamma = flow.theta.data();
    detail::grow(flow.scratch, 2 * x.count * channels);
    const Rows<T> products{flow.scratch.data(), x.count, channels};
    const Rows<T> sums{flow.scratch.data() + products.size(), x.count, channels};
    values.gradients(backend, x, Rows<const T>(dy), products.data, sums.data);
    if (!out.empty()) {
      const bool add = pass.add || !pass.first();
      detail::sum_samples(backend, pass.moment, Rows<const T>(products), add, out.data());
      detail::sum_samples(backend, pass.moment, Rows<const T>(sums), add, out.data() + channels);
    }
    if (!of_batch(flow)) {
      values.backward(backend, gamma, x, Rows<const T>(dy), dx, [](std::size_t) { return detail::Back<T>{0, 0}; });
      return;
    }
    for (std::size_t k = 2; k < 4; ++k) detail::grow(flow.memory.array(k), channels);
    T *all_products = flow.memory.array(2).data(), *all_sums = flow.memory.array(3).data();
    detail::sum_samples(backend, moment::Sum{}, Rows<const T>(products), false, all_products);
    detail::sum_samples(backend, moment::Sum{}, Rows<const T>(sums), false, all_sums);
    const T share = T(1) / static_cast<T>(x.count * positions);
    values.backward(backend, gamma, x, Rows<const T>(dy), dx, [=, this](std::size_t r) {
      const std::size_t c = r % channels;
      return detail::Back<T>{gamma[c] * all_sums[c] * share, gamma[c] * all_products[c] * share};
    });
  }

 private:
  [[nodiscard]] std::string name() const { return "BatchNorm{" + std::to_string(channels) + "}"; }

  template <class T>
  [[nodiscard]] bool of_batch(const Flow<T>& flow) const {
    return flow.mode == Mode::train || !running_statistics;
  }

  template <class T>
  auto stretches(const Flow<T>& flow) const {
    const auto of = [mean = flow.memory.array(0).data(), scale = flow.memory.array(1).data(),
                     count = channels](std::size_t r) {
      return detail::Statistics<T>{mean[r % count], scale[r % count]};
    };
    return detail::ChannelsFirst<T, decltype(of)>{channels, positions, of};
  }

  /// Sets array 0 to the mean and array 1 to the variance over the batch; in training it moves the buffers.
  template <class T, class Backend>
  void take_statistics(const Backend& backend, const Flow<T>& flow, Rows<const T> x) const {
    const std::size_t count = x.count * positions;
    if (count == 1)
      lifelong::detail::raise<InvalidArgument>(name() + " cannot take statistics of a single value per channel");
    T *mean = flow.memory.array(0).data(), *variance = flow.memory.array(1).data();
    const T share = T(1) / static_cast<T>(count);
    mean_over_batch(backend, flow, x, share, mean, []<class V>(V value, T) { return value; });
    mean_over_batch(backend, flow, x, share, variance, []<class V>(V value, T center) {
      const V d = value - V(center);
      return d * d;
    });
    if (flow.mode != Mode::train || !running_statistics) return;
    const T keep = static_cast<T>(1 - momentum), move = static_cast<T>(momentum);
    const T unbiased = static_cast<T>(count) / static_cast<T>(count - 1);
    for (std::size_t c = 0; c < channels; ++c) {
      flow.buffers[c] = keep * flow.buffers[c] + move * mean[c];
      flow.buffers[channels + c] = keep * flow.buffers[channels + c] + move * unbiased * variance[c];
    }
  }

  /// to[c] = share · Σ_n Σ_p term(x, array 0 [c]).
  template <class T, class Backend, class Term>
  void mean_over_batch(const Backend& backend, const Flow<T>& flow, Rows<const T> x, T share, T* to,
                       const Term& term) const {
    detail::grow(flow.scratch, x.count * channels);
    T* sums = flow.scratch.data();
    const T* center = flow.memory.array(0).data();
    detail::for_each_range(backend, x.count * channels, 4 * positions, [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r)
        sums[r] = detail::total<T>(positions, [&, from = x.data + r * positions]<class V>(std::size_t i) {
          return term(load<V>(from, i), center[r % channels]);
        });
    });
    detail::sum_samples(backend, moment::Sum{}, Rows<const T>{sums, x.count, channels}, false, to);
    for (std::size_t c = 0; c < channels; ++c) to[c] *= share;
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
