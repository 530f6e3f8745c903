// SPDX-License-Identifier: MIT
// Examples whose mean is close to the mean of all, in an order that stays when fewer are wanted.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/rehearsal/features.hpp>

namespace lifelong::rehearsal {

/// The share of one class when `capacity` examples are kept of `classes` classes: rounded down, so all together are
/// never more than the capacity. \throws InvalidArgument if not one example of each can be kept.
[[nodiscard]] inline std::size_t share_of_class(std::size_t capacity, std::size_t classes) {
  if (classes > capacity)
    detail::raise<InvalidArgument>("a capacity of " + std::to_string(capacity) +
                                   " examples has no room for one of each of " + std::to_string(classes) + " classes");
  return classes == 0 ? capacity : capacity / classes;
}

/// Herding (iCaRL, Rebuffi et al. 2017, algorithm 4; Welling 2009). With φ the features scaled to length 1 and μ their
/// mean, which is not scaled, example number k = 1, 2, ... is
///
///     p_k = argmin_x ‖μ − (φ(x) + Σ_{j<k} φ(p_j)) / k‖ = argmax_x ⟨k μ − Σ_{j<k} φ(p_j), φ(x)⟩
///
/// among those that were not taken yet; of equal ones the first. So the order is one of priority: to keep fewer is to
/// keep a prefix. It costs O(count · N · width), in double. Here we differ from the paper's program, which may take an
/// example again, and from those that do not scale the features (Avalanche) or scale μ (van de Ven). The object owns
/// work arrays.
class Herding {
 public:
  /// The numbers of the first `count` of N examples, all if there are fewer; `features` are N x width, row-major. Valid
  /// until the next call. \throws ShapeMismatch for an array that is not made of such rows; NumericError, which names
  /// the example, for features that are all 0, or not finite; OutOfMemory.
  template <class T>
  [[nodiscard]] std::span<const std::uint32_t> operator()(std::span<const T> features, std::size_t width,
                                                          std::size_t count) LIFELONG_LIFETIME_BOUND {
    if (width == 0 || features.size() % width != 0)
      detail::refuse_size("the array of features", features.size(),
                          "multiples of " + std::to_string(width) + " are needed");
    const std::size_t size = features.size() / width;
    reserve(size, width);
    features_detail::directions_of(features, width, std::span<double>(directions_));
    find_mean(size);
    wanted_ = mean_;
    for (std::size_t k = 0; k < count && k < size; ++k) take(closest(size));
    return order_;
  }

 private:
  void reserve(std::size_t size, std::size_t width) {
    detail::with_memory(
        [&] {
          directions_.resize(size * width);
          mean_.assign(width, 0);
          wanted_.reserve(width);
          taken_.assign(size, 0);
          order_.clear();
          order_.reserve(size);
        },
        [&] { return "no memory to choose among " + std::to_string(size) + " examples by their features"; });
  }
  void find_mean(std::size_t size) {
    for (std::size_t k = 0; k < directions_.size(); ++k) mean_[k % mean_.size()] += directions_[k];
    for (double& value : mean_) value /= static_cast<double>(size);
  }
  [[nodiscard]] std::size_t closest(std::size_t size) const {
    std::size_t best = size;
    double most = 0;
    for (std::size_t n = 0; n < size; ++n) {
      if (taken_[n] != 0) continue;
      double product = 0;
      for (std::size_t k = 0; k < wanted_.size(); ++k) product += wanted_[k] * directions_[n * wanted_.size() + k];
      if (best == size || product > most) {
        best = n;
        most = product;
      }
    }
    return best;
  }
  void take(std::size_t n) {
    taken_[n] = 1;
    order_.push_back(static_cast<std::uint32_t>(n));
    for (std::size_t k = 0; k < wanted_.size(); ++k) wanted_[k] += mean_[k] - directions_[n * wanted_.size() + k];
  }

  std::vector<double> directions_, mean_, wanted_;  // wanted: k μ − Σ φ(p_j)
  std::vector<std::uint8_t> taken_;
  std::vector<std::uint32_t> order_;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
