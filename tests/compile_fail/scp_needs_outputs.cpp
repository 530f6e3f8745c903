// expect: .*the model needs outputs\(\)
#include "parts.hpp"

int main() { parts::learner(parts::Model{}, lifelong::importance::Scp{}).consolidate(parts::batches); }
