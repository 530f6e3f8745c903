// SPDX-License-Identifier: MIT
// iCaRL: classes come task after task, and a class is told by the nearest mean of a few exemplars of each.
// `icarl FOLDER EXEMPLARS` does it with the MNIST in a folder.
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

/// The accuracy on the test examples of the first `tasks` tasks together.
template <class Model, class S>
double accuracy(Model& model, const ll::Stream<S>& stream, std::size_t tasks) {
  double right = 0, all = 0;
  for (std::size_t t = 0; t < tasks; ++t) {
    const auto count = static_cast<double>(stream[t].test.size());
    right += ll::accuracy(model, stream[t].test) * count;
    all += count;
  }
  return right / all;
}

/// Learns task after task; returns the accuracy on all at the end.
template <class Learner, class S>
double learn(Learner& learner, const ll::Stream<S>& stream, const ll::FitOptions& options) {
  double found = 0;
  // [icarl]
  for (std::size_t t = 0; t < stream.size(); ++t) {
    learner.fit(stream[t].train, options);
    learner.consolidate();
    auto nearest = ll::rehearsal::nearest_mean_of(learner);
    found = accuracy(nearest, stream, t + 1);
    std::printf("%zu tasks: nearest mean of %zu exemplars %.2f %%, outputs of the network %.2f %%\n", t + 1,
                learner.state().rehearsal.exemplars.size(), 100 * found,
                100 * accuracy(learner.model(), stream, t + 1));
  }
  // [icarl]
  return found;
}

int mnist(const char* folder, std::size_t exemplars, std::uint64_t seed) {
  const auto data = ll::io::load_idx(folder, {.unpack = ll::zlib::gunzip});
  const auto stream = ll::stream::split(data, 5, {.scenario = ll::Scenario::class_incremental});
  ll::Learner learner{ll::nn::mlp<float>({784, 400, 400, 10}, {.seed = seed}), ll::importance::Constant{},
                      ll::penalty::None{}, ll::optimizer::Adam{},
                      ll::rehearsal::ICarlOf<std::uint8_t>{
                          .capacity = exemplars, .candidates = 12800, .batch_size = 128, .seed = seed}};
  learn(learner, stream, {.epochs = 4, .batch_size = 128, .seed = seed});
  std::printf("%zu bytes of memory\n", learner.state().rehearsal.bytes());
  return 0;
}

int main(int count, char** arguments) try {
  if (count > 2)
    return mnist(arguments[1], std::strtoull(arguments[2], nullptr, 10),
                 count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 1);
  const auto stream = ll::stream::split(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, 4,
                                        {.scenario = ll::Scenario::class_incremental});
  ll::Learner learner{ll::nn::mlp<float>({64, 32, 4}, {.seed = 1}), ll::importance::Constant{}, ll::penalty::None{},
                      ll::optimizer::Adam{}, ll::rehearsal::ICarl{.capacity = 60, .candidates = 300}};
  return learn(learner, stream, {.epochs = 10, .batch_size = 32}) > 0.85 ? 0 : 1;
} catch (const ll::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
