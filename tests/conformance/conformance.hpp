// SPDX-License-Identifier: MIT
// Runs the same learner on every backend and requires that everything it shows has the same bits. In a file of the CUDA
// backend (tests/cuda) the backends are that one, and one on a simulated device.
#pragma once

#include <lifelong/backend/loop.hpp>
#include <lifelong/backend/openmp.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/learner.hpp>
#include <lifelong/penalty/none.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "guarded.hpp"
#include "tiny_model.hpp"
#if defined(LIFELONG_CUDA)
#include "../cuda/simulated.hpp"
#endif

namespace test {

/// Records everything that was seen in the course of a test, by name.
class Trace {
 public:
  /// Says when the following was seen.
  void at(std::string when) { when_ = std::move(when); }
  void add(std::string_view name, double value) { add(name, std::span(&value, 1)); }
  /// Says in which type the sums are taken that follow, and what their terms come to without their signs, as far as
  /// that is more than the sum itself.
  template <class T>
  void sums_in(double magnitude = 0) {
    bound_ = 1024 * static_cast<double>(std::numeric_limits<T>::epsilon());
    magnitude_ = magnitude;
  }
  template <class Values>
  requires requires(const Values& values) { values.data(); }
  void add(std::string_view name, const Values& values) {
    seen_.push_back({when_, std::string(name), {}, {values.begin(), values.end()}, bound_, magnitude_});
  }
  void add_text(std::string_view name, std::string text) {
    seen_.push_back({when_, std::string(name), std::move(text), {}, 0, 0});
  }

  /// Returns whether any value of that name was not 0.
  [[nodiscard]] bool has_seen(std::string_view name) const {
    return std::ranges::any_of(seen_, [&](const Seen& seen) {
      return seen.name == name && std::ranges::any_of(seen.values, [](double value) { return value != 0; });
    });
  }

  /// Fails the test unless `other`, the trace of a learner on `backend`, has recorded the same bits. With `sums_differ`
  /// single numbers, which are sums or follow from one, may differ by 1024 roundings, and in the bits of a NaN.
  void require_same(const Trace& other, const char* backend, bool sums_differ = false) const {
    INFO("on " << backend);
    REQUIRE(other.seen_.size() == seen_.size());
    for (std::size_t k = 0; k < seen_.size(); ++k) {
      const Seen &expected = seen_[k], &actual = other.seen_[k];
      INFO(expected.name << ", seen " << expected.when);
      REQUIRE(actual.name == expected.name);
      REQUIRE(actual.text == expected.text);
      REQUIRE(actual.values.size() == expected.values.size());
      const std::size_t i = first_difference(expected.values, actual.values);
      if (i == expected.values.size()) continue;
      if (sums_differ && expected.values.size() == 1) {
        if (std::isnan(expected.values[0]) && std::isnan(actual.values[0])) continue;
        CHECK_THAT(actual.values[0], WithinRel(expected.values[0], expected.bound) ||
                                         WithinAbs(expected.values[0], expected.bound * expected.magnitude));
        continue;
      }
      INFO(std::setprecision(17) << "element " << i << " is " << actual.values[i] << " and should be "
                                 << expected.values[i]);
      FAIL();
    }
  }

 private:
  struct Seen {
    std::string when, name, text;
    std::vector<double> values;
    double bound, magnitude;  // of the difference of sums
  };
  static std::size_t first_difference(const std::vector<double>& a, const std::vector<double>& b) {
    std::size_t i = 0;
    while (i < a.size() && std::bit_cast<std::uint64_t>(a[i]) == std::bit_cast<std::uint64_t>(b[i])) ++i;
    return i;
  }

