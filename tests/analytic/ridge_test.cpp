// SPDX-License-Identifier: MIT
#include <lifelong/analytic/choose_strength.hpp>
#include <lifelong/analytic/ridge.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/random.hpp>
#include <lifelong/evaluation/evaluate.hpp>
#include <lifelong/stream/dataset.hpp>

#include "catch.hpp"

namespace ridge_test {

namespace ll = lifelong;
using ll::analytic::Identity;
using ll::analytic::Ridge;
using ll::analytic::RidgeOptions;

namespace {

using Head = Ridge<Identity<double>>;
using Values = std::vector<double>;

struct Samples {
  std::size_t features;
  Values inputs;
  std::vector<std::int32_t> labels;
  Values weights = {};

  [[nodiscard]] std::size_t size() const { return labels.size(); }
  [[nodiscard]] ll::Batch<double> batch() const {
    ll::Batch<double> whole{size(), features, inputs, labels};
    whole.weights = weights;
    return whole;
  }
};

/// Samples of which class c lies around a point of its own.
Samples samples(std::size_t count, std::size_t features, std::size_t classes, std::uint64_t seed = 1) {
  const ll::Random random(seed);
  Samples made{features, {}, {}};
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t label = n % classes;
    made.labels.push_back(static_cast<std::int32_t>(label));
    for (std::size_t k = 0; k < features; ++k)
      made.inputs.push_back(random.normal(n * features + k) + random.normal((1U << 20) + label * features + k));
  }
  return made;
}

void learn_in_blocks(Head& head, const Samples& data, std::size_t block) {
  for (std::size_t n = 0; n < data.size(); n += block)
    head.learn(data.batch().slice(n, std::min(block, data.size() - n)));
}

Values weights_of(Head& head) {
  Values all;
  for (std::size_t c = 0; c < head.outputs(); ++c)
    for (std::size_t k = 0; k < head.features(); ++k) all.push_back(head.weight(c, k));
  return all;
}

/// The slow, obvious version: the normal equations of all samples, by elimination with pivots.
Values joint(const Samples& data, std::size_t classes, double strength, bool relative) {
  const std::size_t m = data.features + 1;
  std::vector<Values> a(m, Values(m + classes));
  for (std::size_t n = 0; n < data.size(); ++n) {
    Values h(data.inputs.begin() + static_cast<std::ptrdiff_t>(n * data.features),
             data.inputs.begin() + static_cast<std::ptrdiff_t>((n + 1) * data.features));
    h.push_back(1);
    const double w = data.weights.empty() ? 1 : data.weights[n];
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < m; ++j) a[i][j] += w * h[i] * h[j];
      a[i][m + static_cast<std::size_t>(data.labels[n])] += w * h[i];
    }
  }
  double trace = 0;
  for (std::size_t i = 0; i + 1 < m; ++i) trace += a[i][i];
  for (std::size_t i = 0; i + 1 < m; ++i)
    a[i][i] += relative ? strength * trace / static_cast<double>(data.features) : strength;
  for (std::size_t k = 0; k < m; ++k) {
    std::size_t pivot = k;
    for (std::size_t r = k; r < m; ++r)
      if (std::abs(a[r][k]) > std::abs(a[pivot][k])) pivot = r;
    std::swap(a[k], a[pivot]);
    for (std::size_t r = 0; r < m; ++r) {
      if (r == k) continue;
      const double factor = a[r][k] / a[k][k];
      for (std::size_t c = k; c < m + classes; ++c) a[r][c] -= factor * a[k][c];
    }
  }
  Values weights;
  for (std::size_t c = 0; c < classes; ++c)
    for (std::size_t k = 0; k < m; ++k) weights.push_back(a[k][m + c] / a[k][k]);
  return weights;
}

