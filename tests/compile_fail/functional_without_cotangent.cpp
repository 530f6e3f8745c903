// expect: OutputFunctional: the functional needs cotangent\(k, row, sample, delta\) const
#include "parts.hpp"

struct Functional {
  std::size_t cotangents(std::size_t outputs) const { return outputs; }
  template <class T>
  void prepare(std::span<T>, const lifelong::SampleContext<T>&) const {}
};

int main() {
  parts::Model model;
  lifelong::importance::mean_moment(model, parts::batches, Functional{}, lifelong::moment::Square{}, {});
}
