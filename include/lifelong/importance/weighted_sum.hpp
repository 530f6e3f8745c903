// SPDX-License-Identifier: MIT
// Two importances in one. Both are estimated, both are gathered during training, or one is of either kind.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/fit.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/part.hpp>
#include <lifelong/importance/policy.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::detail {

/// `weight` times the importance of a kernel, as a part of a sum; 0 for an importance without a kernel. A kernel that
/// is not `final`, the one for a task's end, is restarted only for parameters that no task has ended with, so nothing
/// was contributed.
template <class T, class Kernel, bool final>
struct Summand {
  Kernel kernel;
  T weight;

  template <class V>
  LIFELONG_HOST_DEVICE void observe(std::size_t i, V gradient, V penalty_gradient, V before, V after) const {
    if constexpr (kernel_observes<Kernel, T>) kernel.observe(i, gradient, penalty_gradient, before, after);
  }
  template <class V>
  LIFELONG_HOST_DEVICE V contribution(std::size_t i, V theta) const {
    if constexpr (kernel_contributes<Kernel, T>)
      return V(weight) * kernel.contribution(i, theta, V(T(0)));
    else
      return V(T(0));
  }
  template <class V>
  LIFELONG_HOST_DEVICE void restart(std::size_t i, V theta) const {
    if constexpr (kernel_restarts<Kernel, T>) {
      if constexpr (final && kernel_contributes<Kernel, T>)
        kernel.restart(i, theta, kernel.contribution(i, theta, V(T(0))));
      else
        kernel.restart(i, theta, V(T(0)));
    }
  }
};

struct NoKernel {};

/// True if the estimate that an importance makes from data is added to what its kernel, if it has one, contributes.
template <class I>
constexpr bool adds_estimate() {
  if constexpr (requires { I::adds_estimate; })
    return I::adds_estimate;
  else
    return !has_contribution<I>;
}

/// The kernel of an importance at a step; `NoKernel` for one that is estimated.
template <class T, class I>
auto summand_kernel(const I& importance, ArrayPointers<I, T> arrays, const Clock& clock) {
  if constexpr (has_contribution<I>)
    return importance.template kernel<T>(arrays, clock);
  else
    return NoKernel{};
}
/// The same at a task's end.
template <class T, class I, class Backend>
auto final_summand_kernel(const I& importance, ArrayPointers<I, T> arrays, const Clock& clock,
                          const Loop<T, Backend>& loop) {
  if constexpr (has_contribution<I>)
    return final_kernel_of<T>(importance, arrays, clock, loop);
  else
    return NoKernel{};
}

}  // namespace lifelong::detail

namespace lifelong::importance {

/// Ω_i = w_a A_i + w_b B_i for every task: `WeightedSum<Fisher, Mas>{.a = {...}, .weight_b = 0.1}`. Each of the two is
/// estimated from data, or a kernel gathers it during training; a kernel keeps its arrays. An importance whose kernel
/// works on its own estimate cannot be a part. The sum costs what both cost; two that are estimated read each batch one
/// after the other and need one more parameter-sized array meanwhile. For more than two, nest the sums.
///
/// The sum is merged as a whole, so both parts must have the same merge rule. If one part bounds Ω from below, so does
/// the sum. A and B satisfy `ImportancePolicy`.
template <class A, class B>
struct WeightedSum {
  static_assert(lifelong::detail::require_importance<A>());
  static_assert(lifelong::detail::require_importance<B>());

  A a = {};
  B b = {};
  double weight_a = 1;  ///< w_a, in a unit that makes A and B comparable
  double weight_b = 1;  ///< w_b
  Merge merge = Merge::sum();

  /// Whether a part is estimated from data.
  static constexpr bool adds_estimate = detail::adds_estimate<A>() || detail::adds_estimate<B>();
  /// The arrays of A, then those of B.
  static constexpr auto arrays = [] {
    constexpr auto of_a = detail::arrays_of<A>();
    constexpr auto of_b = detail::arrays_of<B>();
    std::array<const char*, of_a.size() + of_b.size()> all{};
    for (std::size_t k = 0; k != of_a.size(); ++k) all[k] = of_a[k];
    for (std::size_t k = 0; k != of_b.size(); ++k) all[of_a.size() + k] = of_b[k];
    return all;
  }();
  static constexpr Traffic traffic{.reads = detail::traffic_of<A>().reads + detail::traffic_of<B>().reads,
                                   .writes = detail::traffic_of<A>().writes + detail::traffic_of<B>().writes};

