// SPDX-License-Identifier: MIT
// Sums of two importances: what each finds by itself, added up.
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace weighted_sum_test {

namespace ll = lifelong;
using namespace ll::importance;
using test::TinyModel;
using test::TinyTask;
using Vector = std::vector<double>;

namespace {

/// Ω after each of three tasks, trained on with gradients that do not depend on Ω.
template <class Importance>
std::vector<Vector> importances_of(const Importance& importance) {
  ll::Learner learner{TinyModel(), importance, ll::penalty::Quadratic{.strength = 0},
                      ll::optimizer::Momentum{.learning_rate = 0.05}};
  std::vector<Vector> result;
  for (std::uint64_t task = 0; task < 3; ++task) {
    const TinyTask data(task + 1);
    learner.fit(data, {.epochs = 3, .batch_size = 4});
    learner.consolidate(std::vector{data.all()});
    result.emplace_back(learner.importance().begin(), learner.importance().end());
  }
  return result;
}

/// The same for an importance that needs no data at a task's end.
template <class Importance>
std::vector<Vector> gathered_of(const Importance& importance) {
  ll::Learner learner{TinyModel(), importance, ll::penalty::Quadratic{.strength = 0},
                      ll::optimizer::Momentum{.learning_rate = 0.05}};
  std::vector<Vector> result;
  for (std::uint64_t task = 0; task < 3; ++task) {
    learner.fit(TinyTask(task + 1), {.epochs = 3, .batch_size = 4});
    learner.consolidate();
    result.emplace_back(learner.importance().begin(), learner.importance().end());
  }
  return result;
}

void check_sum(const std::vector<Vector>& sum, const std::vector<Vector>& a, double weight_a,
               const std::vector<Vector>& b, double weight_b) {
  for (std::size_t task = 0; task < sum.size(); ++task)
    for (std::size_t i = 0; i < sum[task].size(); ++i) {
      INFO("task " << task << ", parameter " << i);
      const double size = weight_a * std::abs(a[task][i]) + weight_b * std::abs(b[task][i]);
      REQUIRE_THAT(sum[task][i], test::WithinAbs(weight_a * a[task][i] + weight_b * b[task][i], 1e-12 * size));
    }
}

const SynapticIntelligence path{.xi = 0.05, .clamp = Clamp::increment};
const RWalk walk{.alpha = 0.2, .merge = Merge::last()};

/// An importance whose kernel is told its own contribution when it starts anew: how far θ went from where it was,
/// less what it found before.
struct Told {
  Merge merge = Merge::sum();
  static constexpr std::array<const char*, 2> arrays{"start", "before"};
  void validate() const {}
  template <class T>
  struct Kernel {
    T* start;
    T* before;
    template <class V>
    V contribution(std::size_t i, V theta, V) const {
      return ll::abs(theta - ll::load<V>(start, i)) + ll::load<V>(before, i);
    }
    template <class V>
    void restart(std::size_t i, V theta, V contribution) const {
      ll::store(start, i, theta);
      ll::store(before, i, contribution);
    }
  };
  template <class T>
  Kernel<T> kernel(std::array<T*, 2> arrays_, const ll::Clock&) const {
    return {arrays_[0], arrays_[1]};
  }
};

}  // namespace

TEST_CASE("a sum of two estimated importances", "[weighted-sum]") {
  const WeightedSum<Fisher, Mas> sum{.weight_a = 3, .weight_b = 0.5};
  STATIC_REQUIRE(!ll::PathImportance<WeightedSum<Fisher, Mas>>);
  STATIC_REQUIRE(sum.arrays.empty());
  check_sum(importances_of(sum), importances_of(Fisher{}), 3, importances_of(Mas{}), 0.5);
}

TEST_CASE("a sum of an estimated and a gathered importance, either first", "[weighted-sum]") {
  const auto fisher = importances_of(Fisher{}), along = gathered_of(path);
  const WeightedSum<Fisher, SynapticIntelligence> one{.b = path, .weight_a = 2, .weight_b = 0.3};
  const WeightedSum<SynapticIntelligence, Fisher> other{.a = path, .weight_a = 0.3, .weight_b = 2};
  STATIC_REQUIRE(ll::PathImportance<WeightedSum<Fisher, SynapticIntelligence>>);
  check_sum(importances_of(one), fisher, 2, along, 0.3);
  check_sum(importances_of(other), fisher, 2, along, 0.3);
}

TEST_CASE("a sum of two gathered importances needs no data, and each keeps its arrays", "[weighted-sum]") {
  using Sum = WeightedSum<SynapticIntelligence, RWalk>;
  const Sum sum{.a = {.xi = 0.05, .clamp = Clamp::increment, .merge = Merge::last()},
                .b = walk,
                .weight_a = 0.7,
                .merge = Merge::last()};
  REQUIRE(Sum::arrays.size() == 5);
  REQUIRE(std::string(Sum::arrays[1]) == "start");
  REQUIRE(std::string(Sum::arrays[2]) == "fisher");
  STATIC_REQUIRE(Sum::traffic.reads == 3);
  STATIC_REQUIRE(Sum::traffic.writes == 3);
  check_sum(gathered_of(sum), gathered_of(sum.a), 0.7, gathered_of(walk), 1);
}

TEST_CASE("a kernel in a sum is told its own contribution when it starts anew", "[weighted-sum]") {
  check_sum(importances_of(WeightedSum<Told, Fisher>{.weight_a = 2}), gathered_of(Told{}), 2, importances_of(Fisher{}),
            1);
}

TEST_CASE("a constant share makes elastic weight consolidation pull on every weight", "[weighted-sum]") {
  const WeightedSum<Fisher, Constant> sum{.b = {.value = 0.25, .merge = Merge::sum()}};
  STATIC_REQUIRE(!ll::PathImportance<WeightedSum<Fisher, Constant>>);
  check_sum(importances_of(sum), importances_of(Fisher{}), 1,
            gathered_of(Constant{.value = 0.25, .merge = Merge::sum()}), 1);
}

TEST_CASE("sums nest", "[weighted-sum]") {
  const WeightedSum<WeightedSum<Fisher, SynapticIntelligence>, Mas> sum{.a = {.b = path, .weight_a = 2},
                                                                        .weight_b = 0.5};
  check_sum(importances_of(sum), importances_of(sum.a), 1, importances_of(Mas{}), 0.5);
}

TEST_CASE("a sum is bounded from below if a part is", "[weighted-sum]") {
  CHECK(WeightedSum<Fisher, SynapticIntelligence>{}.least() == 0);
  CHECK(WeightedSum<Fisher, SynapticIntelligence>{.b = path}.least() < -1e300);
}

TEST_CASE("a sum says what it consists of and refuses what it cannot do", "[weighted-sum][errors]") {
  CHECK(
      WeightedSum<Constant, Mas>{.a = {.value = 2}, .weight_b = 0.5}.recipe() ==
      "WeightedSum(1 Constant(value 2, merge last) + 0.5 Mas(norm squared, per sample, mean over samples, merge sum))");
  const auto refusal = [](const auto& sum) { return test::message_of<ll::InvalidArgument>([&] { sum.validate(); }); };
  CHECK(refusal(WeightedSum<Fisher, Mas>{.weight_a = -1}) ==
        "WeightedSum.weight_a must be a finite number of at least 0, but is -1");
  CHECK(refusal(WeightedSum<Fisher, RWalk>{}) ==
        "WeightedSum.b.merge is last where the whole has sum: they must be the same");
  CHECK(refusal(WeightedSum<Fisher, SynapticIntelligence>{.b = {.ceiling = 0.001}}) ==
        "WeightedSum.b bounds its importance by 0.001, which a sum cannot do for one part");
}

}  // namespace weighted_sum_test
