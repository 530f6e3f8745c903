// SPDX-License-Identifier: MIT
// The line in which a network names everything that its results depend on besides its parameters.
#include <lifelong/nn.hpp>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace recipe_test {

using namespace lifelong::nn;
namespace ll = lifelong;

namespace {

/// A layer and a loss without `recipe()`.
struct Plain : Tanh {
  void recipe() = delete;
};
struct PlainLoss : SoftmaxCrossEntropy {
  void recipe() = delete;
};

template <class... Layers>
std::string recipe(Shape input, Layers... layers) {
  return sequential<float>(input, std::tuple{std::move(layers)...}, 1).recipe();
}

}  // namespace

TEST_CASE("a network names the shape of its inputs, its layers, its loss and its seed in a line", "[recipe]") {
  CHECK(recipe(Shape{4}, Linear{4, 3}, BatchNorm{3}, ReLU{}, Dropout{.p = 0.3}, Linear{3, 2}) ==
        "Network(input 4, Linear(in 4, out 3), BatchNorm(channels 3, momentum 0.1, epsilon 1e-05), ReLU(), "
        "Dropout(rate 0.3), Linear(in 3, out 2), SoftmaxCrossEntropy(), seed 1)");
  CHECK(mlp<float>({4, 3, 2}, {.seed = 7, .activation = Activation::gelu}, ll::backend::Serial{}, MeanSquaredError{})
            .recipe() ==
        "Network(input 4, Linear(in 4, out 3), GELU(), Linear(in 3, out 2), MeanSquaredError(), seed 7)");
}

TEST_CASE("every layer names its settings", "[recipe]") {
  CHECK(Conv2d{.in = 2, .out = 4, .kernel = {3, 5}, .stride = 2, .padding = {1, 0}, .groups = 2}.recipe() ==
        "Conv2d(in 2, out 4, kernel 3x5, stride 2, padding 1x0, groups 2)");
  CHECK(MaxPool2d{.kernel = 2}.recipe() == "MaxPool2d(kernel 2, stride 2, padding 0)");
  CHECK(AvgPool2d{.kernel = 3, .stride = 1, .padding = 1}.recipe() == "AvgPool2d(kernel 3, stride 1, padding 1)");
  CHECK(GlobalAvgPool{}.recipe() == "GlobalAvgPool()");
  CHECK(BatchNorm{.channels = 3, .momentum = 0.2, .running_statistics = false, .epsilon = 0.5}.recipe() ==
        "BatchNorm(channels 3, momentum 0.2, epsilon 0.5, statistics of the batch)");
  CHECK(GroupNorm{.groups = 2, .channels = 4}.recipe() == "GroupNorm(groups 2, channels 4, epsilon 1e-05)");
  CHECK(LayerNorm{.features = 4, .epsilon = 0.1}.recipe() == "LayerNorm(features 4, epsilon 0.1)");
  CHECK(Embedding{.tokens = 10, .features = 4}.recipe() == "Embedding(tokens 10, features 4)");
  CHECK(Gru{.in = 3, .hidden = 5}.recipe() == "Gru(in 3, hidden 5)");
  CHECK(Lstm{.in = 3, .hidden = 5}.recipe() == "Lstm(in 3, hidden 5)");
  CHECK(LastPosition{}.recipe() == "LastPosition()");
  CHECK(Flatten{}.recipe() == "Flatten()");
  CHECK(Heads{.in = 3, .widths = {2, 4}}.recipe() == "Heads(in 3, out 2+4)");
  CHECK(Tanh{}.recipe() == "Tanh()");
  CHECK(Sigmoid{}.recipe() == "Sigmoid()");
}

TEST_CASE("a composite layer names its parts", "[recipe]") {
  CHECK(residual(Linear{4, 4}, ReLU{}).recipe() == "Residual(Linear(in 4, out 4), ReLU())");
  CHECK(residual(std::tuple{Linear{4, 2}, Dropout{.p = 0.1}}, std::tuple{Linear{4, 2}}).recipe() ==
        "Residual(Linear(in 4, out 2), Dropout(rate 0.1), shortcut(Linear(in 4, out 2)))");
}

TEST_CASE("a layer or a loss of one's own need not have a recipe", "[recipe]") {
  CHECK(sequential<float>(std::tuple{Linear{2, 2}, Plain{}}, 0, ll::backend::Serial{}, PlainLoss{}).recipe() ==
        "Network(input 2, Linear(in 2, out 2), a layer without a recipe, a loss without a recipe, seed 0)");
}

TEST_CASE("the settings that change results change the recipe", "[recipe]") {
  const std::string one = recipe(Shape{4}, Linear{4, 3}, Dropout{.p = 0.3}, Linear{3, 2});
  CHECK(one != recipe(Shape{4}, Linear{4, 3}, Dropout{.p = 0.30000001}, Linear{3, 2}));
  CHECK(one != recipe(Shape{1, 4}, Linear{4, 3}, Dropout{.p = 0.3}, Linear{3, 2}));
  auto heads = sequential<float>(Heads{2, {2}});
  const std::string before = heads.recipe();
  heads.grow(3);
  CHECK(before == "Network(input 2, Heads(in 2, out 2), SoftmaxCrossEntropy(), seed 0)");
  CHECK(heads.recipe() == "Network(input 2, Heads(in 2, out 2+3), SoftmaxCrossEntropy(), seed 0)");
}

}  // namespace recipe_test
