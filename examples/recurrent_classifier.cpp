// SPDX-License-Identifier: MIT
// A recurrent network reads letter by letter and says which word was hidden among them: first it learns one half of the
// words, then the other.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <utility>
#include <vector>

namespace ll = lifelong;

constexpr std::size_t letters = 8, length = 10, words = 8, word_length = 3;

/// Random letters with a word somewhere in them; the number of the word is the label.
ll::Dataset<float> sentences(std::size_t count, std::uint64_t seed) {
  const ll::Random word(5), noise(seed);
  std::vector<float> inputs;
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t label = n % words, begin = noise.below(n, length - word_length + 1);
    for (std::size_t t = 0; t < length; ++t) {
      const bool inside = t >= begin && t < begin + word_length;
      inputs.push_back(static_cast<float>(inside ? word.below(label * word_length + t - begin, letters)
                                                 : noise.below(count + n * length + t, letters)));
    }
    labels.push_back(static_cast<std::int32_t>(label));
  }
  return {std::move(inputs), std::move(labels), {length}};
}

/// Learns two tasks of four words each; returns the average accuracy at the end.
double learn(double strength) {
  const auto stream = ll::stream::split(ll::SplitData<float>{sentences(1200, 1), sentences(400, 2)}, 2);

  // [network]
  using namespace ll::nn;
  const auto network =
      sequential<float>(Shape{length}, Embedding{letters, 8}, Gru{8, 32}, LastPosition{}, Linear{32, words});
  // [network]
  ll::Learner learner{network, ll::importance::Fisher{}, ll::penalty::Quadratic{.strength = strength},
                      ll::optimizer::Adam{.learning_rate = 5e-3}};

  ll::AccuracyMatrix accuracy(stream.size());
  for (const auto& task : stream) {
    learner.fit(task.train, {.epochs = 20, .batch_size = 32});
    learner.consolidate(task.train);
    accuracy.add_row(ll::evaluate(learner, stream));
  }
  std::cout << "strength " << strength << '\n' << accuracy;
  return accuracy.average_accuracy();
}

int main() {
  const double forgotten = learn(0);
  const double kept = learn(50);
  return kept > forgotten ? 0 : 1;
}
