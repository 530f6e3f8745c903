// expect: GrowingModel: the model needs grow\(outputs\)
#include "parts.hpp"

int main() { parts::learner().grow(2); }
