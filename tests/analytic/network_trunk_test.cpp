// SPDX-License-Identifier: MIT
// A network as the trunk of a head.
#include <lifelong/analytic/ridge.hpp>
#include <lifelong/analytic/slda.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <lifelong/core/random.hpp>

#include "catch.hpp"

namespace network_trunk_test {

namespace ll = lifelong;

namespace {

constexpr std::size_t inputs = 7, width = 20, classes = 3, count = 64;

auto network() {
  return ll::nn::sequential<float>(ll::nn::Shape{inputs}, ll::nn::Linear{inputs, width}, ll::nn::BatchNorm{width},
                                   ll::nn::ReLU{}, ll::nn::Dropout{0.5});
}

struct Data {
  std::vector<float> values;
  std::vector<std::int32_t> labels;
  Data() {
    for (std::size_t i = 0; i < count * inputs; ++i) values.push_back(static_cast<float>(ll::Random(1).normal(i)));
    for (std::size_t n = 0; n < count; ++n) labels.push_back(static_cast<std::int32_t>(n % classes));
  }
  [[nodiscard]] ll::Batch<float> batch() const { return {count, inputs, values, labels}; }
};

/// A head on the network is one on the network's outputs.
template <template <class> class Head>
void is_a_head_on_its_outputs() {
  const Data data;
  auto trunk = network();
  std::vector<float> features(count * width);
  trunk.predict(data.batch(), features);
  const std::vector<float> buffers(trunk.buffers().begin(), trunk.buffers().end());

  Head on_network{trunk, classes};
  Head on_features{ll::analytic::Identity<float>(width), classes};
  for (std::size_t n = 0; n < count; n += 16) on_network.learn(data.batch().slice(n, 16));
  on_features.learn({count, width, features, data.labels});
  std::vector<float> a(count * classes), b(count * classes);
  on_network.predict(data.batch(), a);
  on_features.predict({count, width, features, data.labels}, b);
  CHECK(a == b);
  CHECK(std::vector<float>(on_network.trunk().buffers().begin(), on_network.trunk().buffers().end()) == buffers);
}

}  // namespace

TEST_CASE("a head on a network is one on the network's outputs in evaluation, which stay as they are") {
  is_a_head_on_its_outputs<ll::analytic::Ridge>();
  is_a_head_on_its_outputs<ll::analytic::Slda>();
}

TEST_CASE("a network that gives NaN is refused by name of the sample, and nothing is learned") {
  const Data data;
  ll::analytic::Ridge head{network(), classes};
  head.learn(data.batch());
  head.trunk().parameters()[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(test::message_of<ll::NumericError>([&] { head.learn(data.batch()); }),
             test::ContainsSubstring("sample 0, feature 0 of the batch is nan"));
  CHECK(head.samples() == count);
}

}  // namespace network_trunk_test
