// SPDX-License-Identifier: MIT
// A network learns two tasks, and is written to a file and read again: from single headers or from those they are made
// of.
#if defined(SINGLE)
#include "lifelong-nn.hpp"
// the core twice: it is there once
#include "lifelong-io.hpp"
#else
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#endif

#include <cstdint>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

namespace ll = lifelong;

/// Four noisy values; the label is the sign of value `which`.
ll::Dataset<double> signs(std::size_t which, std::uint64_t seed) {
  const ll::Random noise(seed);
  std::vector<double> inputs;
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < 64; ++n) {
    for (std::size_t i = 0; i < 4; ++i) inputs.push_back(noise.normal(4 * n + i));
    labels.push_back(inputs[4 * n + which] > 0 ? 1 : 0);
  }
  return {std::move(inputs), std::move(labels), {4}};
}

auto make_learner() {
  return ll::Learner{ll::nn::mlp<double>({4, 6, 2}, {.seed = 1}), ll::importance::Fisher{},
                     ll::penalty::Quadratic{.strength = 10}, ll::optimizer::Adam{}};
}

int main() {
  auto learner = make_learner();
  for (std::size_t task = 0; task < 2; ++task) {
    const auto data = signs(task, task);
    learner.fit(data, {.epochs = 2, .batch_size = 8});
    learner.consolidate(data);
  }
  ll::io::write_safetensors("network.safetensors", ll::io::checkpoint(learner));
  auto read = make_learner();
  ll::io::restore(ll::io::read_safetensors("network.safetensors"), read);
  for (const double value : read.parameters()) std::printf("%a\n", value);
}
