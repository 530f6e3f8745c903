// SPDX-License-Identifier: MIT
// Rows for an importance estimated from data, of any estimator: layers, batches and positions.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include "plain_product.hpp"
#include "suite.hpp"
#include "synthetic.hpp"

namespace lifelong::benchmarks {

/// A network, a batch for it, and how many operations the products of one gradient are.
template <class Network>
struct Subject {
  Network network;
  Samples samples;
  double flops;
};

/// Operations of a layer's products in one gradient: outputs, weights and, above the first layer, inputs.
inline double gradient_flops(std::size_t samples, std::size_t in, std::size_t out, bool first = false) {
  return (first ? 4.0 : 6.0) * static_cast<double>(samples) * static_cast<double>(in) * static_cast<double>(out);
}

inline auto mlp_subject(std::size_t n) {
  auto network = nn::mlp<float>({784, 400, 400, 10}, {.seed = 1});
  const double flops = gradient_flops(n, 784, 400, true) + gradient_flops(n, 400, 400) + gradient_flops(n, 400, 10);
  return Subject<decltype(network)>{std::move(network), Samples(n, 784), flops};
}

/// One linear layer after the other, on every position alike.
inline auto tokens_subject(std::size_t n, std::size_t positions) {
  auto network = nn::sequential<float>(nn::Shape{positions, 64}, nn::Linear{64, 256}, nn::ReLU{}, nn::Linear{256, 64},
                                       nn::LastPosition{}, nn::Linear{64, 10});
  const double flops = gradient_flops(n * positions, 64, 256, true) + gradient_flops(n * positions, 256, 64);
  return Subject<decltype(network)>{std::move(network), Samples(n, positions * 64), flops};
}

/// Two convolutions of 3 x 3 on square images.
inline auto convolution_subject(std::size_t n, std::size_t side) {
  auto network = nn::sequential<float>(
      nn::Shape{16, side, side}, nn::Conv2d{.in = 16, .out = 64, .kernel = 3, .padding = 1}, nn::ReLU{},
      nn::Conv2d{.in = 64, .out = 64, .kernel = 3, .padding = 1}, nn::GlobalAvgPool{}, nn::Linear{64, 10});
  const std::size_t positions = side * side;
  const double flops = gradient_flops(n * positions, 16 * 9, 64, true) + gradient_flops(n * positions, 64 * 9, 64);
  return Subject<decltype(network)>{std::move(network), Samples(n, 16 * positions), flops};
}

inline auto recurrent_subject(std::size_t n, std::size_t positions) {
  auto network =
      nn::sequential<float>(nn::Shape{positions, 64}, nn::Lstm{64, 128}, nn::LastPosition{}, nn::Linear{128, 10});
  const double flops = gradient_flops(n * positions, 64, 4 * 128, true) + gradient_flops(n * positions, 128, 4 * 128);
  return Subject<decltype(network)>{std::move(network), Samples(n, positions * 64), flops};
}

/// `estimator` on `subject` against one plain gradient of the same batch; the floor is that of the gradient.
template <class Estimator, class MakeSubject>
void importance_against_gradient(Suite& suite, const std::string& name, const Estimator& estimator,
                                 MakeSubject make_subject) {
  suite.row("importance/" + name + " vs gradient", [=] {
    using S = decltype(make_subject());
    struct State {
      S subject;
      AlignedVector<float> values;
      explicit State(S&& made) : subject(std::move(made)), values(subject.network.parameters().size()) {}
    };
    const auto state = std::make_shared<State>(make_subject());
    return Pair{.body =
                    [state, estimator] {
                      const std::array<Batch<float>, 1> batches{state->subject.samples.batch()};
                      lifelong::importance::estimate(estimator, state->subject.network, batches, state->values);
                    },
                .against = {[state] {
                  state->subject.network.gradient(state->subject.samples.batch(), std::span<float>(state->values));
                }},
                .work = {.flops = state->subject.flops},
                .yardstick = plain_product()};
  });
}

/// All rows of an importance: `importance(suite, "my importance", MyImportance{})`.
template <ImportancePolicy Estimator>
void importance(Suite& suite, const std::string& name, const Estimator& estimator) {
  for (const std::size_t batch : {std::size_t{32}, std::size_t{256}, std::size_t{1000}})
    importance_against_gradient(suite, name + "/mlp/batch " + std::to_string(batch), estimator,
                                [&suite, batch] { return mlp_subject(suite.size(batch, 4)); });
  for (const std::size_t positions : {std::size_t{4}, std::size_t{16}, std::size_t{64}}) {
    const std::string at = "/positions " + std::to_string(positions);
    const auto batch = [&suite, positions] { return suite.size(1024 / positions, 2); };
    importance_against_gradient(suite, name + "/tokens" + at, estimator,
                                [=] { return tokens_subject(batch(), positions); });
    importance_against_gradient(suite, name + "/recurrent" + at, estimator,
                                [=] { return recurrent_subject(batch(), positions); });
  }
  for (const std::size_t side : {std::size_t{4}, std::size_t{8}})
    importance_against_gradient(
        suite, name + "/convolution/positions " + std::to_string(side * side), estimator,
        [&suite, side] { return convolution_subject(suite.size(1024 / (side * side), 2), side); });
}

}  // namespace lifelong::benchmarks
