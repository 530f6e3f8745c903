// SPDX-License-Identifier: MIT
// Compact policies and memory: half the bytes, the bounds they promise, and errors that say what was wanted.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIFELONG_TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LIFELONG_TEST_SANITIZED
#endif
#endif

namespace compact_test {

namespace {

using namespace lifelong;
using importance::Constant, importance::Fisher, importance::Merge, importance::RWalk, importance::SynapticIntelligence;
using optimizer::Adam, optimizer::AdamW, optimizer::Momentum, optimizer::Sgd;
using penalty::Anchor, penalty::Huber, penalty::ImplicitQuadratic, penalty::L1, penalty::None, penalty::Quadratic;

constexpr double rounding = 0x1p-8;

/// Parameters and a gradient without a meaning.
template <class T>
struct Plain {
  using value_type = T;
  AlignedVector<T> theta;
  explicit Plain(std::size_t count, std::uint64_t seed = 1) : theta(count) {
    for (std::size_t i = 0; i < count; ++i) theta[i] = static_cast<T>(Random(seed).normal(i));
  }
  std::span<T> parameters() { return theta; }
  double gradient(const Batch<T>&, std::span<T> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = theta[i] * T(0.5) + T(0.125);
    return 1;
  }
  void grow(std::size_t count) { theta.resize(theta.size() + count); }
};

template <class T>
std::vector<T> normals(std::size_t count, std::uint64_t seed) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>(Random(seed).normal(i));
  return values;
}

/// The step that a penalty alone takes: θ' - θ for a gradient of 0, from a θ away from the anchor; and its value.
template <class T, class Penalty>
std::pair<std::vector<double>, double> pull(const Penalty& penalty) {
  const std::size_t count = 3 * chunk_size + 7;
  Learner learner{Plain<T>(count), Constant{}, penalty, Sgd{.learning_rate = 0.5}};
  std::vector<T> omega = normals<T>(count, 2);
  for (T& value : omega) value = std::abs(value);
  learner.set_importance(omega);
  const std::vector<T> moves = normals<T>(count, 3), zero(count);
  for (std::size_t i = 0; i < count; ++i) learner.parameters()[i] += moves[i];
  const std::vector<T> before(learner.parameters().begin(), learner.parameters().end());
  const double value = learner.step(zero);
  std::vector<double> result(count);
  for (std::size_t i = 0; i < count; ++i)
    result[i] = static_cast<double>(learner.parameters()[i]) - static_cast<double>(before[i]);
  return {result, value};
}

template <class T, class Penalty>
void check_pull(const Penalty& penalty) {
  const auto [exact, exact_value] = pull<T>(penalty);
  const auto [rounded, rounded_value] = pull<T>(compact(penalty));
  std::size_t different = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double error = std::abs(rounded[i] - exact[i]);
    if (error > rounding * std::abs(exact[i]) + 1e-6) REQUIRE(error <= rounding * std::abs(exact[i]) + 1e-6);
    different += error > 0;
  }
  REQUIRE(different > exact.size() / 2);
  REQUIRE_THAT(rounded_value, test::WithinRel(exact_value, rounding));
}

template <class T, class Penalty>
std::size_t bytes(const Penalty&) {
  return Learner<Plain<T>, Constant, Penalty, Sgd>::bytes_per_parameter();
}

}  // namespace

TEST_CASE("a compact penalty pulls as the full one, to a rounding of the importance", "[compact]") {
  check_pull<float>(Quadratic{.strength = 0.7});
  check_pull<float>(ImplicitQuadratic{.strength = 0.7});
  check_pull<float>(Huber{.strength = 0.7, .threshold = 0.3});
  check_pull<float>(L1{.strength = 0.7});
  check_pull<double>(Quadratic{.strength = 0.7});
}

TEST_CASE("consolidating into a compact penalty rounds once per merge", "[compact]") {
  for (const Anchor anchor : {Anchor::last, Anchor::per_task}) {
    const Quadratic penalty{.strength = 0.1, .anchor = anchor};
    const Sgd still{.learning_rate = 0};
    Learner full{test::TinyModel(), Fisher{}, penalty, still};
    Learner half{test::TinyModel(), Fisher{}, compact(penalty), still};
    for (std::uint64_t task = 1; task <= 4; ++task) {
      for (std::size_t i = 0; i < full.parameters().size(); ++i)
        half.parameters()[i] = full.parameters()[i] += 0.1 * Random(task).normal(i);
      full.consolidate(test::TinyTask(task));
      half.consolidate(test::TinyTask(task));
      for (std::size_t i = 0; i < full.importance().size(); ++i) {
        const double exact = full.importance()[i], stored = static_cast<double>(half.importance()[i]);
        if (task == 1) REQUIRE(half.importance()[i].bits == Bfloat16(exact).bits);
        REQUIRE(std::abs(stored - exact) <= static_cast<double>(task) * rounding * exact);
        if (anchor == Anchor::last) REQUIRE(half.anchor()[i] == full.anchor()[i]);
      }
    }
    REQUIRE_THAT(half.penalty_value(),
                 test::WithinRel(full.penalty_value(), 8 * rounding) || test::WithinAbs(full.penalty_value(), 1e-12));
  }
}

