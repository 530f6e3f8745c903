// SPDX-License-Identifier: MIT
// An optimizer that is chosen when the program runs, so that a learner is compiled once for all of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <lifelong/io/safetensors.hpp>
#include <lifelong/lifelong.hpp>
#include <string>

#include "options.hpp"

namespace lab {

/// One of three optimizers; its steps are those of the one that it is, to the bit. A learner keeps two arrays for it,
/// as many as Adam needs. They are not counted where they are not used, and not saved when a run has ended.
struct AnyOptimizer {
  OptimizerKind kind;
  double learning_rate;

  static constexpr std::array<const char*, 2> arrays{"first_moment", "second_moment"};

  /// Calls `use(optimizer)` with the one that it is.
  template <class Use>
  auto chosen(const Use& use) const {
    switch (kind) {
      case OptimizerKind::sgd:
        return use(lifelong::optimizer::Sgd{.learning_rate = learning_rate});
      case OptimizerKind::momentum:
        return use(lifelong::optimizer::Momentum{.learning_rate = learning_rate});
      case OptimizerKind::adam:
        break;
    }
    return use(lifelong::optimizer::Adam{.learning_rate = learning_rate});
  }

  void validate() const {
    chosen([](const auto& optimizer) { optimizer.validate(); });
  }
  template <class T>
  void validate_as() const {
    chosen([](const auto& optimizer) { optimizer.template validate_as<T>(); });
  }
  [[nodiscard]] std::string recipe() const {
    return chosen([](const auto& optimizer) { return optimizer.recipe(); });
  }

  template <class T>
  struct Kernel {
    using Sgd = decltype(lifelong::optimizer::Sgd{}.kernel<T>({}, 0));
    using Momentum = decltype(lifelong::optimizer::Momentum{}.kernel<T>(std::array<T*, 1>{}, 0));
    using Adam = decltype(lifelong::optimizer::Adam{}.kernel<T>(std::array<T*, 2>{}, 0));

    OptimizerKind kind;
    Sgd sgd;
    Momentum momentum;
    Adam adam;

    template <class V>
    LIFELONG_HOST_DEVICE V step(std::size_t i, V theta, V gradient) const {
      if (kind == OptimizerKind::adam) return adam.step(i, theta, gradient);
      if (kind == OptimizerKind::momentum) return momentum.step(i, theta, gradient);
      return sgd.step(i, theta, gradient);
    }
    template <class V>
    LIFELONG_HOST_DEVICE V rate(std::size_t i) const {
      if (kind == OptimizerKind::adam) return adam.template rate<V>(i);
      if (kind == OptimizerKind::momentum) return momentum.template rate<V>(i);
      return sgd.template rate<V>(i);
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(const std::array<T*, 2>& pointers, std::uint64_t step) const {
    return {kind, lifelong::optimizer::Sgd{.learning_rate = learning_rate}.kernel<T>({}, step),
            lifelong::optimizer::Momentum{.learning_rate = learning_rate}.kernel<T>(std::array{pointers[0]}, step),
            lifelong::optimizer::Adam{.learning_rate = learning_rate}.kernel<T>(pointers, step)};
  }

  /// Arrays that a learner keeps for the others alone.
  [[nodiscard]] std::size_t unused_arrays() const {
    return chosen([]<class Optimizer>(const Optimizer&) {
      return arrays.size() - lifelong::detail::arrays_of<Optimizer>().size();
    });
  }

  /// A learner's checkpoint as one with the chosen optimizer itself would have it.
  [[nodiscard]] lifelong::io::Safetensors as_chosen(lifelong::io::Safetensors file) const {
    if (kind == OptimizerKind::adam) return file;
    const std::string prefix = "optimizer.", first = prefix + arrays[0] + ".";
    const auto tensors = file.tensors();
    for (const auto& [name, tensor] : tensors) {
      if (!name.starts_with(prefix)) continue;
      if (kind == OptimizerKind::momentum && name.starts_with(first))
        file.add<float>(prefix + "velocity." + name.substr(first.size()), tensor.shape, file.values<float>(name));
      file.remove(name);
    }
    lifelong::io::seal(file);
    return file;
  }
};

}  // namespace lab
