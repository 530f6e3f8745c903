// expect: .*the model needs loss_function\(\)
#include "parts.hpp"

int main() { parts::learner(parts::Model{}, lifelong::importance::GaussNewton{}).consolidate(parts::batches); }
