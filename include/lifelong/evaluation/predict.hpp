// SPDX-License-Identifier: MIT
// The outputs of a model for plain arrays of inputs.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>

namespace lifelong {

namespace detail {

/// The number of rows of `inputs()` values. \throws ShapeMismatch for an array that is not made of such rows.
template <class Model>
std::size_t rows_for(Model& model, std::size_t values) {
  static_assert(
      requires {
        { model.inputs() } -> std::convertible_to<std::size_t>;
      },
      "predict(model, inputs) cuts an array into rows: the model needs inputs(), the number of its inputs");
  const std::size_t width = model.inputs();
  if (width == 0 || values % width != 0)
    raise<ShapeMismatch>("predict: the array has " + std::to_string(values) + " inputs, not a multiple of the " +
                         std::to_string(width) + " that the model takes");
  return values / width;
}

}  // namespace detail

/// outputs = f(x_n; θ) for all rows x_n of `inputs`, both row-major: N x `model.inputs()` and N x `model.outputs()`
/// values. It is computed in chunks of `chunk` rows, so work arrays do not grow with N. The model is a
/// `PredictiveModel`.
/// \throws ShapeMismatch for an array of another length, NumericError for an input that is NaN or Inf, which names the
/// row, InvalidArgument for a chunk of 0; then nothing is written.
template <class Model>
void predict(Model& model, std::span<const typename Model::value_type> inputs,
             std::span<typename Model::value_type> outputs, std::size_t chunk = 512) {
  static_assert(detail::require_predictive_model<Model>());
  const std::size_t rows = detail::rows_for(model, inputs.size());
  const std::size_t width = model.inputs(), answers = model.outputs();
  if (chunk == 0) detail::raise<InvalidArgument>("predict: the chunk must be at least 1 row, but is 0");
  detail::require_rows("the array for the outputs", outputs.size(), rows, answers);
  const std::size_t bad = detail::first_not_finite(inputs);
  if (bad < inputs.size())
    detail::raise<NumericError>("predict: input " + std::to_string(bad % width) + " of row " +
                                std::to_string(bad / width) + " is " + detail::text(static_cast<double>(inputs[bad])));
  for (std::size_t first = 0; first < rows; first += chunk) {
    const std::size_t rest = rows - first, count = rest < chunk ? rest : chunk;
    Batch<typename Model::value_type> batch{count, width, inputs.subspan(first * width, count * width)};
    batch.first = first;
    model.predict(batch, outputs.subspan(first * answers, count * answers));
  }
}

/// The same as a new array. \throws OutOfMemory as well.
template <class Model>
[[nodiscard]] std::vector<typename Model::value_type> predict(Model& model,
                                                              std::span<const typename Model::value_type> inputs) {
  static_assert(detail::require_predictive_model<Model>());
  const std::size_t rows = detail::rows_for(model, inputs.size()), answers = model.outputs();
  std::vector<typename Model::value_type> outputs;
  const auto message = [&] {
    return "predict: " + std::to_string(rows) + " rows of " + std::to_string(answers) +
           " outputs do not fit into memory";
  };
  if (answers > 0 && rows > static_cast<std::size_t>(-1) / answers) detail::raise<OutOfMemory>(message());
  detail::with_memory([&] { outputs.resize(rows * answers); }, message);
  predict(model, inputs, std::span<typename Model::value_type>(outputs));
  return outputs;
}

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