  /// \throws InvalidArgument for a weight below 0, for parts with another merge rule than the sum, for a part that
  /// bounds its own Ω from above, and what the parts throw.
  void validate() const {
    a.validate();
    b.validate();
    merge.validate();
    detail::require_at_least("WeightedSum.weight_a", weight_a, 0);
    detail::require_at_least("WeightedSum.weight_b", weight_b, 0);
    detail::require_same_merge("WeightedSum.a", a, merge);
    detail::require_same_merge("WeightedSum.b", b, merge);
    require_unbounded("WeightedSum.a", a);
    require_unbounded("WeightedSum.b", b);
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("WeightedSum.weight_a", weight_a);
    detail::setting<T>("WeightedSum.weight_b", weight_b);
    detail::validate_settings_as<T>(a);
    detail::validate_settings_as<T>(b);
  }
  /// \throws InvalidArgument if a part does not fit the model's loss or outputs.
  template <class Model>
  void validate_for(Model& model) const {
    detail::require_fit(a, model);
    detail::require_fit(b, model);
  }

  /// Smallest importance allowed after the merge.
  [[nodiscard]] double least() const {
    const double least_a = least_of(a), least_b = least_of(b);
    return least_a > least_b ? least_a : least_b;
  }

  /// What each part that is estimated adds its batches to, and the array for their sum.
  template <class Model, class T, class Backend>
  class Estimation {
    static constexpr bool of_a = detail::adds_estimate<A>(), of_b = detail::adds_estimate<B>();

   public:
    Estimation(const WeightedSum& sum, Model& model, const Loop<T, Backend>& loop, std::span<T> values)
        : loop_(loop),
          values_(values),
          other_(room(of_a && of_b ? values.size() : 0)),
          a(begin_part<of_a>(sum.a, model, loop, values)),
          b(begin_part<of_b>(sum.b, model, loop, of_a ? std::span<T>(other_.data(), other_.size()) : values)) {}
    Estimation(const Estimation&) = delete;
    Estimation& operator=(const Estimation&) = delete;

    /// values = w_a A + w_b B.
    void finish(const WeightedSum& sum) {
      if constexpr (of_a) detail::finish_estimate(sum.a, a);
      if constexpr (of_b) detail::finish_estimate(sum.b, b);
      loop_.each(detail::Scale<T>{values_.data(), static_cast<T>(of_a ? sum.weight_a : sum.weight_b)});
      if constexpr (of_a && of_b)
        loop_.each(detail::AddMoment<T, moment::Sum>{values_.data(), other_.data(), {}, static_cast<T>(sum.weight_b)});
    }

   private:
    static ArrayOf<Backend, T> room(std::size_t size) {
      ArrayOf<Backend, T> array;
      array.resize(size);
      return array;
    }
    template <bool estimated, class I>
    static auto begin_part(const I& importance, Model& model, const Loop<T, Backend>& loop, std::span<T> values) {
      if constexpr (estimated)
        return detail::begin_estimate(importance, model, loop, values);
      else
        return detail::NoKernel{};
    }

    Loop<T, Backend> loop_;
    std::span<T> values_;
    ArrayOf<Backend, T> other_;  // the estimate of b, if both are estimated

