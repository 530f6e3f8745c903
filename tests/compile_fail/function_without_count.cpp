// expect: SeparableFunction: the function needs NumFunctions\(\)
// SPDX-License-Identifier: MIT
#include <lifelong/adapter/ensmallen.hpp>

struct Matrix {
  using elem_type = double;
  Matrix(double*, std::size_t, std::size_t, bool, bool) {}
  double* memptr() { return nullptr; }
  std::size_t n_rows = 0, n_cols = 0;
};
struct Function {};

int main() {
  Function function;
  Matrix parameters(nullptr, 0, 0, false, true);
  lifelong::adapter::separable(function, parameters);
}
