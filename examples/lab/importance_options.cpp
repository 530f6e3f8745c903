// SPDX-License-Identifier: MIT
#include "importance_options.hpp"

#include <fmt/format.h>

#include <limits>
#include <thread>

#include "arguments.hpp"
#include "text.hpp"

namespace lab {

namespace {

using lifelong::InvalidArgument;
using lifelong::nn::Activation;

const Names<Activation> activation_names{{"relu", Activation::relu},
                                         {"tanh", Activation::tanh},
                                         {"sigmoid", Activation::sigmoid},
                                         {"gelu", Activation::gelu}};

std::string estimators_help() {
  std::string text = "Estimators (l: needs --labels, b: depends on --batch-size):\n";
  for (const Estimator& estimator : estimators())
    text += fmt::format("  {:<17}{:<5}{}\n", estimator.name,
                        fmt::format("{}{}", estimator.labels ? "l" : " ", estimator.batches ? "b" : ""),
                        estimator.description);
  return text +
         "\nThe output has the names, shapes and type of the model's tensors, and how it was made as its metadata:\n"
         "  importance = safetensors.torch.load_file(\"OUT.safetensors\")\n"
         "docs/pytorch.md shows the whole way from PyTorch and back.";
}

std::vector<Activation> chosen_activations(const std::string& text) {
  std::vector<Activation> chosen;
  if (text.empty()) return chosen;
  for (const std::string& name : split_list(text)) chosen.push_back(value_of(activation_names, "--activation", name));
  return chosen;
}

/// The estimators that have a setting.
std::string estimators_with(bool Estimator::*setting) {
  std::vector<std::string> names;
  for (const Estimator& estimator : estimators())
    if (estimator.*setting) names.push_back(estimator.name);
  return joined(names);
}

/// \throws InvalidArgument if an option is given that the estimator does not look at.
void require_used(const Estimator& estimator, const char* option, const std::string& text, bool Estimator::*setting) {
  if (!text.empty() && !(estimator.*setting))
    throw InvalidArgument(
        fmt::format("{} is no setting of {}, only of {}", option, estimator.name, estimators_with(setting)));
}

EstimatorSettings chosen_settings(const ImportanceArguments& arguments, const Estimator& estimator) {
  require_used(estimator, "--seed", arguments.seed, &Estimator::random);
  require_used(estimator, "--draws", arguments.draws, &Estimator::draws);
  require_used(estimator, "--slices", arguments.slices, &Estimator::slices);
  constexpr std::uint64_t most = 1'000'000;
  EstimatorSettings settings;
  if (!arguments.seed.empty()) settings.seed = whole_number("--seed", arguments.seed);
  if (!arguments.draws.empty())
    settings.draws = static_cast<std::uint32_t>(whole_number("--draws", arguments.draws, 1, most));
  if (!arguments.slices.empty()) settings.slices = whole_number("--slices", arguments.slices, 1, most);
  return settings;
}

}  // namespace

void describe_importance(CLI::App& app, ImportanceArguments& arguments) {
  app.option_defaults()->group("What is looked at");
  add(app, "--model", arguments.model, "FILE", "Safetensors file: a state_dict")->required();
  add(app, "--architecture", arguments.architecture, "FILE",
      "JSON file: the layers, by their names in the state_dict\n(not needed for an MLP, or if the model's metadata has "
      "it)");
  add(app, "--activation", arguments.activation, "A[,A...]",
      "Of an MLP, behind each hidden layer: relu, tanh, sigmoid or\ngelu; one for all of them, or a list with one "
      "each");
  add(app, "--features", arguments.features, "FILE", "NPY file: samples x inputs, float32 or float64")->required();
  add(app, "--labels", arguments.labels, "FILE", "NPY file: one class per sample, a whole number from 0;\nN or N x 1");
  add(app, "--samples", arguments.samples, "N", "Look at the first N samples only [all]");

  app.option_defaults()->group("How");
  add(app, "--estimator", arguments.estimator, "NAME", "What is estimated, see below");
  add(app, "--batch-size", arguments.batch_size, "N", "Samples at a time, in order; the last batch may be shorter");
  add(app, "--seed", arguments.seed, "N", fmt::format("Of what is drawn: {} [0]", estimators_with(&Estimator::random)));
  add(app, "--draws", arguments.draws, "N", fmt::format("Labels drawn per sample: fisher-sampled [1]"));
  add(app, "--slices", arguments.slices, "N", fmt::format("Random directions: scp [100]"));
  add(app, "--threads", arguments.threads, "N", "Threads [all processors]; results do not depend on it");

  app.option_defaults()->group("Where");
  add(app, "--output", arguments.output, "FILE", "Safetensors file to be written")->required();
  app.footer("\n" + estimators_help());
}

ImportanceOptions resolved(const ImportanceArguments& arguments) {
  constexpr std::size_t most = 1'000'000'000;
  const Estimator& estimator = estimator_called(arguments.estimator);
  if (estimator.labels && arguments.labels.empty())
    throw InvalidArgument(fmt::format("{} needs --labels", estimator.name));
  if (arguments.output.empty()) throw InvalidArgument("--output names no file");
  const auto processors = std::max(1U, std::thread::hardware_concurrency());
  return {.model = arguments.model,
          .architecture = arguments.architecture.empty() ? std::nullopt : std::optional(arguments.architecture),
          .activations = chosen_activations(arguments.activation),
          .features = arguments.features,
          .labels = arguments.labels.empty() ? std::nullopt : std::optional(arguments.labels),
          .estimator = &estimator,
          .settings = chosen_settings(arguments, estimator),
          .batch_size = whole_number("--batch-size", arguments.batch_size, 1, most),
          .samples = arguments.samples.empty() ? std::nullopt
                                               : std::optional(whole_number("--samples", arguments.samples, 1, most)),
          .threads = arguments.threads.empty()
                         ? static_cast<int>(processors)
                         : static_cast<int>(whole_number("--threads", arguments.threads, 1, 1024)),
          .output = arguments.output};
}

}  // namespace lab
