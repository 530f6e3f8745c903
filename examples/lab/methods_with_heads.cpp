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
#include "student.hpp"

namespace lab {

namespace {

namespace analytic = lifelong::analytic;

/// One pass over the examples of a task is all that a head needs.
template <class Head>
class HeadStudent : public Student {
 public:
  HeadStudent(const Trial& trial, Head head) : trial_(trial), head_(std::move(head)) {}

  [[nodiscard]] Abilities abilities() const override { return {}; }
  void learn(std::size_t task, Steps) override {
    const Examples& source = trial_.stream[task].train;
    head_.learn(Interruptible<Examples>(source), backend());
    trial_.progress.learned(source.size() * trial_.options.epochs);
  }
  void end_task(std::size_t) override {}
  [[nodiscard]] double measure(std::size_t task, Measure what) override {
    const Interruptible<Examples> test(trial_.stream[task].test);
    return with_metric(what, [&](const auto& metric) { return lifelong::evaluate(head_, test, metric, backend()); });
  }

  [[nodiscard]] std::size_t parameters() const override { return head_.features() * head_.outputs(); }
  [[nodiscard]] std::size_t state_bytes() override { return head_.bytes(); }
  [[nodiscard]] std::size_t memory_bytes() override { return 0; }

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
    HeadStudent student(trial,
                        analytic::Ridge(std::move(trunk), trial.stream.outputs(), {.strength = trial["strength"]}));
    return learn_in_sequence(trial, student);
  });
}

Outcome slda(const Trial& trial) {
  return with_trunk(trial, [&](auto trunk) {
    HeadStudent student(trial, analytic::Slda(std::move(trunk), trial.stream.outputs()));
    return learn_in_sequence(trial, student);
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
