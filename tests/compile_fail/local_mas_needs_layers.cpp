// expect: .*the model needs accumulate_local_moment
// SPDX-License-Identifier: MIT
#include "parts.hpp"

int main() { parts::learner(parts::Model{}, lifelong::importance::LocalMas{}).consolidate(parts::batches); }
