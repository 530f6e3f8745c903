#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/io/state_dict.hpp>
#include <lifelong/nn.hpp>

#include "catch.hpp"

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
        "tensor '0.weight' of 'safetensors' is F64 where F32 is needed");
  ll::io::Safetensors more = ll::io::state_dict(network);
  more.add<std::int64_t>("1.num_batches_tracked", {}, std::vector<std::int64_t>{7});
  ll::io::load_state_dict(more, network);
  more.add<float>("4.weight", {1}, std::vector<float>{1});
  CHECK(refusal(more) == "'safetensors' has a tensor '4.weight' that the network has not");
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