double difference(const Values& a, const Values& b) {
  double largest = 0;
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

Samples in_order(const Samples& data, const std::vector<std::size_t>& order) {
  Samples moved{data.features, {}, {}};
  for (const std::size_t n : order) {
    moved.labels.push_back(data.labels[n]);
    for (std::size_t k = 0; k < data.features; ++k) moved.inputs.push_back(data.inputs[n * data.features + k]);
  }
  return moved;
}

/// The threads of a backend that take pieces in an order of their own.
struct Backwards {
  [[nodiscard]] std::size_t threads() const { return 3; }
  template <class Body>
  void parallel_for(std::size_t count, Body&& body) const {
    for (std::size_t i = count; i-- > 0;) body(i);
  }
};

/// A saved state: all that was visited.
struct Saved {
  std::vector<double> numbers;
  std::vector<Values> arrays;
};
template <class Any>
Saved save(Any head) {
  Saved saved;
  head.visit([&](const char*, auto& values) { saved.arrays.emplace_back(values.begin(), values.end()); },
             [&](const char*, auto& value) { saved.numbers.push_back(static_cast<double>(value)); });
  return saved;
}

}  // namespace

TEST_CASE("ridge is joint least squares in any order of samples, classes and blocks") {
  const std::size_t classes = 5;
  const Samples data = samples(260, 101, classes);  // three columns of tiles, the last one not full
  const Values expected = joint(data, classes, 1e-3, true);
  Head whole(Identity<double>(101), classes, {.strength = 1e-3});
  whole.learn(data.batch());
  CHECK(difference(weights_of(whole), expected) < 1e-10);

  for (const std::size_t block : {std::size_t{1}, std::size_t{7}, std::size_t{100}}) {
    Head cut(Identity<double>(101), classes, {.strength = 1e-3});
    learn_in_blocks(cut, data, block);
    CHECK(weights_of(cut) == weights_of(whole));  // to the bit
  }

  std::vector<std::size_t> order(data.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return data.labels[a] != data.labels[b] ? data.labels[a] > data.labels[b] : a < b;
  });
  Head by_class(Identity<double>(101), classes, {.strength = 1e-3});
  learn_in_blocks(by_class, in_order(data, order), 10);
  CHECK(difference(weights_of(by_class), expected) < 1e-10);

  Head threads(Identity<double>(101), classes, {.strength = 1e-3});
  threads.learn(data.batch(), Backwards{});
  threads.solve(Backwards{});
  CHECK(weights_of(threads) == weights_of(whole));
}

TEST_CASE("a class that comes late was known from the start, and lambda may change after the fact") {
  const Samples data = samples(90, 20, 3);
  Head known(Identity<double>(20), 4), late(Identity<double>(20), 3);
  known.learn(data.batch());
  late.learn(data.batch());
  late.solve();
  late.grow(4);
  Samples more = samples(30, 20, 3, 2);
  std::fill(more.labels.begin(), more.labels.end(), 3);
  known.learn(more.batch());
  late.learn(more.batch());
  CHECK(weights_of(late) == weights_of(known));

  late.set_strength(0.1);
  Head stronger(Identity<double>(20), 4, {.strength = 0.1});
  stronger.learn(data.batch());
  stronger.learn(more.batch());
  CHECK(weights_of(late) == weights_of(stronger));
  CHECK(test::message_of<ll::InvalidArgument>([&] { late.grow(2); }) ==
        "Ridge.grow: there are 4 outputs, more than the 2 asked for");
}

TEST_CASE("the expected error is that of generalized cross-validation, and chooses lambda") {
  const std::size_t count = 120, features = 53, classes = 3;
  const Samples data = samples(count, features, classes);
  const RidgeOptions options{.strength = 0.02, .relative = false};
  Head head(Identity<double>(features), classes, options);
  head.learn(data.batch());
  Values out(count * classes);
  head.predict(data.batch(), out);
  double residual = 0, degrees = 0;
  for (std::size_t n = 0; n < count; ++n) {
    for (std::size_t c = 0; c < classes; ++c) {
      const double y = data.labels[n] == static_cast<std::int32_t>(c) ? 1 : 0;
      residual += (out[n * classes + c] - y) * (out[n * classes + c] - y);
    }
    Values unit(count), answer(1);  // how much of an answer of sample n comes back to it
    unit[n] = 1;
    Head one(Identity<double>(features), 1, options);
    one.learn({.size = count, .features = features, .inputs = data.inputs, .targets = unit});
    one.predict(data.batch().sample(n), answer);
    degrees += answer[0];
  }
  const double left = 1 - degrees / count, expected = residual / count / (left * left);
  CHECK(std::abs(head.expected_error() - expected) < 1e-11 * expected);
  CHECK(std::abs(head.expected_error(Backwards{}) - expected) < 1e-11 * expected);

  Samples twice = data;
  twice.weights.assign(count, 2);
  Head doubled(Identity<double>(features), classes, options), repeated(Identity<double>(features), classes, options);
  doubled.learn(twice.batch());
  repeated.learn(data.batch());
  repeated.learn(data.batch());
  CHECK(std::abs(doubled.expected_error() / repeated.expected_error() - 1) < 1e-12);

  double least = std::numeric_limits<double>::infinity(), best = 0;
  const Values candidates = {1, 10, 100, 1000, 10000};
  for (const double strength : candidates) {
    head.set_strength(strength);
    if (head.expected_error() < least) {
      least = head.expected_error();
      best = strength;
    }
  }
  CHECK(ll::analytic::choose_strength(head, candidates) == best);
  CHECK(head.options().strength == best);
  CHECK(best > candidates.front());
  CHECK(best < candidates.back());
  CHECK_THROWS_AS(ll::analytic::choose_strength(head, Values{5, -1}), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::analytic::choose_strength(head, Values{}), ll::InvalidArgument);
  CHECK(head.options().strength == best);
  CHECK(Head(Identity<double>(features), classes).expected_error() == std::numeric_limits<double>::infinity());
}

