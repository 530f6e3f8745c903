// An estimated importance cut off at a ceiling and brought to a common scale, as some libraries do.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>

#include <lifelong/core/concepts.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/requirements.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/normalize.hpp>
#include <lifelong/importance/part.hpp>

namespace lifelong::importance {

/// Ω_i = scale(min(A_i, ceiling)) for every task: the estimate A of another importance, cut off, then divided by the
/// largest of all parameters or mapped to [0, 1]. λ then means the same whatever the size of the gradients, but the
/// tasks' importances no longer compare: one task whose gradients vanish counts as much as any other. agem: min-max;
/// PyCIL and the code of EWC-DR: a ceiling of 1e-4 and `Normalize::none`. Costs what A costs, an `ImportancePolicy`.
template <class A>
struct Normalized {
  static_assert(lifelong::detail::require_importance<A>());

  A importance = {};
  Normalize by = Normalize::max;
  double ceiling = std::numeric_limits<double>::infinity();  ///< unit of A
  Merge merge = Merge::sum();

  /// \throws InvalidArgument for a ceiling of 0 or below, for an importance that merges otherwise, and what it throws.
  void validate() const {
    importance.validate();
    merge.validate();
    if (!(ceiling > 0)) detail::require_positive("Normalized.ceiling", ceiling);
    detail::require_same_merge("Normalized.importance", importance, merge);
  }

  /// Writes Ω over all samples of `batches` to `out`; changes no parameter of `model`.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, std::span<typename Model::value_type> out) const {
    using T = typename Model::value_type;
    static_assert(
        !detail::has_contribution<A>,
        "Normalized takes importances that are estimated from data; those gathered along the way have a scale "
        "of their own, see RWalk.normalize");
    importance.estimate(model, batches, out);
    if (ceiling < std::numeric_limits<double>::infinity())
      for (T& value : out) value = min(value, static_cast<T>(ceiling));
    const Affine<T> scale = scale_of<T>(by, out.size(), [&](std::size_t i) { return out[i]; });
    for (T& value : out) value = scale(value);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    std::string line = std::string("Normalized(by ") + name_of(by);
    if (ceiling < std::numeric_limits<double>::infinity()) line += ", ceiling " + detail::text(ceiling);
    return line + ", " + detail::part_recipe(importance) + ")";
  }
};

}  // namespace lifelong::importance
