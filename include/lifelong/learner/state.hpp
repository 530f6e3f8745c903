// SPDX-License-Identifier: MIT
// What a learner remembers beside its model: the states of its policies, and counts.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <lifelong/core/memory.hpp>
#include <lifelong/penalty/policy.hpp>
#include <lifelong/policy/state.hpp>

namespace lifelong {

namespace detail {

/// Passes arrays or numbers on to a visitor with their whole name, `penalty.importance`. It is a type of its own so
/// that a state is visited by the same code in every learner that has it.
template <class Visitor>
struct VisitorOf {
  const char* whose;
  const Visitor& visitor;

  template <class Value>
  LIFELONG_RARE void operator()(std::string_view name, Value& value) const {
    visitor(std::string(whose).append(".").append(name), value);
  }
};

}  // namespace detail

/// Everything that a learner of `Parts` needs beside its model and its settings to go on as it would: what
/// `io::checkpoint` saves. A value: copies are independent.
template <class Parts>
struct LearnerState {
  using T = typename Parts::Model::value_type;
  using Backend = typename Parts::Backend;
  using OfImportance = detail::StateFor<typename Parts::Importance, T, Backend>;
  using OfPenalty = detail::StateFor<typename Parts::Penalty, T, Backend>;
  using OfOptimizer = detail::StateFor<typename Parts::Optimizer, T, Backend>;
  using OfRehearsal = typename Parts::Rehearsal::template State<typename Parts::Model>;

  OfImportance importance;
  OfPenalty penalty;
  OfOptimizer optimizer;
  OfRehearsal rehearsal;
  std::uint64_t optimizer_steps = 0;  ///< steps since the optimizer's arrays were zero
  std::uint64_t task_steps = 0;       ///< steps of the present task
  std::size_t tasks = 0;              ///< tasks that have ended
  std::uint32_t epochs_trained = 0;   ///< epochs of all calls of `fit`, which the order of examples follows from
  std::uint64_t fit_steps = 0;        ///< steps of the last call of `fit` since a task ended
  std::uint64_t fit_batches = 0;      ///< batches of an epoch of that call
  std::size_t estimated_on = 0;       ///< samples of the task that ended last, 0 if no data were needed

  /// New elements are zero.
  void resize(std::size_t parameters) {
    importance.resize(parameters);
    penalty.resize(parameters);
    optimizer.resize(parameters);
    rehearsal.resize(parameters);
  }
  /// Makes room, so that the `resize` which follows cannot fail.
  void reserve(std::size_t parameters) {
    detail::reserve(importance, parameters);
    detail::reserve(penalty, parameters);
    detail::reserve(optimizer, parameters);
    detail::reserve(rehearsal, parameters);
  }
  [[nodiscard]] std::size_t bytes() const {
    return importance.bytes() + penalty.bytes() + optimizer.bytes() + rehearsal.bytes();
  }

  /// Shows all of it in a fixed order: `array("penalty.importance", values)`, `number("learner.tasks", value)`. See
  /// `PolicyState` for what a visitor may do.
  template <class Array, class Number>
  LIFELONG_RARE void visit(const Array& array, const Number& number) {
    using Arrays = detail::VisitorOf<Array>;
    using Numbers = detail::VisitorOf<Number>;
    importance.visit(Arrays{"importance", array}, Numbers{"importance", number});
    penalty.visit(Arrays{"penalty", array}, Numbers{"penalty", number});
    optimizer.visit(Arrays{"optimizer", array}, Numbers{"optimizer", number});
    rehearsal.visit(Arrays{"rehearsal", array}, Numbers{"rehearsal", number});
    const Numbers count{"learner", number};
    count("optimizer_steps", optimizer_steps);
    count("task_steps", task_steps);
    count("tasks", tasks);
    count("epochs_trained", epochs_trained);
    count("fit_steps", fit_steps);
    count("fit_batches", fit_batches);
    count("estimated_on", estimated_on);
  }

  /// Bytes per parameter, those of the model's parameters and of the gradient included.
  [[nodiscard]] static constexpr std::size_t bytes_per_parameter() {
    return (StructuredPenalty<typename Parts::Penalty> ? 3 : 2) * sizeof(T) +
           detail::bytes_per_parameter_of<OfImportance>() + detail::bytes_per_parameter_of<OfPenalty>() +
           detail::bytes_per_parameter_of<OfOptimizer>();
  }

  /// What a learner of so many parameters needs, and what for.
  [[nodiscard]] LIFELONG_RARE static std::string bill(std::size_t parameters) {
    std::string list;
    detail::add_to_bill(list, "parameters", sizeof(T));
    detail::add_to_bill(list, "gradient", sizeof(T));
    if (StructuredPenalty<typename Parts::Penalty>) detail::add_to_bill(list, "penalty gradient", sizeof(T));
    detail::add_to_bill_of<OfImportance>(list);
    detail::add_to_bill_of<OfPenalty>(list);
    detail::add_to_bill_of<OfOptimizer>(list);
    return detail::bill(parameters, bytes_per_parameter(), list);
  }
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
