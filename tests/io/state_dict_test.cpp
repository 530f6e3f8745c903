// SPDX-License-Identifier: MIT
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/io/state_dict.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include "catch.hpp"

namespace state_dict_test {

namespace ll = lifelong;

namespace {

std::vector<float> copy_of(std::span<const float> values) { return {values.begin(), values.end()}; }

}  // namespace

TEST_CASE("a network's parameters go to a file and back under PyTorch's names") {
  const auto network = ll::nn::mlp<float>({3, 4, 2}, {.seed = 1});
  const ll::io::Safetensors file = ll::io::state_dict(network);
  CHECK(file.tensors().size() == 4);
  CHECK(file.at("2.weight").shape == std::vector<std::size_t>{2, 4});
  CHECK(file.values<float>("0.weight") == copy_of(network.parameters().first(12)));
  CHECK(file.values<float>("2.bias") == copy_of(network.parameters().last(2)));

  auto other = ll::nn::mlp<float>({3, 4, 2}, {.seed = 2});
  CHECK(copy_of(other.parameters()) != copy_of(network.parameters()));
  ll::io::load_state_dict(file, other);
  CHECK(copy_of(other.parameters()) == copy_of(network.parameters()));
}

TEST_CASE("an importance and its anchor go to files and from there to another learner") {
  const auto learner_at = [](std::uint64_t seed) {
    return ll::Learner{ll::nn::mlp<float>({3, 4, 2}, {.seed = seed}), ll::importance::Fisher{},
                       ll::penalty::Quadratic{.strength = 2}, ll::optimizer::Sgd{.learning_rate = 0.1}};
  };
  auto first = learner_at(1);
  const ll::Layout& layout = first.model().layout();
  const ll::Dataset<float> data({1, 2, 3, -1, 0, 1}, std::vector<std::int32_t>{0, 1}, {3});
  first.consolidate(data);
  first.fit(data, {.epochs = 2, .batch_size = 1});

  ll::io::Safetensors importance, anchor;
  ll::io::add_blocks(importance, layout, std::span<const float>(first.importance()));
  ll::io::add_blocks(anchor, layout, first.anchor());

  auto second = learner_at(2);
  ll::io::load_state_dict(anchor, second.model());
  second.set_importance(ll::io::read_blocks<float>(importance, layout));
  ll::io::load_state_dict(ll::io::state_dict(first.model()), second.model());
  CHECK(copy_of(second.importance()) == copy_of(first.importance()));
  CHECK(copy_of(second.anchor()) == copy_of(first.anchor()));
  CHECK(second.penalty_value() == first.penalty_value());
  CHECK(first.penalty_value() > 0);

  CHECK_THROWS_AS(ll::io::read_blocks<float>(importance, ll::nn::mlp<float>({4, 3, 2}).layout()), ll::ShapeMismatch);
  CHECK_THROWS_AS(ll::io::read_blocks<double>(importance, layout), ll::FormatError);
  CHECK_THROWS_AS(ll::io::read_blocks<float>(importance, ll::nn::mlp<float>({3, 4, 2, 2}).layout()), ll::Error);
}

TEST_CASE("a state_dict of another network is refused and changes nothing") {
  auto network = ll::nn::mlp<float>({3, 4, 2}, {.seed = 1});
  const std::vector<float> before = copy_of(network.parameters());
  const auto refusal = [&](const ll::io::Safetensors& file) {
    const std::string message = test::message_of<ll::Error>([&] { ll::io::load_state_dict(file, network); });
    CHECK(copy_of(network.parameters()) == before);
    return message;
  };
  CHECK(refusal(ll::io::state_dict(ll::nn::mlp<float>({3, 2}))) ==
        "0.weight of 'safetensors' is 2 x 3, but the network's is 4 x 3");
  CHECK(refusal(ll::io::Safetensors("w")) == "'w' has no tensor '0.weight'");
  CHECK(refusal(ll::io::state_dict(ll::nn::mlp<double>({3, 4, 2}))) ==
        "tensor '0.weight' of 'safetensors' is F64 where F32 is needed; in PyTorch, save the state_dict of "
        "model.float()");
  ll::io::Safetensors more = ll::io::state_dict(network);
  more.add<std::int64_t>("1.num_batches_tracked", {}, std::vector<std::int64_t>{7});
  ll::io::load_state_dict(more, network);
  more.add<float>("4.weight", {1}, std::vector<float>{1});
  CHECK(refusal(more) == "'safetensors' has a tensor '4.weight' that the network does not have");
}

TEST_CASE("values that are not finite are refused by name and change nothing") {
  auto network = ll::nn::mlp<float>({3, 4, 2}, {.seed = 1});
  const std::vector<float> before = copy_of(network.parameters());
  for (const std::uint32_t bits : {0x7fc00000U, 0x7f800000U, 0xff800000U, 0x7f800001U}) {
    auto other = network;
    other.parameters()[14] = std::bit_cast<float>(bits);
    const std::string message =
        test::message_of<ll::NumericError>([&] { ll::io::load_state_dict(ll::io::state_dict(other), network); });
    CHECK(message.substr(0, message.rfind(' ')) == "0.bias[2] of 'safetensors' is");
    CHECK_THROWS_AS(ll::io::read_blocks<float>(ll::io::state_dict(other), network.layout()), ll::NumericError);
    CHECK(copy_of(network.parameters()) == before);
  }
}

TEST_CASE("importances are saved under the names of the parameters") {
  const auto network = ll::nn::mlp<double>({2, 2});
  ll::io::Safetensors file;
  const std::vector<double> importance{1, 2, 3, 4, 5, 6};
  ll::io::add_blocks<double>(file, network.layout(), importance);
  CHECK(file.values<double>("0.bias") == std::vector<double>{5, 6});
  CHECK_THROWS_AS(ll::io::add_blocks<double>(file, network.layout(), std::span(importance).first(5)),
                  ll::ShapeMismatch);
}

}  // namespace state_dict_test
