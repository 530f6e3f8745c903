// SPDX-License-Identifier: MIT
// A training pass with the criterion of a policy: it is the gradient of a_n ℓ_n + e_n, one sample at a time, and with
// the model's own loss it is the plain gradient to the bit.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/core/criterion.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/rehearsal/criterion_pass.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "random_batch.hpp"
#include "tiny_model.hpp"

namespace criterion_test {

namespace ll = lifelong;
using ll::rehearsal::CriterionPass;

namespace {

/// a_n = 0, 1/2, 1, 3/2, ... and e_n = Σ_c (c + 1) sin f_c over the active outputs; keeps the outputs that it sees.
struct Wave {
  std::vector<double>* seen = nullptr;
  [[nodiscard]] double share(std::size_t n) const { return 0.5 * static_cast<double>(n % 4); }
  double term(std::size_t n, std::span<const double> f, const ll::SampleContext<double>& sample,
              std::span<double> cotangent) const {
    double total = 0;
    for (std::size_t c = 0; c < f.size(); ++c) {
      if (seen != nullptr) (*seen)[n * f.size() + c] = f[c];
      if (!sample.active.contains(c)) continue;
      total += static_cast<double>(c + 1) * std::sin(f[c]);
      cotangent[c] += static_cast<double>(c + 1) * std::cos(f[c]);
    }
    return total;
  }
};

/// The definition, one sample at a time, from the model's gradient and pullback.
template <class Model>
std::vector<double> slow_gradient(Model& model, const ll::Batch<double>& batch, double& loss) {
  std::vector<double> sum(model.parameters().size()), g(sum.size()), f(model.outputs()), v(model.outputs());
  loss = 0;
  for (std::size_t n = 0; n < batch.size; ++n) {
    const ll::Batch<double> one = batch.sample(n);
    const double weight = one.weight() / batch.weight(), share = Wave{}.share(n);
    loss += weight * share * static_cast<double>(model.gradient(one, std::span<double>(g)));
    for (std::size_t i = 0; i < g.size(); ++i) sum[i] += weight * share * g[i];
    model.predict(one, std::span<double>(f));
    v.assign(v.size(), 0);
    loss += weight * Wave{}.term(0, f, one.context(0, f.size()), v);
    model.pullback(one, std::span<const double>(v), std::span<double>(g));
    for (std::size_t i = 0; i < g.size(); ++i) sum[i] += weight * g[i];
  }
  return sum;
}

template <class Model, class Backend = ll::backend::Serial>
void check(Model& model, const ll::Batch<double>& batch, const Backend& backend = {}) {
  std::vector<double> out(model.parameters().size(), 7), seen(batch.size * model.outputs()), f(seen.size());
  double slow_loss = 0;
  const std::vector<double> slow = slow_gradient(model, batch, slow_loss);
  CriterionPass<Model> pass;
  CHECK_THAT(pass(model, backend, batch, Wave{&seen}, std::span<double>(out)), test::WithinAbs(slow_loss, 1e-12));
  for (std::size_t i = 0; i < out.size(); ++i) REQUIRE_THAT(out[i], test::WithinAbs(slow[i], 1e-12));
  model.predict(batch, std::span<double>(f));
  for (std::size_t i = 0; i < f.size(); ++i) REQUIRE_THAT(seen[i], test::WithinAbs(f[i], 1e-14));
}

}  // namespace

static_assert(ll::Criterion<Wave, double> && ll::Criterion<ll::OwnLoss>);
static_assert(!ll::CriterionModel<test::TinyModel, Wave>);

TEST_CASE("a training pass with a criterion is the gradient of its loss", "[criterion]") {
  test::RandomBatch<double> data(21, 5, 4);
  ll::Batch<double> batch = data.batch();
  batch.targets = {};
  std::vector<double> weights;
  for (std::size_t n = 0; n < batch.size; ++n) weights.push_back(0.25 + 0.5 * static_cast<double>(n % 3));
  auto network = ll::nn::mlp<double>({5, 6, 4});
  static_assert(ll::CriterionModel<decltype(network), Wave>);
  check(network, batch);
  data.use_ranges(true);
  batch.active = data.ranges;
  batch.weights = weights;
  check(network, batch);
  batch.targets = data.targets;
  auto regression = ll::nn::mlp<double, ll::nn::MeanSquaredError>({5, 6, 4});
  check(regression, batch);
}

TEST_CASE("a model that can pull back takes a criterion too", "[criterion]") {
  test::TinyModel model;
  check(model, test::TinyTask(1, 14).all());
}

TEST_CASE("a pass refuses samples that a learner would have left out, and arrays that are too short",
          "[criterion][errors]") {
  test::TinyModel model;
  CriterionPass<test::TinyModel> pass;
  std::vector<double> out(model.theta.size());
  const test::TinyTask task(1, 2);
  ll::Batch<double> batch = task.all();
  const std::vector<double> weights{1, 0};
  batch.weights = weights;
  const auto refused = [&] { pass(model, ll::backend::Serial{}, batch, ll::OwnLoss{}, std::span<double>(out)); };
  CHECK_THAT(test::message_of<ll::InvalidArgument>(refused),
             test::ContainsSubstring("a weight of the batch must be a finite number above 0, but is 0"));
  batch.weights = {};
  batch.inputs = batch.inputs.first(5);
  CHECK_THROWS_AS(refused(), ll::ShapeMismatch);
}

TEST_CASE("with the model's own loss the pass has the bits of the gradient", "[criterion]") {
  test::RandomBatch<double> data(11, 5, 4);
  ll::Batch<double> batch = data.batch();
  batch.targets = {};
  const auto make = [] {
    return ll::nn::sequential<double>(
        std::tuple{ll::nn::Linear{5, 9}, ll::nn::BatchNorm{9}, ll::nn::ReLU{}, ll::nn::Dropout{}, ll::nn::Linear{9, 4}},
        3);
  };
  auto one = make(), other = make();
  std::vector<double> g(one.parameters().size()), h(g.size());
  CriterionPass<decltype(one)> pass;
  for (int step = 0; step < 3; ++step) {  // the same values are dropped, and the same statistics move
    CHECK(one.gradient(batch, g) == pass(other, ll::backend::Serial{}, batch, ll::OwnLoss{}, std::span<double>(h)));
    CHECK(g == h);
  }
  CHECK(std::vector<double>(one.buffers().begin(), one.buffers().end()) ==
        std::vector<double>(other.buffers().begin(), other.buffers().end()));

  test::TinyModel tiny;
  const test::TinyTask task(2);
  g.resize(tiny.theta.size());
  h.resize(tiny.theta.size());
  CriterionPass<test::TinyModel> of_tiny;
  CHECK(tiny.gradient(task.all(), g) ==
        of_tiny(tiny, ll::backend::Serial{}, task.all(), ll::OwnLoss{}, std::span<double>(h)));
  CHECK(g == h);
}

TEST_CASE("a criterion's pass has the same bits for any number of threads", "[criterion][threads]") {
  test::RandomBatch<double> data(70, 5, 4);
  ll::Batch<double> batch = data.batch();
  batch.targets = {};
  const auto gradient = [&](int threads) {
    const ll::backend::OpenMP backend{threads};
    auto network = ll::nn::mlp<double>({5, 40, 4}, {}, backend);
    std::vector<double> out(network.parameters().size());
    out.push_back(network.gradient(batch, Wave{}, std::span<double>(out)));
    return out;
  };
  CHECK(gradient(1) == gradient(3));
}

TEST_CASE("a criterion's pass whose loss is not finite changes nothing", "[criterion][errors]") {
  struct Infinite {
    [[nodiscard]] double share(std::size_t) const { return 0; }
    double term(std::size_t, std::span<const float>, const ll::SampleContext<float>&, std::span<float>) const {
      return HUGE_VAL;
    }
  };
  test::RandomBatch<float> data(6, 3, 2);
  ll::Batch<float> batch = data.batch();
  batch.targets = {};
  auto network =
      ll::nn::sequential<float>(std::tuple{ll::nn::Linear{3, 4}, ll::nn::BatchNorm{4}, ll::nn::Linear{4, 2}}, 5);
  const std::vector<float> before(network.buffers().begin(), network.buffers().end());
  std::vector<float> out(network.parameters().size());
  CHECK(network.gradient(batch, Infinite{}, out) == HUGE_VAL);
  CHECK(std::vector<float>(network.buffers().begin(), network.buffers().end()) == before);
  batch.labels = {};
  CHECK_THROWS_AS(network.gradient(batch, Infinite{}, out), ll::ShapeMismatch);
}

}  // namespace criterion_test
