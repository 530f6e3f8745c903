// SPDX-License-Identifier: MIT
// The seams where further parts of a learner enter: the gradient of a step, the end of a task, the step that was taken,
// and the parameters of one task. The parts here are small on purpose; they are not the methods they resemble.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace seams_test {

namespace ll = lifelong;
using ll::importance::Constant;
using ll::importance::Fisher;
using ll::penalty::Quadratic;
using test::TinyModel;
using test::TinyTask;

namespace {

std::vector<double> copy(std::span<const double> values) { return {values.begin(), values.end()}; }

/// Keeps the first examples it sees and lets them take part in every later step.
struct FirstExamples {
  std::size_t capacity = 4;

  template <class Model>
  struct State {
    std::vector<double> inputs, labels, tasks;  // of the examples kept; how many tasks have ended
    double count = 0;
    void resize(std::size_t) {}
    [[nodiscard]] std::size_t bytes() const { return (inputs.size() + labels.size() + tasks.size()) * sizeof(double); }
    template <class Array, class Number>
    void visit(const Array& array, const Number& number) {
      number("count", count);
      if (count > 0) {
        array("inputs", inputs);
        array("labels", labels);
      }
      std::size_t ended = tasks.size();
      number("tasks", ended);
      tasks.resize(ended);
    }
  };

  void validate() const { ll::detail::require_at_least("FirstExamples.capacity", static_cast<double>(capacity), 1); }
  [[nodiscard]] std::string recipe() const { return "FirstExamples(capacity " + std::to_string(capacity) + ")"; }

  template <class Model, class Backend>
  double gradient(State<Model>& state, const Backend&, Model& model, const ll::Batch<double>& batch,
                  std::span<double> out) const {
    const double loss = model.gradient(batch, out);
    if (!state.labels.empty()) {
      const std::vector<std::int32_t> labels(state.labels.begin(), state.labels.end());
      std::vector<double> of_memory(out.size());
      model.gradient({labels.size(), batch.features, state.inputs, labels}, of_memory);
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = (out[i] + of_memory[i]) / 2;
    }
    return loss;
  }
  template <class Model>
  void keep(State<Model>& state, Model&, const ll::Batch<double>& batch) const {
    for (std::size_t n = 0; n < batch.size && state.labels.size() < capacity; ++n) {
      const auto row = batch.inputs.subspan(n * batch.features, batch.features);
      state.inputs.insert(state.inputs.end(), row.begin(), row.end());
      state.labels.push_back(batch.labels[n]);
    }
    state.count = static_cast<double>(state.labels.size());
  }
  template <class Model>
  void end_task(State<Model>& state, Model&) const {
    state.tasks.push_back(0);
  }
};

/// Gives the larger half of the free parameters to the task that ends: owner is its number, from 1, and 0 if free.
/// What is owned keeps its bits; what is free begins the next task at 0.
struct Owned {
  double threshold = 0.5;
  static constexpr std::array<const char*, 2> arrays{"owner", "value"};
  static constexpr std::array<const char*, 1> numbers{"tasks"};
  void validate() const {}

  template <class T>
  struct Kernel {
    T* owner;
    T* value;
    T threshold;

