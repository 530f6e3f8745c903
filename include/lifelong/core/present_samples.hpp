// SPDX-License-Identifier: MIT
// A batch without its samples of weight 0, which are not there for anything that is computed.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/memory.hpp>

namespace lifelong {

/// True if a model heeds the weights of a batch: its loss and gradient are those of Σ_n w_n ℓ_n / Σ_n w_n, and its
/// `accumulate_moment`, if it has one, adds w_n m(g_n). It says so by `static constexpr bool weighs_samples = true`;
/// batches with weights other than 0 and 1 are refused for the others.
template <class M>
concept WeighingModel = requires {
  requires M::weighs_samples;
};

/// Takes the samples of weight 0 out of batches, where these come in: into a learner's step, an estimate, a network.
/// Everything behind it can rely on weights above 0. It owns the arrays of the last batch from which a sample was
/// taken.
template <class T>
class PresentSamples {
 public:
  /// The samples of `batch` whose weight is above 0, in their order, and no weights if all of these are 1: so a batch
  /// whose weights are all 1, or that has none, gives the same bits. Samples without numbers are numbered as if there
  /// had been no others. It copies only if there is something to leave out; what is returned is valid until the next
  /// call. \throws InvalidArgument, which names it, for a weight that is negative or not finite; ShapeMismatch for
  /// arrays of another length than the batch says; OutOfMemory.
  [[nodiscard]] Batch<T> of(const Batch<T>& batch) LIFELONG_LIFETIME_BOUND {
    if (batch.weights.empty()) return batch;
    detail::check_sizes(batch);
    std::size_t present = 0, ones = 0;
    for (std::size_t n = 0; n < batch.size; ++n) {
      const T weight = batch.weights[n];
      if (!detail::is_finite(weight) || weight < 0) refuse(batch, n);
      present += weight > 0 ? 1u : 0u;
      ones += weight == 1 ? 1u : 0u;
    }
    Batch<T> result = batch;
    if (present < batch.size)
      result = detail::with_memory([&] { return copied(batch, present); },
                                   [&] {
                                     return "a copy of " + std::to_string(present) + " of the " +
                                            std::to_string(batch.size) + " samples of a batch does not fit into memory";
                                   });
    if (ones == present) result.weights = {};
    return result;
  }

 private:
  [[noreturn]] static LIFELONG_ONE_COPY void refuse(const Batch<T>& batch, std::size_t n) {
    detail::raise<InvalidArgument>("the weight of sample " + std::to_string(batch.context(n, 1).index) + " is " +
                                   detail::text(static_cast<double>(batch.weights[n])) +
                                   ": it must be finite and at least 0");
  }

  Batch<T> copied(const Batch<T>& batch, std::size_t present) {
    Batch<T> result{present, batch.features};
    result.first = batch.first;
    const std::size_t targets = batch.targets.size() / batch.size;
    result.inputs = kept(batch, batch.inputs, batch.features, inputs_);
    result.labels = kept(batch, batch.labels, 1, labels_);
    result.targets = kept(batch, batch.targets, targets, targets_);
    result.active = kept(batch, batch.active, 1, active_);
    result.indices = kept(batch, batch.indices, 1, indices_);
    result.weights = kept(batch, batch.weights, 1, weights_);
    result.lengths = kept(batch, batch.lengths, 1, lengths_);
    return result;
  }

  /// The rows of `from`, `width` values each, of the samples that are there; nothing of an array that is empty.
  template <class Value, class Values>
  static std::span<const Value> kept(const Batch<T>& batch, std::span<const Value> from, std::size_t width,
                                     Values& to) {
    to.clear();
    if (!from.empty())
      for (std::size_t n = 0; n < batch.size; ++n)
        if (batch.weights[n] > 0)
          for (std::size_t k = 0; k < width; ++k) to.push_back(from[n * width + k]);
    return {to.data(), to.size()};
  }

  AlignedVector<T> inputs_, targets_, weights_;
  std::vector<std::int32_t> labels_;
  std::vector<OutputRange> active_;
  std::vector<std::uint64_t> indices_;
  std::vector<std::uint32_t> lengths_;
};

namespace detail {

/// \throws InvalidArgument for a batch with weights and a model that does not heed them.
template <class Model, class B>
void require_weighing([[maybe_unused]] const B& batch) {
  if constexpr (!WeighingModel<Model> && requires { batch.weights.empty(); }) {
    if (!batch.weights.empty())
      raise<InvalidArgument>(
          "the batch has weights, but the model does not heed them: if its gradient is that of the weighted mean of "
          "the "
          "losses, let it say so by static constexpr bool weighs_samples = true");
  }
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