TEST_CASE("a compact sum stops growing where a task adds less than 1/512 of it, as said", "[compact]") {
  Learner learner{Plain<float>(3), Constant{.value = 1, .merge = Merge::sum()}, compact(Quadratic{}), Sgd{}};
  for (int task = 0; task < 300; ++task) learner.consolidate();
  REQUIRE(static_cast<float>(learner.importance()[0]) == 256);
  Learner decaying{Plain<float>(3), Constant{.value = 1, .merge = Merge::decay(0.9)}, compact(Quadratic{}), Sgd{}};
  for (int task = 0; task < 300; ++task) decaying.consolidate();
  REQUIRE_THAT(static_cast<double>(decaying.importance()[0]), test::WithinRel(10.0, 10 * rounding));
}

TEST_CASE("compact velocities and first moments stay within their bound", "[compact]") {
  const std::size_t count = 1000;
  const auto trained = [&](auto optimizer) {
    Learner learner{Plain<float>(count), Constant{}, None{}, optimizer};
    for (std::uint64_t step = 0; step < 60; ++step) learner.step(normals<float>(count, 10 + step));
    return std::vector<float>(learner.parameters().begin(), learner.parameters().end());
  };
  const auto largest_difference = [](const std::vector<float>& a, const std::vector<float>& b) {
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
      largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    return largest;
  };
  // No velocity of 60 normal gradients exceeds 12; every step may be off by 2^-8 mu / (1 - mu) of that.
  const double momentum = largest_difference(trained(Momentum{}), trained(compact(Momentum{})));
  CHECK(momentum > 0);
  CHECK(momentum < 60 * 0.01 * rounding * 9 * 12);
  // Moments of unit normals: m below 1, the root of v near 1 after the first steps and never below 0.1.
  for (const double rate : {1e-3, 1e-2}) {
    const double adam =
        largest_difference(trained(Adam{.learning_rate = rate}), trained(compact(Adam{.learning_rate = rate})));
    CHECK(adam > 0);
    CHECK(adam < 60 * rate * rounding * 9);
  }
}

TEST_CASE("compact learners have the same bits for any number of threads", "[compact][threads]") {
  const auto run = [](auto backend) {
    Learner learner{Plain<float>(12 * chunk_size + 5), RWalk{}, compact(Quadratic{.strength = 0.5}),
                    compact(AdamW{.learning_rate = 1e-2}), backend};
    std::vector<double> penalties;
    for (int task = 0; task < 3; ++task) {
      for (int step = 0; step < 3; ++step) penalties.push_back(learner.step(Batch<float>{}).penalty);
      learner.consolidate();
    }
    std::vector<float> state(learner.parameters().begin(), learner.parameters().end());
    state.insert(state.end(), learner.importance().begin(), learner.importance().end());
    return std::pair(state, penalties);
  };
  const auto serial = run(backend::Serial{});
  REQUIRE(serial.second.back() > 0);
  for (const int threads : {1, 2, 3}) REQUIRE(run(backend::OpenMP{threads}) == serial);
}

TEST_CASE("bytes per parameter are known at compile time and are those that are kept", "[compact]") {
  const auto check = [](auto importance, auto penalty, auto optimizer, std::size_t expected) {
    const std::size_t count = 10;
    Learner learner{Plain<float>(count), importance, penalty, optimizer};
    static_assert(decltype(learner)::bytes_per_parameter() >= 8);
    CHECK(learner.bytes_per_parameter() == expected);
    CHECK(learner.state_bytes() == count * (expected - 8));
  };
  check(Constant{}, None{}, Sgd{}, 8);
  check(Constant{}, Quadratic{}, Sgd{}, 16);
  check(Constant{}, Quadratic{}, Momentum{}, 20);
  check(Constant{}, compact(Quadratic{}), Momentum{}, 18);
  check(Constant{}, compact(Quadratic{}), compact(Momentum{}), 16);
  check(Constant{}, Quadratic{}, Adam{}, 24);
  check(Constant{}, compact(Quadratic{}), compact(Adam{}), 20);
  check(SynapticIntelligence{}, Quadratic{}, Momentum{}, 28);
  check(RWalk{}, Quadratic{}, Adam{}, 36);
  CHECK(bytes<double>(Quadratic{}) == 32);
  CHECK(bytes<double>(compact(Quadratic{})) == 26);
}

TEST_CASE("a compact policy says so in its recipe and keeps its settings", "[compact]") {
  const auto penalty = compact(Quadratic{.strength = 3});
  CHECK(penalty.recipe() == Quadratic{.strength = 3}.recipe() + ", importance in bfloat16");
  CHECK(penalty.strength == 3);
  CHECK(compact(Adam{}).recipe() == Adam{}.recipe() + ", first_moment in bfloat16");
  CHECK_THROWS_AS((Learner{Plain<float>(3), Constant{}, compact(Quadratic{.strength = -1}), Sgd{}}), InvalidArgument);
}

