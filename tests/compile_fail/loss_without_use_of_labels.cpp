// expect: LossPolicy: the loss needs uses_labels
// SPDX-License-Identifier: MIT
#include <lifelong/nn.hpp>

struct Loss {
  template <class T>
  double differentiate(std::span<T>, const lifelong::SampleContext<T>&) const {
    return 0;
  }
};

int main() { lifelong::nn::mlp<float>({2, 2}, {}, lifelong::backend::Serial{}, Loss{}); }
