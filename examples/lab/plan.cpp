// SPDX-License-Identifier: MIT
#include "plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <lifelong/version.hpp>
#include <tuple>
#include <variant>

#include "layers.hpp"
#include "streams.hpp"
#include "text.hpp"

namespace lab {

namespace {

std::string kind_text(const Options& options) {
  switch (options.stream) {
    case StreamKind::rotated:
      return options.degrees ? fmt::format("rotated by {:g} degrees each", *options.degrees) : "rotated at random";
    case StreamKind::noisy:
      return fmt::format("noisy up to {:g}", options.noise);
    case StreamKind::label_shift:
      return fmt::format("label-shift {:g}", options.shift);
    case StreamKind::permuted:
    case StreamKind::split:
    case StreamKind::sets:
      break;
  }
  return name_of(options.stream);
}

std::string stream_text(const Options& options) {
  std::string text = kind_text(options);
  if (options.blur > 0) text += fmt::format(", blurred by {:g}", options.blur);
  if (options.random_order) text += ", in random order";
  if (options.order) {
    text += ", in the order";
    for (const std::size_t task : *options.order) text += fmt::format(" {}", task + 1);
  }
  return text;
}

template <class T>
std::size_t index_of(const std::vector<T>& all, const T& one) {
  return static_cast<std::size_t>(std::find(all.begin(), all.end(), one) - all.begin());
}

}  // namespace

std::vector<Planned> planned_runs(const Options& options) {
  std::vector<Planned> runs;
  for (const std::uint64_t seed : options.seeds)
    for (const std::string& name : options.methods) {
      const Method& method = method_called(name, options.machine);
      runs.push_back({&method, seed, settings_of(method, options)});
    }
  return runs;
}

std::vector<Planned> planned_runs(const Options& options, const std::vector<double>& strengths) {
  std::vector<Planned> runs;
  for (Planned& run : planned_runs(options))
    for (const double strength : strengths) {
      run.settings["strength"] = strength;
      runs.push_back(run);
    }
  return runs;
}

void sort_as_planned(std::vector<RunResult>& runs, const Options& options) {
  std::ranges::stable_sort(runs, {}, [&](const RunResult& run) {
    return std::tuple(index_of(options.seeds, run.seed), index_of(options.methods, run.method), run.strength);
  });
}

std::string model_text(const Options& options, const Stream& stream) {
  if (options.network) {
    const ConnectedLayers all = layers_of(options, stream);
    std::vector<std::string> layers;
    for (const Layer& layer : all.layers)
      layers.push_back(std::visit([](const auto& own) { return own.recipe(); }, layer));
    return fmt::format("network of {}: {}; float", all.input.word(), joined(layers));
  }
  std::string widths = fmt::format("{}", stream.features());
  for (const std::size_t width : options.hidden) widths += fmt::format("-{}", width);
  const std::string where = options.machine == Machine::cpu ? "" : fmt::format(", on {}", name_of(options.machine));
  return fmt::format("mlp {}-{}, ReLU, float{}", widths, stream.outputs(), where);
}

std::string recipe(const Method& method, const Trial& trial) {
  const Options& options = trial.options;
  std::string settings;
  for (const Setting& setting : method.settings)
    settings += fmt::format(", {} {:g}", setting.name, trial[setting.name.c_str()]);
  if (method.needs.memory) settings += fmt::format(", memory {} examples", options.memory);
  if (method.needs.memory && options.memory_batch) settings += fmt::format(", {} in a step", *options.memory_batch);
  const std::string falling = options.final_rate < 1 ? fmt::format(" falling to {:g}", options.final_rate) : "";
  const std::string samples = options.train_samples ? fmt::format("{}", *options.train_samples) : "all";
  return fmt::format(
      "{} ({}){}; {} {}, {}-incremental, {} tasks, {} training samples each; {}; {}, learning rate {:g}{}, state {} at "
      "a "
      "new task; epochs {}, batch size {}; seed {}; lifelong {}",
      method.name, method.description, settings, stream_text(options), options.dataset, name_of(options.scenario),
      options.tasks, samples, model_text(options, trial.stream), name_of(options.optimizer), options.learning_rate,
      falling, options.optimizer_state == lifelong::OptimizerState::keep ? "kept" : "reset", options.epochs,
      options.batch_size, trial.seed, LIFELONG_VERSION_STRING);
}

}  // namespace lab
