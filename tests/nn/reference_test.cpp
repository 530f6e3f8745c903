// SPDX-License-Identifier: MIT
// Gradients, importances and learning traces against values computed one sample at a time by another program
// (PyTorch's autograd in float64). Double: 1e-9 relative for importances, 1e-7 for traces; float: 1e-4.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/stream/dataset.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "safetensors.hpp"

namespace reference_test {

namespace ll = lifelong;
using ll::importance::Fisher;
using ll::importance::Labels;
using ll::importance::Merge;
using ll::nn::Shape;
using ll::penalty::Quadratic;
using nlohmann::json;

namespace {

/// One reference network: its data, its parameters, and what it should compute.
template <class T>
class Case {
 public:
  explicit Case(const std::string& name)
      : file_(std::string(LIFELONG_TEST_DATA) + "/" + name), info_(file_.metadata()) {
    for (const double x : file_.doubles("x")) inputs_.push_back(static_cast<T>(x));
    labels_ = file_.integers("y");
  }

  auto network() const {
    const auto extents = info_["input"].get<std::vector<std::size_t>>();
    test::AnyNetwork<T> network(extents.size() == 1 ? Shape{extents[0]} : Shape{extents[0], extents[1], extents[2]},
                                layers());
    const auto start = group(network.layout(), "parameters");
    for (std::size_t i = 0; i < start.size(); ++i) network.parameters()[i] = static_cast<T>(start[i]);
    return network;
  }

  /// The tensors `group/<block name>` in the order of the flat vector.
  std::vector<double> group(const ll::Layout& layout, const std::string& name) const {
    std::vector<double> flat;
    for (const ll::Block& block : layout.blocks()) {
      const auto values = file_.doubles(name + "/" + block.name);
      REQUIRE(values.size() == block.size);
      flat.insert(flat.end(), values.begin(), values.end());
    }
    return flat;
  }

  std::vector<double> tensor(const std::string& name) const { return file_.doubles(name); }

  ll::Dataset<T> all() const { return examples(0, labels_.size()); }
  ll::Dataset<T> half(std::size_t k) const {
    const std::size_t half = labels_.size() / 2;
    return examples(k * half, half);
  }
  const json& info() const { return info_; }

 private:
  ll::Dataset<T> examples(std::size_t first, std::size_t count) const {
    const std::size_t width = inputs_.size() / labels_.size();
    return ll::Dataset<T>(std::span(inputs_).subspan(first * width, count * width),
                          std::span(labels_).subspan(first, count), {width});
  }

  std::vector<test::AnyLayer<T>> layers() const {
    std::vector<test::AnyLayer<T>> all;
    for (const json& layer : info_["layers"]) {
      const auto number = [&](std::size_t k) { return layer[k].get<std::size_t>(); };
      const std::string kind = layer[0];
      if (kind == "linear") all.push_back(ll::nn::Linear{number(1), number(2)});
      if (kind == "conv") all.push_back(ll::nn::Conv2d{number(1), number(2), number(3), number(4), number(5)});
      if (kind == "maxpool") all.push_back(ll::nn::MaxPool2d{number(1)});
      if (kind == "relu") all.push_back(ll::nn::ReLU{});
      if (kind == "tanh") all.push_back(ll::nn::Tanh{});
      if (kind == "flatten") all.push_back(ll::nn::Flatten{});
    }
    return all;
  }

