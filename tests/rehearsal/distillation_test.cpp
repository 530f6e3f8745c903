// SPDX-License-Identifier: MIT
// Learning without forgetting: its gradient is the slow one, the model is its own teacher and stays as it was.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/rehearsal/distillation.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace distillation_test {

namespace ll = lifelong;
using ll::importance::Fisher;
using ll::penalty::Quadratic;
using ll::rehearsal::Distillation;
using ll::rehearsal::NewOutputs;
using test::TinyModel;
using test::TinyTask;

static_assert(ll::RehearsalPolicy<Distillation, TinyModel>);

namespace {

using Head = std::vector<std::size_t>;

std::vector<double> copy(std::span<const double> values) { return {values.begin(), values.end()}; }

template <class Model>
std::vector<double> outputs_of(Model& model, const ll::Batch<double>& batch) {
  std::vector<double> outputs(batch.size * model.outputs());
  model.predict(batch, std::span<double>(outputs));
  return outputs;
}

std::vector<double> soft(std::span<const double> row, const Head& head, double temperature) {
  std::vector<double> p;
  double total = 0;
  for (const std::size_t c : head) p.push_back(std::exp(row[c] / temperature));
  for (const double value : p) total += value;
  for (double& value : p) value /= total;
  return p;
}

/// The mean of λ Σ_h KL over the batch, and its cotangents. The teacher's probability of `unknown` outputs is 0.
double slow_term(const Distillation& policy, std::span<const double> teacher, std::span<const double> outputs,
                 std::size_t samples, const std::vector<Head>& heads, const Head& unknown,
                 std::vector<double>& cotangents) {
  const std::size_t width = outputs.size() / samples;
  double total = 0;
  cotangents.assign(outputs.size(), 0);
  for (std::size_t n = 0; n < samples; ++n)
    for (const Head& head : heads) {
      Head all = head;
      all.insert(all.end(), unknown.begin(), unknown.end());
      auto p = soft(teacher.subspan(n * width, width), head, policy.temperature);
      p.resize(all.size());
      const auto q = soft(outputs.subspan(n * width, width), all, policy.temperature);
      for (std::size_t k = 0; k < all.size(); ++k) {
        if (p[k] > 0) total += policy.strength * p[k] * std::log(p[k] / q[k]) / static_cast<double>(samples);
        cotangents[n * width + all[k]] +=
            policy.strength / policy.temperature * (q[k] - p[k]) / static_cast<double>(samples);
      }
    }
  return total;
}

/// One step of a policy, which moves the model.
template <class Model>
double take_step(const Distillation& policy, Distillation::State<Model>& state, Model& model,
                 const ll::Batch<double>& batch, std::vector<double>& out) {
  out.resize(model.parameters().size());
  const double loss = policy.gradient(state, ll::backend::Serial{}, model, batch, std::span<double>(out));
  for (std::size_t i = 0; i < out.size(); ++i) model.parameters()[i] -= 0.5 * out[i];
  policy.keep(state, model, batch);
  return loss;
}

/// Compares the steps of a second task with the slow version; the first task asked for `heads`.
template <class Model>
void check_gradients(Model model, const ll::Batch<double>& first, const ll::Batch<double>& second,
                     const std::vector<Head>& heads, const Head& unknown = {},
                     NewOutputs new_outputs = NewOutputs::untaught) {
  const Distillation policy{.temperature = 3, .strength = 0.6, .new_outputs = new_outputs};
  Distillation::State<Model> state;
  std::vector<double> out, g(model.parameters().size()), h(g), cotangents;
  take_step(policy, state, model, first, out);
  policy.end_task(state, model);
  const std::vector<double> teacher = outputs_of(model, second);
  for (int step = 0; step < 3; ++step) {
    Model before = model;
    const double loss = take_step(policy, state, model, second, out);
    const double own = static_cast<double>(before.gradient(second, std::span<double>(g)));
    const double term = slow_term(policy, teacher, outputs_of(before, second), second.size, heads, unknown, cotangents);
    before.pullback(second, std::span<const double>(cotangents), std::span<double>(h));
    CHECK_THAT(loss, test::WithinAbs(own + term, 1e-12));
    CHECK((step == 0 && unknown.empty() ? std::abs(term) < 1e-14 : term > 1e-4));
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE_THAT(out[i], test::WithinAbs(g[i] + h[i], 1e-12));
  }
}

auto tiny_learner(Distillation policy = {}) {
  return ll::Learner{TinyModel(), Fisher{}, Quadratic{.strength = 2}, ll::optimizer::Momentum{}, policy};
}

/// A task with labels from `first` on, which are its own range of outputs if they are `ranged`.
struct Range {
  TinyTask task;
  std::vector<ll::OutputRange> active;

