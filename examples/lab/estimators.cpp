// SPDX-License-Identifier: MIT
#include "estimators.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>
#include <lifelong/lifelong.hpp>

#include "text.hpp"

namespace lab {

namespace {

using namespace lifelong::importance;
using Settings = EstimatorSettings;

enum Uses : unsigned { nothing = 0, labels = 1, batches = 2, seed = 4, draws = 8, slices = 16 };

template <class T, class Make>
Estimate<T> estimate_of(Make make) {
  return [=](const Settings& settings, Model<T>& model, const SampleBatches<T>& samples, std::span<T> out) {
    const auto importance = make(settings);
    lifelong::importance::estimate(importance, model, samples, out, model.backend());
    return importance.recipe();
  };
}

/// An estimator from `make(settings)`, which returns an importance policy.
template <class Make>
Estimator entry(const char* name, unsigned uses, const char* description, Make make) {
  return {.name = name,
          .description = description,
          .labels = (uses & labels) != 0,
          .batches = (uses & batches) != 0,
          .random = (uses & seed) != 0,
          .draws = (uses & draws) != 0,
          .slices = (uses & slices) != 0,
          .in_float = estimate_of<float>(make),
          .in_double = estimate_of<double>(make)};
}

}  // namespace

const std::vector<Estimator>& estimators() {
  static const std::vector<Estimator> table{
      entry("fisher", nothing, "Fisher information, exact expectation over the model's labels (EWC)",
            [](const Settings&) { return Fisher{}; }),
      entry("fisher-sampled", seed | draws, "the same over labels drawn from the model, --draws per sample",
            [](const Settings& s) { return Fisher{.labels = Labels::sampled, .seed = s.seed, .draws = s.draws}; }),
      entry("fisher-predicted", nothing, "the same with the most likely label",
            [](const Settings&) { return Fisher{.labels = Labels::predicted}; }),
      entry("fisher-empirical", labels, "the same with the given label",
            [](const Settings&) { return Fisher{.labels = Labels::empirical}; }),
      entry("fisher-batch", labels | batches, "square of each batch's mean gradient, as most libraries have it",
            [](const Settings&) { return BatchFisher{}; }),
      entry("gauss-newton", nothing, "Gauss-Newton diagonal of the cross-entropy",
            [](const Settings&) { return GaussNewton{}; }),
      entry("ewc-dr", labels, "empirical Fisher with reversed logits (EWC-DR)",
            [](const Settings&) { return ReversedFisher{}; }),
      entry("mas", nothing, "absolute gradient of |f|^2, sample by sample (Memory Aware Synapses)",
            [](const Settings&) { return Mas{}; }),
      entry("mas-norm", nothing, "the same of |f|", [](const Settings&) { return Mas{.norm = MasNorm::plain}; }),
      entry("mas-mean", nothing, "the same of the mean over the outputs of f^2",
            [](const Settings&) { return Mas{.norm = MasNorm::mean}; }),
      entry("mas-local", nothing, "the same of each layer by itself (Hebbian)",
            [](const Settings&) { return LocalMas{}; }),
      entry("mas-batch", batches, "absolute value of each batch's mean gradient of |f|^2, as MAS's own code",
            [](const Settings&) { return BatchMas{}; }),
      entry("scp", seed | slices, "Sliced Cramer Preservation with --slices random directions",
            [](const Settings& s) { return Scp{.slices = s.slices, .seed = s.seed}; }),
      entry("scp-limit", nothing, "the same for infinitely many directions",
            [](const Settings&) { return ScpLimit{}; }),
  };
  return table;
}

const Estimator& estimator_called(const std::string& name) {
  std::vector<std::string> names;
  for (const Estimator& estimator : estimators()) {
    if (estimator.name == name) return estimator;
    names.push_back(estimator.name);
  }
  throw lifelong::InvalidArgument(fmt::format("there is no estimator '{}', only {}", name, joined(names)));
}

}  // namespace lab
