// SPDX-License-Identifier: MIT
// The end of a task for importances that were gathered along the way, and a step after many tasks.
#include <cstddef>
#include <memory>
#include <string>

#include <lifelong/lifelong.hpp>

#include "step.hpp"
#include "suite.hpp"
#include "triad.hpp"

namespace {

namespace ll = lifelong;
using namespace ll::benchmarks;
using ll::importance::Constant, ll::importance::RWalk, ll::importance::SynapticIntelligence;
using ll::optimizer::Momentum, ll::penalty::Anchor, ll::penalty::Quadratic;

constexpr Momentum momentum{.learning_rate = 1e-5};

/// Ends of tasks are timed one after the other, without steps in between, so nothing is gathered after the first.
template <class Importance>
struct MayBeZero : Importance {
  [[nodiscard]] bool wants_zeros() const { return true; }
};

template <class Importance>
auto make_learner(const Start& start, const Quadratic& penalty) {
  return flat_learner(start, momentum, penalty, Importance{});
}

/// At the least θ and the importance's arrays are read, Ω and θ* read and written, and the importance's written.
template <class Importance>
void consolidation(Suite& suite, const std::string& name) {
  for (const std::size_t full : step_sizes)
    suite.row("consolidation/" + name + "/" + size_name(full) + " vs step", [=, &suite] {
      const std::size_t count = suite.size(full, 1024);
      const auto start = std::make_shared<const Start>(count);
      using L = decltype(make_learner<Importance>(*start, {}));
      const auto learner = std::make_shared<L>(make_learner<Importance>(*start, {}));
      constexpr std::size_t own = ll::detail::arrays_of<Importance>().size();
      return Pair{.body = [learner] { learner->consolidate(); },
                  .against = {[learner, start] { learner->step(start->gradient); }},
                  .work = {.bytes = static_cast<double>((5 + 2 * own) * sizeof(float) * count)},
                  .yardstick = triad((3 + own) * count)};
    });
}

/// A step after ten tasks, each with an anchor of its own, against one after one task.
void tasks(Suite& suite) {
  for (const std::size_t full : step_sizes)
    suite.row("tasks/quadratic+momentum/" + size_name(full) + "/10 vs 1", [=, &suite] {
      const std::size_t count = suite.size(full, 1024);
      const auto start = std::make_shared<const Start>(count);
      using L = decltype(make_learner<Constant>(*start, {}));
      const auto after = [&](int tasks) {
        const auto learner = std::make_shared<L>(make_learner<Constant>(*start, {.anchor = Anchor::per_task}));
        for (int task = 0; task < tasks; ++task) {
          learner->step(start->gradient);
          learner->consolidate();
        }
        return learner;
      };
      const auto ten = after(10), one = after(1);
      return Pair{.body = [ten, start] { ten->step(start->gradient); },
                  .against = {[one, start] { one->step(start->gradient); }},
                  .work = Composition<Momentum, Quadratic, Constant>::work(count),
                  .yardstick = triad(Composition<Momentum, Quadratic, Constant>::arrays * count)};
    });
}

}  // namespace

int main(int argc, char** argv) {
  Suite suite(argc, argv);
  consolidation<MayBeZero<SynapticIntelligence>>(suite, "si");
  consolidation<MayBeZero<RWalk>>(suite, "rwalk");
  tasks(suite);
  return suite.run();
}