TEST_CASE("weights count samples, and forgetting lets them count less") {
  Samples data = samples(80, 10, 2);
  Head forgetting(Identity<double>(10), 2), weighted(Identity<double>(10), 2);
  forgetting.learn(data.batch().slice(0, 40));
  forgetting.forget(0.25);
  forgetting.learn(data.batch().slice(40, 40));
  CHECK(forgetting.samples() == 50);

  data.weights.assign(80, 1);
  std::fill(data.weights.begin(), data.weights.begin() + 40, 0.25);
  weighted.learn(data.batch());
  CHECK(difference(weights_of(forgetting), weights_of(weighted)) < 1e-12);
  CHECK(std::abs(forgetting.expected_error() / weighted.expected_error() - 1) < 1e-11);
  CHECK(difference(weights_of(weighted), joint(data, 2, 1e-5, true)) < 1e-10);

  data.weights.assign(80, 0);
  std::fill(data.weights.begin(), data.weights.begin() + 40, 1);
  data.inputs.back() = std::numeric_limits<double>::quiet_NaN();  // of a sample that is not there
  Head present(Identity<double>(10), 2), first(Identity<double>(10), 2);
  present.learn(data.batch());
  data.weights.clear();
  first.learn(data.batch().slice(0, 40));
  CHECK(weights_of(present) == weights_of(first));
}

TEST_CASE("real targets are ordinary regression") {
  const Samples data = samples(60, 6, 1);
  Values targets;
  for (std::size_t n = 0; n < 60; ++n) targets.push_back(3 + 2 * data.inputs[n * 6] - data.inputs[n * 6 + 5]);
  Head head(Identity<double>(6), 1, {.strength = 0});
  head.learn({.size = 60, .features = 6, .inputs = data.inputs, .targets = targets});
  CHECK(difference(weights_of(head), {2, 0, 0, 0, 0, -1, 3}) < 1e-12);
}

TEST_CASE("what is unlearned was never there") {
  SECTION("to the bit for whole numbers") {
    Samples data = samples(120, 50, 3);
    for (double& value : data.inputs) value = std::nearbyint(20 * value);
    Head kept(Identity<double>(50), 3), both(Identity<double>(50), 3);
    kept.learn(data.batch().slice(0, 70));
    both.learn(data.batch());
    both.unlearn(data.batch().slice(70, 50));
    CHECK(both.samples() == 70);
    CHECK(save(both).arrays == save(kept).arrays);
    CHECK(save(both).numbers == save(kept).numbers);
    CHECK(weights_of(both) == weights_of(kept));
  }
  SECTION("to rounding for others, and example by example of a source") {
    const Samples data = samples(120, 50, 3);
    const ll::Dataset<double> all(data.inputs, data.labels, {50});
    Head head(Identity<double>(50), 3, {.strength = 1e-2, .block = 9});
    head.learn(all);
    head.learn(samples(100, 50, 3, 5).batch());
    head.unlearn(all);
    Head other(Identity<double>(50), 3, {.strength = 1e-2});
    other.learn(samples(100, 50, 3, 5).batch());
    CHECK(difference(weights_of(head), weights_of(other)) < 1e-10);
  }
  SECTION("and what was never learned is refused") {
    const Samples data = samples(30, 50, 3);
    Head head(Identity<double>(50), 3);
    head.learn(data.batch());
    const Saved before = save(head);
    const Values weights = weights_of(head);
    const std::string message = test::message_of<ll::NumericError>([&] { head.unlearn(samples(1, 50, 3, 9).batch()); });
    CHECK_THAT(message, test::ContainsSubstring("not positive definite at feature"));
    CHECK_THAT(message, test::ContainsSubstring("never learned"));
    CHECK_THROWS_AS(head.unlearn(samples(31, 50, 3).batch()), ll::InvalidArgument);
    CHECK(save(head).arrays == before.arrays);
    CHECK(weights_of(head) == weights);
  }
}

