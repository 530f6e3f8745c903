// SPDX-License-Identifier: MIT
// A golden run: learners of every kind learn a few small tasks, and all that they remember is hashed. A change that is
// to leave results as they are, to the bit, must leave every hash as it is.
#pragma once

#include <lifelong/backend/openmp.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace golden {

namespace ll = lifelong;
namespace imp = lifelong::importance;
namespace pen = lifelong::penalty;
namespace opt = lifelong::optimizer;
namespace nn = lifelong::nn;
using ll::backend::OpenMP;

/// FNV-1a, 64 bits, over raw bytes.
class Hash {
 public:
  template <class V>
  requires std::is_arithmetic_v<V>
  void add(V value) {
    for (const unsigned char byte : std::bit_cast<std::array<unsigned char, sizeof(V)>>(value))
      value_ = (value_ ^ byte) * 0x100000001b3;
  }

  /// θ, the penalty's value, and of penalties that keep them Ω and θ*.
  template <class Learner>
  void add_state(Learner& learner) {
    using T = typename Learner::value_type;
    for (const T value : learner.parameters()) add(value);
    if constexpr (requires { learner.importance(); }) {
      for (const auto value : learner.importance()) add(static_cast<T>(value));
      for (const T value : learner.anchor()) add(value);
    }
    add(static_cast<double>(learner.penalty_value()));
  }

  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

/// The lines of a run.
class Report {
 public:
  /// Runs a case with one thread and with three, which must agree, and keeps its hash under its name.
  void add(const std::string& name, const std::function<std::uint64_t(OpenMP)>& run);

  [[nodiscard]] const std::map<std::string, std::string>& lines() const { return lines_; }
  /// Cases that fell out, or differed between numbers of threads.
  [[nodiscard]] int failures() const { return failures_; }

