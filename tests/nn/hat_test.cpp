// SPDX-License-Identifier: MIT
// Hard attention to the task: gates against a slow, obvious version, and outputs of earlier tasks that keep their bits.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/nn/hat.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace hat_test {

namespace {

namespace ll = lifelong;
using namespace lifelong::nn;
using ll::importance::Constant;
using test::ContainsSubstring;

using Bits = std::vector<std::uint64_t>;
Bits bits(std::span<const double> values) {
  Bits result;
  for (const double value : values) result.push_back(std::bit_cast<std::uint64_t>(value));
  return result;
}

/// Random samples of 4 features and 2 classes, which are the outputs 2 · number and the next.
struct Pair : test::TinyTask {
  std::uint32_t first;
  explicit Pair(std::uint32_t number) : test::TinyTask(number + 1, 23, 2), first(2 * number) {
    for (auto& label : labels) label += static_cast<std::int32_t>(first);
    active.assign(size(), {first, 2});
  }
  template <class T>
  void read(std::size_t i, ll::ExampleRow<T> row) const {
    test::TinyTask::read(i, row);
    row.active = {first, 2};
  }
  ll::Batch<double> all() const { return {size(), width, inputs, labels, {}, active}; }
  std::vector<ll::OutputRange> active;
};

const std::vector<std::size_t> widths{4, 5, 6, 6};
HatOptions options_of(double rate = 1) {
  return {.tasks = 3, .sparsity = 0.01, .max_slope = 20, .rate = rate, .seed = 4};
}

/// The network `hat(widths)` written out, one sample at a time. Parameters: 0.weight, 0.bias, 2.embedding, 3.weight,
/// 3.bias, 5.embedding, 6.weight, 6.bias.
struct SlowHat {
  std::vector<double> theta;
  double rate = 1, most = 20, c = 0.01;
  std::size_t ended = 0;
  std::vector<int> owner = std::vector<int>(theta.size(), 0);