TEST_CASE("features that depend on each other need lambda") {
  Samples data = samples(20, 60, 2);  // fewer samples than features
  for (std::size_t n = 0; n < 20; ++n) {
    data.inputs[n * 60 + 3] = data.inputs[n * 60 + 2];
    data.inputs[n * 60 + 4] = 7;
    data.inputs[n * 60 + 5] = 0;
  }
  Head held(Identity<double>(60), 2, {.strength = 1e-3});
  held.learn(data.batch());
  CHECK(difference(weights_of(held), joint(data, 2, 1e-3, true)) < 1e-9);

  Head free(Identity<double>(60), 2, {.strength = 0});
  free.learn(data.batch());
  CHECK_THAT(test::message_of<ll::NumericError>([&] { free.solve(); }),
             test::ContainsSubstring("Ridge: feature 3 depends on the features before it"));
}

TEST_CASE("errors name the culprit and leave a ridge as it was") {
  Samples data = samples(20, 4, 2);
  Head head(Identity<double>(4), 2);
  head.learn(data.batch());
  const Saved before = save(head);
  const auto message = [&](auto error) { return test::message_of<decltype(error)>([&] { head.learn(data.batch()); }); };
  data.labels[7] = 2;
  CHECK(message(ll::InvalidArgument("")) == "batch.labels[7] is 2, not one of the active outputs [0, 2)");
  data.labels[7] = 1;
  data.inputs[4 * 19 + 2] = std::numeric_limits<double>::infinity();
  CHECK(message(ll::NumericError("")) == "sample 19, input 2 of the batch is inf");
  data.inputs[4 * 19 + 2] = 1e200;
  CHECK(message(ll::NumericError("")) == "sample 19, feature 2 of the batch is 1e+200");
  const Values narrow(3);
  CHECK_THROWS_AS(head.learn({.size = 1, .features = 3, .inputs = narrow}), ll::ShapeMismatch);
  CHECK_THROWS_AS(head.forget(1.5), ll::InvalidArgument);
  CHECK_THROWS_AS(head.set_strength(-1), ll::InvalidArgument);
  CHECK_THROWS_AS(Head(Identity<double>(4), 0), ll::InvalidArgument);
  CHECK_THROWS_AS(Head(Identity<double>(4), 2, {.block = 0}), ll::InvalidArgument);
  CHECK(save(head).arrays == before.arrays);
  CHECK(save(head).numbers == before.numbers);
}

TEST_CASE("a ridge is a model that learns data sets and is measured") {
  const Samples train = samples(600, 40, 4), test = samples(200, 40, 4);
  Head head(Identity<double>(40), 4);
  std::vector<double> out(4, 1);
  head.predict(test.batch().slice(0, 1), out);
  CHECK(out == std::vector<double>(4, 0));  // nothing learned
  head.learn(ll::Dataset<double>(train.inputs, train.labels, {40}));
  CHECK(head.samples() == 600);
  CHECK(ll::accuracy(head, ll::Dataset<double>(test.inputs, test.labels, {40})) > 0.95);
  CHECK(head.bytes() == (48 * 48 + 4 * 48) * sizeof(double));
  const std::size_t with_factor = head.work_bytes();
  head.release();
  CHECK(head.work_bytes() == with_factor - 48 * 48 * sizeof(double));
}

}  // namespace ridge_test
