// SPDX-License-Identifier: MIT
// Checks that a batch fits a network, before anything is computed.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>

namespace lifelong::detail {

/// `[first, end)`.
inline std::string text(OutputRange range) {
  return std::string("[") + std::to_string(range.first) + ", " +
         std::to_string(std::uint64_t{range.first} + range.count) + ")";  // g++ 12 warns of "[" + string (bug 105329)
}

/// \throws ShapeMismatch unless there are `count` rows of `width` elements, a product that may overflow.
inline void require_rows(const char* what, std::size_t actual, std::size_t count, std::size_t width) {
  if (width > 0 && count > static_cast<std::size_t>(-1) / width)
    refuse_size(what, actual, std::to_string(count) + " rows of " + std::to_string(width) + " are needed");
  require_size(what, actual, count * width);
}

/// Checks that the arrays of a batch are as long as its size says, or empty where they may be. \throws ShapeMismatch.
template <class T>
void check_sizes(const Batch<T>& batch) {
  if (batch.features > 0 && batch.inputs.size() / batch.features < batch.size)
    require_rows("batch.inputs", batch.inputs.size(), batch.size, batch.features);
  if (batch.size > 0 && batch.targets.size() % batch.size != 0)
    refuse_size("batch.targets", batch.targets.size(), "multiples of " + std::to_string(batch.size) + " are needed");
  const auto of_samples = [&](const char* what, std::size_t size) {
    if (size != 0) require_size(what, size, batch.size);
  };
  of_samples("batch.labels", batch.labels.size());
  of_samples("batch.active", batch.active.size());
  of_samples("batch.indices", batch.indices.size());
  of_samples("batch.weights", batch.weights.size());
  of_samples("batch.lengths", batch.lengths.size());
}

/// \throws InvalidArgument for a length of more than `positions`, which names the sample; ShapeMismatch for another
/// number of lengths.
template <class T>
void check_lengths(const Batch<T>& batch, std::size_t positions) {
  if (batch.lengths.empty()) return;
  require_size("batch.lengths", batch.lengths.size(), batch.size);
  for (std::size_t n = 0; n < batch.size; ++n)
    if (batch.lengths[n] > positions)
      raise<InvalidArgument>("batch.lengths[" + std::to_string(n) + "] is " + std::to_string(batch.lengths[n]) +
                             " where a sequence has " + std::to_string(positions) + " positions");
}

/// \throws InvalidArgument for a batch with lengths, which `model` does not know.
template <class T>
void refuse_lengths(const Batch<T>& batch, const char* model) {
  if (!batch.lengths.empty())
    raise<InvalidArgument>(std::string("the batch has lengths, but ") + model +
                           " takes no sequences of unequal length");
}

/// \throws ShapeMismatch unless the batch has `inputs` values per sample.
template <class T>
void check_inputs(const Batch<T>& batch, std::size_t inputs) {
  if (batch.features != inputs)
    raise<ShapeMismatch>("the batch has " + std::to_string(batch.features) +
                         " features per sample where the network takes " + std::to_string(inputs));
  require_rows("batch.inputs", batch.inputs.size(), batch.size, inputs);
}

[[noreturn]] LIFELONG_RARE inline void refuse_element(std::size_t i, std::size_t width, const char* what,
                                                      double value) {
  std::string line("sample ");
  line.append(std::to_string(i / width)).append(", ").append(what).append(" ").append(std::to_string(i % width));
  raise<NumericError>(line.append(" of the batch is ").append(text(value)));
}

/// \throws NumericError, which names the sample, unless all of its rows are finite. `values` has `width` for each.
template <class T>
void require_finite_rows(std::span<const T> values, std::size_t width, const char* what) {
  const std::size_t i = first_not_finite(values);
  if (i < values.size()) refuse_element(i, width, what, static_cast<double>(values[i]));
}

/// Checks the inputs and targets of a batch whose sizes have been checked or are now.
/// \throws NumericError, which names the sample and the feature or target, for NaN and Inf; ShapeMismatch.
template <class T>
void require_finite_values(const Batch<T>& batch) {
  check_sizes(batch);
  require_finite_rows(batch.inputs.first(batch.size * batch.features), batch.features, "feature");
  require_finite_rows(batch.targets, batch.size == 0 ? 0 : batch.targets.size() / batch.size, "target");
}

/// The number of a model's outputs. \throws InvalidArgument if there are none, or more than an `OutputRange` reaches.
inline std::size_t require_outputs(std::size_t outputs) {
  if (outputs == 0 || outputs > 0xFFFFFFFFU)
    raise<InvalidArgument>("the model has " + std::to_string(outputs) + " outputs where 1 to 2^32 - 1 are needed");
  return outputs;
}

/// \throws InvalidArgument for a range that reaches past the `outputs` of the network, ShapeMismatch for another number
/// of ranges.
template <class B>
void check_active(const B& batch, std::size_t outputs) {
  if (batch.active.empty()) return;
  require_size("batch.active", batch.active.size(), batch.size);
  for (std::size_t n = 0; n < batch.size; ++n) {
    const OutputRange range = batch.active[n];
    if (range.first > outputs || range.count > outputs - range.first)
      raise<InvalidArgument>("batch.active[" + std::to_string(n) + "] is " + text(range) + " where the network has " +
                             std::to_string(outputs) + " outputs");
  }
}

/// Checks that labels are active outputs. Unless `required`, a sample may have no label (-1); functionals that need one
/// report it.
/// \throws InvalidArgument, ShapeMismatch.
template <class T>
void check_labels(const Batch<T>& batch, std::size_t outputs, bool required) {
  require_size("batch.labels", batch.labels.size(), batch.size);
  for (std::size_t n = 0; n < batch.size; ++n) {
    const SampleContext<T> sample = batch.context(n, outputs);
    if (!required && sample.label == -1) continue;
    const std::int64_t first = sample.active.first, end = first + sample.active.count;
    if (sample.label < first || sample.label >= end)
      raise<InvalidArgument>("batch.labels[" + std::to_string(n) + "] is " + std::to_string(sample.label) +
                             ", not one of the active outputs " + text(sample.active));
  }
}

/// A loss of targets that reads labels where there are none.
template <class Loss>
concept takes_labels = requires(std::int32_t label) {
  { Loss::takes_label(label, std::size_t{}) } -> std::convertible_to<bool>;
};

/// Checks labels as a loss wants them, which may say so itself by `takes_label(label, outputs)`. \throws
/// InvalidArgument, ShapeMismatch.
template <class Loss, class T>
void check_labels_of(const Batch<T>& batch, std::size_t outputs, bool required) {
  if constexpr (takes_labels<Loss>) {
    require_size("batch.labels", batch.labels.size(), batch.size);
    for (std::size_t n = 0; n < batch.size; ++n)
      if ((required || batch.labels[n] != -1) && !Loss::takes_label(batch.labels[n], outputs))
        raise<InvalidArgument>("batch.labels[" + std::to_string(n) + "] is " + std::to_string(batch.labels[n]) +
                               (outputs == 1 ? ", but the answer of a single output is 0 or 1"
                                             : ", not one of the " + std::to_string(outputs) + " outputs"));
  } else {
    check_labels(batch, outputs, required);
  }
}

/// Checks the targets of a loss that has `takes_target(value)`. \throws InvalidArgument for one of an active output
/// that the loss cannot take.
template <class Loss, class T>
void check_targets_of(const Batch<T>& batch, std::size_t outputs) {
  if constexpr (requires(T value) { Loss::takes_target(value); }) {
    for (std::size_t i = 0; i < batch.targets.size(); ++i)
      if (!Loss::takes_target(batch.targets[i]) && batch.context(i / outputs, outputs).active.contains(i % outputs))
        raise<InvalidArgument>("target " + std::to_string(i % outputs) + " of sample " + std::to_string(i / outputs) +
                               " of the batch is " + text(static_cast<double>(batch.targets[i])) +
                               ", which is no answer: it must be from 0 to 1");
  }
}

/// Checks that functionals of the outputs can be differentiated for the batch of a model with this loss. \throws as the
/// functions above.
template <class Loss, class T>
void check_answers(const Batch<T>& batch, std::size_t inputs, std::size_t outputs) {
  check_inputs(batch, inputs);
  check_active(batch, outputs);
  if (!batch.labels.empty()) check_labels_of<Loss>(batch, outputs, false);
}

/// Checks that the batch has a mean loss. \throws as the functions above, and InvalidArgument for a batch without
/// samples.
template <class Loss, class T>
void check_supervised(const Batch<T>& batch, std::size_t inputs, std::size_t outputs, bool uses_labels) {
  check_inputs(batch, inputs);
  if (batch.size == 0) raise<InvalidArgument>("the mean loss of a batch of 0 samples is undefined");
  check_active(batch, outputs);
  if (uses_labels || (takes_labels<Loss> && batch.targets.empty() && !batch.labels.empty())) {
    check_labels_of<Loss>(batch, outputs, true);
  } else {
    require_rows("batch.targets", batch.targets.size(), batch.size, outputs);
    check_targets_of<Loss>(batch, outputs);
  }
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
