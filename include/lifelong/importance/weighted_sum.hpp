// Two importances in one: estimated, gathered along the way, or one of each.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/concepts.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/requirements.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/part.hpp>

namespace lifelong::detail {

/// Streams a policy names, none if it does not say.
template <class Policy>
constexpr Streams streams_of() {
  if constexpr (requires { Policy::streams; })
    return Policy::streams;
  else
    return {};
}

/// `weight` times the importance of a kernel, as a part of a sum; nothing for an importance without a kernel. Unless it
/// is the kernel for a task's end, there has been no task, so nothing was contributed.
template <class T, class Kernel, bool final>
struct Summand {
  Kernel kernel;
  T weight;

  template <class V>
  LIFELONG_HOST_DEVICE void observe(std::size_t i, V gradient, V penalty_gradient, V before, V after) const {
    if constexpr (requires { kernel.observe(i, gradient, penalty_gradient, before, after); })
      kernel.observe(i, gradient, penalty_gradient, before, after);
    else if constexpr (requires { kernel.observe(i, gradient, before, after); })
      kernel.observe(i, gradient, before, after);
  }
  template <class V>
  LIFELONG_HOST_DEVICE V contribution(std::size_t i, V theta) const {
    if constexpr (requires { kernel.contribution(i, theta, theta); })
      return V(weight) * kernel.contribution(i, theta, V(T(0)));
    else
      return V(T(0));
  }
  template <class V>
  LIFELONG_HOST_DEVICE void restart(std::size_t i, V theta) const {
    if constexpr (requires { kernel.restart(i, theta, theta); })
      kernel.restart(i, theta, final ? kernel.contribution(i, theta, V(T(0))) : V(T(0)));
    else if constexpr (requires { kernel.restart(i, theta); })
      kernel.restart(i, theta);
  }
};

struct NoKernel {};

/// True if what an importance estimates from data is to be added to what its kernel, if it has one, contributes.
template <class I>
constexpr bool adds_estimate() {
  if constexpr (requires { I::adds_estimate; })
    return I::adds_estimate;
  else
    return !has_contribution<I>;
}

/// The kernel of an importance at a step, or at a task's end if `final`; `NoKernel` for one that is estimated.
template <class T, bool final, class I>
auto summand_kernel(const I& importance, ArrayPointers<I, T> arrays, std::size_t count, const Clock& clock) {
  if constexpr (!has_contribution<I>)
    return NoKernel{};
  else if constexpr (final && requires { importance.template final_view<T>(arrays, count, clock); })
    return importance.template final_view<T>(arrays, count, clock);
  else
    return kernel_of<T>(importance, arrays, clock);
}

}  // namespace lifelong::detail

namespace lifelong::importance {

/// Ω_i = w_a A_i + w_b B_i for every task: `WeightedSum<Fisher, Mas>{.a = {...}, .weight_b = 0.1}`. Each of the two is
/// estimated from data, or gathered along the way by a kernel; then it keeps its arrays. A kernel that works on its own
/// estimate cannot be a part. Costs what both cost; two that are estimated read the batches one after the other and
/// need one more parameter-sized array meanwhile. Nest for more.
///
/// The sum is merged as a whole, so both parts must be set to the same rule. If one bounds Ω from below, so does the
/// sum. A and B satisfy `ImportancePolicy`.
template <class A, class B>
struct WeightedSum {
  static_assert(lifelong::detail::require_importance<A>());
  static_assert(lifelong::detail::require_importance<B>());

  A a = {};
  B b = {};
  double weight_a = 1;  ///< w_a, in units that make A and B comparable
  double weight_b = 1;  ///< w_b
  Merge merge = Merge::sum();

  /// Whether a part is estimated from data.
  static constexpr bool adds_estimate = detail::adds_estimate<A>() || detail::adds_estimate<B>();
  /// Those of A, then those of B.
  static constexpr auto arrays = [] {
    constexpr auto of_a = detail::arrays_of<A>();
    constexpr auto of_b = detail::arrays_of<B>();
    std::array<const char*, of_a.size() + of_b.size()> all{};
    for (std::size_t k = 0; k < of_a.size(); ++k) all[k] = of_a[k];
    for (std::size_t k = 0; k < of_b.size(); ++k) all[of_a.size() + k] = of_b[k];
    return all;
  }();
  static constexpr Streams streams{.reads = detail::streams_of<A>().reads + detail::streams_of<B>().reads,
                                   .writes = detail::streams_of<A>().writes + detail::streams_of<B>().writes};

  /// \throws InvalidArgument for a weight below 0, for parts that merge otherwise than the sum, for a part that bounds
  /// its own Ω from above, and what the parts throw.
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

  /// Smallest importance allowed after the merge.
  [[nodiscard]] double least() const {
    const double least_a = least_of(a), least_b = least_of(b);
    return least_a > least_b ? least_a : least_b;
  }

  /// Writes what is estimated of the sum over all samples of `batches` to `out`; changes no parameter of `model`.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches,
                std::span<typename Model::value_type> out) const requires adds_estimate {
    using T = typename Model::value_type;
    if constexpr (!detail::adds_estimate<A>()) {
      estimate_one(b, weight_b, model, batches, out);
    } else if constexpr (!detail::adds_estimate<B>()) {
      estimate_one(a, weight_a, model, batches, out);
    } else {
      AlignedVector<T> other(out.size());
      estimate_one(a, weight_a, model, batches, out);
      estimate_one(b, weight_b, model, batches, std::span<T>(other));
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += other[i];
    }
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "WeightedSum(" + detail::text(weight_a) + " " + detail::part_recipe(a) + " + " + detail::text(weight_b) +
           " " + detail::part_recipe(b) + ")";
  }

  template <class T, class KernelA, class KernelB, bool final>
  struct View {
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
    LIFELONG_HOST_DEVICE void restart(std::size_t i, V theta) const {
      a.restart(i, theta);
      b.restart(i, theta);
    }
  };

  template <class T>
  [[nodiscard]] auto view(std::array<T*, arrays.size()> pointers, const Clock& clock) const
      requires(detail::has_contribution<A> || detail::has_contribution<B>) {
    return view_of<T, false>(pointers, 0, clock);
  }
  template <class T>
  [[nodiscard]] auto final_view(std::array<T*, arrays.size()> pointers, std::size_t count, const Clock& clock) const
      requires(detail::has_contribution<A> || detail::has_contribution<B>) {
    return view_of<T, true>(pointers, count, clock);
  }

 private:
  template <class T, bool final>
  auto view_of(std::array<T*, arrays.size()> pointers, std::size_t count, const Clock& clock) const {
    detail::ArrayPointers<A, T> of_a{};
    detail::ArrayPointers<B, T> of_b{};
    for (std::size_t k = 0; k < of_a.size(); ++k) of_a[k] = pointers[k];
    for (std::size_t k = 0; k < of_b.size(); ++k) of_b[k] = pointers[of_a.size() + k];
    const auto kernel_a = detail::summand_kernel<T, final>(a, of_a, count, clock);
    const auto kernel_b = detail::summand_kernel<T, final>(b, of_b, count, clock);
    return View<T, std::remove_const_t<decltype(kernel_a)>, std::remove_const_t<decltype(kernel_b)>, final>{
        {kernel_a, static_cast<T>(weight_a)}, {kernel_b, static_cast<T>(weight_b)}};
  }

  template <class I, class Model, class Batches>
  static void estimate_one(const I& importance, double weight, Model& model, Batches& batches,
                           std::span<typename Model::value_type> out) {
    importance.estimate(model, batches, out);
    for (auto& value : out) value *= static_cast<typename Model::value_type>(weight);
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
