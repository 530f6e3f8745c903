// SPDX-License-Identifier: MIT
#include "importance_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <lifelong/io/npy.hpp>
#include <lifelong/version.hpp>
#include <limits>
#include <type_traits>
#include <utility>

#include "files.hpp"
#include "samples.hpp"
#include "state_dict.hpp"
#include "text.hpp"

namespace lab {

namespace {

using lifelong::FormatError;
using lifelong::InvalidArgument;
using lifelong::ShapeMismatch;
using lifelong::io::NpyArray;
using lifelong::nn::Activation;
using lifelong::nn::AnyLayer;

/// One for each hidden layer.
std::vector<Activation> activations_for(const StateDict& state, const ImportanceOptions& options) {
  const std::size_t hidden = state.layers.size() - 1;
  if (hidden > 0 && options.activations.empty())
    throw InvalidArgument(fmt::format(
        "'{}' has {} hidden layers: say with --activation what stands behind them (relu, tanh, sigmoid or gelu)",
        options.model, hidden));
  if (options.activations.size() <= 1)
    return std::vector<Activation>(hidden, hidden == 0 ? Activation::relu : options.activations.front());
  if (options.activations.size() != hidden)
    throw InvalidArgument(fmt::format("--activation lists {}, but '{}' has {} hidden layers",
                                      options.activations.size(), options.model, hidden));
  return options.activations;
}

std::vector<AnyLayer> layers_of(const StateDict& state, const std::vector<Activation>& activations) {
  std::vector<AnyLayer> layers;
  for (std::size_t l = 0; l < state.layers.size(); ++l) {
    if (l > 0) layers.push_back(lifelong::nn::activation_layer(activations[l - 1]));
    layers.push_back(lifelong::nn::Linear{state.layers[l].in, state.layers[l].out});
  }
  return layers;
}

/// `mlp 784-256-10, relu, F32`
std::string model_text(const StateDict& state, const std::vector<Activation>& activations) {
  std::string text = fmt::format("mlp {}", state.inputs());
  for (const LinearTensors& layer : state.layers) text += fmt::format("-{}", layer.out);
  std::vector<std::string> names;
  for (const Activation activation : activations) names.push_back(name_of(activation));
  const bool same = std::equal(names.begin() + (names.empty() ? 0 : 1), names.end(), names.begin());
  if (same && !names.empty()) names.resize(1);
  return text + (names.empty() ? "" : ", " + joined(names, " ")) + ", " + state.dtype;
}

/// How many of the samples in a file are asked for.
std::size_t wanted(const NpyArray& features, const std::optional<std::size_t>& samples) {
  const std::size_t present = features.shape.empty() ? 0 : features.shape[0];
  if (present == 0) throw FormatError(fmt::format("'{}' has no samples", features.name));
  if (samples && *samples > present)
    throw InvalidArgument(fmt::format("--samples {} are more than the {} in '{}'", *samples, present, features.name));
  return samples.value_or(present);
}

template <class T>
void require_finite(const std::vector<T>& features, std::size_t width, const std::string& file) {
  for (std::size_t i = 0; i < features.size(); ++i)
    if (!std::isfinite(features[i]))
      throw lifelong::NumericError(
          fmt::format("feature {} of sample {} in '{}' is {}", i % width, i / width, file, features[i]));
}

/// The first samples of an array of floats, in the model's precision; all axes but the first are the features.
template <class T>
std::vector<T> read_features(const ImportanceOptions& options, const StateDict& state) {
  const NpyArray array = lifelong::io::read_npy(options.features);
  if (array.dtype != "<f4" && array.dtype != "<f8")
    throw FormatError(fmt::format("'{}' holds {}, but features must be float32 or float64, scaled as in training",
                                  array.name, array.dtype));
  const std::size_t samples = wanted(array, options.samples);
  const std::size_t width = *lifelong::detail::checked_product(std::span(array.shape).subspan(1));
  if (width != state.inputs())
    throw ShapeMismatch(fmt::format("'{}' has {} features per sample ({}), but {}.weight of '{}' takes {}", array.name,
                                    width, lifelong::detail::shape_text(array.shape), state.layers.front().name,
                                    options.model, state.inputs()));
  std::vector<T> features;
  array.visit([&](const auto& values) {
    features.reserve(samples * width);
    for (std::size_t i = 0; i < samples * width; ++i) features.push_back(static_cast<T>(values[i]));
  });
  require_finite(features, width, array.name);
  return features;
}

std::vector<std::int32_t> read_labels(const ImportanceOptions& options, const StateDict& state, std::size_t samples) {
  if (!options.labels) return {};
  const NpyArray array = lifelong::io::read_npy(*options.labels);
  if (array.shape.size() != 1)
    throw FormatError(fmt::format("'{}' is {}, but labels must be one class per sample", array.name,
                                  array.shape.empty() ? "a single value" : lifelong::detail::shape_text(array.shape)));
  if (array.shape[0] < samples || (array.shape[0] > samples && !options.samples))
    throw ShapeMismatch(fmt::format("'{}' has {} labels for {} samples", array.name, array.shape[0], samples));
  std::vector<std::int32_t> labels;
  array.visit([&]<class V>(const std::vector<V>& values) {
    if constexpr (!std::is_integral_v<V>)
      throw FormatError(fmt::format("'{}' holds {}, but labels must be whole numbers", array.name, array.dtype));
    for (std::size_t i = 0; i < samples; ++i) {
      if (!(values[i] >= V(0)) || static_cast<std::uint64_t>(values[i]) >= state.outputs())
        throw InvalidArgument(fmt::format("label {} of sample {} in '{}' is none of the {} outputs, which count from 0",
                                          values[i], i, array.name, state.outputs()));
      labels.push_back(static_cast<std::int32_t>(values[i]));
    }
  });
  return labels;
}

/// Refuses before the work what could not be written after it.
void require_writable(const std::string& output) {
  const std::filesystem::path path(output);
  if (std::filesystem::is_directory(path))
    throw lifelong::FileError(fmt::format("cannot write '{}': it is a folder", output));
  lifelong::io::io_detail::AtomicFile probe(output);
}

/// Mean and largest importance of every tensor.
template <class T>
std::string summary(const StateDict& state, std::span<const T> values) {
  std::string text;
  const auto line = [&](const std::string& name, std::size_t count) {
    double total = 0, most = 0;
    for (const T value : values.first(count)) {
      total += static_cast<double>(value);
      most = std::max(most, static_cast<double>(value));
    }
    text += fmt::format("  {:<12} mean {:<10.3g} largest {:.3g}\n", name, total / static_cast<double>(count), most);
  };
  for (const LinearTensors& layer : state.layers) {
    line(layer.name + ".weight", layer.weights());
    values = values.subspan(layer.weights());
    if (layer.bias) line(layer.name + ".bias", layer.out);
    values = values.subspan(layer.out);
  }
  return text;
}

template <class T>
void require_finite_result(const std::vector<T>& importances, const Estimator& estimator) {
  for (const T value : importances)
    if (!std::isfinite(value))
      throw lifelong::NumericError(fmt::format("{} does not fit into {}: an importance is {}", estimator.name,
                                               sizeof(T) == 4 ? "F32" : "F64", value));
}

/// Returns how it was done.
template <class T>
std::string estimate(Mlp<T>& model, const Samples<T>& samples, const ImportanceOptions& options, std::span<T> out) {
  ImportanceProgress progress(options.estimator->name, samples.features.size() / samples.width);
  const SampleSource<T> source(samples, progress);
  lifelong::BatchBuffer<T> buffer;
  const lifelong::backend::Serial reader;
  const SampleBatches<T> batches(source, options.batch_size, buffer, reader);
  return options.estimator->in<T>()(options.settings, model, batches, out);
}

template <class T>
void estimate_in(const StateDict& state, const ImportanceOptions& options) {
  const Estimator& estimator = *options.estimator;
  const std::vector<Activation> activations = activations_for(state, options);
  const std::vector<T> parameters = parameters_of<T>(state);
  Samples<T> samples;
  samples.width = state.inputs();
  samples.features = read_features<T>(options, state);
  const std::size_t count = samples.features.size() / samples.width;
  samples.labels = read_labels(options, state, count);
  require_writable(options.output);

  const std::string what = fmt::format("{} of {} on {} samples", estimator.name, model_text(state, activations), count);
  fmt::print(stderr, "{}\n", what);
  const auto start = std::chrono::steady_clock::now();
  Mlp<T> model(layers_of(state, activations), 0, lifelong::backend::OpenMP{options.threads});
  std::copy(parameters.begin(), parameters.end(), model.parameters().begin());
  std::vector<T> importances(parameters.size());
  const std::string recipe = estimate(model, samples, options, std::span<T>(importances));
  require_finite_result(importances, estimator);

  std::map<std::string, std::string> metadata{{"estimator", estimator.name},
                                              {"samples", std::to_string(count)},
                                              {"recipe", recipe},
                                              {"model", model_text(state, activations)},
                                              {"made_by", "lifelong " LIFELONG_VERSION_STRING}};
  if (estimator.batches) metadata.emplace("batch_size", std::to_string(options.batch_size));
  write_like<T>(state, importances, metadata, options.output);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print("{}, {}\n{}Importances: {}\n", what, duration(seconds.count()), summary<T>(state, importances),
             options.output);
}

}  // namespace

void estimate_importance(const ImportanceOptions& options) {
  const StateDict state = read_state_dict(options.model);
  try {
    if (state.dtype == "F32")
      estimate_in<float>(state, options);
    else
      estimate_in<double>(state, options);
  } catch (const Interrupted&) {
    fmt::print(stderr, "interrupted: nothing is written\n");
    throw;
  }
}

}  // namespace lab
