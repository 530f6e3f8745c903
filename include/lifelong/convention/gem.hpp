// SPDX-License-Identifier: MIT
// facebookresearch/GradientEpisodicMemory, commit 34c6b8e (2018-10): the EWC baseline of the GEM paper.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <string>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/convention/convention.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/importance/fit.hpp>
#include <lifelong/importance/likelihood.hpp>
#include <lifelong/importance/log_likelihood.hpp>
#include <lifelong/importance/merge.hpp>

namespace lifelong::convention::gem {

/// Ω_i = (1/M Σ_{n<M} ∂ log p(y_n | x_n) / ∂θ_i)² over the first M samples of a task: the square of one mean gradient.
/// It is inexact: it is near 0 wherever the samples' gradients differ, about 1/M of the Fisher information, and it uses
/// M samples only.
struct MemoryFisher {
  std::size_t memories = 10;  ///< M
  importance::Merge merge = importance::Merge::sum();

  /// \throws InvalidArgument for 0 memories.
  void validate() const {
    detail::require_at_least("MemoryFisher.memories", static_cast<double>(memories), 1);
    merge.validate();
  }
  /// \throws InvalidArgument if it does not fit the model's loss or outputs.
  template <class Model>
  void validate_for(Model& model) const {
    detail::require_likelihood_of<importance::Categorical>("MemoryFisher", model);
  }

  /// Adds those samples of a batch that are among the first M; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    const std::size_t room = memories - estimation.samples(), count = batch.size < room ? batch.size : room;
    for (std::size_t n = 0; n < count; ++n)
      estimation.add(model, batch.sample(n), importance::LogLikelihood{.labels = importance::Labels::empirical},
                     moment::Sum{});
  }
  /// Writes the square of the mean.
  template <class E>
  void finish(E& estimation) const {
    using T = typename E::value_type;
    estimation.mean();
    estimation.loop().each(detail::Apply<T, moment::Square>{estimation.values().data(), {}});
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "MemoryFisher(square of the mean gradient of " + std::to_string(memories) + " samples, merge " +
           merge.text() + ")";
  }
};

/// The convention of `ewc`.
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

/// `--model ewc` with `memory_strength` and `n_memories`. It is inexact: it squares the mean gradient of a few samples.
/// Training mode is not reproduced.
inline Recipe<MemoryFisher> ewc(double memory_strength, std::size_t n_memories = 10) {
  return {
      ewc_convention, {.memories = n_memories}, penalty_of(ewc_convention, memory_strength, penalty::Anchor::per_task)};
}

}  // namespace lifelong::convention::gem

#include <lifelong/config/pop_macros.hpp>
