// SPDX-License-Identifier: MIT
// Accuracy of a model on tasks.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/softmax.hpp>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/loader.hpp>
#include <lifelong/stream/shape.hpp>

namespace lifelong {

namespace detail {

/// Checks all that is known before examples are read; `name` is what a message calls the metric. \throws
/// InvalidArgument where accuracy says nothing, ShapeMismatch.
template <class Model, class Examples>
void require_measurable(Model& model, const Examples& examples, const std::string& name) {
  if (examples.size() == 0) raise<InvalidArgument>(name + ": there are no examples");
  require_end(examples.size(), name);
  if (examples.targets() != 0)
    raise<InvalidArgument>(name + ": the examples have real targets, and only class labels can be met exactly");
  if (require_outputs(model.outputs()) == 1)
    raise<InvalidArgument>(name +
                           ": the model has 1 output, of which the largest is always the same; for yes-or-no "
                           "answers compare predict(...) with a threshold");
  require_shape(examples, model);
}

/// Whether the largest active output of sample `n` is that of its label. \throws InvalidArgument for a label that is
/// missing or no active output, or the only one; NumericError for an output that is not finite.
template <class T>
bool is_right(const Batch<T>& batch, std::size_t n, std::span<const T> outputs, const std::string& name) {
  const SampleContext<T> sample = batch.context(n, outputs.size());
  const OutputRange active = sample.active;
  const auto of_example = [&] { return " of example " + std::to_string(sample.index); };
  if (active.first > outputs.size() || active.count > outputs.size() - active.first)
    raise<InvalidArgument>(name + ": the active outputs" + of_example() + " are " + text(active) +
                           " where the model has " + std::to_string(outputs.size()) + " outputs");
  if (sample.label == -1) raise<InvalidArgument>(name + ": example " + std::to_string(sample.index) + " has no label");
  if (sample.label < 0 || !active.contains(static_cast<std::size_t>(sample.label)))
    raise<InvalidArgument>(name + ": the label" + of_example() + " is " + std::to_string(sample.label) +
                           ", not one of the active outputs " + text(active));
  if (active.count == 1)
    raise<InvalidArgument>(name + ": the active outputs" + of_example() + " are " + text(active) +
                           ", and of one output the largest is always the same");
  const std::span<const T> row = outputs.subspan(active.first, active.count);
  const std::size_t bad = first_not_finite(row);
  if (bad < row.size())
    raise<NumericError>(name + ": output " + std::to_string(active.first + bad) + of_example() + " is " +
                        text(static_cast<double>(row[bad])));
  return active.first + argmax(row) == static_cast<std::size_t>(sample.label);
}

template <class Model, class Examples, class Backend>
double share_right(Model& model, const Examples& examples, const Backend& backend, std::size_t batch_size,
                   const std::string& name) {
  using T = typename Model::value_type;
  require_measurable(model, examples, name);
  BatchBuffer<T> buffer;
  const std::size_t outputs = model.outputs();
  AlignedVector<T> predicted;
  std::size_t right = 0;
  for (const Batch<T>& batch : BatchLoader(examples, batch_size, buffer, backend)) {
    with_memory([&] { predicted.resize(batch.size * outputs); },
                [&] {
                  return "the " + std::to_string(outputs) + " outputs of a batch of " + std::to_string(batch.size) +
                         " examples do not fit into memory";
                });
    model.predict(batch, std::span<T>(predicted));
    for (std::size_t n = 0; n < batch.size; ++n)
      right += is_right(batch, n, std::span<const T>(predicted).subspan(n * outputs, outputs), name) ? 1u : 0u;
  }
  return static_cast<double>(right) / static_cast<double>(examples.size());
}

}  // namespace detail

/// Share of `examples`, in [0, 1], whose largest active output is that of their label; of equal outputs the first
/// counts. The model is a `PredictiveModel`, the examples are an `ExampleSource`. \throws InvalidArgument without
/// examples, for real targets, a model of one output, a batch size of 0, and, which names the example, a label that is
/// missing, not among the active outputs, or the only one; ShapeMismatch for examples that the model does not take;
/// NumericError, which names example and output, for an active output that is NaN or Inf.
template <class Model, class Examples, class Backend = backend::Serial>
double accuracy(Model& model, const Examples& examples, const Backend& backend = {}, std::size_t batch_size = 512) {
  static_assert(detail::require_predictive_model<Model>());
  static_assert(detail::require_example_source<Examples, typename Model::value_type>());
  static_assert(detail::require_backend<Backend>());
  return detail::share_right(model, examples, backend, batch_size, "accuracy");
}

/// One row of an accuracy matrix: the learner's accuracy on the test examples of every task of a stream.
/// \throws as `accuracy`, in the name of the task, before anything is computed for what is known by then; ShapeMismatch
/// for a stream that needs more outputs than the model has.
template <class Learner, class Stream>
std::vector<double> evaluate(Learner& learner, const Stream& stream) {
  auto& model = learner.model();
  if constexpr (requires { stream.outputs(); })
    if (stream.outputs() > model.outputs())
      detail::raise<ShapeMismatch>("evaluate: the stream needs " + std::to_string(stream.outputs()) +
                                   " outputs where the model has " + std::to_string(model.outputs()));
  const auto name_of = [](const auto& task) {
    if constexpr (requires { std::string(task.name); })
      return "accuracy on task '" + std::string(task.name) + "'";
    else
      return std::string("accuracy");
  };
  for (const auto& task : stream) detail::require_measurable(model, task.test, name_of(task));
  std::vector<double> row;
  for (const auto& task : stream)
    row.push_back(detail::share_right(model, task.test, learner.backend(), 512, name_of(task)));
  return row;
}

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
