// expect: PredictiveModel: the model needs outputs\(\)
#include "parts.hpp"

int main() {
  parts::Model model;
  return lifelong::accuracy(model, parts::Examples{}) > 0 ? 0 : 1;
}
