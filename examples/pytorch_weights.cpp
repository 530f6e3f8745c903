// SPDX-License-Identifier: MIT
// Goes on with a network that PyTorch has trained: its weights and the data it learned from come as files. With a
// folder as argument it reads model.safetensors, x.npy and y.npy there; without, it makes some first.
#include <lifelong/io/npy.hpp>
#include <lifelong/io/safetensors.hpp>
#include <lifelong/io/state_dict.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "synthetic.hpp"

namespace ll = lifelong;

/// What PyTorch and NumPy would have written.
void write_files(const std::string& folder) {
  const auto data = patterns(1200, 1);
  ll::Learner learner{ll::nn::mlp<float>({64, 32, 4}, {.seed = 1}), ll::importance::Constant{}, ll::penalty::None{},
                      ll::optimizer::Adam{}};
  learner.fit(data, {.epochs = 5, .batch_size = 64});
  ll::io::write_safetensors(folder + "/model.safetensors", ll::io::state_dict(learner.model()));
  ll::io::write_npy<float>(folder + "/x.npy", {data.size(), 64}, data.inputs());
  const std::vector<std::int64_t> classes(data.labels().begin(), data.labels().end());
  ll::io::write_npy<std::int64_t>(folder + "/y.npy", {data.size()}, classes);
}

void go_on(const std::string& folder) {
  // [load]
  auto network = ll::nn::mlp<float>({64, 32, 4});  // nn.Sequential(Linear(64, 32), ReLU(), Linear(32, 4))
  ll::io::load_state_dict(ll::io::read_safetensors(folder + "/model.safetensors"), network);
  const ll::Dataset<float> learned(ll::io::read_npy(folder + "/x.npy").values<float>(),
                                   ll::io::read_npy(folder + "/y.npy").labels(), {64});

  ll::Learner learner{network, ll::importance::Fisher{}, ll::penalty::Quadratic{.strength = 100},
                      ll::optimizer::Adam{}};
  learner.consolidate(learned);  // what PyTorch taught is protected from here on
  // [load]

  const auto before = ll::accuracy(learner.model(), learned);
  const auto next = ll::stream::permuted(ll::SplitData<float>{patterns(1200, 2), patterns(400, 3)}, 2, {.seed = 1})[1];
  learner.fit(next.train, {.epochs = 5, .batch_size = 64});
  std::cout << "what PyTorch taught: " << before << ", after another task: " << ll::accuracy(learner.model(), learned)
            << "; the other task: " << ll::accuracy(learner.model(), next.test) << '\n';

  // [save]
  ll::io::write_safetensors(folder + "/after.safetensors", ll::io::state_dict(learner.model()));
  ll::io::Safetensors importances;
  ll::io::add_blocks(importances, learner.model().layout(), learner.importance());
  ll::io::write_safetensors(folder + "/importance.safetensors", importances);
  // [save]
}

int main(int count, char** arguments) try {
  const std::filesystem::path made = std::filesystem::temp_directory_path() / "lifelong_pytorch_weights";
  if (count == 1) {
    std::filesystem::create_directories(made);
    write_files(made.string());
  }
  go_on(count > 1 ? arguments[1] : made.string());
  if (count == 1) std::filesystem::remove_all(made);
} catch (const ll::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