  std::string when_ = "at first";
  double bound_ = 1024 * std::numeric_limits<double>::epsilon(), magnitude_ = 0;
  std::vector<Seen> seen_;
};

/// Requires that `run(backend, trace)` records the same on all backends; returns the trace.
template <class Run>
Trace require_conformance(const Run& run) {
  const auto trace_on = [&](auto backend) {
    Trace trace;
    run(backend, trace);
    return trace;
  };
  Trace expected = trace_on(lifelong::backend::Serial{});
#if defined(LIFELONG_CUDA)
  expected.require_same(trace_on(lifelong::cuda::Backend{}), "a device", true);
#if !defined(__CUDACC__)
  expected.require_same(trace_on(lifelong::cuda::BasicBackend<Simulated>{}), "a simulated device", true);
#endif
#else
  expected.require_same(trace_on(lifelong::backend::OpenMP{3}), "OpenMP");
  expected.require_same(trace_on(Guarded{}), "Guarded");
#endif
  return expected;
}

/// Returns the model, moved to where the backend has its arrays.
template <template <class, class> class Moved = MovedModel, class Backend, class Model>
auto model_on([[maybe_unused]] const Backend& backend, Model model) {
  if constexpr (lifelong::DeviceBackend<Backend>)
    return Moved<Model, Backend>(std::move(model), backend);
  else
    return model;
}

/// Shows the gradient of a model and nothing else.
template <class Model>
struct OnlyGradient {
  using value_type = typename Model::value_type;
  Model model;
  std::span<value_type> parameters() { return model.parameters(); }
  double gradient(const lifelong::Batch<value_type>& batch, std::span<value_type> out) {
    return model.gradient(batch, out);
  }
};

/// Returns a copy of what lies where the backend has its arrays.
template <class Backend, class T>
std::vector<T> host_copy(const Backend& backend, const T* place, std::size_t count) {
  std::vector<T> host(count);
  lifelong::detail::copy_out(backend, place, std::span<T>(host));
  return host;
}

/// Records all that can be seen of a learner.
template <class Learner>
void show(Learner& learner, Trace& trace) {
  trace.sums_in<typename Learner::value_type>();
  std::vector<typename Learner::value_type> out(learner.parameters().size());
  for (const std::size_t task : {0u, 2u}) {
    learner.copy_parameters(task, out);
    trace.add("parameters", out);
  }
  if constexpr (requires { learner.copy_importance(out); }) {
    learner.copy_importance(out);
    trace.add("importance", out);
  }
  trace.add("penalty", learner.penalty_value());
  const auto array = [&]<class Values>(const std::string& name, const Values& values) {
    using V = std::remove_cvref_t<decltype(*values.data())>;
    if constexpr (std::is_same_v<Values, lifelong::ArrayOf<typename Learner::Backend, V>>)
      trace.add(name, host_copy(learner.backend(), values.data(), values.size()));
    else  // a part that defines its own state has it on the host
      trace.add(name, values);
  };
  learner.state().visit(array,
                        [&](const std::string& name, auto value) { trace.add(name, static_cast<double>(value)); });
  trace.add("bytes", static_cast<double>(learner.state_bytes()));
  trace.add_text("recipe", learner.recipe());
}

/// Says how long a test trains, and with how many parameters.
struct Plan {
  std::size_t hidden = 3, samples = 11, batch_size = 4, epochs = 2;
  std::uint64_t tasks = 3;

  /// More than eight chunks of parameters, so that threads share them, and few steps.
  static Plan wide() {
    return {.hidden = lifelong::chunk_size + 100, .samples = 3, .batch_size = 2, .epochs = 1, .tasks = 2};
  }
};

/// Makes a `TinyModel` with so many hidden units; the more there are, the smaller are its weights.
inline TinyModel tiny_model(std::size_t hidden) {
  TinyModel model;
  model.hidden = hidden;
  const lifelong::Random random(1, lifelong::Purpose::initialization);
  model.theta.resize(hidden * (model.in + 1 + model.out) + model.out);
  const double scale = 1.2 / std::sqrt(static_cast<double>(hidden));
  for (std::size_t i = 0; i < model.theta.size(); ++i) model.theta[i] = random.normal(i) * scale;
  return model;
}

/// Ends a task, with data if the importance needs them.
template <class Learner, class Task>
void end_task(Learner& learner, const Task& task) {
  if constexpr (requires { learner.consolidate(); })
    learner.consolidate();
  else
    learner.consolidate(task, {.batch_size = 4});
}

/// Trains on one task after the other, then resets the optimizer and renews the importance, if that can be renewed.
template <class Learner>
void train(Learner& learner, const Plan& plan, Trace& trace) {
  for (std::uint64_t task = 1; task <= plan.tasks; ++task) {
    const TinyTask data(task, plan.samples);
    learner.fit(data, {.epochs = plan.epochs, .batch_size = plan.batch_size}, [&](const lifelong::FitProgress& at) {
      trace.add("loss", at.loss);
      trace.add("penalty", at.penalty);
    });
    trace.at("before the end of task " + std::to_string(task));
    show(learner, trace);
    end_task(learner, data);
    trace.at("after task " + std::to_string(task));
    show(learner, trace);
  }
  const TinyTask data(9, plan.samples);
  learner.reset_optimizer();
  learner.fit(data, {.batch_size = plan.samples});
  if constexpr (requires { learner.update_importance(data); })
    learner.update_importance(data, {.keep = 0.5, .add = 0.5});
  trace.at("in the end");
  show(learner, trace);
}

/// Requires that learners of these parts have the same bits on all backends, with few and with many parameters.
template <class Importance, class Penalty, class Optimizer>
void require_same_training(const Importance& importance, const Penalty& penalty, const Optimizer& optimizer) {
  for (const Plan& plan : {Plan{}, Plan::wide()}) {
    const Trace trace = require_conformance([&](const auto& backend, Trace& seen) {
      lifelong::Learner learner{model_on(backend, tiny_model(plan.hidden)), importance, penalty, optimizer, backend};
      train(learner, plan, seen);
    });
    CHECK(trace.has_seen("penalty") != std::is_same_v<Penalty, lifelong::penalty::None>);
  }
}

}  // namespace test
