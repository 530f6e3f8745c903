// SPDX-License-Identifier: MIT
// An importance of one's own: what to differentiate, which moment, how tasks add up.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstdio>

#include "synthetic.hpp"

namespace ll = lifelong;

// [functional]
/// The outputs themselves, one direction e_k per output.
struct EachOutput {
  std::size_t cotangents(std::size_t outputs) const { return outputs; }

  /// Turns a row of outputs f(x) into what the directions are made from. Here: nothing to do.
  template <class T>
  void prepare(std::span<T>, const ll::SampleContext<T>&) const {}

  /// Writes direction k of a sample.
  template <class T>
  void cotangent(std::size_t k, std::span<const T>, const ll::SampleContext<T>&, std::span<T> delta) const {
    for (T& value : delta) value = 0;
    delta[k] = 1;
  }
};
// [functional]

// [importance]
/// Ω_i = 1/N Σ_n Σ_k (∂f_k(x_n)/∂θ_i)²: how far the outputs move when θ_i moves, the Gauss-Newton diagonal of the
/// squared error. Needs no labels. Exact per sample, at batch speed, for every model that can pull outputs back.
struct OutputSensitivity {
  ll::importance::Merge merge = ll::importance::Merge::sum();

  void validate() const { merge.validate(); }

  /// Adds the samples of one batch to the task's sum.
  template <class Model, class Batch, class Estimation>
  void estimate(Model& model, const Batch& batch, Estimation& estimation) const {
    estimation.add(model, batch, EachOutput{}, ll::moment::Square{});
  }
};
// [importance]

static_assert(ll::ImportancePolicy<OutputSensitivity>);
static_assert(ll::OutputFunctional<EachOutput>);

/// Average accuracy after three permuted tasks.
template <class Importance>
double average_accuracy(Importance importance, double strength) {
  const auto stream = ll::stream::permuted(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, 3, {.seed = 3});
  ll::Learner learner{ll::nn::mlp<float>({64, 32, 4}, {.seed = 1}), importance,
                      ll::penalty::Quadratic{.strength = strength}, ll::optimizer::Adam{.learning_rate = 3e-3}};
  ll::AccuracyMatrix accuracy(stream.size());
  for (const auto& task : stream) {
    learner.fit(task.train, {.epochs = 8, .batch_size = 32});
    learner.consolidate(task.train);
    accuracy.add_row(ll::evaluate(learner, stream));
  }
  return accuracy.average_accuracy();
}

int main() {
  const double without = average_accuracy(ll::importance::Constant{.value = 0}, 0);
  const double with = average_accuracy(OutputSensitivity{}, 0.5);
  std::printf("average accuracy of three tasks: %.3f without, %.3f with OutputSensitivity\n", without, with);
  return with > without ? 0 : 1;
}
