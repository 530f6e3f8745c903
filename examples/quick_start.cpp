// SPDX-License-Identifier: MIT
// One network learns five tasks and forgets little of them. With a folder of IDX files (MNIST, Fashion-MNIST) as
// argument it learns those; without, a small problem made on the spot.
#include <lifelong/io/idx.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/zlib.hpp>

#include <iostream>

#include "synthetic.hpp"

namespace ll = lifelong;

template <class S>
void learn(const ll::SplitData<S>& data, double strength) {
  const auto stream = ll::stream::permuted(data, 5, {.seed = 1});  // lazy: five tasks, one copy of the data

  // [learner]
  ll::Learner learner{ll::nn::mlp<float>({stream.features(), 128, stream.outputs()}, {.seed = 1}),
                      ll::importance::Fisher{},                      // exact, per sample
                      ll::penalty::Quadratic{.strength = strength},  // λ/2 Σ Ω (θ - θ*)²
                      ll::optimizer::Adam{.learning_rate = 1e-3}};

  ll::AccuracyMatrix accuracy(stream.size());
  accuracy.set_initial(ll::evaluate(learner, stream));
  for (const auto& task : stream) {
    learner.fit(task.train, {.epochs = 3, .batch_size = 128});
    learner.consolidate(task.train);  // a task boundary is a call
    accuracy.add_row(ll::evaluate(learner, stream));
  }
  std::cout << accuracy << "average accuracy " << accuracy.average_accuracy() << ", backward transfer "
            << accuracy.backward_transfer().value() << '\n';
  // [learner]
}

int main(int count, char** arguments) try {
  if (count > 1)
    learn(ll::io::load_idx(arguments[1], {.unpack = ll::zlib::gunzip}), 12);
  else
    learn(ll::SplitData<float>{patterns(2400, 1), patterns(400, 2)}, 100);
} catch (const ll::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
