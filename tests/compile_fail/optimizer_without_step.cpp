// expect: .*has_step
#include <lifelong/lifelong.hpp>

struct Model {
  using value_type = float;
  std::span<float> parameters() { return {}; }
  double gradient(const lifelong::Batch<float>&, std::span<float>) { return 0; }
};
struct Optimizer {
  struct View {};
  void validate() const {}
  template <class T>
  View view(std::array<T*, 0>, std::uint64_t) const {
    return {};
  }
};

int main() {
  lifelong::Learner<Model, lifelong::importance::Fisher, lifelong::penalty::Quadratic, Optimizer>* learner = nullptr;
  return learner == nullptr ? 0 : 1;
}
