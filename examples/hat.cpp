// SPDX-License-Identifier: MIT
// Hard attention to the task: every task opens units of one network by gates, and its outputs never change again.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdio>
#include <vector>

#include "synthetic.hpp"

namespace ll = lifelong;

int main() {
  const auto stream =
      ll::stream::split(ll::SplitData<float>{patterns(800, 1), patterns(400, 2)}, 2, {.scenario = ll::Scenario::task});
  // [hat]
  ll::Learner learner{ll::nn::hat<float>({64, 64, 4}, {.tasks = 2, .sparsity = 0.1, .rate = 50, .seed = 1}),
                      ll::importance::Constant{}, ll::nn::HatPenalty{}, ll::optimizer::Adam{.learning_rate = 1e-3}};
  for (const auto& task : stream) {
    learner.fit(task.train, {.epochs = 10, .batch_size = 16}, ll::nn::Annealing(learner.model()));
    ll::nn::end_task(learner);  // the units that are open are the task's own
    std::printf("%.0f %% of the units are left\n", 100 * learner.model().free_shares()[0]);
  }
  // [hat]

  // [inference]
  double worst = 1;
  for (std::size_t t = 0; t < stream.size(); ++t) {
    learner.model().select(t);  // the task is known
    const double accuracy = ll::accuracy(learner.model(), stream[t].test);
    std::printf("task %zu: accuracy %.2f\n", t, accuracy);
    worst = accuracy < worst ? accuracy : worst;
  }
  // [inference]
  return worst > 0.9 ? 0 : 1;
}
