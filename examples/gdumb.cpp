// SPDX-License-Identifier: MIT
// GDumb: classes come task after task, a memory keeps a few examples of each, and a network is trained from nothing on
// the memory whenever one is wanted. `gdumb FOLDER EXAMPLES` does it with the MNIST in a folder.
#include <lifelong/io/idx.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/rehearsal.hpp>
#include <lifelong/zlib.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "synthetic.hpp"

namespace ll = lifelong;

/// The accuracy on the test examples of all tasks together.
template <class Learner, class S>
double accuracy(Learner& learner, const ll::Stream<S>& stream) {
  double right = 0, all = 0;
  for (const auto& task : stream) {
    right += ll::accuracy(learner.model(), task.test) * static_cast<double>(task.test.size());
    all += static_cast<double>(task.test.size());
  }
  return right / all;
}

int mnist(const char* folder, std::size_t examples, std::uint64_t seed) {
  // [mnist]
  const auto data = ll::io::load_idx(folder, {.unpack = ll::zlib::gunzip});
  const auto stream = ll::stream::split(data, 5, {.scenario = ll::Scenario::class_incremental});
  ll::rehearsal::GreedyBalanced<float, std::uint8_t> memory({.capacity = examples, .seed = seed});
  for (const auto& task : stream) memory.push(task.train);

  const ll::Learner untrained{ll::nn::mlp<float>({784, 400, 400, 10}, {.seed = seed}), ll::importance::Constant{},
                              ll::penalty::None{}, ll::optimizer::Momentum{.learning_rate = 0.01}};
  const ll::ShiftedCopies passes(memory, 28, 28, {.copies = 128, .pixels = 2, .seed = seed});
  auto learner = ll::gdumb(untrained, passes,
                           {.batch_size = 16, .seed = seed, .schedule = {.decay = ll::optimizer::Decay::cosine}});
  // [mnist]
  std::printf("%zu examples, %zu bytes: accuracy %.2f %%\n", memory.size(), memory.bytes(),
              100 * accuracy(learner, stream));
  return 0;
}

int main(int count, char** arguments) try {
  if (count > 2)
    return mnist(arguments[1], std::strtoull(arguments[2], nullptr, 10),
                 count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 1);
  const ll::SplitData<float> data{patterns(1200, 1), patterns(400, 2)};
  const auto stream = ll::stream::split(data, 4, {.scenario = ll::Scenario::class_incremental});
  // [gdumb]
  ll::rehearsal::GreedyBalanced<float> memory({.capacity = 60});
  const ll::Learner untrained{ll::nn::mlp<float>({64, 32, 4}, {.seed = 1}), ll::importance::Constant{},
                              ll::penalty::None{}, ll::optimizer::Adam{}};
  double after_all = 0;
  for (const auto& task : stream) {
    memory.push(task.train);
    auto learner = ll::gdumb(untrained, memory, {.epochs = 40, .batch_size = 16});  // untrained stays as it is
    after_all = accuracy(learner, stream);
    std::printf("%zu examples of the classes so far: accuracy on all %.2f\n", memory.size(), after_all);
  }
  // [gdumb]
  return after_all > 0.85 ? 0 : 1;
} catch (const ll::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