  static constexpr std::size_t w1 = 0, b1 = 20, e1 = 25, w2 = 40, b2 = 70, e2 = 76, w3 = 94, b3 = 130, end = 136;
  std::size_t embedding(std::size_t unit, std::size_t task) const {  // units 0 .. 4 of the first gate, 5 .. 10
    return unit < 5 ? e1 + task * 5 + unit : e2 + task * 6 + unit - 5;
  }
  double e(std::size_t unit, std::size_t task) const { return rate * theta[embedding(unit, task)]; }
  bool open(std::size_t unit, std::size_t task) const { return theta[embedding(unit, task)] > 0; }
  bool taken(std::size_t unit) const {
    bool any = false;
    for (std::size_t t = 0; t < ended; ++t) any = any || open(unit, t);
    return any;
  }
  std::vector<double> gates(double slope) const {
    std::vector<double> a;
    for (std::size_t u = 0; u < 11; ++u) a.push_back(1 / (1 + std::exp(-slope * e(u, ended))));
    return a;
  }
  std::vector<double> bits_of(std::size_t task) const {
    std::vector<double> a;
    for (std::size_t u = 0; u < 11; ++u) a.push_back(open(u, task) ? 1 : 0);
    return a;
  }
  std::vector<double> outputs(const double* x, const std::vector<double>& a) const {
    std::vector<double> h(5), k(6), f(6);
    for (std::size_t j = 0; j < 5; ++j) {
      double z = theta[b1 + j];
      for (std::size_t i = 0; i < 4; ++i) z += theta[w1 + j * 4 + i] * x[i];
      h[j] = a[j] * (z > 0 ? z : 0);
    }
    for (std::size_t j = 0; j < 6; ++j) {
      double z = theta[b2 + j];
      for (std::size_t i = 0; i < 5; ++i) z += theta[w2 + j * 5 + i] * h[i];
      k[j] = a[5 + j] * (z > 0 ? z : 0);
    }
    for (std::size_t j = 0; j < 6; ++j) {
      f[j] = theta[b3 + j];
      for (std::size_t i = 0; i < 6; ++i) f[j] += theta[w3 + j * 6 + i] * k[i];
    }
    return f;
  }
  double loss(const Pair& task, const std::vector<double>& a) const {
    double total = 0;
    for (std::size_t n = 0; n < task.size(); ++n) {
      const auto f = outputs(&task.inputs[4 * n], a);
      const double other = f[task.first] + f[task.first + 1] - f[static_cast<std::size_t>(task.labels[n])];
      total += std::log1p(std::exp(other - f[static_cast<std::size_t>(task.labels[n])]));
    }
    return total / static_cast<double>(task.size());
  }
  double price(const std::vector<double>& a) const {
    double paid = 0, free = 0;
    for (std::size_t u = 0; u < 11; ++u) {
      const double wanted = taken(u) ? 0 : 1;
      paid += wanted * a[u];
      free += wanted;
    }
    return c * paid / free;
  }
  template <class Value>
  static double difference(double& at, const Value& value) {
    const double before = at, step = 1e-6;
    at = before + step;
    const double above = value();
    at = before - step;
    const double below = value();
    at = before;
    return (above - below) / (2 * step);
  }
  std::vector<double> gradient(const Pair& task, double slope) {
    std::vector<double> a = gates(slope), g(end);
    for (std::size_t i = 0; i < end; ++i)
      if (i < e1 || (i >= w2 && i < e2) || i >= w3) g[i] = difference(theta[i], [&] { return loss(task, a); });
    for (std::size_t u = 0; u < 11; ++u) {
      const double of_unit = difference(a[u], [&] { return loss(task, a) + price(a); });
      const double s = 1 / (1 + std::exp(-e(u, ended)));
      double& to = g[embedding(u, ended)] = of_unit * most * s * (1 - s);
      if ((e(u, ended) >= 6 && to < 0) || (e(u, ended) <= -6 && to > 0)) to = 0;
    }
    return g;
  }
  /// What the present task's outputs depend on gets an owner.
  void end_task(std::size_t first_output) {
    const auto own = [&](std::size_t i) { owner[i] = owner[i] == 0 ? static_cast<int>(ended + 1) : owner[i]; };
    const auto a = bits_of(ended);
    for (std::size_t j = 0; j < 5; ++j)
      for (std::size_t i = 0; i < 5; ++i)
        if (a[j] > 0) own(i < 4 ? w1 + j * 4 + i : b1 + j);
    for (std::size_t j = 0; j < 6; ++j)
      for (std::size_t i = 0; i < 6; ++i)
        if (a[5 + j] > 0 && (i == 5 || a[i] > 0)) own(i < 5 ? w2 + j * 5 + i : b2 + j);
    for (std::size_t j = first_output; j < first_output + 2; ++j)
      for (std::size_t i = 0; i < 7; ++i)
        if (i == 6 || a[5 + i] > 0) own(i < 6 ? w3 + j * 6 + i : b3 + j);
    for (std::size_t u = 0; u < 11; ++u) own(embedding(u, ended));
    ++ended;
  }
};

template <class Learner>
std::vector<std::uint8_t> owners_of(Learner& learner) {
  std::vector<std::uint8_t> owners(learner.parameters().size());
  ll::penalty::copy_owners(learner, owners);
  return owners;
}
template <class Network>
Bits outputs_of(Network network, std::size_t task) {
  network.select(task);
  const Pair inputs(17);
  std::vector<double> out(inputs.size() * 6);
  network.predict(inputs.all(), out);
  Bits own;  // the task's own outputs
  for (std::size_t n = 0; n < inputs.size(); ++n)
    for (std::size_t c = 2 * task; c < 2 * task + 2; ++c) own.push_back(std::bit_cast<std::uint64_t>(out[6 * n + c]));
  return own;
}
auto learner_of(double rate = 1) {
  return ll::Learner{hat<double>(widths, options_of(rate)), Constant{}, HatPenalty{},
                     ll::optimizer::Sgd{.learning_rate = 0.1}};
}
const ll::FitOptions training{.epochs = 3, .batch_size = 5};

}  // namespace