    template <class V>
    ll::penalty::Term<V> term(std::size_t, V) const {
      return {V(T(0)), V(T(0))};
    }
    template <class V>
    V proximal(std::size_t i, V before, V stepped, V) const {
      return ll::where_positive(ll::load<V>(owner, i), before, stepped);
    }
    /// The contribution is the number of the task.
    template <class V>
    V absorb(std::size_t i, V theta, V contribution, const ll::penalty::Absorption<V>&) const {
      const V own = ll::where_positive(ll::abs(theta) - V(threshold), contribution, V(T(0)));
      const V mine = ll::where_positive(ll::load<V>(owner, i), ll::load<V>(owner, i), own);
      ll::store(owner, i, mine);
      return V(T(0));
    }
    template <class V>
    V settle(std::size_t i, V theta, std::size_t) const {
      return ll::where_positive(ll::load<V>(owner, i), theta, V(T(0)));
    }
    template <class V>
    V parameter(std::size_t i, V theta, std::size_t task) const {
      const V number = ll::load<V>(owner, i), later = number - V(T(static_cast<T>(task + 1)));
      return ll::where_positive(number, ll::where_positive(later, V(T(0)), theta), V(T(0)));
    }
  };
  template <class T>
  Kernel<T> kernel(std::array<T*, 2> p) const {
    return {p[0], p[1], static_cast<T>(threshold)};
  }
};

/// The number of the task, from 1, for every parameter.
struct TaskNumber {
  ll::importance::Merge merge = ll::importance::Merge::last();
  void validate() const {}
  template <class T>
  struct Kernel {
    T number;
    template <class V>
    V contribution(std::size_t, V, V) const {
      return V(number);
    }
  };
  template <class T>
  Kernel<T> kernel(std::array<T*, 0>, const ll::Clock& clock) const {
    return {static_cast<T>(clock.tasks + 1)};
  }
};

/// Lets parameters go half of the way that the optimizer wants.
struct HalfWay {
  void validate() const {}
  struct Kernel {
    template <class V>
    ll::penalty::Term<V> term(std::size_t, V) const {
      return {V(0), V(0)};
    }
    template <class V>
    V proximal(std::size_t, V before, V stepped, V) const {
      return before + V(0.5) * (stepped - before);
    }
    template <class V>
    V absorb(std::size_t, V, V, const ll::penalty::Absorption<V>&) const {
      return V(0);
    }
  };
  template <class T>
  Kernel kernel(std::array<T*, 0>) const {
    return {};
  }
};

}  // namespace

TEST_CASE("a rehearsal makes the gradient of every step", "[learner][seams]") {
  ll::Learner learner{TinyModel(), Fisher{}, Quadratic{.strength = 2}, ll::optimizer::Sgd{.learning_rate = 0.1},
                      FirstExamples{.capacity = 3}};
  const TinyTask task(1, 6);
  TinyModel slow;
  learner.step(task.all());
  std::vector<double> g(slow.theta.size()), m(g.size());
  slow.gradient(task.all(), g);
  for (std::size_t i = 0; i < g.size(); ++i) slow.theta[i] -= 0.1 * g[i];
  REQUIRE(copy(learner.parameters()) == slow.theta);  // the memory was empty

  learner.step(task.all());
  slow.gradient(task.all(), g);
  slow.gradient(task.all().slice(0, 3), m);
  for (std::size_t i = 0; i < g.size(); ++i) slow.theta[i] -= 0.1 * ((g[i] + m[i]) / 2);
  for (std::size_t i = 0; i < g.size(); ++i)
    REQUIRE_THAT(learner.parameters()[i], test::WithinAbs(slow.theta[i], 1e-15));

  CHECK(learner.state().rehearsal.tasks.empty());
  learner.consolidate(task);
  CHECK(learner.state().rehearsal.tasks.size() == 1);
  CHECK(learner.state_bytes() == (2 * 27 + 3 * 4 + 3 + 1) * sizeof(double));
  CHECK_THAT(learner.recipe(), test::ContainsSubstring("; FirstExamples(capacity 3)"));
}

TEST_CASE("what a rehearsal keeps is saved and restored", "[learner][seams][checkpoint]") {
  const auto make = [] {
    return ll::Learner{TinyModel(), Fisher{}, Quadratic{}, ll::optimizer::Momentum{}, FirstExamples{}};
  };
  auto learner = make(), resumed = make();
  const TinyTask first(1), second(2);
  learner.fit(first, {.batch_size = 5});
  learner.consolidate(first);
  ll::io::restore(ll::io::checkpoint(learner), resumed);
  CHECK(resumed.state().rehearsal.labels == learner.state().rehearsal.labels);
  for (auto* each : {&learner, &resumed}) each->fit(second, {.epochs = 2, .batch_size = 5});
  CHECK(copy(resumed.parameters()) == copy(learner.parameters()));
}

