// SPDX-License-Identifier: MIT
// Training stops in the middle of a task and goes on in another process as if nothing had happened: bit by bit.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>

#include "synthetic.hpp"

namespace ll = lifelong;

auto make_learner() {
  return ll::Learner{ll::nn::mlp<float>({64, 32, 4}, {.seed = 1}), ll::importance::Fisher{},
                     ll::penalty::Quadratic{.strength = 100}, ll::optimizer::Adam{.learning_rate = 3e-3}};
}

int main() try {
  const auto stream = ll::stream::permuted(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, 2, {.seed = 3});
  const std::string path = (std::filesystem::temp_directory_path() / "lifelong_resume.safetensors").string();

  auto learner = make_learner();
  learner.fit(stream[0].train, {.batch_size = 32});
  learner.consolidate(stream[0].train);
  // [save]
  ll::FitOptions options{.epochs = 3, .batch_size = 32};
  learner.fit(stream[1].train, options, [&](const ll::FitProgress& at) {
    if (at.step % 50 == 0)
      ll::io::write_safetensors(path, ll::io::checkpoint(learner));  // the whole new file, or the old one
  });
  // [save]

  // [resume]
  auto resumed = make_learner();
  ll::io::restore(ll::io::read_safetensors(path), resumed);  // all of it, or nothing
  options.resume = true;
  resumed.fit(stream[1].train, options);  // the steps that are missing
  // [resume]

  const bool same = std::ranges::equal(resumed.parameters(), learner.parameters());
  std::printf("%zu task known, %.3f accuracy on it; the parameters are %s\n", resumed.tasks(),
              ll::accuracy(resumed.model(), stream[0].test), same ? "the same, bit by bit" : "different");
  std::filesystem::remove(path);
  return same ? 0 : 1;
} catch (const ll::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
