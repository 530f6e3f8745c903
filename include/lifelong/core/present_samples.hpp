// SPDX-License-Identifier: MIT
// A batch without its samples of weight 0, which are not there for anything that is computed.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>

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
    Batch<T> result = batch;
    if (!batch.weights.empty()) leave_out(batch, result);
    return result;
  }

 private:
  LIFELONG_RARE void leave_out(const Batch<T>& batch, Batch<T>& result) {
    detail::check_sizes(batch);
    std::size_t present = 0, ones = 0;
    for (std::size_t n = 0; n < batch.size; ++n) {
      const T weight = batch.weights[n];
      if (!detail::is_finite(weight) || weight < 0) refuse(batch, n);
      present += weight > 0 ? 1u : 0u;
      ones += weight == 1 ? 1u : 0u;
    }
    if (present < batch.size)
      detail::with_memory([&] { copy(batch, present, result); }, [] { return "no memory for the weighted samples"; });
    if (ones == present) result.weights = {};
  }

  [[noreturn]] static void refuse(const Batch<T>& batch, std::size_t n) {
    const std::string name = "the weight of sample " + std::to_string(batch.context(n, 1).index);
    detail::refuse_below(name.c_str(), static_cast<double>(batch.weights[n]), 0);
  }

  LIFELONG_ALWAYS_INLINE void copy(const Batch<T>& batch, std::size_t present, Batch<T>& result) {
    result.size = present;
    bytes_.clear();
    bytes_.resize(batch.inputs.size_bytes() + batch.labels.size_bytes() + batch.targets.size_bytes() +
                  batch.active.size_bytes() + batch.indices.size_bytes() + batch.weights.size_bytes() +
                  batch.lengths.size_bytes() + 7 * line);  // each array begins on a cache line
    std::byte* to = bytes_.data();
    keep(batch.inputs.first(batch.size * batch.features), batch.weights, result.inputs, to);
    keep(batch.labels, batch.weights, result.labels, to);
    keep(batch.targets, batch.weights, result.targets, to);
    keep(batch.active, batch.weights, result.active, to);
    keep(batch.indices, batch.weights, result.indices, to);
    keep(batch.weights, batch.weights, result.weights, to);
    keep(batch.lengths, batch.weights, result.lengths, to);
  }

  static constexpr std::size_t line = 64;

  /// Copies the samples that are there of an array, which has equally many values for each, to the bytes at `to`, and
  /// moves `to` to the next line behind them.
  template <class Value>
  LIFELONG_ALWAYS_INLINE static void keep(std::span<const Value> from, std::span<const T> weights,
                                          std::span<const Value>& kept, std::byte*& to) {
    const std::byte* const begin = to;
    const std::size_t bytes = copy_rows(from.data(), from.size_bytes(), weights, to);
    kept = std::span<const Value>(reinterpret_cast<const Value*>(begin), bytes / sizeof(Value));
  }
  static LIFELONG_ONE_COPY std::size_t copy_rows(const void* from, std::size_t bytes, std::span<const T> weights,
                                                 std::byte*& to) {
    const std::size_t width = bytes / weights.size();
    std::size_t copied = 0;
    for (std::size_t n = 0; n < weights.size() && width > 0; ++n)
      if (weights[n] > 0) {
        std::memcpy(to + copied, static_cast<const std::byte*>(from) + n * width, width);
        copied += width;
      }
    to += (copied + line - 1) / line * line;
    return copied;
  }

  AlignedVector<std::byte> bytes_;
};

namespace detail {

/// \throws InvalidArgument for a batch with weights and a model that does not heed them.
template <class Model, class B>
void require_weighing([[maybe_unused]] const B& batch) {
  if constexpr (!WeighingModel<Model> && requires { batch.weights.empty(); }) {
    if (!batch.weights.empty())
      raise<InvalidArgument>("the batch has weights, but the model does not heed them: see WeighingModel");
  }
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
