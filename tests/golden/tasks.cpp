// SPDX-License-Identifier: MIT
// The tasks that golden runs learn.
#include "golden.hpp"

namespace golden {

Task make_task(std::uint64_t number, std::size_t features, std::size_t samples, std::size_t classes) {
  const ll::Random noise(number), choice(number, ll::Purpose::user, 1);
  std::vector<float> inputs;
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < samples; ++n) {
    labels.push_back(static_cast<std::int32_t>((number + choice.below(n, classes)) % 4));
    for (std::size_t k = 0; k < features; ++k)
      inputs.push_back(static_cast<float>(noise.normal(n * features + k)) +
                       (static_cast<std::int32_t>(k % 4) == labels.back() ? 1.5F : 0.0F));
  }
  return {std::move(inputs), std::move(labels), {features}};
}

Tasks make_tasks(std::uint64_t count, std::size_t features, std::size_t samples) {
  Tasks tasks;
  for (std::uint64_t number = 0; number < count; ++number) tasks.push_back(make_task(number, features, samples));
  return tasks;
}

const Tasks& small_tasks() {
  static const Tasks tasks = make_tasks(3, 6);
  return tasks;
}

}  // namespace golden
