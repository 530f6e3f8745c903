// SPDX-License-Identifier: MIT
// A learner that is saved, made anew and restored goes on as if nothing had happened.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "folder.hpp"
#include "tiny_model.hpp"

namespace checkpoint_test {

namespace ll = lifelong;

namespace {

/// Running statistics, random numbers, a path, anchors per task, a compact array: all that a learner may remember.
auto make_learner() {
  return ll::Learner{ll::nn::sequential<float>(ll::nn::Shape{4}, ll::nn::Linear{4, 8}, ll::nn::BatchNorm{8},
                                               ll::nn::ReLU{}, ll::nn::Dropout{0.3}, ll::nn::Linear{8, 3}),
                     ll::importance::RWalk{},
                     ll::compact(ll::penalty::Quadratic{.strength = 3, .anchor = ll::penalty::Anchor::per_task}),
                     ll::optimizer::Adam{}};
}

const test::TinyTask first(1, 50), second(2, 50);
const ll::FitOptions options{.epochs = 2, .batch_size = 16};

template <class Learner>
void go_on(Learner& learner) {
  learner.fit(second, options);
  learner.consolidate(second);
  learner.fit(first, options);
}

template <class Learner>
bool are_same(Learner& a, Learner& b) {
  const auto file = ll::io::checkpoint(a), other = ll::io::checkpoint(b);
  return file.tensors().size() == other.tensors().size() &&
         std::ranges::all_of(file.tensors(), [&](const auto& tensor) {
           return std::ranges::equal(file.bytes(tensor.first), other.bytes(tensor.first));
         });
}

}  // namespace

TEST_CASE("a restored learner goes on bit by bit", "[checkpoint]") {
  const test::Folder folder;
  auto learner = make_learner();
  learner.fit(first, options);
  learner.consolidate(first);
  learner.fit(second, options);  // in the middle of a task
  ll::io::write_safetensors(folder.path() + "/learner.safetensors", ll::io::checkpoint(learner));
  go_on(learner);

  auto resumed = make_learner();
  ll::io::restore(ll::io::read_safetensors(folder.path() + "/learner.safetensors"), resumed);
  CHECK_FALSE(are_same(resumed, learner));
  CHECK(resumed.tasks() == 1);
  go_on(resumed);
  CHECK(are_same(resumed, learner));
  CHECK(resumed.penalty_value() == learner.penalty_value());
  CHECK(resumed.recipe() == learner.recipe());
}

TEST_CASE("a checkpoint names its tensors after the model's", "[checkpoint]") {
  auto learner = make_learner();
  const ll::io::Safetensors file = ll::io::checkpoint(learner);
  for (const char* name : {"model.0.weight", "model.1.running_mean", "penalty.importance.4.bias",
                           "penalty.anchor.0.weight", "optimizer.first_moment.0.weight", "learner.tasks"})
    CHECK(file.contains(name));
  CHECK(file.metadata().at("recipe") == learner.recipe());

  ll::Learner plain{test::TinyModel(), ll::importance::Constant{}, ll::penalty::L1{}, ll::optimizer::Sgd{}};
  CHECK(ll::io::checkpoint(plain).contains("model.parameters"));
  CHECK(ll::io::checkpoint(plain).contains("penalty.anchor.parameters"));
}

TEST_CASE("a checkpoint whose tensors are not the learner's is refused and changes nothing", "[checkpoint]") {
  ll::Learner momentum{test::TinyModel(2), ll::importance::Constant{}, ll::penalty::L1{}, ll::optimizer::Momentum{}};
  const auto before = momentum.model().theta;
  const auto message = [&](const ll::io::Safetensors& file) {
    return test::message_of<ll::Error>([&] { ll::io::restore(file, momentum); });
  };
  ll::io::Safetensors larger = ll::io::checkpoint(momentum);
  const std::size_t tensors = larger.tensors().size();
  larger.add<float>("more", {1}, std::vector<float>{1});
  ll::io::seal(larger);
  CHECK(message(larger) == "'safetensors' has " + std::to_string(tensors + 1) + " tensors where the learner has " +
                               std::to_string(tensors));
  test::TinyModel wide;
  wide.hidden = 4;
  wide.theta.resize(4 * 4 + 4 + 3 * 4 + 3);
  ll::Learner other{wide, ll::importance::Constant{}, ll::penalty::L1{}, ll::optimizer::Momentum{}};
  CHECK(message(ll::io::checkpoint(other)) == "model.parameters of 'safetensors' is 35, but the network's is 27");
  for (const std::size_t size : {std::size_t{3}, std::size_t{1000}}) {  // a whole array in the place of its blocks
    ll::io::Safetensors forged;
    const ll::io::Safetensors intact = ll::io::checkpoint(momentum);
    for (const auto& [key, text] : intact.metadata()) forged.set_metadata(key, text);
    for (const auto& [name, tensor] : intact.tensors())
      if (name == "penalty.importance.parameters")
        forged.add<double>("penalty.importance", {size}, std::vector<double>(size));
      else if (tensor.dtype == "F64")
        forged.add<double>(name, tensor.shape, intact.values<double>(name));
      else
        forged.add<std::uint64_t>(name, tensor.shape, intact.values<std::uint64_t>(name));
    ll::io::seal(forged);
    CHECK(message(forged) == "importance has " + std::to_string(size) + " elements where 27 are needed");
  }
  CHECK(momentum.model().theta == before);
}

}  // namespace checkpoint_test
