// SPDX-License-Identifier: MIT
// Progressive columns: every task adds a column that reads what the columns before it have learned.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdio>

#include "synthetic.hpp"

namespace ll = lifelong;

int main() {
  const auto stream = ll::stream::permuted(ll::SplitData<float>{patterns(800, 1), patterns(400, 2)}, 3, {.seed = 5});
  // [progressive]
  ll::Learner learner{ll::nn::progressive<float>({64, 16, 16, 4}, 1), ll::importance::Constant{}, ll::penalty::None{},
                      ll::optimizer::Adam{.learning_rate = 3e-3}};
  for (std::size_t t = 0; t < stream.size(); ++t) {
    if (t > 0) learner.grow(4);  // a column for the task
    learner.fit(stream[t].train, {.epochs = 8});
    learner.consolidate();
    std::printf("%zu columns, %zu parameters\n", learner.model().columns(), learner.parameters().size());
  }
  // [progressive]

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
