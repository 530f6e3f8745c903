// expect: .*the model needs accumulate_moment
// SPDX-License-Identifier: MIT
#include "parts.hpp"

int main() { parts::learner(parts::Model{}, lifelong::importance::Mas{}).consolidate(parts::batches); }
