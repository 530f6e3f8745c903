// expect: .*the model needs loss_function\(\)
// SPDX-License-Identifier: MIT
#include "parts.hpp"

int main() { parts::learner(parts::Model{}, lifelong::importance::GaussNewton{}).consolidate(parts::batches); }
