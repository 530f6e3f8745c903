// SPDX-License-Identifier: MIT
// An estimated importance that is cut off at a ceiling and brought to a common scale, as in some libraries.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <string>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/importance/fit.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/normalize.hpp>
#include <lifelong/importance/part.hpp>
#include <lifelong/importance/policy.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::importance {

/// Ω_i = scale(min(A_i, ceiling)) for every task: the estimate A of another importance is cut off, then divided by its
/// largest value or mapped to [0, 1]. λ then means the same whatever the size of the gradients, but the importances of
/// different tasks can no longer be compared: a task whose gradients vanish counts as much as any other. agem uses
/// min-max; PyCIL and the code of EWC-DR use a ceiling of 1e-4 and `Normalize::none`. It costs what A costs, which is
/// an `ImportancePolicy`.
template <class A>
struct Normalized {
  static_assert(lifelong::detail::require_importance<A>());

  A importance = {};
  Normalize by = Normalize::max;
  double ceiling = std::numeric_limits<double>::infinity();  ///< unit of A
  Merge merge = Merge::sum();

  /// \throws InvalidArgument for a ceiling of 0 or below and for an importance that has another merge rule, and what
  /// that importance throws.
  void validate() const {
    importance.validate();
    merge.validate();
    require_ceiling("Normalized.ceiling", ceiling);
    detail::require_same_merge("Normalized.importance", importance, merge);
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("Normalized.ceiling", ceiling);
    detail::validate_settings_as<T>(importance);
  }
  /// \throws InvalidArgument if the importance does not fit the model's loss or outputs.
  template <class Model>
  void validate_for(Model& model) const {
    detail::require_fit(importance, model);
  }

  /// What the inner importance adds its batches to, and the array for the result.
  template <class Inner, class T, class Backend>
  struct Estimation {
    Inner inner;
    Loop<T, Backend> loop;
    std::span<T> values;
  };
  template <class Model, class T, class Backend>
  [[nodiscard]] auto begin(Model& model, const Loop<T, Backend>& loop, std::span<T> values) const {
    static_assert(
        !detail::has_contribution<A>,
        "Normalized takes importances that are estimated from data; those gathered along the way have a scale "
        "of their own, see RWalk.normalize");
    using Inner = decltype(detail::begin_estimate(importance, model, loop, values));
    return Estimation<Inner, T, Backend>{detail::begin_estimate(importance, model, loop, values), loop, values};
  }
  /// Adds a batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    importance.estimate(model, batch, estimation.inner);
  }
  /// Writes Ω. \throws NumericError if a value that would be cut off is NaN or Inf.
  template <class Inner, class T, class Backend>
  void finish(Estimation<Inner, T, Backend>& estimation) const {
    detail::finish_estimate(importance, estimation.inner);
    T* const values = estimation.values.data();
    if (has_ceiling()) {
      require_finite(estimation.loop, values);
      estimation.loop.each(detail::Apply<T, Ceiling<T>>{values, {static_cast<T>(ceiling)}});
    }
    const Affine<T> scale = scale_of(by, estimation.loop, Values<T>{values});
    estimation.loop.each(detail::Apply<T, Affine<T>>{values, scale});
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    std::string line = std::string("Normalized(by ") + name_of(by);
    if (has_ceiling()) line += ", ceiling " + detail::exact_text(ceiling);
    return line + ", " + detail::part_recipe(importance) + ")";
  }

 private:
  [[nodiscard]] bool has_ceiling() const { return detail::is_finite(ceiling); }

  template <class T, class Backend>
  static void require_finite(const Loop<T, Backend>& loop, const T* values) {
    const double count = loop(detail::CountBeyond<T>{values, (std::numeric_limits<T>::max)()});
    if (count != 0)
      detail::raise<NumericError>("Normalized: " + detail::text(count) +
                                  " importances are nan or inf, which no ceiling makes right");
  }
};

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
