// SPDX-License-Identifier: MIT
// A backend whose arrays lie in memory of its own, as those of an accelerator do. Here that memory is a pool inside the
// program, and the backend counts what is copied between the pool and the host.
#include <lifelong/lifelong.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace ll = lifelong;

// [array]
/// Values in the device's memory. A real one allocates there and copies there.
template <class T>
class DeviceArray {
 public:
  std::size_t size() const { return values_.size(); }
  T* data() { return values_.data(); }
  const T* data() const { return values_.data(); }
  void reserve(std::size_t count) { values_.reserve(count); }
  void resize(std::size_t count) { values_.resize(count); }  // new elements are 0

 private:
  std::vector<T> values_;
};
// [array]

// [backend]
struct Device {
  template <class T>
  using Array = DeviceArray<T>;

  std::size_t* copies;  // between the host and the device

  /// Calls the kernel for every i, on the device, and returns the sum of what it returned.
  template <class T, class Kernel>
  double sum(std::size_t count, const Kernel& kernel) const {
    double total = 0;
    for (std::size_t i = 0; i < count; ++i) total += static_cast<double>(kernel.template operator()<T>(i));
    return total;
  }
  /// Returns the largest of what it returned instead; NaN does not count.
  template <class T, class Kernel>
  T maximum(std::size_t count, const Kernel& kernel) const {
    T most = -std::numeric_limits<T>::infinity();
    for (std::size_t i = 0; i < count; ++i) most = ll::max(most, kernel.template operator()<T>(i));
    return most;
  }

  template <class T>
  void copy_in(std::span<const T> host, T* place) const {
    for (std::size_t i = 0; i < host.size(); ++i) place[i] = host[i];
    ++*copies;
  }
  template <class T>
  void copy_out(const T* place, std::span<T> host) const {
    for (std::size_t i = 0; i < host.size(); ++i) host[i] = place[i];
    ++*copies;
  }

  /// Work of the host, such as reading examples.
  std::size_t threads() const { return 1; }
  template <class Body>
  void parallel_for(std::size_t count, Body&& body) const {
    for (std::size_t i = 0; i < count; ++i) body(i);
  }
};
// [backend]

static_assert(ll::DeviceBackend<Device>);

/// ½ |θ - target|² for two parameters, which lie on the device, as its gradient does.
struct Bowl {
  using value_type = float;
  DeviceArray<float> theta = {};
  std::array<float, 2> target = {};

  Bowl() { theta.resize(2); }
  std::span<float> parameters() { return {theta.data(), theta.size()}; }
  void gradient(std::span<float> out) {  // a device would run this
    for (std::size_t i = 0; i < 2; ++i) out[i] = theta.data()[i] - target[i];
  }
};

int main() {
  std::size_t copies = 0;
  ll::Learner learner{Bowl{}, ll::importance::SynapticIntelligence{}, ll::penalty::Quadratic{.strength = 10},
                      ll::optimizer::Adam{.learning_rate = 0.01}, Device{&copies}};
  for (const auto& target : {std::array<float, 2>{1, 0}, std::array<float, 2>{0, 1}}) {
    learner.model().target = target;
    for (int step = 0; step < 500; ++step) {
      learner.model().gradient(learner.gradient());
      learner.step(learner.gradient());
    }
    learner.consolidate();
  }
  const std::size_t in_training = copies;
  std::array<float, 2> theta{};
  learner.copy_parameters(0, theta);
  std::printf("learned (1, 0), then (0, 1): parameters %.2f, %.2f; %zu copies in training, %zu to look at them\n",
              static_cast<double>(theta[0]), static_cast<double>(theta[1]), in_training, copies - in_training);
  return theta[0] > 0.5f && theta[1] > 0.9f && in_training == 0 ? 0 : 1;
}
