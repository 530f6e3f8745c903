// SPDX-License-Identifier: MIT
// The end of a task: from data and what was gathered along the way to the task's importances, and from those to Ω and
// θ*.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/policy.hpp>
#include <lifelong/importance/scope.hpp>
#include <lifelong/learner/finite.hpp>
#include <lifelong/learner/kernels.hpp>
#include <lifelong/penalty/policy.hpp>

namespace lifelong::detail {

/// Smallest and largest Ω that an importance allows.
template <class T>
struct Bounds {
  T least, most;
};
template <class T, class Importance>
Bounds<T> bounds_of(const Importance& importance) {
  Bounds<T> bounds{-std::numeric_limits<T>::infinity(), std::numeric_limits<T>::infinity()};
  if constexpr (requires { importance.least(); }) bounds.least = static_cast<T>(importance.least());
  if constexpr (requires { importance.most(); }) bounds.most = static_cast<T>(importance.most());
  return bounds;
}

/// True if all values are 0.
template <class T, class Backend>
bool all_zero(const Loop<T, Backend>& loop, const T* values) {
  return loop(CountBeyond<T>{values, T(0)}) == 0;
}

/// Turns estimates into the task's importances, in place; nothing for an importance without a kernel.
template <class T, class Backend, class Kernel>
void contribute(const Loop<T, Backend>& loop, const T* theta, std::span<T> values, const Kernel& kernel) {
  if constexpr (!std::is_same_v<Kernel, NothingGathered>)
    loop.each(Contribution<T, Kernel>{theta, values.data(), kernel});
}

/// Sets the values of blocks outside the scope to 0, and of frozen parameters.
template <class T, class Backend, class Model>
void clear_out_of_scope(const Loop<T, Backend>& loop, const Scope& scope, const Model& model, std::span<T> values) {
  if constexpr (NamedModel<const Model>) {
    const Layout& layout = model.layout();  // keeps it alive, if it is a value
    for (const Block& block : layout.blocks())
      if (!scope.contains(block)) loop.each_of(block.offset, block.offset + block.size, Fill<T>{values.data(), T(0)});
  }
  if constexpr (FreezableModel<Model>) {
    std::size_t frozen = 0;
    const auto clear = [&](std::size_t end) {
      if (frozen < end) loop.each_of(frozen, end, Fill<T>{values.data(), T(0)});
    };
    for (const ParameterRange range : model.learning()) {
      clear(range.first);
      frozen = range.end;
    }
    clear(values.size());
  }
}

/// The first parameter whose Ω would leave the range of numbers. If there is one, `contribution` is overwritten;
/// nothing else changes.
template <class Penalty, class State, class T, class Backend, class Importance>
Found find_overflow(const Penalty&, State& state, const Loop<T, Backend>& loop, const T* theta, T* contribution,
                    const importance::MergeWeights& weights, const Importance& importance) {
  if constexpr (AnchoredPenalty<Penalty>) {
    const auto* omega = state.template get<Penalty::anchored.importance>().data();
    const T* anchor = state.template get<Penalty::anchored.anchor>().data();
    using Omega = std::remove_cvref_t<decltype(*omega)>;
    const Bounds<T> bounds = bounds_of<T>(importance);
    const CountOverflows<T, Omega> count{
        omega,
        anchor,
        theta,
        contribution,
        {static_cast<T>(weights.keep), static_cast<T>(weights.add), bounds.least, bounds.most},
        largest<T, Omega>()};
    if (loop(count) != 0) {
      loop(Store<T, CountOverflows<T, Omega>>{contribution, count});
      return find_beyond(loop, static_cast<const T*>(contribution), T(0));
    }
  }
  return {};
}

/// Merges importances into Ω as those of a task that ended at `theta`.
template <class Penalty, class State, class T, class Backend, class Importance>
void absorb(const Penalty& penalty, State& state, const Loop<T, Backend>& loop, const T* theta, const T* contribution,
            const importance::MergeWeights& weights, const Importance& importance) {
  const auto kernel = penalty.template kernel<T>(state.pointers());
  const Bounds<T> bounds = bounds_of<T>(importance);
  const double sum = loop(Absorb<T, std::remove_const_t<decltype(kernel)>>{
      theta,
      contribution,
      kernel,
      {static_cast<T>(weights.keep), static_cast<T>(weights.add), bounds.least, bounds.most}});
  if constexpr (requires { penalty.absorbed(state.numbers(), weights, sum); })
    penalty.absorbed(state.numbers(), weights, sum);
}

/// Lets a penalty change the parameters with which the next task begins, after task number `task`; `run` runs a kernel
/// over those that learn.
template <class Penalty, class State, class T, class Run>
void settle(const Penalty& penalty, State& state, const Run& run, T* theta, [[maybe_unused]] std::size_t task) {
  const auto kernel = penalty.template kernel<T>(state.pointers());
  using Kernel = std::remove_const_t<decltype(kernel)>;
  if constexpr (kernel_settles<Kernel, T>) run(Settle<T, Kernel>{theta, kernel, task});
}

/// Lets a gathered importance begin its next task; `contribution` is what it gave to the task that ended.
template <class T, class Backend, class Kernel>
void restart(const Loop<T, Backend>& loop, const T* theta, const T* contribution, const Kernel& kernel) {
  if constexpr (kernel_restarts<Kernel, T>) loop.each(Restart<T, Kernel>{theta, contribution, kernel});
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