  Range(std::uint64_t seed, std::uint32_t first, std::uint32_t classes, bool ranged)
      : task(seed, 12, static_cast<std::int32_t>(classes)),
        active(12, ranged ? ll::OutputRange{first, classes} : ll::OutputRange{}) {
    for (std::int32_t& label : task.labels) label += static_cast<std::int32_t>(first);
  }
  ll::Batch<double> batch() const {
    ll::Batch<double> all = task.all();
    all.active = active;
    return all;
  }
};

}  // namespace

TEST_CASE("the gradient of distillation is that of the formula in every scenario", "[rehearsal][distillation]") {
  const auto network = ll::nn::mlp<double>({4, 8, 6}, {.activation = ll::nn::Activation::tanh});
  SECTION("class-incremental: the labels seen are one softmax") {
    check_gradients(network, Range(1, 1, 3, false).batch(), Range(2, 4, 2, false).batch(), {{1, 2, 3}});
  }
  SECTION("class-incremental: labels that were not seen have the probability 0") {
    check_gradients(network, Range(1, 1, 3, false).batch(), Range(2, 4, 2, false).batch(), {{1, 2, 3}}, {0, 4, 5},
                    NewOutputs::improbable);
  }
  SECTION("task-incremental: a softmax for each range") {
    Range first(1, 0, 2, true);
    const Range other(5, 2, 3, true);
    for (std::size_t n = 6; n < 12; ++n) {  // two earlier tasks
      first.active[n] = other.active[n];
      first.task.labels[n] = other.task.labels[n];
    }
    for (const NewOutputs new_outputs : {NewOutputs::untaught, NewOutputs::improbable})
      check_gradients(network, first.batch(), Range(2, 4, 2, true).batch(), {{0, 1}, {2, 3, 4}}, {}, new_outputs);
  }
  SECTION("domain-incremental, and a model that can only pull back") {
    check_gradients(TinyModel(), TinyTask(1).all(), TinyTask(2).all(), {{0, 1, 2}});
  }
}

TEST_CASE("heads of several tasks add up: shared outputs to one, ranges side by side", "[rehearsal][distillation]") {
  auto model = ll::nn::mlp<double>({4, 8, 6});
  const Distillation policy;
  const auto heads_after = [&](bool ranged) {
    Distillation::State<decltype(model)> state;
    std::vector<double> out;
    for (const std::uint32_t task : {0u, 1u, 2u}) {
      take_step(policy, state, model, Range(task, 2 * task, 2, ranged).batch(), out);
      policy.end_task(state, model);
    }
    policy.gradient(state, ll::backend::Serial{}, model, Range(4, 0, 2, ranged).batch(), std::span<double>(out));
    CHECK(state.members == std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5});
    std::vector<std::uint32_t> ends;
    for (const auto [known, end] : state.softmaxes) {
      CHECK(known == end);
      ends.push_back(end);
    }
    return ends;
  };
  CHECK(heads_after(false) == std::vector<std::uint32_t>{6});
  CHECK(heads_after(true) == std::vector<std::uint32_t>{2, 4, 6});
}

TEST_CASE("answers that are certain have a finite loss and gradient", "[rehearsal][distillation]") {
  // The logarithm of softmax(z)^(1/τ) would be -Inf for z = -2000.
  const std::vector<double> teacher{2000, -2000, 0}, outputs{-3000, 3000, 1};
  const std::vector<std::uint32_t> members{0, 1, 2};
  const std::vector<ll::rehearsal::distillation_detail::Softmax> softmaxes{{3, 3}};
  const ll::rehearsal::distillation_detail::DistillationTerms<double> terms{teacher, members, softmaxes, 2, 1};
  std::vector<double> cotangent(3);
  CHECK_THAT(terms.term(0, outputs, {}, cotangent), test::WithinAbs(3000, 1e-9));
  CHECK(cotangent == std::vector<double>{-0.5, 0.5, 0});
}

