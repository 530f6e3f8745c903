// SPDX-License-Identifier: MIT
// Parts that lack nothing, for programs in which one other part does.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <lifelong/lifelong.hpp>

namespace parts {

/// A model with parameters and a gradient, and nothing else.
struct Model {
  using value_type = float;
  std::span<float> parameters() { return {}; }
  double gradient(const lifelong::Batch<float>&, std::span<float>) { return 0; }
};

struct Examples {
  std::size_t size() const { return 1; }
  std::size_t features() const { return 1; }
  std::size_t targets() const { return 0; }
  void read(std::size_t, lifelong::ExampleRow<float>) const {}
};

/// A learner of a model and the simplest of policies.
template <class Model = parts::Model, class Importance = lifelong::importance::Constant,
          class Penalty = lifelong::penalty::Quadratic, class Optimizer = lifelong::optimizer::Sgd,
          class Backend = lifelong::backend::Serial>
auto learner(Model model = {}, Importance importance = {}, Penalty penalty = {}, Optimizer optimizer = {},
             Backend backend = {}) {
  return lifelong::Learner{model, importance, penalty, optimizer, backend};
}

inline const std::vector<lifelong::Batch<float>> batches;

}  // namespace parts
