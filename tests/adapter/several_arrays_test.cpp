// SPDX-License-Identifier: MIT
// Models with several arrays train as the same model with one vector, bit by bit.
#include <lifelong/adapter/several_arrays.hpp>
#include <lifelong/lifelong.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"

namespace several_arrays_test {

namespace ll = lifelong;
using ll::adapter::OneVector;
using ll::adapter::ParameterArrays;

namespace {

/// f(x) = v · x + c for one output; the loss is the mean of ½ (f - y)².
double line(std::span<const double> v, double c, const ll::Batch<double>& batch, std::span<double> dv, double& dc) {
  for (double& value : dv) value = 0;
  dc = 0;
  double loss = 0;
  const double share = 1 / static_cast<double>(batch.size);
  for (std::size_t n = 0; n < batch.size; ++n) {
    double error = c - batch.targets[n];
    for (std::size_t i = 0; i < v.size(); ++i) error += v[i] * batch.inputs[n * v.size() + i];
    for (std::size_t i = 0; i < v.size(); ++i) dv[i] += share * error * batch.inputs[n * v.size() + i];
    dc += share * error;
    loss += share * error * error / 2;
  }
  return loss;
}

struct Flat {
  using value_type = double;
  std::vector<double> theta = std::vector<double>(4, 0.25);
  std::span<double> parameters() { return theta; }
  double gradient(const ll::Batch<double>& batch, std::span<double> out) {
    return line(std::span(theta).first(3), theta[3], batch, out.first(3), out[3]);
  }
};

struct InArrays {
  using value_type = double;
  std::vector<double> slope = std::vector<double>(3, 0.25);
  std::array<double, 1> offset{0.25};
  std::vector<std::span<double>> arrays() { return {slope, offset}; }
  std::vector<std::string> array_names() { return {"slope", "offset"}; }
  double gradient(const ll::Batch<double>& batch, const std::vector<std::span<double>>& parts) {
    return line(slope, offset[0], batch, parts[0], parts[1][0]);
  }
};

struct AsViews {
  using value_type = double;
  ParameterArrays<double> theta{{"slope", {3}}, {"offset", {1}}};
  AsViews() {
    for (double& value : theta.all()) value = 0.25;
  }
  std::span<double> parameters() { return theta.all(); }
  const ll::Layout& layout() const { return theta.layout(); }
  double gradient(const ll::Batch<double>& batch, std::span<double> out) {
    return line(theta[0], theta[1][0], batch, theta.part(0, out), theta.part(1, out)[0]);
  }
};

template <class Model>
std::vector<double> trained(Model model) {
  const ll::Random random(3);
  std::vector<double> inputs(48), targets(16);
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = random.normal(i);
  for (std::size_t n = 0; n < targets.size(); ++n) targets[n] = inputs[3 * n] - 2 * inputs[3 * n + 1];
  const ll::Dataset<double> data(std::move(inputs), std::move(targets), 1, {3});
  ll::Learner learner{std::move(model), ll::importance::BatchFisher{}, ll::penalty::Quadratic{.strength = 2.0},
                      ll::optimizer::Adam{}};
  for (int task = 0; task < 2; ++task) {
    learner.fit(data, {.epochs = 2, .batch_size = 4});
    learner.consolidate(data);
  }
  std::vector<double> all(learner.parameters().begin(), learner.parameters().end());
  all.insert(all.end(), learner.importance().begin(), learner.importance().end());
  return all;
}

}  // namespace

TEST_CASE("several arrays, by copy or by view, train as one vector", "[adapter]") {
  const std::vector<double> flat = trained(Flat{});
  CHECK(trained(OneVector(InArrays{})) == flat);
  CHECK(trained(AsViews{}) == flat);
}

TEST_CASE("the arrays of a model hold the parameters when it is asked for", "[adapter]") {
  OneVector model(InArrays{});
  CHECK(model.layout().blocks()[1].name == "offset");
  model.parameters()[1] = 7;
  model.parameters()[3] = -1;
  CHECK(model.model().slope == std::vector<double>{0.25, 7, 0.25});
  CHECK(model.model().offset[0] == -1);
  OneVector copy = model;
  copy.parameters()[1] = 8;
  CHECK(model.model().slope[1] == 7);
}

TEST_CASE("arrays of another size, or of one name, are refused", "[adapter][errors]") {
  OneVector model(InArrays{});
  model.model().slope.resize(5);
  std::vector<double> gradient(4);
  CHECK(test::message_of<ll::ShapeMismatch>([&] { model.gradient({}, gradient); }) ==
        "slope has 5 elements where 3 are needed");
  CHECK(test::message_of<ll::InvalidArgument>([] {
          ParameterArrays<float>({{"w", {2}}, {"w", {3}}});
        }) == "two arrays of parameters have the name 'w'");
  ParameterArrays<float> arrays{{"w", {2, 3}}, {"b", {2}}};
  CHECK(arrays.layout().size() == 8);
  CHECK_THROWS_AS(arrays[2], ll::InvalidArgument);
  std::vector<float> wrong(7);
  CHECK_THROWS_AS(arrays.part(0, wrong), ll::ShapeMismatch);
  const ParameterArrays<float> independent = arrays;
  arrays[1][0] = 3;
  CHECK(independent[1][0] == 0);
}

}  // namespace several_arrays_test