TEST_CASE("before a task has ended, or without strength, steps are the plain ones to the bit",
          "[rehearsal][distillation]") {
  ll::Learner plain{TinyModel(), Fisher{}, Quadratic{.strength = 2}, ll::optimizer::Momentum{}};
  auto learner = tiny_learner(), weak = tiny_learner({.strength = 0});
  const TinyTask first(1), second(2);
  const auto fit = [](auto& any, const TinyTask& task) { any.fit(task, {.epochs = 2, .batch_size = 5}); };
  fit(plain, first), fit(learner, first), fit(weak, first);
  CHECK(copy(learner.parameters()) == copy(plain.parameters()));
  CHECK(learner.state_bytes() == plain.state_bytes() + 2 * 3 * 4);
  plain.consolidate(first), learner.consolidate(first), weak.consolidate(first);
  fit(plain, second), fit(learner, second), fit(weak, second);
  CHECK(copy(weak.parameters()) == copy(plain.parameters()));
  CHECK(copy(learner.parameters()) != copy(plain.parameters()));
  CHECK(learner.state_bytes() == plain.state_bytes() + 2 * 3 * 4 + plain.parameters().size() * 8);
  CHECK_THAT(learner.recipe(), test::ContainsSubstring("Distillation(temperature 2, strength 1)"));
  CHECK(Distillation{.new_outputs = NewOutputs::improbable}.recipe() ==
        "Distillation(temperature 2, strength 1, new outputs improbable)");
  CHECK_THAT(test::message_of<ll::InvalidArgument>([] { tiny_learner({.temperature = 0}); }),
             test::ContainsSubstring("Distillation.temperature must be a finite number above 0"));
  CHECK_THAT(test::message_of<ll::InvalidArgument>([] { tiny_learner({.strength = -1}); }),
             test::ContainsSubstring("Distillation.strength"));
  auto unlabelled = second.all();
  unlabelled.labels = {};
  CHECK_THROWS_AS(learner.step(unlabelled), ll::ShapeMismatch);
}

namespace {

/// A model whose predictions can fail.
struct Failing : TinyModel {
  bool fails = false;
  void predict(const ll::Batch<double>& batch, std::span<double> result) const {
    if (fails) ll::detail::raise<ll::NumericError>("failed");
    TinyModel::predict(batch, result);
  }
};

}  // namespace

TEST_CASE("a refused step leaves model and teacher as they were", "[rehearsal][distillation][errors]") {
  ll::Learner learner{Failing(), Fisher{}, Quadratic{}, ll::optimizer::Momentum{}, Distillation{}};
  const TinyTask task(1), next(2);
  learner.fit(task, {.batch_size = 5});
  learner.consolidate(task);
  auto twin = learner;
  const auto before = copy(learner.parameters());
  double& parameter = learner.parameters()[0];
  const double value = parameter;
  parameter = HUGE_VAL;  // found behind the rehearsal, which must not make it the teacher
  CHECK_THROWS_AS(learner.step(next.all()), ll::NumericError);
  parameter = value;
  for (auto* each : {&learner, &twin}) each->fit(next, {.batch_size = 5});
  CHECK(copy(learner.parameters()) == copy(twin.parameters()));
  const auto moved = copy(learner.parameters());
  CHECK(moved != before);
  learner.model().fails = true;
  CHECK_THROWS_AS(learner.step(next.all()), ll::NumericError);
  CHECK(copy(learner.parameters()) == moved);
}

