// SPDX-License-Identifier: MIT
#include "statistics.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace lab {

namespace {

/// The 0.975 quantile of Student's t for 1, 2, … degrees of freedom; beyond the table, that of the normal distribution
/// with the first term of its expansion in 1 / degrees, which is right to three digits.
double quantile(std::size_t degrees) {
  constexpr std::array<double, 30> table{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                         2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                                         2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
  if (degrees <= table.size()) return table[degrees - 1];
  constexpr double normal = 1.959964;
  return normal + normal * (normal * normal + 1) / (4 * static_cast<double>(degrees));
}

}  // namespace

std::optional<SeedMean> mean_over_seeds(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  const double count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  if (values.size() == 1) return SeedMean{mean, std::nullopt};
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return SeedMean{mean, quantile(values.size() - 1) * std::sqrt(squares / (count - 1) / count)};
}

}  // namespace lab
