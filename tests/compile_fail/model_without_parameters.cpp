// expect: .*has_parameters
#include <lifelong/lifelong.hpp>

struct Model {
  using value_type = float;
  double gradient(const lifelong::Batch<float>&, std::span<float>) { return 0; }
};

int main() {
  lifelong::Learner<Model, lifelong::importance::Fisher, lifelong::penalty::Quadratic, lifelong::optimizer::Sgd>*
      learner = nullptr;
  return learner == nullptr ? 0 : 1;
}
