// SPDX-License-Identifier: MIT
// Checks that a batch fits a network, before anything is computed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>

namespace lifelong::detail {

/// `[first, end)`.
inline std::string text(OutputRange range) {
  return std::string("[") + std::to_string(range.first) + ", " +
         std::to_string(std::uint64_t{range.first} + range.count) + ")";  // g++ 12 warns of "[" + string (bug 105329)
}

/// Checks that the arrays of a batch are as long as its size says, or empty where they may be. \throws ShapeMismatch.
template <class T>
void check_sizes(const Batch<T>& batch) {
  if (batch.features > 0 && batch.inputs.size() / batch.features < batch.size)  // the product may overflow
    require_size("batch.inputs", batch.inputs.size(), batch.size * batch.features);
  if (!batch.labels.empty()) require_size("batch.labels", batch.labels.size(), batch.size);
  if (!batch.active.empty()) require_size("batch.active", batch.active.size(), batch.size);
  if (!batch.indices.empty()) require_size("batch.indices", batch.indices.size(), batch.size);
}

/// \throws ShapeMismatch unless the batch has `inputs` values per sample.
template <class T>
void check_inputs(const Batch<T>& batch, std::size_t inputs) {
  if (batch.features != inputs)
    raise<ShapeMismatch>("the batch has " + std::to_string(batch.features) +
                         " features per sample where the network takes " + std::to_string(inputs));
  require_size("batch.inputs", batch.inputs.size(), batch.size * inputs);
}

/// \throws InvalidArgument for a range that reaches past the `outputs` of the network, ShapeMismatch for another number
/// of ranges.
template <class T>
void check_active(const Batch<T>& batch, std::size_t outputs) {
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

/// Checks that functionals of the outputs can be differentiated for the batch. \throws as the functions above.
template <class T>
void check_answers(const Batch<T>& batch, std::size_t inputs, std::size_t outputs) {
  check_inputs(batch, inputs);
  check_active(batch, outputs);
  if (!batch.labels.empty()) check_labels(batch, outputs, false);
}

/// Checks that the batch has a mean loss. \throws as the functions above, and InvalidArgument for a batch without
/// samples.
template <class T>
void check_supervised(const Batch<T>& batch, std::size_t inputs, std::size_t outputs, bool uses_labels) {
  check_inputs(batch, inputs);
  if (batch.size == 0) raise<InvalidArgument>("the mean loss of a batch of 0 samples is undefined");
  check_active(batch, outputs);
  if (uses_labels)
    check_labels(batch, outputs, true);
  else
    require_size("batch.targets", batch.targets.size(), batch.size * outputs);
}

}  // namespace lifelong::detail