  test::Safetensors file_;
  json info_;
  std::vector<T> inputs_;
  std::vector<std::int32_t> labels_;
};

/// Double: every element to `tolerance` of itself. Float: every element to 1e-4 of the largest.
template <class T>
void check(std::span<const T> actual, const std::vector<double>& expected, double tolerance) {
  REQUIRE(actual.size() == expected.size());
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("element " << i);
    const double bound = sizeof(T) == 8 ? tolerance * std::abs(expected[i]) : 1e-4 * largest;
    REQUIRE_THAT(static_cast<double>(actual[i]), test::WithinAbs(expected[i], bound));
  }
}

template <class T, class Importance>
std::vector<T> estimated(const Case<T>& reference, const Importance& importance) {
  ll::Learner learner{reference.network(), importance, Quadratic{}, ll::optimizer::Sgd{}};
  learner.consolidate(reference.all(), {.batch_size = reference.info()["batch"]});
  return {learner.importance().begin(), learner.importance().end()};
}

template <class T>
void check_importances(const Case<T>& reference) {
  const auto network = reference.network();
  const auto compare = [&](const auto& importance, const std::string& group) {
    INFO(group);
    check(std::span<const T>(estimated(reference, importance)), reference.group(network.layout(), group), 1e-9);
  };
  compare(Fisher{}, "fisher_exact");
  compare(Fisher{.labels = Labels::empirical}, "fisher_empirical");
  compare(Fisher{.labels = Labels::predicted}, "fisher_predicted");
  compare(ll::importance::BatchFisher{}, "fisher_batch");
  compare(ll::importance::Mas{}, "mas");
  compare(ll::importance::Mas{.norm = ll::importance::MasNorm::plain}, "mas_norm");
  compare(ll::importance::BatchMas{}, "mas_batch");
  compare(ll::importance::Scp{.directions = reference.tensor("directions")}, "scp");
  compare(ll::importance::ScpLimit{}, "scp_limit");
}

template <class T>
void check_gradient(const Case<T>& reference) {
  auto network = reference.network();
  std::vector<T> gradient(network.parameters().size()), outputs(reference.tensor("outputs").size());
  const auto data = reference.all();
  ll::BatchBuffer<T> buffer;
  const ll::backend::Serial backend;
  for (const auto& batch : ll::BatchLoader(data, data.size(), buffer, backend)) {
    network.predict(batch, std::span<T>(outputs));
    network.gradient(batch, std::span<T>(gradient));
  }
  check(std::span<const T>(outputs), reference.tensor("outputs"), 1e-9);
  check(std::span<const T>(gradient), reference.group(network.layout(), "gradient"), 1e-9);
}

template <class T, class Importance, class Optimizer>
void check_trace(const Case<T>& reference, const std::string& name, Importance importance, Optimizer optimizer) {
  INFO(name);
  const json& settings = reference.info()["traces"][name];
  ll::Learner learner{reference.network(), importance, Quadratic{.strength = settings["strength"]}, optimizer};
  for (std::size_t task = 0; task < 2; ++task) {
    learner.fit(reference.half(task), {.epochs = settings["epochs"],
                                       .batch_size = settings["batch"],
                                       .shuffle = false,
                                       .optimizer_state = ll::OptimizerState::reset});
    learner.consolidate(reference.half(task));
    const std::string group = "trace_" + name + "/task" + std::to_string(task);
    const auto& layout = learner.model().layout();
    check(std::span<const T>(learner.parameters()), reference.group(layout, group + "/parameters"), 1e-7);
    check(learner.importance(), reference.group(layout, group + "/importance"), 1e-7);
  }
}

template <class T>
void check_traces(const Case<T>& reference) {
  const ll::optimizer::Momentum momentum{.learning_rate = 0.05, .momentum = 0.9};
  const ll::optimizer::Adam adam{.learning_rate = 0.01};
  check_trace(reference, "ewc_sgd", Fisher{}, momentum);
  check_trace(reference, "ewc_adam", Fisher{}, adam);
  check_trace(reference, "online_ewc_sgd", Fisher{.labels = Labels::empirical, .merge = Merge::decay(0.9)}, momentum);
  check_trace(reference, "mas_sgd", ll::importance::Mas{}, momentum);
  check_trace(reference, "si_sgd", ll::importance::SynapticIntelligence{.xi = 0.1}, momentum);
  check_trace(reference, "si_adam", ll::importance::SynapticIntelligence{.xi = 0.1}, adam);
  check_trace(reference, "rwalk_sgd",
              ll::importance::RWalk{.alpha = 0.9, .epsilon = 0.01, .normalize = ll::importance::Normalize::none},
              momentum);
}

const std::vector<std::string> networks{"mlp_relu.safetensors", "mlp_tanh.safetensors", "cnn.safetensors"};

}  // namespace

TEST_CASE("gradients equal the reference", "[reference]") {
  for (const auto& name : networks) {
    INFO(name);
    check_gradient(Case<double>(name));
    check_gradient(Case<float>(name));
  }
}

TEST_CASE("importances equal the reference", "[reference]") {
  for (const auto& name : networks) {
    INFO(name);
    check_importances(Case<double>(name));
    check_importances(Case<float>(name));
  }
}

TEST_CASE("learning traces equal the reference", "[reference]") {
  for (const auto& name : networks) {
    INFO(name);
    check_traces(Case<double>(name));
    check_traces(Case<float>(name));
  }
}

}  // namespace reference_test
