// SPDX-License-Identifier: MIT
// Accuracy of a model on tasks.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/softmax.hpp>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/loader.hpp>

namespace lifelong {

/// Share of `examples`, in [0, 1], whose largest active output is that of their label; of equal outputs the first
/// counts. The model is a `PredictiveModel`, the examples are an `ExampleSource`. \throws InvalidArgument without
/// examples.
template <class Model, class Examples, class Backend = backend::Serial>
double accuracy(Model& model, const Examples& examples, const Backend& backend = {}, std::size_t batch_size = 512) {
  using T = typename Model::value_type;
  static_assert(detail::require_predictive_model<Model>());
  static_assert(detail::require_example_source<Examples, T>());
  static_assert(detail::require_backend<Backend>());
  if (examples.size() == 0) detail::raise<InvalidArgument>("accuracy: there are no examples");
  BatchBuffer<T> buffer;
  const std::size_t outputs = model.outputs();
  AlignedVector<T> predicted;
  std::size_t right = 0;
  for (const Batch<T>& batch : BatchLoader(examples, batch_size, buffer, backend)) {
    predicted.resize(batch.size * outputs);
    model.predict(batch, std::span<T>(predicted));
    for (std::size_t n = 0; n < batch.size; ++n) {
      const SampleContext<T> sample = batch.context(n, outputs);
      const auto row = std::span<const T>(predicted).subspan(n * outputs + sample.active.first, sample.active.count);
      right += sample.active.first + argmax(row) == static_cast<std::size_t>(sample.label) ? 1u : 0u;
    }
  }
  return static_cast<double>(right) / static_cast<double>(examples.size());
}

/// One row of an accuracy matrix: the learner's accuracy on the test examples of every task of a stream.
template <class Learner, class Stream>
std::vector<double> evaluate(Learner& learner, const Stream& stream) {
  std::vector<double> row;
  for (const auto& task : stream) row.push_back(accuracy(learner.model(), task.test, learner.backend()));
  return row;
}

}  // namespace lifelong