   public:
    decltype(begin_part<of_a>(std::declval<const A&>(), std::declval<Model&>(), loop_, values_)) a;
    decltype(begin_part<of_b>(std::declval<const B&>(), std::declval<Model&>(), loop_, values_)) b;
  };
  template <class Model, class T, class Backend>
  [[nodiscard]] Estimation<Model, T, Backend> begin(Model& model, const Loop<T, Backend>& loop,
                                                    std::span<T> values) const requires adds_estimate {
    return {*this, model, loop, values};
  }
  /// Adds a batch; changes no parameter of `model`.
  template <class Model, class Data, class E>
  void estimate(Model& model, const Data& batch, E& estimation) const requires adds_estimate {
    if constexpr (detail::adds_estimate<A>()) a.estimate(model, batch, estimation.a);
    if constexpr (detail::adds_estimate<B>()) b.estimate(model, batch, estimation.b);
  }
  /// Writes what is estimated of the sum.
  template <class Model, class T, class Backend>
  void finish(Estimation<Model, T, Backend>& estimation) const {
    estimation.finish(*this);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "WeightedSum(" + detail::exact_text(weight_a) + " " + detail::part_recipe(a) + " + " +
           detail::exact_text(weight_b) + " " + detail::part_recipe(b) + ")";
  }

  template <class T, class KernelA, class KernelB, bool final>
  struct Kernel {
    detail::Summand<T, KernelA, final> a;
    detail::Summand<T, KernelB, final> b;

    template <class V>
    LIFELONG_HOST_DEVICE void observe(std::size_t i, V gradient, V penalty_gradient, V before, V after) const
        requires(detail::has_observe<A> || detail::has_observe<B>) {
      a.observe(i, gradient, penalty_gradient, before, after);
      b.observe(i, gradient, penalty_gradient, before, after);
    }
    template <class V>
    LIFELONG_HOST_DEVICE V contribution(std::size_t i, V theta, V estimate) const {
      const V sum = a.contribution(i, theta) + b.contribution(i, theta);
      if constexpr (adds_estimate)
        return estimate + sum;
      else
        return sum;
    }
    template <class V>
    LIFELONG_HOST_DEVICE void restart(std::size_t i, V theta, V) const {
      a.restart(i, theta);
      b.restart(i, theta);
    }
  };

  template <class T>
  [[nodiscard]] auto kernel(std::array<T*, arrays.size()> pointers, const Clock& clock) const
      requires(detail::has_contribution<A> || detail::has_contribution<B>) {
    return joined<T, false>(detail::summand_kernel<T>(a, first<T>(pointers), clock),
                            detail::summand_kernel<T>(b, second<T>(pointers), clock));
  }
  template <class T, class Backend>
  [[nodiscard]] auto final_kernel(std::array<T*, arrays.size()> pointers, const Clock& clock,
                                  const Loop<T, Backend>& loop) const
      requires(detail::has_contribution<A> || detail::has_contribution<B>) {
    return joined<T, true>(detail::final_summand_kernel<T>(a, first<T>(pointers), clock, loop),
                           detail::final_summand_kernel<T>(b, second<T>(pointers), clock, loop));
  }

 private:
  /// The pointers to the arrays of A.
  template <class T>
  static auto first(std::array<T*, arrays.size()> pointers) {
    detail::ArrayPointers<A, T> own{};
    for (std::size_t k = 0; k != own.size(); ++k) own[k] = pointers[k];
    return own;
  }
  /// The pointers to the arrays of B.
  template <class T>
  static auto second(std::array<T*, arrays.size()> pointers) {
    detail::ArrayPointers<B, T> own{};
    for (std::size_t k = 0; k != own.size(); ++k) own[k] = pointers[arrays.size() - own.size() + k];
    return own;
  }
  template <class T, bool final, class KernelA, class KernelB>
  Kernel<T, KernelA, KernelB, final> joined(KernelA of_a, KernelB of_b) const {
    return {{of_a, static_cast<T>(weight_a)}, {of_b, static_cast<T>(weight_b)}};
  }

  template <class I>
  static double least_of(const I& importance) {
    if constexpr (requires { importance.least(); })
      return importance.least();
    else
      return -std::numeric_limits<double>::infinity();
  }

  template <class I>
  static void require_unbounded(const char* name, const I& importance) {
    if constexpr (requires { importance.most(); })
      if (importance.most() < std::numeric_limits<double>::infinity())
        detail::raise<InvalidArgument>(std::string(name) + " bounds its importance by " +
                                       detail::text(importance.most()) + ", which a sum cannot do for one part");
  }
};

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
