// SPDX-License-Identifier: MIT
// The machine of a trial, by default: the processor.
#pragma once

#include <lifelong/backend/openmp.hpp>
#include <utility>
#include "interrupt.hpp"
#include "network.hpp"
#include "trial.hpp"

namespace lab {

/// Network, backend and examples of a trial on the processor.
class OnProcessor {
 public:
  explicit OnProcessor(const Trial& trial) : trial_(trial) {}

  /// The network of the trial, its parameters drawn from the seed.
  [[nodiscard]] Network network() const {
    ConnectedLayers all = layers_of(trial_.options, trial_.stream);
    return {all.input, std::move(all.layers), trial_.seed, backend()};
  }
  [[nodiscard]] lifelong::backend::OpenMP backend() const { return {trial_.options.threads}; }

  /// Examples as the learner is to read them.
  template <class Source>
  [[nodiscard]] Interruptible<Source> examples(const Source& source) const {
    return Interruptible<Source>(source);
  }

 private:
  const Trial& trial_;
};

}  // namespace lab
