// SPDX-License-Identifier: MIT
// A batch whose inputs lie on a device.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <lifelong/core/batch.hpp>

namespace lifelong::cuda {
namespace detail {

/// A number above 0 for a stream.
template <class Stream>
std::uintptr_t number_of(Stream stream) {
  if constexpr (std::is_pointer_v<Stream>)
    return reinterpret_cast<std::uintptr_t>(stream) + 1;
  else
    return static_cast<std::uintptr_t>(stream) + 1;
}

}  // namespace detail

/// Views of `size` samples, as `lifelong::Batch`, with the inputs in the device's memory, where they are finite. What
/// else is known of the samples lies on the host, since estimators look at it. There are no samples of weight 0. The
/// arrays are not owned.
template <class T>
struct Batch {
  std::size_t size = 0;                         ///< number of samples N
  std::size_t features = 0;                     ///< inputs per sample I
  const T* inputs = nullptr;                    ///< N x I, row-major, on the device
  std::span<const std::int32_t> labels = {};    ///< N classes (as output index), or empty
  std::span<const T> targets = {};              ///< N x O, row-major, or empty
  std::span<const OutputRange> active = {};     ///< N ranges of active outputs, or empty: all outputs
  std::span<const std::uint64_t> indices = {};  ///< N sample numbers, or empty
  std::uint64_t first = 0;                      ///< without `indices`: number of the first sample
  std::span<const T> weights = {};              ///< N weights above 0, or empty: all 1
  std::uintptr_t stream = 0;                    ///< number of the stream that writes the inputs; 0: they are there

  /// What is known of the samples besides their inputs, as a batch of samples without inputs.
  [[nodiscard]] lifelong::Batch<T> facts() const {
    return {size, 0, {}, labels, targets, active, indices, first, weights, {}};
  }

  /// What is known of sample `n` for a model with `outputs` outputs.
  [[nodiscard]] SampleContext<T> context(std::size_t n, std::size_t outputs) const {
    return facts().context(n, outputs);
  }
  /// Σ_n w_n; the number of samples if there are no weights.
  [[nodiscard]] double weight() const { return facts().weight(); }

  /// The batch that holds sample `n` alone.
  [[nodiscard]] Batch sample(std::size_t n) const { return slice(n, 1); }
  /// The batch that holds `count` samples from sample `n` on. The samples keep their numbers.
  [[nodiscard]] Batch slice(std::size_t n, std::size_t count) const {
    return of(facts().slice(n, count), features, inputs + n * features, stream);
  }

  /// The samples of `facts`, with inputs on the device instead of its own.
  [[nodiscard]] static Batch of(const lifelong::Batch<T>& facts, std::size_t features, const T* inputs,
                                std::uintptr_t stream = 0) {
    return {facts.size,   features,      inputs,      facts.labels,  facts.targets,
            facts.active, facts.indices, facts.first, facts.weights, stream};
  }
};

}  // namespace lifelong::cuda

#include <lifelong/config/pop_macros.hpp>

#endif
