// SPDX-License-Identifier: MIT
// The multilayer perceptron on a device and `nn::mlp`: one network, computed in two places.
#include <lifelong/cuda.cuh>
#include <lifelong/cuda/mlp.cuh>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "mlp_support.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace mlp_network_test {

namespace ll = lifelong;
using ll::nn::Activation, ll::importance::Labels;
using test::distance, test::gradient_of, test::moment_of, test::outputs_of, test::parameters_of, test::written_by;

const std::vector<std::size_t> widths{40, 50, 30, 10};

/// `nn::mlp` and the same on the device.
template <class T>
struct Both {
  explicit Both(Activation activation)
      : host(test::any_mlp<T>(widths, {.seed = 6, .activation = activation})),
        device(widths, {.seed = 6, .activation = activation}, test::MlpBackend{}) {}

  decltype(test::any_mlp<T>(widths, {})) host;
  test::Mlp<T> device;
};

/// Moments of each layer by itself are the same up to 1e-12 of the largest.
inline void check_local_moments(Both<double>& both, const ll::Batch<double>& batch) {
  using ll::importance::MasNorm;
  for (const MasNorm norm : {MasNorm::squared, MasNorm::plain, MasNorm::mean}) {
    const ll::importance::OutputNorm functional{norm};
    std::vector<double> expected(both.host.parameters().size());
    both.host.accumulate_local_moment(batch, functional, ll::moment::Absolute{}, expected);
    const auto call = [&](auto out) {
      both.device.accumulate_local_moment(batch, functional, ll::moment::Absolute{}, out);
    };
    CHECK(distance(written_by(both.device, call, 0), expected) < 1e-12);
  }
}

/// Gradients, outputs and moments are the same up to `rounding` of the largest.
template <class T>
void check_same(Activation activation, double rounding) {
  Both<T> both(activation);
  const std::size_t count = both.host.parameters().size();
  test::RandomBatch<T> data(64, 40, 10);
  for (const bool ranges : {false, true}) {
    data.use_ranges(ranges);
    std::vector<T> expected(count), outputs(640);
    const double loss = both.host.gradient(data.batch(), expected);
    CHECK_THAT(both.device.loss(data.batch()), test::WithinRel(loss, rounding));
    CHECK(distance(gradient_of(both.device, data.batch()), expected) < rounding);
    both.host.predict(data.batch(), outputs);
    CHECK(distance(outputs_of(both.device, data.batch()), outputs) < rounding);
    const auto check = [&](const auto& functional, auto moment) {
      CHECK(distance(moment_of(both.device, data.batch(), functional, moment),
                     test::at_once(both.host, data.batch(), functional, moment)) < rounding);
    };
    check(test::log_likelihood(Labels::exact), ll::moment::Square{});
    check(ll::importance::SquaredNorm{}, ll::moment::Absolute{});
    if constexpr (std::is_same_v<T, double>) check_local_moments(both, data.batch());
  }
}

}  // namespace mlp_network_test

using namespace mlp_network_test;

TEST_CASE("cuda::mlp begins with the bits of nn::mlp, under the same names", "[cuda][mlp][nn]") {
  Both<float> both(Activation::relu);
  CHECK(test::same_bits(parameters_of(both.device),
                        std::vector<float>(both.host.parameters().begin(), both.host.parameters().end())));
  const auto& blocks = both.device.layout().blocks();
  const auto& expected = both.host.layout().blocks();
  REQUIRE(blocks.size() == expected.size());
  for (std::size_t k = 0; k < blocks.size(); ++k) {
    CHECK(blocks[k].name == expected[k].name);
    CHECK(blocks[k].shape == expected[k].shape);
    CHECK(blocks[k].offset == expected[k].offset);
    CHECK(blocks[k].kind == expected[k].kind);
    CHECK(blocks[k].head == expected[k].head);
  }
}

TEST_CASE("cuda::mlp computes what nn::mlp computes, up to rounding", "[cuda][mlp][nn]") {
  for (const Activation activation : {Activation::relu, Activation::tanh, Activation::sigmoid, Activation::gelu}) {
    INFO("activation " << static_cast<int>(activation));
    check_same<double>(activation, 1e-12);
    check_same<float>(activation, 1e-5);
  }
}