TEST_CASE("gradients of a network with gates are those of the slow version", "[nn][hat]") {
  auto network = hat<double>(widths, options_of(3));
  SlowHat slow{{network.parameters().begin(), network.parameters().end()}, 3};
  const Pair task(1);
  std::vector<double> g(slow.theta.size(), 99.0);
  for (const std::size_t step : std::vector<std::size_t>{0, 3, 9}) {
    network.anneal(step, 10);
    const double slope = 0.05 + (20 - 0.05) * static_cast<double>(step) / 9;
    CHECK_THAT(network.slope(), test::WithinRel(slope, 1e-12));
    const double loss = network.gradient(task.all(), g);
    const auto a = slow.gates(slope);
    CHECK_THAT(loss, test::WithinRel(slow.loss(task, a) + slow.price(a), 1e-12));
    const auto expected = slow.gradient(task, slope);
    for (std::size_t i = 0; i < g.size(); ++i) REQUIRE_THAT(g[i], test::WithinAbs(expected[i], 1e-7));
  }
  CHECK(network.slope() == 20);  // the last step has the largest slope itself
  const auto shown = slow.outputs(task.inputs.data(), slow.bits_of(0));
  std::vector<double> f(6 * task.size());
  network.predict(task.all(), f);
  for (std::size_t c = 0; c < 6; ++c) CHECK_THAT(f[c], test::WithinAbs(shown[c], 1e-12));
}

TEST_CASE("three tasks are learned as by the slow version", "[nn][hat]") {
  auto learner = learner_of();
  SlowHat slow{{learner.parameters().begin(), learner.parameters().end()}};
  for (std::uint32_t t = 0; t < 3; ++t) {
    const Pair task(t);
    for (std::size_t s = 0; s < 12; ++s) {
      learner.model().anneal(s, 12);
      const auto g = slow.gradient(task, learner.model().slope());
      for (std::size_t i = 0; i < g.size(); ++i)
        if (slow.owner[i] == 0) slow.theta[i] -= 0.1 * g[i];
      learner.step(task.all());
      for (std::size_t i = 0; i < g.size(); ++i)
        REQUIRE_THAT(learner.parameters()[i], test::WithinAbs(slow.theta[i], 1e-6));
    }
    std::copy(learner.parameters().begin(), learner.parameters().end(), slow.theta.begin());
    end_task(learner);
    slow.end_task(2 * t);
    const auto owners = owners_of(learner);
    for (std::size_t i = 0; i < owners.size(); ++i) REQUIRE(int{owners[i]} == slow.owner[i]);
    double taken = 0;
    for (std::size_t u = 0; u < 11; ++u) taken += slow.taken(u) ? 1 : 0;
    const auto free = learner.model().free_shares();
    CHECK_THAT(taken + 5 * free[0] + 6 * free[1], test::WithinRel(11.0, 1e-12));
  }
}

TEST_CASE("outputs of earlier tasks keep their bits under momentum and weight decay", "[nn][hat]") {
  using namespace ll::optimizer;
  const auto check = [](const char* name, auto optimizer) {
    INFO(name);
    ll::Learner learner{hat<double>(widths, options_of()), Constant{}, HatPenalty{}, optimizer};
    std::vector<Bits> kept;
    for (std::uint32_t t = 0; t < 3; ++t) {
      const Bits before = bits(learner.parameters());
      learner.fit(Pair(t), training, Annealing(learner.model()));
      CHECK(bits(learner.parameters()) != before);
      for (std::uint32_t k = 0; k < t; ++k) REQUIRE(outputs_of(learner.model(), k) == kept[k]);
      kept.push_back(outputs_of(learner.model(), t));
      end_task(learner);
      for (std::uint32_t k = 0; k <= t; ++k) REQUIRE(outputs_of(learner.model(), k) == kept[k]);
      REQUIRE(learner.tasks() == t + 1);
    }
    CHECK(kept[0] != kept[1]);
  };
  check("Momentum", Momentum{.learning_rate = 0.02, .momentum = 0.9});
  check("Adam", Adam{.learning_rate = 0.05});
  check("L2", L2<Momentum>{{.learning_rate = 0.02}, 0.1});
  check("Decoupled", Decoupled<Momentum>{{.learning_rate = 0.02}, 0.1});
}