 private:
  std::map<std::string, std::string> lines_;
  int failures_ = 0;
};

using Task = ll::Dataset<float>;
using Tasks = std::vector<Task>;

/// Three tasks of samples around the centres of two of four classes. Neither 8 nor 16 divides their number.
const Tasks& small_tasks();
/// Task `number` of that kind.
Task make_task(std::uint64_t number, std::size_t features, std::size_t samples, std::size_t classes = 2);
/// `count` such tasks.
Tasks make_tasks(std::uint64_t count, std::size_t features, std::size_t samples = 42);

template <class Learner>
void train(Learner& learner, const Task& task, std::size_t epochs = 2) {
  learner.fit(task, {.epochs = epochs, .batch_size = 8, .seed = 5});
}

/// Learns the tasks; the state is hashed before and after the end of each, for only before it is a penalty at work.
template <class Learner>
void learn(Learner& learner, const Tasks& tasks, Hash& hash) {
  for (const Task& task : tasks) {
    train(learner, task);
    hash.add_state(learner);
    learner.consolidate(task, {.batch_size = 16});
    hash.add_state(learner);
  }
}

#if defined(LIFELONG_CUDA)
/// Lets a learner on the CUDA backend learn the same, and throws if any bit is another.
template <class Learner, class Model, class... Parts>
void require_same_on_device(Learner& host, const Model& model, const Tasks& tasks, const ll::Scope& scope,
                            const Parts&... parts);
#endif

/// The hash of a learner of these parts that learns the tasks.
template <class Model, class Importance, class Penalty, class Optimizer>
std::uint64_t history(const Model& model, const Importance& importance, const Penalty& penalty,
                      const Optimizer& optimizer, OpenMP backend, const Tasks& tasks = small_tasks(),
                      const ll::Scope& scope = ll::Scope::all()) {
  ll::Learner learner{model, importance, penalty, optimizer, backend};
  if constexpr (ll::NamedModel<Model>) learner.restrict_importance(scope);
  Hash hash;
#if defined(LIFELONG_CUDA)
  require_same_on_device(learner, model, tasks, scope, importance, penalty, optimizer);
#else
  learn(learner, tasks, hash);
#endif
  return hash.value();
}

template <class T>
auto small_network(OpenMP backend) {
  return nn::mlp<T>({6, 7, 4}, {.seed = 1}, backend);
}

inline constexpr pen::Quadratic quadratic{.strength = 2};
inline constexpr pen::Quadratic per_task{.strength = 2, .anchor = pen::Anchor::per_task};
inline constexpr opt::Momentum momentum{.learning_rate = 0.02};
inline constexpr opt::Adam adam{.learning_rate = 0.01};

/// Calls `use(name, penalty)` for both anchors of the quadratic one.
template <class Use>
void with_quadratic(const Use& use) {
  use("quadratic_last", quadratic);
  use("quadratic_per_task", per_task);
}

/// The same for all other penalties.
template <class Use>
void with_other_penalties(const Use& use) {
  use("none", pen::None{});
  use("implicit_last", pen::ImplicitQuadratic{.strength = 2});
  use("implicit_per_task", pen::ImplicitQuadratic{.strength = 2, .anchor = pen::Anchor::per_task});
  use("huber", pen::Huber{.strength = 2, .threshold = 0.02});
  use("l1", pen::L1{.strength = 0.1});
  use("compact_last", ll::compact(quadratic));
  use("compact_per_task", ll::compact(per_task));
}

template <class Use>
void with_optimizers(const Use& use) {
  use("momentum", momentum);
  use("adam", adam);
}

/// Small networks of float and of double learn with these parts.
template <class Importance, class Penalty, class Optimizer>
void add_small(Report& report, const std::string& name, const Importance& importance, const Penalty& penalty,
               const Optimizer& optimizer) {
  const auto add = [&]<class T>(const char* type, T) {
    report.add(name + "/" + type, [=](OpenMP backend) {
      return history(small_network<T>(backend), importance, penalty, optimizer, backend);
    });
  };
  add("float", 0.0F);
#if !defined(LIFELONG_CUDA)
  add("double", 0.0);
#endif
}

/// An importance with settings that have a name.
template <class Importance>
struct Setting {
  std::string name;
  Importance importance;
};

/// Every setting with the quadratic penalty and both optimizers: on a device, one for either anchor.
template <class Importance>
void add_quadratic(Report& report, const std::vector<Setting<Importance>>& settings) {
  for (const Setting<Importance>& setting : settings) {
    const auto add = [&](const char* cost, const auto& penalty, const char* step, const auto& optimizer) {
      add_small(report, setting.name + "/" + cost + "/" + step, setting.importance, penalty, optimizer);
    };
#if defined(LIFELONG_CUDA)
    add("quadratic_last", quadratic, "adam", adam);
    add("quadratic_per_task", per_task, "momentum", momentum);
#else
    with_quadratic([&](const char* cost, const auto& penalty) {
      with_optimizers([&](const char* step, const auto& optimizer) { add(cost, penalty, step, optimizer); });
    });
#endif
  }
}

/// The same, and the first setting with all other penalties: on a device, with one optimizer.
template <class Importance>
void add_product(Report& report, const std::vector<Setting<Importance>>& settings) {
  add_quadratic(report, settings);
  const Setting<Importance>& setting = settings.front();
  with_other_penalties([&](const char* cost, const auto& penalty) {
    const auto add = [&](const char* step, const auto& optimizer) {
      add_small(report, setting.name + "/" + cost + "/" + step, setting.importance, penalty, optimizer);
    };
#if defined(LIFELONG_CUDA)
    add("momentum", momentum);
#else
    with_optimizers(add);
#endif
  });
}

// The groups of cases, one per source.
void add_fisher(Report& report);
void add_estimators(Report& report);
void add_paths(Report& report);
void add_conventions(Report& report);
void add_networks(Report& report);
void add_large(Report& report);
void add_sessions(Report& report);

}  // namespace golden

#if defined(LIFELONG_CUDA)
#include "../cuda/golden/same_on_device.hpp"
#endif
