// SPDX-License-Identifier: MIT
// A training pass that is refused changes neither running statistics nor the dropout of the passes after it.
#include <lifelong/nn.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "random_batch.hpp"

namespace refused_pass_test {

using namespace lifelong;
using namespace lifelong::nn;

namespace {

auto make() {
  return sequential<float>(
      std::tuple{Linear{3, 4}, BatchNorm{4}, Dropout{}, Linear{4, 4}, BatchNorm{4}, ReLU{}, Linear{4, 2}}, 5);
}

/// The bits of everything that the next pass depends on.
template <class Network>
std::vector<float> state_of(Network& network) {
  std::vector<float> state(network.parameters().begin(), network.parameters().end());
  state.insert(state.end(), network.buffers().begin(), network.buffers().end());
  network.visit_state([&](const char*, auto& number) { state.push_back(static_cast<float>(number)); });
  return state;
}

template <class Network>
std::vector<float> gradient(Network& network, const Batch<float>& batch) {
  std::vector<float> out(network.parameters().size());
  network.gradient(batch, out);
  return out;
}

/// Fails at one of its loops, which it counts.
struct Failing : backend::Serial {
  std::size_t* loops = nullptr;
  const std::size_t* failing = nullptr;
  [[nodiscard]] std::size_t threads() const { return 2; }
  template <class Body>
  void parallel_for(std::size_t count, Body&& body) const {
    if ((*loops)++ == *failing) throw NumericError("failed");
    backend::Serial::parallel_for(count, body);
  }
};

}  // namespace

TEST_CASE("a running statistic that would not be finite is named, and nothing changes", "[refused]") {
  test::RandomBatch<float> data(8, 3, 2);
  auto network = make(), untouched = make();
  gradient(network, data.batch());
  gradient(untouched, data.batch());
  const std::vector<float> before = state_of(network);
  for (std::size_t unit = 0; unit < 4; ++unit) network.parameters()[unit * 3] = unit < 2 ? 0.0f : 1.0f;
  for (std::size_t unit = 0; unit < 4; ++unit) untouched.parameters()[unit * 3] = unit < 2 ? 0.0f : 1.0f;
  const std::vector<float> edited = state_of(network);
  const float kept = data.inputs[6];
  data.inputs[6] = 1e20f;  // its square is Inf
  std::vector<float> out(network.parameters().size(), 7);
  CHECK(test::message_of<NumericError>([&] { network.gradient(data.batch(), out); }) ==
        "1.running_var[2] would be inf in this pass: an input of the batch is too large");
  CHECK(state_of(network) == edited);
  CHECK(before != edited);
  CHECK(out == std::vector<float>(out.size(), 7));
  data.inputs[6] = kept;
  CHECK(gradient(network, data.batch()) == gradient(untouched, data.batch()));  // the same values are dropped
  CHECK(state_of(network) == state_of(untouched));
}

TEST_CASE("a pass whose loss is not finite does not count", "[refused]") {
  test::RandomBatch<float> data(8, 3, 2);
  auto network = make();
  gradient(network, data.batch());
  const std::vector<float> before = state_of(network);
  const float kept = data.inputs[4];
  data.inputs[4] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> out(network.parameters().size());
  CHECK(!lifelong::detail::is_finite(network.gradient(data.batch(), out)));
  CHECK(state_of(network) == before);
  data.inputs[4] = kept;
  gradient(network, data.batch());
  CHECK(state_of(network) != before);
}

TEST_CASE("a pass that ends by an error, wherever in it, does not count", "[refused]") {
  test::RandomBatch<float> data(128, 512, 10);
  std::size_t loops = 0, failing = static_cast<std::size_t>(-1);
  auto network = sequential<float>(
      std::tuple{Linear{512, 256}, BatchNorm{256}, Dropout{}, Linear{256, 256}, BatchNorm{256}, Linear{256, 10}}, 1,
      Failing{{}, &loops, &failing});
  gradient(network, data.batch());
  const std::size_t all = loops;
  REQUIRE(all > 4);
  const std::vector<float> before = state_of(network);
  for (failing = 0; failing < all; ++failing) {
    loops = 0;
    CHECK_THROWS_AS(gradient(network, data.batch()), NumericError);
    CHECK((state_of(network) == before));
  }
}

}  // namespace refused_pass_test
