// SPDX-License-Identifier: MIT
// Rows of one's own: docs/benchmarking.md is cut from here.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <lifelong/lifelong.hpp>

#include "importance.hpp"
#include "step.hpp"
#include "suite.hpp"

namespace ll = lifelong;

// [importance]
/// Ω_i = 1/N Σ_n | ∂/∂θ_i ‖f(x_n)‖ |: an importance of one's own.
struct OutputLength {
  ll::importance::Merge merge = ll::importance::Merge::sum();

  void validate() const { merge.validate(); }

  template <class Model, class Batch, class Estimation>
  void estimate(Model& model, const Batch& batch, Estimation& estimation) const {
    const ll::importance::OutputNorm functional{ll::importance::MasNorm::plain};
    estimation.add(model, batch, functional, ll::moment::Absolute{});
  }
};
// [importance]

// [optimizer]
/// θ ← θ - η sign(g): an optimizer of one's own.
struct SignDescent {
  double learning_rate = 1e-5;

  void validate() const {}

  template <class T>
  struct Kernel {
    T rate;

    template <class V>
    LIFELONG_HOST_DEVICE V step(std::size_t, V theta, V gradient) const {
      return theta - ll::where_positive(gradient, V(rate), V(-rate));
    }
  };

  template <class T>
  Kernel<T> kernel(std::array<T*, 0>, std::uint64_t) const {
    return {static_cast<T>(learning_rate)};
  }
};
// [optimizer]

// [main]
int main(int argc, char** argv) {
  ll::benchmarks::Suite suite(argc, argv);
  ll::benchmarks::importance(suite, "output length", OutputLength{});
  ll::benchmarks::step(suite, "ewc+sign descent", SignDescent{}, ll::penalty::Quadratic{});
  return suite.run();
}
// [main]
