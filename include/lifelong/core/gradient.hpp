// What training loops do to a gradient before the step.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include <lifelong/core/error.hpp>

namespace lifelong {

/// ‖g‖₂, summed in double in a fixed order. Costs one pass.
template <class T>
[[nodiscard]] double norm(std::span<const T> gradient) {
  constexpr std::size_t lanes = 8;
  double sums[lanes] = {}, total = 0;
  const auto square = [&](std::size_t i) {
    const double value = static_cast<double>(gradient[i]);
    return value * value;
  };
  std::size_t i = 0;
  for (; i + lanes <= gradient.size(); i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += square(i + lane);
  for (; i < gradient.size(); ++i) total += square(i);
  for (const double sum : sums) total += sum;
  return std::sqrt(total);
}

/// g ← g · min(1, most / ‖g‖₂); returns ‖g‖₂ as it was. A norm that is not finite leaves g alone: the learner's step
/// then names the parameter. Pascanu 2013; PyTorch's `clip_grad_norm_` adds 1e-6 to the norm.
/// \throws InvalidArgument unless `most` > 0.
template <class T>
double clip_norm(std::span<T> gradient, double most) {
  detail::require_positive("the norm to clip to", most);
  const double before = norm(std::span<const T>(gradient));
  if (before > most && before - before == 0) {
    const T share = static_cast<T>(most / before);
    for (T& value : gradient) value *= share;
  }
  return before;
}

/// g_i ← g_i, but at most `most` and at least -`most`; NaN stays. \throws InvalidArgument unless `most` > 0.
template <class T>
void clip_values(std::span<T> gradient, double most) {
  detail::require_positive("the value to clip to", most);
  const T bound = static_cast<T>(most);
  for (T& value : gradient) value = value > bound ? bound : value < -bound ? -bound : value;
}

/// sum ← sum + share · g: accumulates the gradients of batches that do not fit into memory together. With a share of
/// N_b / N each, the mean over all N samples. \throws ShapeMismatch.
template <class T>
void add_share(std::span<T> sum, std::span<const T> gradient, double share) {
  detail::require_size("the gradient to be added", gradient.size(), sum.size());
  const T factor = static_cast<T>(share);
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += factor * gradient[i];
}

}  // namespace lifelong
