// expect: .*the model needs accumulate_local_moment
#include <lifelong/lifelong.hpp>

struct Model {
  using value_type = float;
  std::span<float> parameters() { return {}; }
  double gradient(const lifelong::Batch<float>&, std::span<float>) { return 0; }
};

int main() {
  lifelong::Learner learner{Model{}, lifelong::importance::LocalMas{}, lifelong::penalty::Quadratic{},
                            lifelong::optimizer::Sgd{}};
  learner.consolidate(std::vector<lifelong::Batch<float>>{});
}
