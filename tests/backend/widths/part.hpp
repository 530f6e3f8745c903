// SPDX-License-Identifier: MIT
// What both parts of one program do that are compiled for different processors. `PART` is the namespace of a part.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

namespace ll = lifelong;

/// A model of nothing but parameters, whose gradients come from outside.
struct Many {
  using value_type = float;
  ll::AlignedVector<float> theta = ll::AlignedVector<float>(1003, 1.0f);
  std::span<float> parameters() { return theta; }
};

using Learner = ll::Learner<Many, ll::importance::SynapticIntelligence, ll::penalty::Quadratic, ll::optimizer::Adam>;

namespace PART {

/// A type of its own for each part, so that the parts share some functions of a network and not others.
struct Backend : ll::backend::Serial {};

Learner make() { return Learner{Many{}, {}, {}, {}}; }

/// Takes three steps.
void train(Learner& learner) {
  const std::vector<float> gradient(1003, 0.5f);
  for (int step = 0; step < 3; ++step) learner.step(std::span<const float>(gradient));
}

/// A gradient and a moment of a network whose layers take every kind of product.
std::vector<float> differentiate() {
  using namespace ll::nn;
  auto network = sequential<float>(Shape{2, 9, 9},
                                   std::tuple{Conv2d{2, 5, 3, 1, 1}, BatchNorm{5}, ReLU{}, MaxPool2d{3}, Flatten{},
                                              Linear{45, 37}, LayerNorm{37}, ReLU{}, Linear{37, 7}},
                                   1, Backend{});
  const std::size_t samples = 29, count = network.parameters().size();
  std::vector<float> inputs(samples * network.inputs()), found(2 * count);
  std::vector<std::int32_t> labels(samples);
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = static_cast<float>(ll::Random(2).normal(i));
  for (std::size_t n = 0; n < samples; ++n) labels[n] = static_cast<std::int32_t>(n % 7);
  const ll::Batch<float> batch{samples, network.inputs(), inputs, labels};
  network.gradient(batch, std::span(found).first(count));
  network.accumulate_moment(batch, ll::importance::SquaredNorm{}, ll::moment::Square{}, std::span(found).last(count));
  return found;
}

}  // namespace PART
