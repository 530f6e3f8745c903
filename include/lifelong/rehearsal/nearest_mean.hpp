// SPDX-License-Identifier: MIT
// The class whose examples have the closest mean.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/backend/serial.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/present_samples.hpp>
#include <lifelong/rehearsal/features.hpp>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/loader.hpp>
#include <lifelong/stream/shape.hpp>

namespace lifelong::rehearsal {

/// Nearest mean of exemplars (iCaRL, Rebuffi et al. 2017). With φ the features of `trunk` scaled to length 1 and μ_c
/// the mean Σ_n w_n φ(x_n) of the examples of class c, scaled to length 1,
///
///     output c = ⟨μ_c, φ(x)⟩ = 1 − ½ ‖φ(x) − μ_c‖²
///
/// so the largest output is that of the closest mean. A class without examples has the lowest finite output and cannot
/// win. The means are in double and do not depend on how examples come in batches. The features must stay as they are:
/// a network that goes on learning needs a new classifier. `F` is a `PredictiveModel` with `inputs()`, such as
/// `FeaturesOf` a network; the classifier is a `PredictiveModel` of the same `value_type`.
template <class F>
class NearestMean {
  static_assert(detail::require_predictive_model<F>());

 public:
  using value_type = typename F::value_type;
  using T = value_type;
  static constexpr bool weighs_samples = true;

  /// \throws InvalidArgument for no outputs, or a trunk without features; OutOfMemory.
  NearestMean(F trunk, std::size_t outputs) : trunk_(std::move(trunk)), width_(trunk_.outputs()) {
    detail::require_outputs(outputs);
    if (width_ == 0) detail::raise<InvalidArgument>("NearestMean needs a trunk with at least 1 feature");
    const auto message = [&] {
      return std::to_string(outputs) + " means of " + std::to_string(width_) + " features do not fit into memory";
    };
    if (outputs > (static_cast<std::size_t>(-1) >> 4) / width_) detail::raise<OutOfMemory>(message());
    detail::with_memory(
        [&] {
          sums_.resize(outputs * width_);
          means_.resize(outputs * width_);
          counts_.resize(outputs);
        },
        message);
  }

  [[nodiscard]] std::size_t inputs() const { return trunk_.inputs(); }
  [[nodiscard]] std::size_t outputs() const { return counts_.size(); }
  [[nodiscard]] std::size_t features() const { return width_; }
  /// Σ w of the examples of a class. \throws InvalidArgument for a class that is not there.
  [[nodiscard]] double samples(std::size_t c) const {
    detail::require_index("NearestMean", c, counts_.size());
    return counts_[c];
  }

  /// Adds a batch of labelled examples, whole or not at all. \throws InvalidArgument for a label that is missing or no
  /// output, or a weight that is negative or not finite; NumericError, which names the sample, for features that are
  /// all 0 or not finite; ShapeMismatch; OutOfMemory.
  void learn(const Batch<T>& batch) {
    Batch<T> samples = present_.of(batch);
    samples.active = {};
    detail::check_labels(samples, outputs(), true);
    const std::span<const double> rows = directions_of(samples);
    for (std::size_t n = 0; n < samples.size; ++n) {
      const auto label = static_cast<std::size_t>(samples.labels[n]);
      const double weight = samples.weights.empty() ? 1.0 : static_cast<double>(samples.weights[n]);
      for (std::size_t k = 0; k < width_; ++k) sums_[label * width_ + k] += weight * rows[n * width_ + k];
      counts_[label] += weight;
    }
    solved_ = false;
  }
  /// Adds all examples of a source, such as a memory. \throws as the other `learn`, in batches of which the ones before
  /// the error have been added; InvalidArgument for a source without end; ShapeMismatch.
  template <class Examples>
  requires(!std::same_as<Examples, Batch<T>>) void learn(const Examples& examples) {
    static_assert(detail::require_example_source<Examples, T>());
    constexpr std::size_t batch_size = 256;
    detail::require_end(examples.size(), "NearestMean.learn");
    if (examples.size() > 0) detail::require_shape(examples, trunk_);
    BatchBuffer<T> buffer;
    const backend::Serial serial;
    for (const Batch<T>& batch : BatchLoader<T, Examples, backend::Serial>(examples, batch_size, buffer, serial))
      learn(batch);
  }

  /// Writes N x `outputs()` values. \throws NumericError, which names it, for a class whose examples have the mean 0,
  /// or a sample whose features are all 0 or not finite; ShapeMismatch; OutOfMemory.
  void predict(const Batch<T>& batch, std::span<T> out) {
    detail::require_rows("the array for the outputs", out.size(), batch.size, outputs());
    solve();
    Batch<T> samples = batch;
    samples.weights = {};
    const std::span<const double> rows = directions_of(samples);
    for (std::size_t n = 0; n < batch.size; ++n)
      for (std::size_t c = 0; c < outputs(); ++c) {
        double product = 0;
        for (std::size_t k = 0; k < width_; ++k) product += means_[c * width_ + k] * rows[n * width_ + k];
        out[n * outputs() + c] = counts_[c] > 0 ? static_cast<T>(product) : std::numeric_limits<T>::lowest();
      }
  }

 private:
  std::span<const double> directions_of(const Batch<T>& batch) {
    detail::check_inputs(batch, inputs());
    const auto message = [&] {
      return "the features of a batch of " + std::to_string(batch.size) + " samples do not fit into memory";
    };
    if (batch.size > (static_cast<std::size_t>(-1) >> 4) / width_) detail::raise<OutOfMemory>(message());
    detail::with_memory(
        [&] {
          if (features_.size() < batch.size * width_) features_.resize(batch.size * width_);
          if (directions_.size() < features_.size()) directions_.resize(features_.size());
        },
        message);
    const std::span<T> features = std::span(features_).first(batch.size * width_);
    trunk_.predict(batch, features);
    features_detail::directions_of(std::span<const T>(features), width_, std::span<double>(directions_));
    return directions_;
  }
  void solve() {
    if (solved_) return;
    means_ = sums_;
    for (std::size_t c = 0; c < outputs(); ++c)
      if (counts_[c] > 0 && !features_detail::normalize(std::span(means_).subspan(c * width_, width_)))
        detail::raise<NumericError>("NearestMean: the examples of class " + std::to_string(c) +
                                    " have the mean 0, so it has no direction");
    solved_ = true;
  }

  F trunk_;
  std::size_t width_;
  std::vector<double> sums_, means_, counts_;
  bool solved_ = true;
  PresentSamples<T> present_;
  std::vector<T> features_;
  std::vector<double> directions_;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
