// expect: GrowingModel: the model needs grow\(outputs\)
// SPDX-License-Identifier: MIT
#include "parts.hpp"

int main() { parts::learner().grow(2); }