TEST_CASE("open gates leave a plain network", "[nn][hat]") {
  auto network = hat<double>(widths, options_of());
  auto plain = mlp<double>(widths);
  const auto copy = [&](std::size_t from, std::size_t to, std::size_t count) {
    std::copy_n(network.parameters().begin() + static_cast<std::ptrdiff_t>(from), count,
                plain.parameters().begin() + static_cast<std::ptrdiff_t>(to));
  };
  copy(0, 0, 25);
  copy(SlowHat::w2, 25, 36);
  copy(SlowHat::w3, 61, 42);
  for (std::size_t i = 0; i < SlowHat::end; ++i)
    if ((i >= SlowHat::e1 && i < SlowHat::w2) || (i >= SlowHat::e2 && i < SlowHat::w3)) network.parameters()[i] = 5;
  const Pair task(1);
  std::vector<double> a(6 * task.size()), b(a.size()), g(network.parameters().size()), h(plain.parameters().size());
  network.predict(task.all(), a);
  plain.predict(task.all(), b);
  CHECK(bits(a) == bits(b));
  CHECK_THAT(network.gradient(task.all(), g), test::WithinRel(plain.gradient(task.all(), h) + 0.01, 1e-12));
  CHECK(std::equal(g.begin(), g.begin() + 25, h.begin()));
  CHECK(std::equal(g.begin() + SlowHat::w3, g.end(), h.begin() + 61));
}

TEST_CASE("a closed unit is exactly 0, and its bias has no way out", "[nn][hat]") {
  auto network = hat<double>(widths, options_of());
  network.parameters()[SlowHat::e1 + 2] = -1;
  const Pair task(0);
  std::vector<double> before(6 * task.size()), after(before.size());
  network.predict(task.all(), before);
  network.parameters()[SlowHat::b1 + 2] = std::numeric_limits<double>::infinity();
  network.predict(task.all(), after);
  CHECK(bits(after) == bits(before));
}

TEST_CASE("gates have no gradient in evaluation, where they are bits", "[nn][hat]") {
  auto network = hat<double>(widths, options_of());
  const Pair task(0);
  std::vector<double> g(network.parameters().size(), 99.0), squares(g.size(), 0.0);
  network.evaluation_gradient(task.all(), g);
  ll::importance::estimate(ll::importance::Fisher{}, network, std::vector{task.all()}, std::span(squares));
  for (std::size_t i = 0; i < g.size(); ++i)
    if ((i >= SlowHat::e1 && i < SlowHat::w2) || (i >= SlowHat::e2 && i < SlowHat::w3)) {
      CHECK(g[i] == 0);
      CHECK(squares[i] == 0);
    }
  CHECK(std::count(squares.begin(), squares.end(), 0.0) < 120);
  network.freeze({"2"});
  network.gradient(task.all(), g);
  for (std::size_t u = 0; u < 11; ++u) CHECK((g[u < 5 ? SlowHat::e1 + u : SlowHat::e2 + u - 5] == 0) == (u < 5));
}

TEST_CASE("an embedding that is far from 0 goes no further, but comes back", "[nn][hat]") {
  auto network = hat<double>(widths, options_of(1));
  SlowHat slow{{network.parameters().begin(), network.parameters().end()}, 1};
  const Pair task(0);
  std::vector<double> g(slow.theta.size());
  std::size_t stopped = 0, moving = 0;
  for (const double far : {6.5, -6.5}) {
    for (std::size_t u = 0; u < 11; ++u) network.parameters()[slow.embedding(u, 0)] = far;
    slow.theta.assign(network.parameters().begin(), network.parameters().end());
    network.gradient(task.all(), g);
    const auto expected = slow.gradient(task, 20);
    for (std::size_t u = 0; u < 11; ++u) {
      const double of_unit = g[slow.embedding(u, 0)];
      CHECK_THAT(of_unit, test::WithinAbs(expected[slow.embedding(u, 0)], 1e-7));
      CHECK(of_unit * far >= 0);
      (of_unit == 0 ? stopped : moving) += 1;
    }
  }
  CHECK(stopped > 0);
  CHECK(moving > 0);
}

