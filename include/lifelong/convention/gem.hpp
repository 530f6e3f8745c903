// facebookresearch/GradientEpisodicMemory, commit 34c6b8e (2018-10): the EWC baseline of the GEM paper.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <lifelong/convention/convention.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/importance/accumulate.hpp>
#include <lifelong/importance/log_likelihood.hpp>
#include <lifelong/importance/merge.hpp>

namespace lifelong::convention::gem {

/// Ω_i = (1/M Σ_{n<M} ∂ log p(y_n | x_n) / ∂θ_i)² over the first M samples of a task: the square of one mean gradient.
/// Inexact: near 0 wherever the samples' gradients differ, about 1/M of the Fisher information, and of M samples alone.
struct MemoryFisher {
  std::size_t memories = 10;  ///< M
  importance::Merge merge = importance::Merge::sum();

  /// \throws InvalidArgument for 0 memories.
  void validate() const {
    detail::require_at_least("MemoryFisher.memories", static_cast<double>(memories), 1);
    merge.validate();
  }

  /// Writes the estimate to `out`; changes no parameter of `model`.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, std::span<typename Model::value_type> out) const {
    using T = typename Model::value_type;
    AlignedVector<T> scratch;
    std::size_t seen = 0;
    for (T& value : out) value = 0;
    for (const Batch<T>& batch : batches) {
      for (std::size_t n = 0; n < batch.size && seen < memories; ++n, ++seen)
        importance::accumulate_moment(model, batch.sample(n),
                                      importance::LogLikelihood{.labels = importance::Labels::empirical}, moment::Sum{},
                                      out, scratch);
      if (seen == memories) break;
    }
    const T share = T(1) / static_cast<T>(seen);
    for (T& value : out) value = (share * value) * (share * value);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "MemoryFisher(square of the mean gradient of " + std::to_string(memories) + " samples, merge " +
           merge.text() + ")";
  }
};

/// Of `ewc`.
inline constexpr Convention ewc_convention{
    "gem ewc",
    "model/ewc.py, 34c6b8e",
    Statistic::square,
    Group::whole_set,
    Total::mean,
    1,
    "true",
    "log p(y), training mode",
    "an anchor per task",
    "the square of one mean gradient over the first n_memories samples; training mode (not reproduced)"};

/// `--model ewc` with `memory_strength` and `n_memories`. Inexact: squares the mean gradient of a handful of samples.
/// Not reproduced: training mode.
inline Recipe<MemoryFisher> ewc(double memory_strength, std::size_t n_memories = 10) {
  return {
      ewc_convention, {.memories = n_memories}, penalty_of(ewc_convention, memory_strength, penalty::Anchor::per_task)};
}

}  // namespace lifelong::convention::gem
