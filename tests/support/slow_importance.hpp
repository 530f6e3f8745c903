// SPDX-License-Identifier: MIT
// What slow versions of importances are made of: one sample at a time in double, Jacobians of unit vectors, no moments.
#pragma once

#include <lifelong/core/batch.hpp>
#include <lifelong/nn/mlp.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "random_batch.hpp"
#include "tiny_model.hpp"

namespace test {

/// f(x) and the rows ∂f_c/∂θ of one sample.
struct Linearised {
  std::vector<double> f;
  std::vector<std::vector<double>> rows;

  template <class Model>
  Linearised(Model& model, const lifelong::Batch<double>& one) : f(model.outputs()), rows(model.outputs()) {
    model.predict(one, std::span<double>(f));
    for (std::size_t c = 0; c < f.size(); ++c) {
      std::vector<double> unit(f.size());
      unit[c] = 1;
      rows[c].resize(model.parameters().size());
      model.pullback(one, std::span<const double>(unit), std::span<double>(rows[c]));
    }
  }

  /// Jᵀ delta.
  std::vector<double> pull(const std::vector<double>& delta) const {
    std::vector<double> gradient(rows[0].size());
    for (std::size_t c = 0; c < f.size(); ++c)
      for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += delta[c] * rows[c][i];
    return gradient;
  }
};

/// exp(scale z_c) / Σ over the active outputs, 0 for the others.
inline std::vector<double> softmax_of(const std::vector<double>& z, lifelong::OutputRange active, double scale = 1) {
  std::vector<double> p(z.size());
  double total = 0;
  for (std::size_t c = active.first; c < active.first + active.count; ++c) total += p[c] = std::exp(scale * z[c]);
  for (double& value : p) value /= total;
  return p;
}

/// e_y - p.
inline std::vector<double> score_of(std::size_t y, std::vector<double> p) {
  for (double& value : p) value = -value;
  p[y] += 1;
  return p;
}

/// 1/N Σ_n of what `add(linearised, sample, sum)` adds for each sample.
template <class Model, class Add>
std::vector<double> mean_over_samples(Model& model, const std::vector<lifelong::Batch<double>>& batches,
                                      const Add& add) {
  std::vector<double> sum(model.parameters().size());
  std::size_t samples = 0;
  for (const auto& batch : batches)
    for (std::size_t n = 0; n < batch.size; ++n, ++samples)
      add(Linearised(model, batch.sample(n)), batch.context(n, model.outputs()), sum);
  for (double& value : sum) value /= static_cast<double>(samples);
  return sum;
}

/// sum += weight · v².
inline void add_squares(std::vector<double>& sum, const std::vector<double>& values, double weight = 1) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight * values[i] * values[i];
}

/// What an importance finds by itself.
template <class Model, class Importance>
std::vector<double> estimate_of(const Importance& importance, Model& model,
                                const std::vector<lifelong::Batch<double>>& batches) {
  std::vector<double> out(model.parameters().size(), 7);
  lifelong::importance::estimate(importance, model, batches, std::span<double>(out));
  return out;
}

/// Every element to 1e-12 of itself, or of the largest times `cancelled` where sums may cancel.
inline void check_equal(const std::vector<double>& actual, const std::vector<double>& expected, double cancelled = 0) {
  REQUIRE(actual.size() == expected.size());
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  REQUIRE(largest > 0);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    INFO("parameter " << i);
    REQUIRE_THAT(actual[i], WithinAbs(expected[i], 1e-12 * std::max(std::abs(expected[i]), cancelled * largest)));
  }
}

/// Consecutive batches of `size` samples, the last may be shorter.
inline std::vector<lifelong::Batch<double>> cut(const lifelong::Batch<double>& all, std::size_t size) {
  std::vector<lifelong::Batch<double>> batches;
  for (std::size_t begin = 0; begin < all.size; begin += size) {
    const std::size_t count = std::min(size, all.size - begin), width = all.targets.size() / all.size;
    batches.push_back({count, all.features, all.inputs.subspan(begin * all.features, count * all.features),
                       all.labels.empty() ? all.labels : all.labels.subspan(begin, count),
                       all.targets.subspan(begin * width, count * width),
                       all.active.empty() ? all.active : all.active.subspan(begin, count),
                       all.indices.empty() ? all.indices : all.indices.subspan(begin, count)});
  }
  return batches;
}

/// Calls `check(model, batches)` for a model that can be asked one sample at a time and for a network, with all outputs
/// active and with ranges.
template <class Check>
void for_each_model(const Check& check) {
  for (const bool ranges : {false, true}) {
    INFO("ranges " << ranges);
    RandomBatch<double> small(13, 4, 3), large(23, 7, 5);
    small.use_ranges(ranges);
    large.use_ranges(ranges);
    TinyModel tiny;
    check(tiny, cut(small.batch(), 5));
    auto network = any_mlp<double>({7, 9, 6, 5}, {.seed = 2, .activation = lifelong::nn::Activation::tanh});
    check(network, cut(large.batch(), 8));
  }
}

}  // namespace test