TEST_CASE("capacity that is used up is an error, and no NaN", "[nn][hat]") {
  auto learner = learner_of();
  for (double& value : learner.parameters()) value = std::abs(value);  // task 0 has every unit open
  learner.step(Pair(0).all());
  end_task(learner);
  CHECK(learner.model().free_shares() == std::vector<double>{0, 0});
  const Bits before = bits(learner.parameters());
  CHECK_THROWS_WITH(learner.step(Pair(1).all()), ContainsSubstring("no capacity for task 1"));
  CHECK_THROWS_AS(learner.fit(Pair(1)), ll::InvalidArgument);
  CHECK(bits(learner.parameters()) == before);
}

TEST_CASE("a task ends by end_task alone, whole or not at all", "[nn][hat]") {
  auto learner = learner_of();
  learner.fit(Pair(0), training, Annealing(learner.model()));
  CHECK_THROWS_WITH(learner.consolidate(), ContainsSubstring("end_task"));
  auto closed = learner;
  for (std::size_t i = 0; i < 5; ++i) closed.parameters()[SlowHat::e1 + i] = -1;
  CHECK_THROWS_WITH(end_task(closed), ContainsSubstring("layer 2") && ContainsSubstring("no open unit"));
  CHECK(closed.tasks() == 0);
  CHECK(closed.model().tasks_ended() == 0);
  CHECK(owners_of(closed) == std::vector<std::uint8_t>(SlowHat::end, 0));
  for (std::uint32_t t = 0; t < 3; ++t) {
    if (t > 0) learner.fit(Pair(t), training, Annealing(learner.model()));
    end_task(learner);
  }
  CHECK_THROWS_WITH(end_task(learner), ContainsSubstring("all have ended"));
  CHECK_THROWS_WITH(learner.step(Pair(0).all()), ContainsSubstring("all have ended"));
  CHECK(learner.tasks() == 3);
}

TEST_CASE("a task that has not begun cannot be selected", "[nn][hat]") {
  auto network = hat<double>(widths, options_of());
  network.select(0);
  CHECK_THROWS_WITH(network.select(1), ContainsSubstring("task 1") && ContainsSubstring("0 have ended"));
  network.close_task();
  network.select(1);
  CHECK_THROWS_AS(network.select(2), ll::InvalidArgument);
  CHECK_THROWS_AS(network.open_units(3, 0), ll::InvalidArgument);
  CHECK_THROWS_AS(network.open_units(0, 2), ll::InvalidArgument);
  CHECK(network.open_units(0, 1).size() == 6);
}

TEST_CASE("training goes on from a checkpoint in the middle of an epoch", "[nn][hat][checkpoint]") {
  auto learner = learner_of(), resumed = learner_of();
  learner.fit(Pair(0), training, Annealing(learner.model()));
  end_task(learner);
  std::string file;
  Annealing anneal(learner.model());
  learner.fit(Pair(1), training, [&](const ll::FitProgress& at) {
    anneal(at);
    return at.step == 7 ? ll::FitSignal::stop : ll::FitSignal::go_on;
  });
  ll::io::restore(ll::io::checkpoint(learner), resumed);
  CHECK(resumed.model().slope() == learner.model().slope());
  CHECK(resumed.model().tasks_ended() == 1);
  ll::FitOptions rest = training;
  rest.resume = true;
  for (auto* each : {&learner, &resumed}) {
    each->fit(Pair(1), rest, Annealing(each->model()));
    CHECK(each->model().slope() == 20);
    end_task(*each);
  }
  auto whole = learner_of();
  for (std::uint32_t t = 0; t < 2; ++t) {
    whole.fit(Pair(t), training, Annealing(whole.model()));
    end_task(whole);
  }
  CHECK(bits(resumed.parameters()) == bits(learner.parameters()));
  CHECK(bits(whole.parameters()) == bits(learner.parameters()));
  CHECK(owners_of(resumed) == owners_of(learner));
  for (std::size_t t = 0; t < 2; ++t) CHECK(outputs_of(resumed.model(), t) == outputs_of(learner.model(), t));
}

