// SPDX-License-Identifier: MIT
// Networks of every kind of layer, regression, and importances with Kronecker factors.
#include "golden.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <tuple>
#include <type_traits>

namespace golden {

namespace {

using imp::Fisher;
using imp::Labels;
using nn::Flatten;
using nn::Linear;
using nn::ReLU;
using nn::Shape;
using nn::Tanh;

/// A network of these layers learns by EWC and Adam.
template <class... Layers>
void add_layers(Report& report, const std::string& name, Shape input, std::tuple<Layers...> layers,
                const Tasks& tasks) {
  report.add("network/" + name, [=](OpenMP backend) {
    return history(nn::sequential<float>(input, layers, 1, backend), Fisher{}, quadratic, adam, backend, tasks);
  });
}

/// Inputs turned into the tokens 0 to 4.
Tasks token_tasks() {
  Tasks tasks;
  for (const Task& task : small_tasks()) {
    std::vector<float> tokens;
    for (const float value : task.inputs()) tokens.push_back(std::floor(std::clamp(value + 2, 0.0F, 4.0F)));
    tasks.emplace_back(std::move(tokens), std::vector(task.labels().begin(), task.labels().end()), task.shape());
  }
  return tasks;
}

/// Two targets per sample instead of a label: the first two inputs, or 1 for positive ones and 0.
Tasks regression_tasks(bool yes_or_no) {
  Tasks tasks;
  for (const Task& task : small_tasks()) {
    std::vector<float> targets;
    for (std::size_t n = 0; n < task.size(); ++n)
      for (std::size_t k = 0; k < 2; ++k) {
        const float value = task.input(n)[k];
        targets.push_back(yes_or_no ? (value > 0 ? 1.0F : 0.0F) : value);
      }
    tasks.emplace_back(std::vector(task.inputs().begin(), task.inputs().end()), std::move(targets), 2, task.shape());
  }
  return tasks;
}

void add_all_layers(Report& report) {
  const Tasks images = make_tasks(3, 16);
  add_layers(report, "conv", {1, 4, 4},
             std::tuple{nn::Conv2d{1, 4, 3, 1, 1}, nn::GroupNorm{2, 4}, ReLU{}, nn::MaxPool2d{2}, nn::Conv2d{4, 3, 2},
                        Flatten{}, Linear{3, 4}},
             images);
  add_layers(report, "batch_norm_dropout", {6},
             std::tuple{Linear{6, 8}, nn::BatchNorm{8}, ReLU{}, nn::Dropout{0.3}, Linear{8, 4}}, small_tasks());
  add_layers(report, "residual", {6},
             std::tuple{Linear{6, 7}, nn::residual(Tanh{}, Linear{7, 7}),
                        nn::residual(std::tuple{nn::LayerNorm{7}, Linear{7, 5}, nn::GELU{}}, std::tuple{Linear{7, 5}}),
                        Linear{5, 4}},
             small_tasks());
  add_layers(report, "gru", {2, 3}, std::tuple{nn::Gru{3, 5}, nn::LastPosition{}, Linear{5, 4}}, small_tasks());
  add_layers(report, "lstm", {2, 3}, std::tuple{nn::Lstm{3, 5}, nn::LastPosition{}, Linear{5, 4}}, small_tasks());
  add_layers(report, "embedding", {6}, std::tuple{nn::Embedding{5, 3}, Flatten{}, nn::Sigmoid{}, Linear{18, 4}},
             token_tasks());
}

#if !defined(LIFELONG_CUDA)
/// A head is added before every task but the first.
void add_growing(Report& report) {
  report.add("network/growing_heads", [](OpenMP backend) {
    ll::Learner learner{nn::sequential<float>(std::tuple{Linear{6, 7}, Tanh{}, nn::Heads{7, {2}}}, 1, backend),
                        Fisher{}, per_task, adam, backend};
    Hash hash;
    for (std::size_t t = 0; t < 3; ++t) {
      if (t > 0) learner.grow(1);
      learn(learner, {small_tasks()[t]}, hash);
    }
    return hash.value();
  });
}
#endif

struct RealTargets {};
struct YesOrNo {};

/// The mean squared error, without a word about a likelihood: every importance fits it.
struct SquaredError {
  static constexpr bool uses_labels = false;

  template <class T>
  double differentiate(std::span<T> row, const lifelong::SampleContext<T>& sample) const {
    return nn::MeanSquaredError{}.differentiate(row, sample);
  }
};

template <class T>
void add_regression(Report& report, const std::string& type) {
  const auto add = [&](const std::string& name, const auto& importance, auto kind) {
    constexpr bool yes_or_no = std::is_same_v<decltype(kind), YesOrNo>;
    report.add("regression/" + name + "/" + type, [=, tasks = regression_tasks(yes_or_no)](OpenMP backend) {
      const auto trained = [&](auto loss) {
        auto model = nn::mlp<T>({6, 7, 2}, {.seed = 1, .activation = nn::Activation::tanh}, backend, loss);
        return history(std::move(model), importance, per_task, adam, backend, tasks);
      };
      if constexpr (yes_or_no)
        return trained(SquaredError{});
      else
        return trained(nn::MeanSquaredError{});
    });
  };
  add("gaussian", imp::GaussianFisher{.likelihood = {.variance = 0.5}}, RealTargets{});
  add("gaussian_sampled", imp::GaussianFisher{.labels = Labels::sampled, .seed = 9, .draws = 2}, RealTargets{});
  add("gaussian_empirical", imp::GaussianFisher{.labels = Labels::empirical}, RealTargets{});
  add("gaussian_batches", imp::GaussianBatchFisher{}, RealTargets{});
  add("gauss_newton", imp::GaussNewton{}, RealTargets{});
  add("bernoulli", imp::BernoulliFisher{}, YesOrNo{});
  add("bernoulli_sampled", imp::BernoulliFisher{.labels = Labels::sampled, .seed = 9, .draws = 2}, YesOrNo{});
}

template <class T>
void add_kronecker(Report& report, const std::string& type) {
  const auto add = [&](const std::string& name, const nn::KroneckerFisher& fisher, nn::KroneckerSum sum) {
    const nn::KroneckerPenalty penalty{.strength = 0.5, .sum = sum};
    report.add("kronecker/" + name + "/mlp/" + type,
               [=](OpenMP backend) { return history(small_network<T>(backend), fisher, penalty, adam, backend); });
    report.add("kronecker/" + name + "/conv/" + type, [=, tasks = make_tasks(3, 16)](OpenMP backend) {
      auto model = nn::sequential<T>(Shape{1, 4, 4}, std::tuple{nn::Conv2d{1, 3, 3}, ReLU{}, Flatten{}, Linear{12, 4}},
                                     1, backend);
      return history(std::move(model), fisher, penalty, adam, backend, tasks);
    });
  };
  add("exact", {}, nn::KroneckerSum::exact);
  add("nearest", {}, nn::KroneckerSum::nearest);
  add("additive", {}, nn::KroneckerSum::additive);
  add("sampled", {.labels = Labels::sampled, .seed = 9, .draws = 2}, nn::KroneckerSum::nearest);
  add("decay", {.merge = imp::Merge::decay(0.7)}, nn::KroneckerSum::exact);
}

}  // namespace

void add_networks(Report& report) {
  add_all_layers(report);
#if !defined(LIFELONG_CUDA)  // tests/conformance compares new heads on a device
  add_growing(report);
#endif
  add_regression<float>(report, "float");
  add_regression<double>(report, "double");
  add_kronecker<float>(report, "float");
  add_kronecker<double>(report, "double");
}

}  // namespace golden
