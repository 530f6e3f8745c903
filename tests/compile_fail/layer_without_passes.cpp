// expect: Layer: the layer needs forward\(backend, flow, x, y\) const and backward
// SPDX-License-Identifier: MIT
#include <lifelong/nn.hpp>

struct Twice {
  static constexpr bool in_place = false;
  lifelong::nn::Shape expected() const { return {}; }
  lifelong::nn::Shape connect(lifelong::nn::Shape in) { return in; }
  void declare(lifelong::Layout&, const std::string&) const {}
  template <class T>
  void initialize(std::span<T>, const lifelong::Random&, std::uint64_t) const {}
};

int main() { lifelong::nn::sequential<float>(lifelong::nn::Linear{2, 2}, Twice{}); }
