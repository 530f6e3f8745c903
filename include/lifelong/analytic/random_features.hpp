// SPDX-License-Identifier: MIT
// Random projections with ReLU: features that need no data, so that they suit classes to come as well as those seen.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/analytic/keyed.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>

namespace lifelong::analytic {

/// h_j = max(0, ⟨r_j, x⟩) for rows r_j of standard normal numbers, scaled to length 1 (RanPAC leaves them unscaled,
/// which makes sums of squares needlessly large). The rows are a function of the seed alone and take inputs x features
/// values of type T; they have the same bits with every C library. A sample costs a multiplication for each of its
/// inputs that is not 0, and feature. It is a `Trunk`.
template <std::floating_point T>
class RandomFeatures {
 public:
  using value_type = T;
  static constexpr bool concurrent = true;

  /// \throws InvalidArgument for no inputs or no features; OutOfMemory.
  RandomFeatures(std::size_t inputs, std::size_t features, std::uint64_t seed = 0)
      : inputs_(inputs), features_(features), seed_(seed) {
    lifelong::detail::require_at_least("RandomFeatures.inputs", static_cast<double>(inputs), 1);
    lifelong::detail::require_at_least("RandomFeatures.features", static_cast<double>(features), 1);
    const auto message = [&] {
      return "RandomFeatures of " + std::to_string(inputs) + " inputs and " + std::to_string(features) +
             " features do not fit into memory";
    };
    if (features > static_cast<std::size_t>(-1) / sizeof(double) / inputs)
      lifelong::detail::raise<OutOfMemory>(message());
    lifelong::detail::with_memory(
        [&] {
          rows_.resize(inputs * features);
          AlignedVector<double> row(inputs);
          for (std::size_t j = 0; j < features; ++j) {
            detail::normal_row(Random(seed, Purpose::initialization), j * inputs, false, std::span<double>(row));
            for (std::size_t i = 0; i < inputs; ++i) rows_[i * features + j] = static_cast<T>(row[i]);
          }
        },
        message);
  }

  [[nodiscard]] std::size_t inputs() const { return inputs_; }
  [[nodiscard]] std::size_t outputs() const { return features_; }
  [[nodiscard]] std::size_t bytes() const { return rows_.size() * sizeof(T); }
  /// A number made of the settings, by which a saved head knows its trunk.
  [[nodiscard]] std::uint64_t fingerprint() const { return detail::fingerprint({1, inputs_, features_, seed_}); }
  /// Value i of row j.
  [[nodiscard]] T row(std::size_t j, std::size_t i) const { return rows_[i * features_ + j]; }

  /// Writes N x `outputs()` features. \throws ShapeMismatch; InvalidArgument for sequences of unequal length.
  void predict(const Batch<T>& batch, std::span<T> out) const {
    lifelong::detail::refuse_lengths(batch, "analytic::RandomFeatures");
    lifelong::detail::check_inputs(batch, inputs_);
    lifelong::detail::require_rows("the array for the features", out.size(), batch.size, features_);
    for (std::size_t n = 0; n < batch.size; ++n) {
      T* const h = out.data() + n * features_;
      std::fill_n(h, features_, T(0));
      for (std::size_t i = 0; i < inputs_; ++i)
        if (const T x = batch.inputs[n * inputs_ + i]; x != 0)
          detail::add_row(x, rows_.data() + i * features_, h, features_);
      for (std::size_t j = 0; j < features_; ++j) h[j] = lifelong::max(h[j], T(0));
    }
  }

 private:
  std::size_t inputs_, features_;
  std::uint64_t seed_;
  AlignedVector<T> rows_;  // value i of all rows, then value i + 1
};

}  // namespace lifelong::analytic

#include <lifelong/config/pop_macros.hpp>