TEST_CASE("a task's end may write parameters, and masked ones keep their bits", "[learner][seams]") {
  TinyModel model;
  for (std::size_t i = 0; i < model.theta.size(); ++i) model.theta[i] = i % 2 == 0 ? 0.9 : 0.1;
  const auto check = [&](auto optimizer) {
    ll::Learner learner{model, TaskNumber{}, Owned{}, optimizer};
    learner.fit(TinyTask(1), {.epochs = 2, .batch_size = 5});
    const auto trained = copy(learner.parameters());
    learner.consolidate();
    const auto settled = copy(learner.parameters());
    std::vector<bool> owned;
    for (std::size_t i = 0; i < trained.size(); ++i) {
      owned.push_back(std::abs(trained[i]) > 0.5);
      REQUIRE(settled[i] == (owned[i] ? trained[i] : 0));
    }
    learner.fit(TinyTask(2), {.epochs = 30, .batch_size = 5});
    std::size_t moved = 0;
    for (std::size_t i = 0; i < trained.size(); ++i) {
      if (owned[i]) REQUIRE(learner.parameters()[i] == trained[i]);
      moved += learner.parameters()[i] != settled[i] ? 1u : 0u;
    }
    CHECK(moved > 0);
    learner.consolidate();
    std::vector<double> of_first(trained.size()), of_second(trained.size());
    learner.copy_parameters(0, of_first);
    learner.copy_parameters(1, of_second);
    CHECK(of_first == settled);  // what the first task leaves is what it uses for ever
    CHECK(of_second == copy(learner.parameters()));
  };
  check(ll::optimizer::Sgd{.learning_rate = 0.05});
  check(ll::optimizer::AdamW{.learning_rate = 0.05, .weight_decay = 0.1});
}

TEST_CASE("the parameters of any task are theta where the penalty has no say", "[learner][seams]") {
  ll::Learner learner{TinyModel(), Constant{}, Quadratic{}, ll::optimizer::Sgd{}};
  std::vector<double> out(learner.parameters().size()), scarce(3);
  learner.copy_parameters(7, out);
  CHECK(out == copy(learner.parameters()));
  CHECK_THROWS_AS(learner.copy_parameters(0, scarce), ll::ShapeMismatch);
}

TEST_CASE("an implicit penalty sees where a step began and where it went", "[learner][seams]") {
  ll::Learner whole{TinyModel(), Constant{}, ll::penalty::None{}, ll::optimizer::Sgd{.learning_rate = 0.05}};
  ll::Learner half{TinyModel(), Constant{}, HalfWay{}, ll::optimizer::Sgd{.learning_rate = 0.1}};
  const TinyTask task(1);
  whole.step(task.all());
  half.step(task.all());
  for (std::size_t i = 0; i < whole.parameters().size(); ++i)
    REQUIRE_THAT(half.parameters()[i], test::WithinAbs(whole.parameters()[i], 1e-15));
}

TEST_CASE("further parts may come in any order", "[learner][parts]") {
  const auto trained = [](auto&&... parts) {
    ll::Learner learner{TinyModel(), Fisher{}, Quadratic{}, ll::optimizer::Adam{}, parts...};
    learner.fit(TinyTask(1), {.epochs = 2, .batch_size = 5});
    learner.consolidate(TinyTask(1));
    learner.fit(TinyTask(2), {.epochs = 2, .batch_size = 5});
    return copy(learner.parameters());
  };
  const ll::backend::OpenMP threads{3};
  const ll::MemoryLimit limit{1u << 20};
  CHECK(trained(threads, limit) == trained());
  CHECK(trained(limit, threads) == trained());
  CHECK(trained(limit, FirstExamples{}, threads) == trained(FirstExamples{}));
  CHECK(trained(FirstExamples{}) != trained());
  using Limited = decltype(ll::Learner{TinyModel(), Fisher{}, Quadratic{}, ll::optimizer::Adam{}, limit, threads});
  STATIC_REQUIRE(std::is_same_v<Limited::Backend, ll::backend::OpenMP>);
  STATIC_REQUIRE(std::is_same_v<Limited::Rehearsal, ll::rehearsal::None>);
}

TEST_CASE("further parts that are not given are made by default", "[learner][parts]") {
  const ll::Learner<TinyModel, Fisher, Quadratic, ll::optimizer::Adam, ll::backend::OpenMP, FirstExamples> learner{
      TinyModel(), {}, {.strength = 3}, {}};
  CHECK(learner.backend().thread_count == 0);
  const auto with_limit = [](std::size_t bytes) {
    ll::Learner{TinyModel(), Fisher{}, Quadratic{}, ll::optimizer::Adam{}, ll::MemoryLimit{bytes}, FirstExamples{}};
  };
  CHECK_THROWS_AS(with_limit(1000), ll::OutOfMemory);
  CHECK_THROWS_AS((ll::Learner{TinyModel(), Fisher{}, Quadratic{}, ll::optimizer::Adam{}, FirstExamples{0}}),
                  ll::InvalidArgument);
}

}  // namespace seams_test
