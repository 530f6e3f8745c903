// SPDX-License-Identifier: MIT
// A mean over seeds, and how well it is known.
#pragma once

#include <optional>
#include <span>

namespace lab {

/// The mean of the values of some seeds, and half the width of its 95 % confidence interval, t_{n-1, 0.975} s / √n with
/// Student's t and the standard deviation s of the n values. One value has no interval.
struct SeedMean {
  double mean;
  std::optional<double> half_width;
};

/// Nothing if there are no values.
std::optional<SeedMean> mean_over_seeds(std::span<const double> values);

}  // namespace lab