TEST_CASE("the teacher has its own running statistics, and a grown head changes nothing for it",
          "[rehearsal][distillation]") {
  auto model = ll::nn::sequential<double>(
      std::tuple{ll::nn::Linear{4, 6}, ll::nn::BatchNorm{6}, ll::nn::Tanh{}, ll::nn::Heads{6, {3}}}, 1);
  Distillation::State<decltype(model)> state;
  const Distillation policy{.strength = 2};
  const TinyTask first(1), second(2);
  std::vector<double> out;
  for (int step = 0; step < 5; ++step) take_step(policy, state, model, first.all(), out);
  policy.end_task(state, model);
  const std::vector<double> teacher = outputs_of(model, second.all());
  for (int step = 0; step < 3; ++step) take_step(policy, state, model, second.all(), out);
  const auto statistics = copy(model.buffers());
  const auto copied = model;
  policy.gradient(state, ll::backend::Serial{}, model, second.all(), std::span<double>(out));
  CHECK(copy(model.buffers()) != statistics);  // those of a training pass of the model itself
  auto plain = copied;
  plain.gradient(second.all(), out);
  CHECK(copy(model.buffers()) == copy(plain.buffers()));
  CHECK(state.outputs.size() == teacher.size());
  CHECK(std::vector<double>(state.outputs.begin(), state.outputs.end()) == teacher);

  const auto term = [&](auto network) {
    out.resize(network.parameters().size());
    auto twin = network;
    return policy.gradient(state, ll::backend::Serial{}, network, second.all(), std::span<double>(out)) -
           twin.gradient(second.all(), out);
  };
  const double before = term(model);
  CHECK(before > 1e-4);
  model.grow(2);
  state.resize(model.parameters().size());
  CHECK_THAT(term(model), test::WithinAbs(before, 1e-14));
}

TEST_CASE("a checkpoint of distillation goes on with the same bits", "[rehearsal][distillation][checkpoint]") {
  auto learner = tiny_learner(), resumed = tiny_learner();
  const TinyTask first(1), second(2);
  const ll::FitOptions options{.epochs = 3, .batch_size = 5};
  learner.fit(first, options);
  learner.consolidate(first);
  ll::io::restore(ll::io::checkpoint(learner), resumed);  // the model is yet to become the teacher
  for (auto* each : {&learner, &resumed})
    each->fit(second, options,
              [](const ll::FitProgress& at) { return at.step == 7 ? ll::FitSignal::stop : ll::FitSignal::go_on; });
  CHECK(copy(resumed.parameters()) == copy(learner.parameters()));
  auto third = tiny_learner();
  ll::io::restore(ll::io::checkpoint(learner), third);  // in the middle of a task
  const ll::FitOptions rest{.epochs = 3, .batch_size = 5, .resume = true};
  for (auto* each : {&learner, &third}) each->fit(second, rest);
  CHECK(copy(third.parameters()) == copy(learner.parameters()));

  const auto refused = [&](const std::string& name, auto change) {
    auto damaged = learner.state().rehearsal;
    CHECK_THROWS_AS(damaged.visit([](const std::string&, auto&) {},
                                  [&](const std::string& which, auto& value) {
                                    if (which == name)
                                      value = static_cast<std::remove_reference_t<decltype(value)>>(change);
                                  }),
                    ll::FormatError);
  };
  refused("outputs", 4);
  refused("outputs", std::size_t{1} << 63);
  refused("teacher_size", 1);
  refused("teacher_buffers_size", 1);
  auto damaged = learner.state().rehearsal;
  damaged.resize(learner.parameters().size() - 1);  // a teacher larger than the model
  CHECK_THROWS_AS(damaged.visit([](const std::string&, auto&) {}, [](const std::string&, auto&) {}), ll::FormatError);
}

TEST_CASE("distillation gives the same bits for any number of threads, with any importance and penalty",
          "[rehearsal][distillation][threads]") {
  const auto trained = [](auto importance, auto penalty, int threads) {
    const ll::backend::OpenMP backend{threads};
    ll::Learner learner{ll::nn::mlp<double>({4, 40, 3}, {}, backend),
                        importance,
                        penalty,
                        ll::optimizer::Adam{},
                        Distillation{},
                        backend};
    for (const std::uint64_t seed : {1u, 2u}) {
      learner.fit(TinyTask(seed, 40), {.epochs = 3, .batch_size = 20});
      learner.consolidate(TinyTask(seed, 40));
    }
    return copy(learner.parameters());
  };
  CHECK(trained(Fisher{}, Quadratic{}, 1) == trained(Fisher{}, Quadratic{}, 3));
  const ll::importance::SynapticIntelligence path;
  CHECK(trained(path, ll::penalty::None{}, 1) == trained(path, ll::penalty::None{}, 3));
}

}  // namespace distillation_test
