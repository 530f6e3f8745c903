// SPDX-License-Identifier: MIT
// What a model is given: a batch of samples, as views.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/memory.hpp>

namespace lifelong {

/// The label that data sets give to what is to be ignored, as PyTorch's losses do. `ignore_label` leaves such examples
/// out; without it they are refused where they would count.
inline constexpr std::int32_t ignored_label = -100;

/// The active outputs of a sample: the range [first, first + count) of a network's outputs that count for it.
/// Task-incremental streams give every task its own range; the other streams use all outputs.
struct OutputRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  [[nodiscard]] bool contains(std::size_t output) const { return output >= first && output - first < count; }
  friend bool operator==(const OutputRange&, const OutputRange&) = default;
};

/// Sets the inactive outputs of a row to 0.
template <class T>
void clear_inactive(std::span<T> row, OutputRange active) {
  for (std::size_t c = 0; c < row.size(); ++c)
    if (!active.contains(c)) row[c] = 0;
}

/// What is known of one sample besides its inputs. Losses and output functionals receive it.
template <class T>
struct SampleContext {
  std::int32_t label = -1;         ///< class as output index; -1 if the sample has no label
  OutputRange active;              ///< active outputs; never empty: all outputs if no range was given
  std::uint64_t index = 0;         ///< number of the sample in its source
  std::span<const T> target = {};  ///< its row of targets; empty if the batch has none
  T weight = 1;                    ///< how many samples it counts as

  /// The answer of output `c` of `outputs` to a yes-or-no question, 1 for yes: its target; without targets what the
  /// label says, which is the answer itself for a single output, else the output that is yes.
  [[nodiscard]] T answer(std::size_t c, std::size_t outputs) const {
    if (target.size() == outputs) return target[c];
    return T(static_cast<std::int64_t>(outputs == 1 ? 1 : c) == label ? 1 : 0);
  }
};

/// Views of `size` samples; the batch does not own the arrays. A batch for classification has `labels`, one for
/// regression has `targets`. With weights w, a loss is Σ_n w_n ℓ_n / Σ_n w_n and an importance Σ_n w_n m(g_n) / Σ_n w_n
/// over the gradients g_n of the samples. A sample of weight 0 is not there: it changes no bit of any result, whatever
/// its values are (`PresentSamples`).
template <class T>
struct Batch {
  std::size_t size = 0;                       ///< number of samples N
  std::size_t features = 0;                   ///< inputs per sample I
  std::span<const T> inputs = {};             ///< N x I, row-major
  std::span<const std::int32_t> labels = {};  ///< N classes (as output index), or empty
  std::span<const T> targets = {};            ///< N x O, row-major, or empty
  std::span<const OutputRange> active = {};   ///< N ranges of active outputs, or empty: all outputs
  std::span<const std::uint64_t> indices =
      {};                           ///< N sample numbers, for draws that do not depend on batching; or empty
  std::uint64_t first = 0;          ///< without `indices`: number of the first sample; the others count on from it
  std::span<const T> weights = {};  ///< N weights, finite and at least 0, or empty: all 1
  /// N numbers of valid positions of sequences, or empty: all positions. 0 stands for all as well. What a sample has
  /// behind them is padding, which no layer reads.
  std::span<const std::uint32_t> lengths = {};

  /// What is known of sample `n` for a model with `outputs` outputs.
  [[nodiscard]] SampleContext<T> context(std::size_t n, std::size_t outputs) const {
    const OutputRange all{0, static_cast<std::uint32_t>(outputs)};
    return {labels.empty() ? -1 : labels[n], active.empty() || active[n].count == 0 ? all : active[n],
            indices.empty() ? first + n : indices[n], target(n), weights.empty() ? T(1) : weights[n]};
  }

  /// The batch that holds sample `n` alone.
  [[nodiscard]] Batch sample(std::size_t n) const { return slice(n, 1); }

  /// The batch that holds `count` samples from sample `n` on. The samples keep their numbers.
  [[nodiscard]] Batch slice(std::size_t n, std::size_t count) const {
    const std::size_t width = size > 0 ? targets.size() / size : 0;
    return {count,
            features,
            inputs.subspan(n * features, count * features),
            labels.empty() ? labels : labels.subspan(n, count),
            targets.subspan(n * width, count * width),
            active.empty() ? active : active.subspan(n, count),
            indices.empty() ? indices : indices.subspan(n, count),
            first + n,
            weights.empty() ? weights : weights.subspan(n, count),
            lengths.empty() ? lengths : lengths.subspan(n, count)};
  }

