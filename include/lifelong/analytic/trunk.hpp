// SPDX-License-Identifier: MIT
// What lies before an analytic head: a fixed map from inputs to features.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <lifelong/analytic/tiles.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/present_samples.hpp>

namespace lifelong::analytic {

/// A fixed map from `inputs()` values to `outputs()` features: any `PredictiveModel` with `inputs()`, such as a network
/// whose last layers were left away, `RandomFilters`, or a class of your own. It must give the same features for the
/// same inputs for as long as a head lies on it. With `static constexpr bool concurrent = true` several threads may
/// call its `predict` at once. With `fingerprint() const`, a number made of its settings, a saved head is refused on
/// another trunk.
template <class F>
concept Trunk = lifelong::detail::has_value_type<F> && PredictiveModel<F> && requires(F& trunk) {
  { trunk.inputs() } -> std::convertible_to<std::size_t>;
};

namespace detail {

template <class F>
consteval bool require_trunk() {
  static_assert(lifelong::detail::has_value_type<F>, "analytic::Trunk: the trunk needs value_type, float or double");
  static_assert(lifelong::detail::require_predictive_model<F>());
  static_assert(Trunk<F>, "analytic::Trunk: the trunk needs inputs(), the number of its inputs");
  return true;
}

/// Below this bound sums of squares stay finite, whatever their number.
inline constexpr double largest_value = 0x1p+256;

/// \throws NumericError for a value above the bound or not finite. `values` has `width` for each sample.
template <class T>
void require_summable(std::span<const T> values, std::size_t width, const char* what) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = static_cast<double>(values[i]);
    if (!lifelong::detail::is_finite(value) || value > largest_value || value < -largest_value)
      lifelong::detail::refuse_element(i, width, what, value);
  }
}

/// The trunk of a head, and the features of its last batch.
template <class F>
class TrunkRows {
 public:
  using T = typename F::value_type;

  /// `ones` features of 1 are put behind those of the trunk. \throws InvalidArgument for a trunk without features.
  TrunkRows(F trunk, std::size_t ones) : trunk_(std::move(trunk)), count_(trunk_.outputs()), ones_(ones) {
    if (count_ == 0) raise<InvalidArgument>("an analytic head needs a trunk with at least 1 feature");
    panels_ = Panels(count_ + ones_);
  }

  [[nodiscard]] F& trunk() LIFELONG_LIFETIME_BOUND { return trunk_; }
  [[nodiscard]] const F& trunk() const LIFELONG_LIFETIME_BOUND { return trunk_; }
  /// Features, those of 1 included.
  [[nodiscard]] std::size_t features() const { return count_ + ones_; }
  [[nodiscard]] std::size_t bytes() const { return panels_.bytes() + features_.size() * sizeof(T); }
  /// A number that stands for the trunk, 0 if it has none.
  [[nodiscard]] std::uint64_t fingerprint() const {
    if constexpr (requires { trunk_.fingerprint(); })
      return trunk_.fingerprint();
    else
      return 0;
  }

  /// The samples of a batch that are there, their inputs and weights checked. \throws as `PresentSamples`,
  /// `check_inputs`; NumericError, which names the sample, for an input that is not finite or a weight above 2²⁵⁶.
  Batch<T> present(const Batch<T>& batch) {
    const Batch<T> samples = present_.of(batch);
    lifelong::detail::check_inputs(samples, trunk_.inputs());
    lifelong::detail::require_finite_rows(samples.inputs.first(samples.size * samples.features), samples.features,
                                          "input");
    require_summable(samples.weights, 1, "weight");
    return samples;
  }

  /// The features of a checked batch; valid until the next call. \throws NumericError, which names sample and feature,
  /// for one that is not finite or above 2²⁵⁶; OutOfMemory.
  template <class Backend>
  Panels& of(const Batch<T>& batch, const Backend& backend) {
    make_room(batch.size);
    const std::span<T> features = std::span(features_).first(batch.size * count_);
    run(batch, features, backend);
    require_summable(std::span<const T>(features), count_, "feature");
    panels_.resize(batch.size);
    for (std::size_t n = 0; n < batch.size; ++n) {
      const T* const row = features.data() + n * count_;
      for (std::size_t first = 0; first < count_; first += side) {
        double* const to = &panels_.at(n, first);
        for (std::size_t k = 0; k < std::min(side, count_ - first); ++k) to[k] = static_cast<double>(row[first + k]);
      }
      if (ones_ > 0) panels_.at(n, count_) = 1;
    }
    return panels_;
  }
  /// The features that were made last.
  [[nodiscard]] const Panels& last() const LIFELONG_LIFETIME_BOUND { return panels_; }

 private:
  void make_room(std::size_t samples) {
    const auto message = [&] {
      return std::to_string(count_) + " features of each of " + std::to_string(samples) +
             " samples do not fit into memory";
    };
    if (samples > static_cast<std::size_t>(-1) / count_) raise<OutOfMemory>(message());
    lifelong::detail::with_memory(
        [&] {
          if (features_.size() < samples * count_) features_.resize(samples * count_);
        },
        message);
  }

  template <class Backend>
  void run(const Batch<T>& batch, std::span<T> out, const Backend& backend) {
    if constexpr (requires { requires F::concurrent; }) {
      constexpr std::size_t samples_at_once = 16;
      backend.parallel_for((batch.size + samples_at_once - 1) / samples_at_once, [&](std::size_t piece) {
        const std::size_t first = piece * samples_at_once, count = std::min(samples_at_once, batch.size - first);
        trunk_.predict(batch.slice(first, count), out.subspan(first * count_, count * count_));
      });
    } else {
      trunk_.predict(batch, out);
    }
  }

  F trunk_;
  std::size_t count_, ones_;
  PresentSamples<T> present_;
  AlignedVector<T> features_;
  Panels panels_;
};

}  // namespace detail

/// The inputs themselves as features.
template <std::floating_point T>
class Identity {
 public:
  using value_type = T;
  static constexpr bool concurrent = true;

  /// \throws InvalidArgument for no inputs.
  explicit Identity(std::size_t inputs) : inputs_(inputs) {
    lifelong::detail::require_at_least("Identity.inputs", static_cast<double>(inputs), 1);
  }
  [[nodiscard]] std::size_t inputs() const { return inputs_; }
  [[nodiscard]] std::size_t outputs() const { return inputs_; }
  /// Copies the inputs. \throws ShapeMismatch; InvalidArgument for sequences of unequal length.
  void predict(const Batch<T>& batch, std::span<T> out) const {
    lifelong::detail::refuse_lengths(batch, "analytic::Identity");
    lifelong::detail::check_inputs(batch, inputs_);
    lifelong::detail::require_rows("the array for the features", out.size(), batch.size, inputs_);
    std::copy_n(batch.inputs.begin(), out.size(), out.begin());
  }

 private:
  std::size_t inputs_;
};

}  // namespace lifelong::analytic

#include <lifelong/config/pop_macros.hpp>
