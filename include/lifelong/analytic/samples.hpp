// SPDX-License-Identifier: MIT
// The samples that a head learns: read from a source in blocks, and their answers.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>

#include <lifelong/analytic/trunk.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/loader.hpp>
#include <lifelong/stream/shape.hpp>

namespace lifelong::analytic::detail {

/// Calls `visit(batch)` for all examples of a source, `block` at a time; `call` is what errors name. \throws
/// InvalidArgument for a source without end; ShapeMismatch for examples that `trunk` does not take.
template <class T, class Examples, class Trunk, class Backend, class Visit>
void for_each_block(const Examples& examples, const Trunk& trunk, std::size_t block, const char* call,
                    BatchBuffer<T>& buffer, const Backend& backend, const Visit& visit) {
  static_assert(lifelong::detail::require_example_source<Examples, T>());
  lifelong::detail::require_end(examples.size(), call);
  lifelong::detail::require_shape(examples, trunk);
  for (const Batch<T>& batch : BatchLoader<T, Examples, Backend>(examples, block, buffer, backend)) visit(batch);
}

/// Checks that every sample has a label below `outputs`, or `outputs` targets. \throws InvalidArgument for a label,
/// ShapeMismatch for the number of targets, NumericError for one that is not finite or above 2²⁵⁶.
template <class T>
void check_answers(Batch<T> samples, std::size_t outputs) {
  samples.active = {};
  if (samples.targets.empty()) {
    if (samples.size > 0) lifelong::detail::check_labels(samples, outputs, true);
  } else {
    lifelong::detail::require_rows("batch.targets", samples.targets.size(), samples.size, outputs);
    require_summable(samples.targets, outputs, "target");
  }
}

/// Σ w ‖y‖² for one-hot classes or targets y.
template <class T>
double squared_answers(const Batch<T>& samples) {
  if (samples.targets.empty()) return samples.weight();
  double total = 0;
  for (std::size_t n = 0; n < samples.size; ++n) {
    const double weight = samples.weights.empty() ? 1.0 : static_cast<double>(samples.weights[n]);
    for (const T y : samples.target(n)) total += weight * static_cast<double>(y) * static_cast<double>(y);
  }
  return total;
}

}  // namespace lifelong::analytic::detail

#include <lifelong/config/pop_macros.hpp>
