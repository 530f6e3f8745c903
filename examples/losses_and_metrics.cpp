// SPDX-License-Identifier: MIT
// Does a machine fail soon? A yes-or-no question, of which few answers are yes and some are not known, for two machines
// one after the other.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ll = lifelong;

/// Labels: the machine runs on, it fails soon, or nobody looked.
constexpr std::int32_t runs = 0, fails = 1, unknown = 2;

/// Two readings of a machine and which machine it is. It fails when its own direction of the readings is far out.
ll::Dataset<float> readings(std::size_t machine, std::size_t count, double share_unknown, std::uint64_t seed) {
  const ll::Random random(seed);
  std::vector<float> inputs;
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < count; ++n) {
    const double x = random.normal(3 * n), y = random.normal(3 * n + 1);
    for (const double value : {x, y, machine == 0 ? 1.0 : 0.0, machine == 1 ? 1.0 : 0.0})
      inputs.push_back(static_cast<float>(value));
    const double stress = machine == 0 ? x + y : x - y;
    labels.push_back(random.uniform(3 * n + 2) < share_unknown ? unknown : stress > 1.8 ? fails : runs);
  }
  return {std::move(inputs), std::move(labels), {4}};
}

// [own_metric]
/// The share of failures that are foreseen.
struct Recall {
  static constexpr const char* name = "recall";
  double seen = 0, all = 0;

  template <class T>
  void add(std::span<const T> outputs, const ll::SampleContext<T>& sample, const std::string&) {
    if (sample.label != fails) return;
    all += static_cast<double>(sample.weight);
    if (outputs[0] > 0) seen += static_cast<double>(sample.weight);
  }
  double value(const std::string&) const { return seen / all; }
};
// [own_metric]

/// How well the first machine is known after the second.
double learn(double strength, double weight_of_failures) {
  const std::vector<ll::Dataset<float>> machines{readings(0, 2000, 0.2, 1), readings(1, 2000, 0.2, 2)};
  const auto test = readings(0, 1000, 0, 3);

  // [logistic]
  auto network = ll::nn::mlp<float>({4, 32, 1}, {}, ll::backend::Serial{}, ll::nn::LogisticCrossEntropy{});
  ll::Learner learner{network, ll::importance::Fisher{}, ll::penalty::Quadratic{.strength = strength},
                      ll::optimizer::Adam{.learning_rate = 3e-3}};
  // [logistic]

  for (const auto& machine : machines) {
    // [weights]
    const auto known = ll::ignore_label(machine, unknown);                // these are not there
    const auto task = ll::class_weights(known, {1, weight_of_failures});  // a failure counts as several
    learner.fit(task, {.epochs = 20, .batch_size = 64});
    learner.consolidate(task);
    // [weights]
  }

  // [metrics]
  auto& model = learner.model();
  const double loss = ll::evaluate(model, test, ll::metric::Loss{});
  const double right = ll::evaluate(model, test, ll::metric::BinaryAccuracy{});
  const double recall = ll::evaluate(model, test, Recall{});
  // [metrics]

  // [predict]
  const std::vector<float> rows{2, 2, 1, 0,  // far out in the first machine's direction
                                2, 2, 0, 1};
  const std::vector<float> logits = ll::predict(model, rows);  // above 0: it fails soon
  // [predict]

  std::printf("strength %4.0f, weight %.0f: loss %.3f, accuracy %.3f, recall %.3f; logits of two readings %.1f, %.1f\n",
              strength, weight_of_failures, loss, right, recall, static_cast<double>(logits[0]),
              static_cast<double>(logits[1]));
  return right;
}

int main() {
  const double forgotten = learn(0, 4), kept = learn(300, 4);
  return kept > forgotten && kept > 0.9 ? 0 : 1;
}
