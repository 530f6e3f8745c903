// SPDX-License-Identifier: MIT
// Methods without a gradient: exact linear heads on features that are fixed from the start.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <lifelong/analytic/random_features.hpp>
#include <lifelong/analytic/random_filters.hpp>
#include <lifelong/analytic/ridge.hpp>
#include <lifelong/analytic/slda.hpp>
#include <lifelong/backend/openmp.hpp>
#include <lifelong/evaluation/evaluate.hpp>
#include <utility>
#include <vector>

#include "interrupt.hpp"
#include "methods.hpp"
#include "session.hpp"

namespace lab {

namespace {

namespace analytic = lifelong::analytic;

/// One pass over the examples of a task is all that a head needs.
template <class Head>
class HeadStudent {
 public:
  static constexpr bool has_probabilities = false;

  HeadStudent(const Trial& trial, Head head) : trial_(trial), head_(std::move(head)) {}

  template <class Source>
  void learn(const Source& source, std::size_t, Steps) {
    head_.learn(Interruptible<Source>(source), backend());
    trial_.progress.learned(source.size() * trial_.options.epochs);
  }
  void end_task(const Examples&) {}
  template <class Metric>
  [[nodiscard]] double measure(std::size_t task, const Metric& metric) {
    return lifelong::evaluate(head_, Interruptible<Examples>(trial_.stream[task].test), metric, backend());
  }

  [[nodiscard]] std::size_t parameters() const { return head_.features() * head_.outputs(); }
  [[nodiscard]] std::size_t state_bytes() const { return head_.bytes(); }
  [[nodiscard]] std::size_t memory_bytes() const { return 0; }

 private:
  [[nodiscard]] lifelong::backend::OpenMP backend() const { return {trial_.options.threads}; }

  const Trial& trial_;
  Head head_;
};

/// Filters pooled to 5 x 5 cells where neighbouring pixels are neighbours; where they are permuted, dense features.
template <class Use>
Outcome with_trunk(const Trial& trial, Use use) {
  const auto features = static_cast<std::size_t>(trial["features"]);
  const std::vector<std::size_t> shape = trial.stream[0].train.data().shape();
  const std::size_t side = shape.size() < 2 ? 0 : *std::min_element(shape.end() - 2, shape.end());
  const std::size_t cells = 5, least_side = 2 * cells - 1;
  if (trial.options.stream == StreamKind::permuted || side < least_side)
    return use(analytic::RandomFeatures<float>(trial.stream.features(), features, trial.seed));
  return use(analytic::RandomFilters<float>(*(shape.end() - 2), shape.back(),
                                            {.filters = std::max<std::size_t>(1, features / (cells * cells)),
                                             .side = std::min<std::size_t>(7, side - cells + 1),
                                             .cells = cells,
                                             .seed = trial.seed}));
}

Outcome ridge(const Trial& trial) {
  return with_trunk(trial, [&](auto trunk) {
    return learn_in_sequence(trial, HeadStudent(trial, analytic::Ridge(std::move(trunk), trial.stream.outputs(),
                                                                       {.strength = trial["strength"]})));
  });
}

Outcome slda(const Trial& trial) {
  return with_trunk(trial, [&](auto trunk) {
    return learn_in_sequence(trial, HeadStudent(trial, analytic::Slda(std::move(trunk), trial.stream.outputs())));
  });
}

}  // namespace

std::vector<Method> methods_with_heads() {
  return {
      {"ridge",
       {{"strength", everywhere(analytic::RidgeOptions{}.strength)}, {"features", everywhere(1600), 1}},
       "exact ridge regression on random features, one pass: joint training of the head, without a stored example",
       ridge},

      {"slda",
       {{"features", everywhere(1600), 1}},
       "streaming linear discriminant analysis on the same features",
       slda},
  };
}

}  // namespace lab
