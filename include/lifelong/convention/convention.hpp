// SPDX-License-Identifier: MIT
// How codebases differ in what they call EWC, SI or MAS, as data, and how to convert a strength from one to another.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/importance/scope.hpp>
#include <lifelong/penalty/quadratic.hpp>

namespace lifelong::convention {

/// What is computed from a gradient before the sum.
enum class Statistic {
  square,    ///< g²: Fisher information
  absolute,  ///< |g|: MAS
  path       ///< -g Δθ along the training: SI, RWalk
};

/// Whose gradients they are.
enum class Group {
  per_sample,  ///< the gradient of every sample by itself
  batch_mean,  ///< the mean over a batch, which a backward pass gives
  batch_sum,   ///< the sum over a batch
  whole_set    ///< the mean over all samples
};

/// How the values of all groups are put together.
enum class Total {
  mean,          ///< their mean
  sum,           ///< their sum
  unit_interval  ///< a running mean, then scaled to [0, 1] over the network
};

/// What a codebase computes under a name, and what its strength λ multiplies: factor · λ Σ_i Ω_i (θ_i - θ*_i)².
struct Convention {
  const char* name;      ///< codebase and method
  const char* source;    ///< file and commit
  Statistic statistic;   ///< what is computed from a gradient
  Group group;           ///< the samples of a gradient
  Total total;           ///< how groups are put together
  double factor;         ///< ½ or 1
  const char* labels;    ///< whose likelihood is differentiated
  const char* gradient;  ///< which loss, in which mode
  const char* merge;     ///< how the importances of tasks add up, and where the sum is cut off
  const char* inexact;   ///< where it departs from the paper, and what the preset does not reproduce

  /// The whole convention in one line.
  [[nodiscard]] std::string text() const {
    constexpr const char* statistics[] = {"squares", "absolute values", "path integral"};
    constexpr const char* groups[] = {"of single samples", "of batch means", "of batch sums", "of the mean over all"};
    constexpr const char* totals[] = {"mean", "sum", "scaled to [0, 1]"};
    std::string line = std::string(name) + ": " + statistics[static_cast<std::size_t>(statistic)];
    if (statistic != Statistic::path)
      line +=
          std::string(" ") + groups[static_cast<std::size_t>(group)] + ", " + totals[static_cast<std::size_t>(total)];
    return line + ", labels " + labels + ", gradient of " + gradient + ", merge " + merge + ", penalty factor " +
           detail::exact_text(factor) + "; " + source;
  }
};

/// This library's: squares of single samples, mean, ½.
inline constexpr Convention own_squares{
    "lifelong squares", "importance/fisher.hpp", Statistic::square, Group::per_sample, Total::mean, 0.5,
    "by setting",       "log p, evaluation",     "by setting",      "nothing"};
/// This library's: absolute values of single samples, mean, ½.
inline constexpr Convention own_absolutes{"lifelong absolute values",
                                          "importance/mas.hpp",
                                          Statistic::absolute,
                                          Group::per_sample,
                                          Total::mean,
                                          0.5,
                                          "none",
                                          "|f|², evaluation",
                                          "by setting",
                                          "nothing"};
/// This library's: path integrals, ½.
inline constexpr Convention own_path{"lifelong path", "importance/synaptic_intelligence.hpp",
                                     Statistic::path, Group::batch_mean,
                                     Total::sum,      0.5,
                                     "true",          "the task's loss",
                                     "by setting",    "nothing"};

/// How many times larger Ω is than the mean over single samples, if the per-sample gradients g are independent with
/// mean 0. Then a group of m has E(mean g)² = E g²/m and E(Σ g)² = m E g²; for absolute values the factors are the
/// roots of these.
/// \throws InvalidArgument if the size depends on the number of samples and that is 0.
inline double typical_size(const Convention& convention, std::size_t batch_size, std::size_t samples) {
  if (convention.statistic == Statistic::path) return 1;
  const bool whole = convention.group == Group::whole_set, single = convention.group == Group::per_sample;
  if (samples == 0 && (whole || convention.total == Total::sum))
    detail::raise<InvalidArgument>(std::string("convert_strength: ") + convention.name +
                                   " depends on the number of samples, which is not given");
  const double members = single ? 1 : static_cast<double>(whole ? samples : batch_size);
  const double spread = convention.group == Group::batch_sum ? members : 1 / members;
  const double size = convention.statistic == Statistic::square ? spread : std::sqrt(spread);
  return convention.total == Total::sum ? size * static_cast<double>(samples) / members : size;
}

/// The strength that makes the penalty of `to` as large as that of `from` with `strength`, both with batches of
/// `batch_size`, on a task of `samples`. It is exact for the factor ½ and for sums against means. It is approximate for
/// squares and absolute values of batches, since `typical_size` assumes gradients with mean 0. Their mean is 0 for
/// labels drawn from the model, and near 0 for true labels at the end of training, where E g is the gradient of the
/// loss. It is not 0 for MAS, for which the conversion takes the batches' Ω for smaller than it is. Labels, merge rules
/// and cut-offs are not converted. \throws InvalidArgument for a strength below 0, a batch size of 0, different
/// statistics, or if one side is scaled to [0, 1].
inline double convert_strength(double strength, const Convention& from, const Convention& to, std::size_t batch_size,
                               std::size_t samples = 0) {
  detail::require_at_least("convert_strength: strength", strength, 0);
  detail::require_at_least("convert_strength: batch_size", static_cast<double>(batch_size), 1);
  const double factors = from.factor / to.factor;
  if (from.total == Total::unit_interval && to.total == Total::unit_interval) return strength * factors;
  const bool comparable =
      from.statistic == to.statistic && from.total != Total::unit_interval && to.total != Total::unit_interval;
  if (!comparable)
    detail::raise<InvalidArgument>(std::string("convert_strength: the importances of ") + from.name + " and " +
                                   to.name + " have no common scale");
  return strength * factors * typical_size(from, batch_size, samples) / typical_size(to, batch_size, samples);
}

/// The parts for a learner that follows a codebase: `Learner{model, recipe.importance, recipe.penalty, optimizer}`,
/// then `restrict_importance(recipe.scope)` for models with named parameters.
template <class Importance, class Penalty = penalty::Quadratic>
struct Recipe {
  Convention convention;
  Importance importance;
  Penalty penalty;
  Scope scope = Scope::all();  ///< the parameters that have an importance there
};

/// Our penalty λ'/2 Σ Ω Δ² that equals theirs, factor · λ Σ Ω Δ².
inline penalty::Quadratic penalty_of(const Convention& convention, double strength,
                                     penalty::Anchor anchor = penalty::Anchor::last) {
  return {.strength = 2 * convention.factor * strength, .anchor = anchor};
}

}  // namespace lifelong::convention

#include <lifelong/config/pop_macros.hpp>
