// SPDX-License-Identifier: MIT
// Steps that do not go against what is remembered of earlier tasks: as their average (A-GEM) or each by itself (GEM).
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/rehearsal.hpp>

#include <cstdio>

#include "synthetic.hpp"

namespace ll = lifelong;

template <class Learner, class Stream>
double accuracy_after(Learner learner, const Stream& stream) {
  double sum = 0;
  for (const auto& task : stream) {
    learner.fit(task.train, {.epochs = 3, .batch_size = 10});
    learner.consolidate(task.train);
  }
  for (const auto& task : stream) sum += ll::accuracy(learner.model(), task.test);
  return sum / static_cast<double>(stream.size());
}

int main() {
  const auto stream = ll::stream::permuted(ll::SplitData<float>{patterns(800, 1), patterns(400, 2)}, 4, {.seed = 5});
  const auto network = ll::nn::mlp<float>({64, 64, 4}, {.seed = 1});
  const ll::importance::Constant importance;
  const ll::penalty::None penalty;
  const ll::optimizer::Sgd descent{.learning_rate = 0.1};
  const double plain = accuracy_after(ll::Learner{network, importance, penalty, descent}, stream);

  // [gem]
  ll::Learner on_average{network, importance, penalty, descent, ll::rehearsal::AGem{.capacity = 100, .batch_size = 64}};
  ll::Learner on_each{network, importance, penalty, descent, ll::rehearsal::Gem{.capacity = 25, .margin = 0.5}};
  // [gem]

  std::printf("accuracy on all four tasks: %.2f, with A-GEM %.2f, with GEM %.2f\n", plain,
              accuracy_after(on_average, stream), accuracy_after(on_each, stream));
}
