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

#include "architecture.hpp"
#include "blueprint.hpp"
#include "files.hpp"
#include "mlp.hpp"
#include "samples.hpp"
#include "state_dict.hpp"
#include "text.hpp"

namespace lab {

namespace {

using lifelong::FormatError;
using lifelong::InvalidArgument;
using lifelong::ShapeMismatch;
using lifelong::io::NpyArray;

/// What the command line says, else what the file says, else what can be told of an MLP.
Architecture architecture_of(const StateDict& state, const ImportanceOptions& options) {
  const auto own = state.file.metadata().find("lifelong.architecture");
  const bool brought = own != state.file.metadata().end();
  if (!options.architecture && !brought) return mlp_architecture(state, options.activations);
  if (!options.activations.empty())
    throw InvalidArgument("--activation is for state_dicts without an architecture, which says what stands where");
  if (options.architecture) return read_architecture(*options.architecture);
  return parse_architecture(own->second, fmt::format("lifelong.architecture of {}", options.model));
}

/// `Linear(in 784, out 10), ReLU(), ...`
std::string recipe_of(const std::vector<AnyLayer>& layers) {
  std::vector<std::string> recipes;
  for (const AnyLayer& layer : layers)
    recipes.push_back(std::visit([](const auto& own) { return own.recipe(); }, layer));
  return joined(recipes);
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
std::vector<T> read_features(const ImportanceOptions& options, lifelong::nn::Shape input) {
  const NpyArray array = lifelong::io::read_npy(options.features);
  if (array.dtype != "<f4" && array.dtype != "<f8")
    throw FormatError(fmt::format("'{}' holds {}, but features must be float32 or float64, scaled as in training",
                                  array.name, array.dtype));
  const std::size_t samples = wanted(array, options.samples);
  const std::size_t width = *lifelong::detail::checked_product(std::span(array.shape).subspan(1));
  if (width != input.size())
    throw ShapeMismatch(fmt::format("'{}' has {} features per sample ({}), but '{}' takes {}", array.name, width,
                                    lifelong::detail::shape_text(array.shape), options.model, input.text()));
  std::vector<T> features;
  array.visit([&](const auto& values) {
    features.reserve(samples * width);
    for (std::size_t i = 0; i < samples * width; ++i) features.push_back(static_cast<T>(values[i]));
  });
  require_finite(features, width, array.name);
  return features;
}

std::vector<std::int32_t> read_labels(const ImportanceOptions& options, std::size_t outputs, std::size_t samples) {
  if (!options.labels) return {};
  const NpyArray array = lifelong::io::read_npy(*options.labels);
  if (array.shape.size() != 1 && !(array.shape.size() == 2 && array.shape[1] == 1))
    throw FormatError(fmt::format("'{}' is {}, but labels must be one class per sample", array.name,
                                  array.shape.empty() ? "a single value" : lifelong::detail::shape_text(array.shape)));
  if (array.shape[0] < samples || (array.shape[0] > samples && !options.samples))
    throw ShapeMismatch(fmt::format("'{}' has {} labels for {} samples", array.name, array.shape[0], samples));
  std::vector<std::int32_t> labels;
  array.visit([&]<class V>(const std::vector<V>& values) {
    if constexpr (!std::is_integral_v<V>)
      throw FormatError(fmt::format("'{}' holds {}, but labels must be whole numbers", array.name, array.dtype));
    for (std::size_t i = 0; i < samples; ++i) {
      if (!(values[i] >= V(0)) || static_cast<std::uint64_t>(values[i]) >= outputs)
        throw InvalidArgument(fmt::format("label {} of sample {} in '{}' is none of the {} outputs, which count from 0",
                                          values[i], i, array.name, outputs));
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
std::string summary(const StateDict& state, const lifelong::Layout& layout, std::span<const T> values) {
  std::string text;
  for (const lifelong::Block& block : layout.blocks()) {
    if (!state.file.contains(block.name)) continue;
    double total = 0, most = 0;
    for (const T value : values.subspan(block.offset, block.size)) {
      total += static_cast<double>(value);
      most = std::max(most, static_cast<double>(value));
    }
    text += fmt::format("  {:<14} mean {:<10.3g} largest {:.3g}\n", lifelong::io::io_detail::in_quotes(block.name),
                        total / static_cast<double>(block.size), most);
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
std::string estimate(Model<T>& model, const Samples<T>& samples, const ImportanceOptions& options, std::span<T> out) {
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
  const Blueprint blueprint = blueprint_of(state, architecture_of(state, options));
  const std::vector<T> parameters = values_of<T>(state, blueprint.parameters);
  const std::vector<T> buffers = values_of<T>(state, blueprint.buffers);
  Samples<T> samples;
  samples.width = blueprint.input.size();
  samples.features = read_features<T>(options, blueprint.input);
  const std::size_t count = samples.features.size() / samples.width;
  samples.labels = read_labels(options, blueprint.output.size(), count);
  require_writable(options.output);

  const std::string what =
      fmt::format("{} of {} parameters, {}, on {} samples", estimator.name, parameters.size(), state.dtype, count);
  fmt::print(stderr, "{}\n", what);
  const auto start = std::chrono::steady_clock::now();
  Model<T> model(blueprint.input, blueprint.layers, 0, lifelong::backend::OpenMP{options.threads});
  std::copy(parameters.begin(), parameters.end(), model.parameters().begin());
  std::copy(buffers.begin(), buffers.end(), model.buffers().begin());
  std::vector<T> importances(parameters.size());
  const std::string recipe = estimate(model, samples, options, std::span<T>(importances));
  require_finite_result(importances, estimator);

  std::map<std::string, std::string> metadata{{"estimator", estimator.name},
                                              {"samples", std::to_string(count)},
                                              {"recipe", recipe},
                                              {"model", recipe_of(blueprint.layers)},
                                              {"made_by", "lifelong " LIFELONG_VERSION_STRING}};
  if (estimator.batches) metadata.emplace("batch_size", std::to_string(options.batch_size));
  write_like<T>(state, blueprint.parameters, importances, metadata, options.output);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print("{}, {}\n{}Importances: {}\n", what, duration(seconds.count()),
             summary<T>(state, blueprint.parameters, importances), options.output);
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
