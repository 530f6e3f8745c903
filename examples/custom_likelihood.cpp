// SPDX-License-Identifier: MIT
// A likelihood of one's own: a network that predicts counts, trained and protected with the Poisson distribution.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

namespace ll = lifelong;

// [likelihood]
/// y is Poisson distributed with mean exp(f) in each active output.
struct Poisson {
  /// Turns outputs f in place into what the other members are made from: the means, 0 for inactive outputs.
  template <class T>
  void prepare(std::span<T> row, const ll::SampleContext<T>& sample) const {
    for (T& value : row) value = std::exp(value);
    ll::clear_inactive(row, sample.active);
  }

  /// The Fisher information of the outputs is diag(mean): its square root has the columns √mean_k e_k.
  std::size_t factors(std::size_t outputs) const { return outputs; }
  template <class T>
  void factor(std::size_t k, std::span<const T> mean, const ll::SampleContext<T>&, std::span<T> delta) const {
    for (T& value : delta) value = 0;
    delta[k] = std::sqrt(mean[k]);
  }

  /// ∂ log p(y | f)/∂f = y - mean at the target.
  template <class T>
  void score(std::span<const T> mean, const ll::SampleContext<T>& sample, std::span<T> delta) const {
    for (std::size_t c = 0; c < mean.size(); ++c) delta[c] = mean[c] > 0 ? sample.target[c] - mean[c] : T(0);
  }

  /// The same at a y drawn by inversion of one uniform number per output.
  template <class T>
  void draw(std::span<const T> mean, const ll::SampleContext<T>&, const ll::importance::Draw& random,
            std::span<T> delta) const {
    for (std::size_t c = 0; c < mean.size(); ++c) {
      T y = 0, p = std::exp(-mean[c]);
      for (T rest = static_cast<T>(random.uniform(c)) - p; rest >= 0 && p > 0; rest -= p) p *= mean[c] / ++y;
      delta[c] = y - mean[c];
    }
  }
};
// [likelihood]

static_assert(ll::importance::Likelihood<Poisson>);

/// -log p(y | f) without log y!, which does not depend on f: what the network is trained with.
struct PoissonLoss : Poisson {
  static constexpr bool uses_labels = false;

  template <class T>
  double differentiate(std::span<T> row, const ll::SampleContext<T>& sample) const {
    double total = 0;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const T mean = std::exp(row[c]);
      total += static_cast<double>(mean - sample.target[c] * row[c]);
      row[c] = mean - sample.target[c];
    }
    return total;
  }
};

/// Counts with mean exp(1 + sin 3x) for 400 places x from `first` to `first` + 1.
ll::Dataset<float> counts(float first, std::uint64_t seed) {
  std::vector<float> inputs, targets;
  const ll::Random random(seed);
  for (std::uint64_t n = 0; n < 400; ++n) {
    const double x = static_cast<double>(first) + random.uniform(2 * n), mean = std::exp(1 + std::sin(3 * x));
    double y = 0, p = std::exp(-mean);
    for (double rest = random.uniform(2 * n + 1) - p; rest >= 0; rest -= p) p *= mean / ++y;
    inputs.push_back(static_cast<float>(x));
    targets.push_back(static_cast<float>(y));
  }
  return ll::Dataset<float>(std::move(inputs), std::move(targets), 1, {1});
}

/// Mean loss on both halves of the line after training on one half and then on the other.
template <class Importance>
double loss_on_both(Importance importance, double strength) {
  const auto left = counts(-1, 1), right = counts(0, 2);
  ll::Learner learner{ll::nn::mlp<float>({1, 24, 1}, {.seed = 1, .activation = ll::nn::Activation::tanh},
                                         ll::backend::Serial{}, PoissonLoss{}),
                      importance, ll::penalty::Quadratic{.strength = strength},
                      ll::optimizer::Adam{.learning_rate = 1e-2}};
  for (const auto& task : {left, right}) {
    learner.fit(task, {.epochs = 60, .batch_size = 40});
    learner.consolidate(task);
  }
  ll::BatchBuffer<float> buffer;
  const ll::backend::Serial backend;
  double loss = 0;
  for (const auto& task : {left, right})
    for (const auto& batch : ll::BatchLoader(task, task.size(), buffer, backend))
      loss += learner.model().loss(batch) / 2;
  return loss;
}

int main() {
  // [use]
  const ll::importance::FisherInformation<Poisson> fisher{.labels = ll::importance::Labels::exact};
  // [use]
  const double without = loss_on_both(fisher, 0), with = loss_on_both(fisher, 3);
  std::printf("mean loss on both tasks: %.3f without, %.3f with the Fisher information of counts\n", without, with);
  return with < without ? 0 : 1;
}