TEST_CASE("growing and resetting compact state", "[compact]") {
  Learner learner{Plain<float>(5), Constant{.value = 3}, compact(Quadratic{}), compact(Momentum{})};
  learner.step(Batch<float>{});
  learner.consolidate();
  learner.grow(4);
  REQUIRE(learner.importance().size() == 9);
  CHECK(static_cast<float>(learner.importance()[4]) == 3);
  for (std::size_t i = 5; i < 9; ++i) {
    CHECK(static_cast<float>(learner.importance()[i]) == 0);
    CHECK(learner.anchor()[i] == learner.parameters()[i]);
  }
  learner.reset_optimizer();
  const std::vector<float> before(learner.parameters().begin(), learner.parameters().end());
  for (float& value : learner.gradient()) value = 0;
  learner.step(learner.gradient());
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(learner.parameters()[i] == before[i]);
}

TEST_CASE("a limit on memory is checked before anything is allocated", "[memory]") {
  const auto make = [](std::size_t limit) {
    return Learner{Plain<float>(1000), Constant{}, compact(Quadratic{}), Adam{}, backend::Serial{}, MemoryLimit{limit}};
  };
  make(22 * 1000);
  CHECK(test::message_of<OutOfMemory>([&] { make(22 * 1000 - 1); }) ==
        "a learner of 1000 parameters needs 22 kB, 22 bytes each (parameters 4, gradient 4, importance 2, anchor 4, "
        "first_moment 4, second_moment 4), and the limit is 21.999 kB");
}

TEST_CASE("growing beyond the limit leaves the learner as it was", "[memory]") {
  Learner learner{Plain<float>(1000), Constant{.value = 2}, Quadratic{}, Sgd{}, backend::Serial{}, MemoryLimit{16500}};
  learner.consolidate();
  const std::string message = test::message_of<OutOfMemory>([&] { learner.grow(100); });
  CHECK(message ==
        "a learner of 1100 parameters needs 17.6 kB, 16 bytes each (parameters 4, gradient 4, importance 4, anchor 4), "
        "and the limit is 16.5 kB");
  CHECK(learner.parameters().size() == 1000);
  CHECK(learner.importance().size() == 1000);
  learner.step(Batch<float>{});
  learner.grow(31);
  CHECK(learner.parameters().size() == 1031);
}

namespace {

/// Says that it has more parameters than there can be; nobody gets to look at them.
struct Endless {
  using value_type = float;
  std::size_t count;
  std::span<float> parameters() { return {static_cast<float*>(nullptr), count}; }
  double gradient(const Batch<float>&, std::span<float>) { return 0; }
};

/// An estimate that is too large for the machine.
struct Hungry {
  Merge merge = Merge::sum();
  bool hungry = true;
  void validate() const {}
  template <class Model, class B, class E>
  void estimate(Model&, const B& batch, E& estimation) const {
    estimation.add(batch, [](const B&, std::span<float> out) {
      for (float& value : out) value = 1;
    });
    if (hungry) throw std::bad_alloc();
  }
};

}  // namespace

TEST_CASE("memory that does not do is named with what it was for", "[memory]") {
  const auto make = [](std::size_t count) { Learner{Endless{count}, Constant{}, Quadratic{}, Momentum{}}; };
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / 4 + 1;  // as many floats overflow a size
  CHECK(test::message_of<OutOfMemory>([&] { make(most); }) ==
        "a learner of " + std::to_string(most) + " parameters needs " +
            detail::bytes_text(20 * static_cast<double>(most)) +
            ", 20 bytes each (parameters 4, gradient 4, importance 4, anchor 4, velocity 4), more than there is");
#if !defined(LIFELONG_TEST_SANITIZED) && SIZE_MAX > 0xFFFFFFFF
  CHECK_THAT(test::message_of<OutOfMemory>([&] { make(std::size_t{1} << 46); }),
             test::ContainsSubstring("needs 1.40737 PB, 20 bytes each"));
#endif
  CHECK_THROWS_AS(detail::with_memory([] { throw NumericError("other"); }, [] { return std::string(); }), NumericError);
}

TEST_CASE("an estimate that memory does not do for leaves the learner as it was", "[memory]") {
  Learner learner{Plain<float>(100), Hungry{}, Quadratic{}, Sgd{}};
  const std::vector<Batch<float>> data{{.size = 1}};
  CHECK(test::message_of<OutOfMemory>([&] { learner.consolidate(data); }) ==
        "a learner of 100 parameters needs 1.6 kB, 16 bytes each (parameters 4, gradient 4, importance 4, anchor 4), "
        "and to estimate their importance more than there is");
  CHECK(learner.tasks() == 0);
  CHECK(learner.importance()[99] == 0);
  learner.importance_policy().hungry = false;
  learner.consolidate(data);
  CHECK(learner.importance()[99] == 1);
}

}  // namespace compact_test
