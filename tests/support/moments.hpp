// SPDX-License-Identifier: MIT
// Moments of per-sample gradients, the slow way and the fast one.
#pragma once

#include <lifelong/core/batch.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/importance/log_likelihood.hpp>
#include <lifelong/importance/output_norm.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "catch.hpp"

namespace test {

/// Σ_n Σ_k m(J_nᵀ v_nk), one sample and one seed at a time.
template <class Model, class Functional, class Moment>
std::vector<double> one_by_one(Model& model, const lifelong::Batch<double>& batch, const Functional& functional,
                               Moment moment) {
  const std::size_t outputs = model.outputs(), count = model.parameters().size();
  std::vector<double> total(count), gradient(count), row(outputs), delta(outputs);
  for (std::size_t n = 0; n < batch.size; ++n) {
    const lifelong::Batch<double> sample = batch.sample(n);
    model.predict(sample, std::span<double>(row));
    functional.prepare(std::span<double>(row), sample.context(0, outputs));
    for (std::size_t k = 0; k < functional.cotangents(outputs); ++k) {
      functional.cotangent(k, std::span<const double>(row), sample.context(0, outputs), std::span<double>(delta));
      model.pullback(sample, std::span<const double>(delta), std::span<double>(gradient));
      for (std::size_t i = 0; i < count; ++i) total[i] += moment(gradient[i]);
    }
  }
  return total;
}

/// The same by the model's own batched pass.
template <class Model, class T, class Functional, class Moment>
std::vector<T> at_once(Model& model, const lifelong::Batch<T>& batch, const Functional& functional, Moment moment) {
  std::vector<T> total(model.parameters().size());
  model.accumulate_moment(batch, functional, moment, total);
  return total;
}

/// Largest |a - b| / |b|; terms of squares and absolute values do not cancel, so it stays at rounding.
template <class T>
double difference(const std::vector<T>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double value = static_cast<double>(a[i]);
    const double error = value == b[i] ? 0 : std::abs(value - b[i]) / std::abs(b[i]);
    worst = error <= worst ? worst : error;  // a NaN stays
  }
  return worst;
}

/// With the given labels; draws do not matter.
inline lifelong::importance::LogLikelihood log_likelihood(lifelong::importance::Labels labels) { return {labels, 9}; }

/// Every functional and moment of the library, at once and one by one, to 1e-12 relative.
template <class Network>
void check_all_moments(Network network, const lifelong::Batch<double>& batch) {
  using namespace lifelong;
  const auto check = [&](const auto& functional, auto moment) {
    CHECK(difference(at_once(network, batch, functional, moment), one_by_one(network, batch, functional, moment)) <
          1e-12);
  };
  using importance::Labels;
  for (const Labels labels : {Labels::exact, Labels::sampled, Labels::predicted, Labels::empirical}) {
    check(log_likelihood(labels), moment::Square{});
    check(log_likelihood(labels), moment::Absolute{});
  }
  check(importance::SquaredNorm{}, moment::Absolute{});
  check(importance::SquaredNorm{}, moment::Square{});
}

}  // namespace test
