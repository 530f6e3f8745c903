// expect: the callback of fit returns nothing, or a FitSignal
// SPDX-License-Identifier: MIT
#include "parts.hpp"

int main() {
  parts::learner(parts::Model{}).fit(parts::Examples{}, {}, [](const lifelong::FitProgress& at) {
    return at.loss < 1;
  });
}