TEST_CASE("heads claim what one layer of all outputs does", "[nn][hat]") {
  const HardAttention gates{.tasks = 2};
  auto one =
      HatNetwork<double, std::tuple<Linear, ReLU, HardAttention, Linear>>({Linear{4, 5}, {}, gates, Linear{5, 6}});
  auto heads =
      HatNetwork<double, std::tuple<Linear, ReLU, HardAttention, Heads>>({Linear{4, 5}, {}, gates, Heads{5, {4, 2}}});
  std::copy_n(one.parameters().begin(), 35, heads.parameters().begin());
  std::vector<double> g(one.parameters().size());
  for (const std::uint32_t number : {2u, 1u}) {
    one.gradient(Pair(number).all(), g);
    heads.gradient(Pair(number).all(), g);
    const auto a = one.claims(), b = heads.claims();
    for (std::size_t c = 0; c < 6; ++c) {
      const std::size_t first = c < 4 ? 35 : 59, in_head = c < 4 ? c : c - 4, width = c < 4 ? 4 : 2;
      CHECK(a[65 + c] == b[first + 5 * width + in_head]);
      CHECK(a[65 + c] == (c >= 4 || (number == 1 && c >= 2) ? 1 : 0));  // outputs 2 to 5, once both were active
      for (std::size_t i = 0; i < 5; ++i) CHECK(a[35 + 5 * c + i] == b[first + 5 * in_head + i]);
    }
  }
  heads.close_task();
  heads.grow(3);
  CHECK(heads.outputs() == 9);
  CHECK(heads.tasks_ended() == 1);
  const auto claims = heads.claims();
  CHECK(claims.size() == heads.parameters().size());
  CHECK(std::count(claims.end() - 3, claims.end(), 1) == 3);  // the new biases
}

TEST_CASE("gates are the same for any number of threads", "[nn][hat][backend]") {
  const std::vector<std::size_t> wide{4, 300, 600, 6};
  const Pair some(0);
  std::vector<double> inputs(4 * 512);
  std::vector<std::int32_t> labels(512);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    inputs[i] = some.inputs[i % some.inputs.size()] + 0.01 * static_cast<double>(i % 7);
  for (std::size_t n = 0; n < labels.size(); ++n) labels[n] = static_cast<std::int32_t>(n % 6);
  const ll::Batch<double> batch{512, 4, inputs, labels};
  auto serial = hat<double>(wide, options_of());
  auto threads = hat<double, SoftmaxCrossEntropy>(wide, options_of(), ll::backend::OpenMP{3});
  std::vector<double> a(serial.parameters().size()), b(a.size());
  CHECK(serial.gradient(batch, a) == threads.gradient(batch, b));
  CHECK(bits(a) == bits(b));
}

TEST_CASE("networks and settings that gates do not fit are refused", "[nn][hat]") {
  using Normalized = HatNetwork<double, std::tuple<Linear, LayerNorm, HardAttention, Linear>>;
  CHECK_THROWS_WITH(Normalized({Linear{4, 5}, LayerNorm{5}, {}, Linear{5, 6}}), ContainsSubstring("LayerNorm"));
  using Bare = HatNetwork<double, std::tuple<Linear, ReLU, Linear>>;
  CHECK_THROWS_WITH(Bare({Linear{4, 5}, {}, Linear{5, 6}}), ContainsSubstring("HardAttention"));
  using Two = HatNetwork<double, std::tuple<Linear, HardAttention, Linear, HardAttention, Linear>>;
  CHECK_THROWS_WITH(Two({Linear{4, 5}, {.tasks = 2}, Linear{5, 6}, {.tasks = 3}, Linear{6, 6}}),
                    ContainsSubstring("layer 3"));
  for (const HatOptions& options :
       {HatOptions{.tasks = 0}, HatOptions{.sparsity = -1}, HatOptions{.max_slope = 0.5}, HatOptions{.rate = 0}})
    CHECK_THROWS_AS(hat<double>(widths, options), ll::InvalidArgument);
  CHECK_THROWS_AS(hat<double>({4}, {}), ll::InvalidArgument);
  CHECK_THAT(hat<double>(widths, options_of()).recipe(),
             ContainsSubstring("HardAttention(tasks 3, max slope 20, rate 1)") && ContainsSubstring("sparsity 0.01"));
}

}  // namespace hat_test
