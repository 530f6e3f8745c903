// expect: OutputFunctional: the functional needs cotangent\(k, row, sample, delta\) const
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Functional {
  std::size_t cotangents(std::size_t outputs) const { return outputs; }
  template <class T>
  void prepare(std::span<T>, const lifelong::SampleContext<T>&) const {}
};

struct Predictive : parts::Model {
  std::size_t outputs() const { return 1; }
  void predict(const lifelong::Batch<float>&, std::span<float>) {}
  void pullback(const lifelong::Batch<float>&, std::span<const float>, std::span<float>) {}
};

struct Importance {
  lifelong::importance::Merge merge = lifelong::importance::Merge::sum();
  void validate() const {}
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    estimation.add(model, batch, Functional{}, lifelong::moment::Square{});
  }
};

int main() {
  lifelong::Learner learner{Predictive{}, Importance{}, lifelong::penalty::Quadratic{}, lifelong::optimizer::Sgd{}};
  learner.consolidate(parts::batches);
}
