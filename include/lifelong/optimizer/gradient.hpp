// SPDX-License-Identifier: MIT
// Operations on a gradient before the step: its norm, clipping and accumulation.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/elementwise.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong {

namespace detail {

/// Σ g_i² of a chunk, in double and in a fixed order. It takes eight sums, so that additions need not wait for each
/// other.
template <class T>
double sum_of_squares(std::span<const T> chunk) {
  constexpr std::size_t lanes = 8;
  double sums[lanes] = {}, total = 0;
  const auto square = [&](std::size_t i) {
    const double value = static_cast<double>(chunk[i]);
    return value * value;
  };
  std::size_t i = 0;
  for (; i + lanes <= chunk.size(); i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += square(i + lane);
  for (; i < chunk.size(); ++i) total += square(i);
  for (const double sum : sums) total += sum;
  return total;
}

/// (g_i / scale)².
template <class T>
struct ScaledSquare {
  const T* gradient;
  T scale;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    const V value = load<V>(gradient, i) / V(scale);
    return value * value;
  }
};

/// |g_i|.
template <class T>
struct Magnitude {
  const T* gradient;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return abs(load<V>(gradient, i));
  }
};

/// g, cut off at `most` and -`most`. NaN stays NaN.
template <class T>
struct Clip {
  T most;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(V value) const {
    return max(min(value, V(most)), V(-most));
  }
};

}  // namespace detail

/// ‖g‖₂, summed in double in a fixed order, chunk by chunk; on a `DeviceBackend` it is summed in T, scaled by the
/// largest |g_i| so that squares do not overflow. It costs one pass. Here and below `gradient` lies where the backend
/// has its arrays, and results do not depend on the number of threads.
template <class T, class Backend = backend::Serial>
[[nodiscard]] double norm(std::span<const T> gradient, const Backend& backend = {}) {
  if constexpr (DeviceBackend<Backend>) {
    const T most = backend.template maximum<T>(gradient.size(), detail::Magnitude<T>{gradient.data()});
    const T scale = most > 0 ? most : T(1);
    return static_cast<double>(scale) *
           std::sqrt(backend.template sum<T>(gradient.size(), detail::ScaledSquare<T>{gradient.data(), scale}));
  } else {
    std::vector<double> partials(chunk_count(gradient.size()));
    detail::for_each_chunk(backend, gradient.size(), [&](std::size_t chunk, std::size_t begin, std::size_t end) {
      partials[chunk] = detail::sum_of_squares(gradient.subspan(begin, end - begin));
    });
    double total = 0;
    for (const double part : partials) total += part;
    return std::sqrt(total);
  }
}

/// g ← g · min(1, most / ‖g‖₂); returns ‖g‖₂ as it was. If the norm is not finite, g stays as it is, and the learner's
/// step then names the parameter. Pascanu 2013; PyTorch's `clip_grad_norm_` adds 1e-6 to the norm.
/// \throws InvalidArgument unless `most` > 0.
template <class T, class Backend = backend::Serial>
double clip_norm(std::span<T> gradient, double most, const Backend& backend = {}) {
  detail::require_positive("the norm to clip to", most);
  const double before = norm(std::span<const T>(gradient), backend);
  if (detail::is_finite(before) && before > most) {
    const detail::OwnLoop<T, Backend> own(backend, gradient.size());
    own.loop.each(detail::Scale<T>{gradient.data(), static_cast<T>(most / before)});
  }
  return before;
}

/// Cuts every g_i off at `most` and -`most`; NaN stays NaN. \throws InvalidArgument unless `most` > 0.
template <class T, class Backend = backend::Serial>
void clip_values(std::span<T> gradient, double most, const Backend& backend = {}) {
  detail::require_positive("the value to clip to", most);
  const detail::OwnLoop<T, Backend> own(backend, gradient.size());
  own.loop.each(detail::Apply<T, detail::Clip<T>>{gradient.data(), {static_cast<T>(most)}});
}

/// sum ← sum + share · g, which accumulates the gradients of batches that do not fit into memory together. If the share
/// of each is N_b / N, the sum is the mean over all N samples. \throws ShapeMismatch if the two differ in length.
template <class T, class Backend = backend::Serial>
void add_share(std::span<T> sum, std::span<const T> gradient, double share, const Backend& backend = {}) {
  detail::require_size("the gradient to be added", gradient.size(), sum.size());
  const detail::OwnLoop<T, Backend> own(backend, sum.size());
  own.loop.each(detail::AddMoment<T, moment::Sum>{sum.data(), gradient.data(), {}, static_cast<T>(share)});
}

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
