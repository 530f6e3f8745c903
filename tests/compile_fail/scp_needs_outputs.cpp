// expect: .*the model needs outputs\(\)
// SPDX-License-Identifier: MIT
#include "parts.hpp"

int main() { parts::learner(parts::Model{}, lifelong::importance::Scp{}).consolidate(parts::batches); }