  /// Σ_n w_n; the number of samples if there are no weights.
  [[nodiscard]] double weight() const {
    if (weights.empty()) return static_cast<double>(size);
    double total = 0;
    for (std::size_t n = 0; n < size; ++n) total += static_cast<double>(weights[n]);
    return total;
  }

  /// Row `n` of the targets, empty if there are none.
  [[nodiscard]] std::span<const T> target(std::size_t n) const {
    const std::size_t width = size > 0 ? targets.size() / size : 0;
    return targets.subspan(n * width, width);
  }
};

/// One row of a batch, which a source of examples fills in.
template <class T>
struct ExampleRow {
  std::span<T> inputs;    ///< all of it is to be overwritten
  std::int32_t& label;    ///< class as output index; it arrives as -1, which stands for no label
  std::span<T> targets;   ///< all of it is to be overwritten; empty for classification
  OutputRange& active;    ///< it arrives as {0, 0}, which stands for all outputs
  T& weight;              ///< finite and at least 0; it arrives as 1, and 0 stands for a sample that is not there
  std::uint32_t& length;  ///< number of valid positions of a sequence; it arrives as 0, which stands for all
};

/// The arrays behind a batch. They grow to the largest batch seen and are reused, so nothing is allocated after
/// warm-up.
template <class T>
class BatchBuffer {
 public:
  /// Makes room for `size` rows of `features` inputs and `targets` target values; contents are unspecified.
  /// \throws OutOfMemory; then the buffer holds nothing.
  void resize(std::size_t size, std::size_t features, std::size_t targets) {
    size_ = 0;
    const auto message = [&] {
      return "a batch of " + std::to_string(size) + " examples of " + std::to_string(features) + " features and " +
             std::to_string(targets) + " targets does not fit into memory";
    };
    const std::size_t most = static_cast<std::size_t>(-1);
    if (size > 0 && (features > most / size || targets > most / size)) detail::raise<OutOfMemory>(message());
    detail::with_memory(
        [&] {
          grow(inputs_, size * features);
          grow(labels_, size);
          grow(targets_, size * targets);
          grow(active_, size);
          grow(indices_, size);
          grow(weights_, size);
          grow(lengths_, size);
        },
        message);
    size_ = size;
    features_ = features;
    targets_per_row_ = targets;
  }

  /// Row `n`, its label, range, weight and length reset; `index` is the sample's number in its source.
  [[nodiscard]] ExampleRow<T> row(std::size_t n, std::uint64_t index) LIFELONG_LIFETIME_BOUND {
    labels_[n] = -1;
    active_[n] = {};
    indices_[n] = index;
    weights_[n] = 1;
    lengths_[n] = 0;
    return {std::span(inputs_).subspan(n * features_, features_),
            labels_[n],
            std::span(targets_).subspan(n * targets_per_row_, targets_per_row_),
            active_[n],
            weights_[n],
            lengths_[n]};
  }

  /// Whether all inputs and targets of the rows [first, end) are finite.
  [[nodiscard]] bool all_finite(std::size_t first, std::size_t end) const {
    return detail::all_finite(inputs_.data() + first * features_, (end - first) * features_) &&
           detail::all_finite(targets_.data() + first * targets_per_row_, (end - first) * targets_per_row_);
  }

  /// The filled rows as a batch; valid until the next `resize`.
  [[nodiscard]] Batch<T> batch() const LIFELONG_LIFETIME_BOUND {
    return {size_,
            features_,
            std::span(inputs_).first(size_ * features_),
            targets_per_row_ == 0 ? std::span(labels_).first(size_) : std::span<const std::int32_t>{},
            std::span(targets_).first(size_ * targets_per_row_),
            std::span(active_).first(size_),
            std::span(indices_).first(size_),
            0,
            std::span(weights_).first(size_),
            lengths()};
  }

 private:
  /// Empty if no row has a length of its own.
  [[nodiscard]] std::span<const std::uint32_t> lengths() const {
    for (std::size_t n = 0; n < size_; ++n)
      if (lengths_[n] != 0) return std::span(lengths_).first(size_);
    return {};
  }

  template <class V>
  static void grow(V& values, std::size_t size) {
    if (values.size() < size) values.resize(size);
  }

  std::size_t size_ = 0, features_ = 0, targets_per_row_ = 0;
  AlignedVector<T> inputs_, targets_, weights_;
  std::vector<std::int32_t> labels_;
  std::vector<OutputRange> active_;
  std::vector<std::uint64_t> indices_;
  std::vector<std::uint32_t> lengths_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
