// SPDX-License-Identifier: MIT
// Networks of every kind of layer, for compilers that are told to do without exceptions and RTTI.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstdint>
#include <vector>

namespace ll = lifelong;
using namespace lifelong::nn;

/// Learns and consolidates once.
template <class Network, class Importance, class Penalty>
void learn(Network network, const Importance& importance, const Penalty& penalty, const ll::Dataset<float>& data) {
  ll::Learner learner{network, importance, penalty, ll::optimizer::Adam{}};
  learner.fit(data, {.epochs = 1, .batch_size = 4});
  learner.consolidate(data);
}

int main() {
  const ll::Dataset<float> images(std::vector<float>(8 * 64, 0.5f), std::vector<std::int32_t>(8, 1), {1, 8, 8});
  learn(sequential<float>(Shape{1, 8, 8}, Conv2d{1, 4, 3, 1, 1}, BatchNorm{4}, ReLU{}, MaxPool2d{2}, Dropout{0.5},
                          Flatten{}, Linear{64, 4}),
        ll::importance::Mas{}, ll::penalty::Quadratic{}, images);
  learn(mlp<float>({64, 8, 4}, {.seed = 1}), ll::importance::Fisher{}, ll::penalty::ImplicitQuadratic{}, images);
  learn(mlp<float>({64, 8, 4}, {.seed = 1}), ll::importance::SynapticIntelligence{}, ll::penalty::Huber{}, images);
  learn(mlp<float>({64, 8, 4}, {.seed = 1}), KroneckerFisher{}, KroneckerPenalty{}, images);
}
