// SPDX-License-Identifier: MIT
// Metrics of a model on examples, and accuracies on the tasks of a stream.
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
#include <lifelong/evaluation/metric.hpp>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/loader.hpp>
#include <lifelong/stream/shape.hpp>

namespace lifelong {

namespace detail {

/// The metric that measures this model.
template <class M, class Model>
auto metric_for(const M& metric, Model& model) {
  if constexpr (requires { metric.of(model); })
    return metric.of(model);
  else
    return metric;
}

/// Checks all that is known before examples are read; `name` is what a message calls the metric. \throws
/// InvalidArgument where the metric says nothing, ShapeMismatch.
template <class M, class Model, class Examples>
void require_measurable(const M& metric, Model& model, const Examples& examples, const std::string& name) {
  if (examples.size() == 0) raise<InvalidArgument>(name + ": there are no examples");
  require_end(examples.size(), name);
  require_outputs(model.outputs());
  if constexpr (requires { metric.require(model, examples, name); }) metric.require(model, examples, name);
  require_shape(examples, model);
}

/// Checks the active outputs of a sample. \throws InvalidArgument for a range that the model does not have,
/// NumericError for an output that is not finite.
template <class T>
void require_finite_outputs(std::span<const T> outputs, const SampleContext<T>& sample, const std::string& name) {
  const OutputRange active = sample.active;
  if (active.first > outputs.size() || active.count > outputs.size() - active.first)
    raise<InvalidArgument>(name + ": the active outputs of " + example_of(sample) + " are " + text(active) +
                           " where the model has " + std::to_string(outputs.size()) + " outputs");
  const std::span<const T> row = outputs.subspan(active.first, active.count);
  const std::size_t bad = first_not_finite(row);
  if (bad < row.size())
    raise<NumericError>(name + ": output " + std::to_string(active.first + bad) + " of " + example_of(sample) + " is " +
                        text(static_cast<double>(row[bad])));
}

template <class M, class Model, class Examples, class Backend>
double measure(const M& what, Model& model, const Examples& examples, const Backend& backend, std::size_t batch_size,
               const std::string& name) {
  using T = typename Model::value_type;
  auto metric = metric_for(what, model);
  static_assert(Metric<decltype(metric), T>,
                "Metric: the metric needs add(outputs, sample, name) and value(name), which returns a double");
  require_measurable(metric, model, examples, name);
  BatchBuffer<T> buffer;
  const std::size_t outputs = model.outputs();
  AlignedVector<T> predicted;
  std::size_t samples = 0;
  for (const auto& batch : batches_for<Model>(examples, batch_size, buffer, backend)) {
    if (batch.size == 0) continue;
    with_memory([&] { predicted.resize(batch.size * outputs); },
                [&] {
                  return "the " + std::to_string(outputs) + " outputs of a batch of " + std::to_string(batch.size) +
                         " examples do not fit into memory";
                });
    model.predict(batch, std::span<T>(predicted));
    for (std::size_t n = 0; n < batch.size; ++n) {
      const std::span<const T> row = std::span<const T>(predicted).subspan(n * outputs, outputs);
      const SampleContext<T> sample = batch.context(n, outputs);
      require_finite_outputs(row, sample, name);
      metric.add(row, sample, name);
    }
    samples += batch.size;
  }
  if (samples == 0) raise<InvalidArgument>(name + ": all examples have the weight 0");
  return static_cast<double>(metric.value(name));
}

}  // namespace detail

/// A metric of a model on `examples`: `evaluate(model, test, metric::RSquared{})`. The examples are read in batches of
/// `batch_size`, on which the result does not depend; examples of weight 0 are not there. The model is a
/// `PredictiveModel`, the examples are an `ExampleSource`, the metric is one of `lifelong::metric` or a `Metric` of
/// your own. \throws InvalidArgument, in the name of the metric, where it says nothing: without examples, for labels
/// where it needs targets or the other way round, and what it throws itself; ShapeMismatch for examples that the model
/// does not take; NumericError, which names example and output, for an active output that is NaN or Inf.
template <class Model, class Examples, class M, class Backend = backend::Serial>
double evaluate(Model& model, const Examples& examples, const M& metric, const Backend& backend = {},
                std::size_t batch_size = 512) {
  static_assert(detail::require_predictive_model<Model>());
  static_assert(detail::require_example_source<Examples, typename Model::value_type>());
  static_assert(detail::require_backend<Backend>());
  std::string name = "the metric";
  if constexpr (requires { std::string(M::name); }) name = M::name;
  return detail::measure(metric, model, examples, backend, batch_size, name);
}

/// Share of `examples`, in [0, 1], whose largest active output is that of their label; of equal outputs the first
/// counts: `evaluate(model, examples, metric::Accuracy{})`. The model is a `PredictiveModel`, the examples are an
/// `ExampleSource`. \throws InvalidArgument without examples, for real targets, a model of one output, a batch size of
/// 0, and, which names the example, a label that is missing, not among the active outputs, or the only one;
/// ShapeMismatch for examples that the model does not take; NumericError, which names example and output, for an active
/// output that is NaN or Inf.
template <class Model, class Examples, class Backend = backend::Serial>
double accuracy(Model& model, const Examples& examples, const Backend& backend = {}, std::size_t batch_size = 512) {
  return evaluate(model, examples, metric::Accuracy{}, backend, batch_size);
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
  for (const auto& task : stream) detail::require_measurable(metric::Accuracy{}, model, task.test, name_of(task));
  std::vector<double> row;
  for (const auto& task : stream)
    row.push_back(detail::measure(metric::Accuracy{}, model, task.test, learner.backend(), 512, name_of(task)));
  return row;
}

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
