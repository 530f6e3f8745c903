// SPDX-License-Identifier: MIT
// The arithmetic of a training step as array libraries do it: one pass over the parameters per operation.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>
#include <lifelong/optimizer/adam.hpp>
#include <lifelong/optimizer/momentum.hpp>
#include <lifelong/penalty/quadratic.hpp>

namespace lifelong::benchmarks {

/// Calls `operation(i)` for every packet of `count` parameters, a multiple of the packet's size.
template <class Operation>
void pass(std::size_t count, Operation operation) {
  for (std::size_t i = 0; i < count; i += lane_count<Packet<float>>) operation(i);
}

inline Packet<float> at(const float* data, std::size_t i) { return load<Packet<float>>(data, i); }

/// What autograd and an optimizer of PyTorch do for L + λ/2 Σ Ω (θ - θ*)², with every temporary allocated beforehand
/// and every pass vectorised. The comments count the arrays that a pass reads and writes.
template <class Optimizer, class Penalty, class Importance>
class OpByOp {
 public:
  OpByOp(std::span<const float> theta, std::span<const float> gradient, std::span<const float> importance,
         std::span<const float> anchor, Optimizer optimizer, Penalty penalty)
      : optimizer_(std::move(optimizer)),
        penalty_(std::move(penalty)),
        count_(theta.size()),
        g_(gradient.data()),
        omega_(importance.data()),
        anchor_(anchor.data()),
        theta_(theta.begin(), theta.end()) {
    if (penalised) grow(difference_, power_, product_);
    grow(first_);
    if (adam) grow(second_, denominator_);
    if (path_integral) {
      grow(path_, product_, power_);
      before_.assign(theta.begin(), theta.end());
    }
  }

  void step() {
    const float* total = g_;
    if constexpr (penalised) {
      penalty_value_ = forward();
      backward();
      total = product_.data();
    }
    ++steps_;
    if constexpr (adam)
      adam_step(total);
    else
      momentum_step(total);
    if constexpr (path_integral) integrate();
  }

  [[nodiscard]] std::span<const float> parameters() const { return theta_; }
  [[nodiscard]] double penalty_value() const { return penalty_value_; }

 private:
  static constexpr bool penalised = std::is_same_v<Penalty, penalty::Quadratic>;
  static constexpr bool adam = std::is_same_v<Optimizer, optimizer::Adam>;
  static constexpr bool path_integral = std::is_same_v<Importance, importance::SynapticIntelligence>;
  using V = Packet<float>;

  template <class... Arrays>
  void grow(Arrays&... arrays) {
    (arrays.resize(count_), ...);
  }

  /// 9 arrays.
  double forward() {
    pass(count_, [w = theta_.data(), a = anchor_, d = difference_.data()](std::size_t i) {
      store(d, i, at(w, i) - at(a, i));  // 3
    });
    pass(count_, [d = difference_.data(), p = power_.data()](std::size_t i) {
      store(p, i, at(d, i) * at(d, i));  // 2
    });
    pass(count_, [o = omega_, p = power_.data(), r = product_.data()](std::size_t i) {
      store(r, i, at(o, i) * at(p, i));  // 3
    });
    V sum(0.0f);
    pass(count_, [r = product_.data(), &sum](std::size_t i) { sum = sum + at(r, i); });  // 1
    return penalty_.strength / 2 * static_cast<double>(lifelong::sum(sum));
  }

  /// 12 arrays; leaves the sum of task and penalty gradient in `product_`.
  void backward() {
    pass(count_, [half = V(static_cast<float>(penalty_.strength / 2)), o = omega_, r = product_.data()](std::size_t i) {
      store(r, i, half * at(o, i));
    });                                                                                                   // 2
    pass(count_, [d = difference_.data(), p = power_.data()](std::size_t i) { store(p, i, at(d, i)); });  // 2
    pass(count_, [p = power_.data()](std::size_t i) { store(p, i, V(2.0f) * at(p, i)); });                // 2
    pass(count_, [p = power_.data(), r = product_.data()](std::size_t i) {
      store(r, i, at(r, i) * at(p, i));  // 3
    });
    pass(count_, [g = g_, r = product_.data()](std::size_t i) { store(r, i, at(r, i) + at(g, i)); });  // 3
  }

  /// 8 arrays.
  void momentum_step(const float* total) {
    if constexpr (!adam) {
      pass(count_, [mu = V(static_cast<float>(optimizer_.momentum)), v = first_.data()](std::size_t i) {
        store(v, i, mu * at(v, i));  // 2
      });
      pass(count_, [v = first_.data(), total](std::size_t i) { store(v, i, at(v, i) + at(total, i)); });  // 3
      pass(count_, [rate = V(static_cast<float>(optimizer_.learning_rate)), w = theta_.data(),
                    v = first_.data()](std::size_t i) { store(w, i, at(w, i) - rate * at(v, i)); });  // 3
    }
  }

  /// 20 arrays.
  void adam_step(const float* total) {
    if constexpr (adam) {
      const double t = static_cast<double>(steps_);
      const V rate(static_cast<float>(optimizer_.learning_rate / (1 - std::pow(optimizer_.beta1, t))));
      const V root_scale(static_cast<float>(1 / std::sqrt(1 - std::pow(optimizer_.beta2, t))));
      const V beta1(static_cast<float>(optimizer_.beta1)), rest1(static_cast<float>(1 - optimizer_.beta1));
      const V beta2(static_cast<float>(optimizer_.beta2)), rest2(static_cast<float>(1 - optimizer_.beta2));
      const V epsilon(static_cast<float>(optimizer_.epsilon));
      float *const m = first_.data(), *const v = second_.data(), *const d = denominator_.data(), *w = theta_.data();
      pass(count_, [=](std::size_t i) { store(m, i, beta1 * at(m, i)); });                                // 2
      pass(count_, [=](std::size_t i) { store(m, i, at(m, i) + rest1 * at(total, i)); });                 // 3
      pass(count_, [=](std::size_t i) { store(v, i, beta2 * at(v, i)); });                                // 2
      pass(count_, [=](std::size_t i) { store(v, i, at(v, i) + rest2 * at(total, i) * at(total, i)); });  // 3
      pass(count_, [=](std::size_t i) { store(d, i, sqrt(at(v, i))); });                                  // 2
      pass(count_, [=](std::size_t i) { store(d, i, root_scale * at(d, i)); });                           // 2
      pass(count_, [=](std::size_t i) { store(d, i, at(d, i) + epsilon); });                              // 2
      pass(count_, [=](std::size_t i) { store(w, i, at(w, i) - rate * at(m, i) / at(d, i)); });           // 4
    }
  }

  /// 13 arrays: path ← path - g (θ - θ before), θ before ← θ.
  void integrate() {
    float *const d = difference_.data(), *const n = power_.data(), *const r = product_.data();
    float *const path = path_.data(), *const before = before_.data();
    const float *const w = theta_.data(), *const g = g_;
    pass(count_, [=](std::size_t i) { store(d, i, at(w, i) - at(before, i)); });   // 3
    pass(count_, [=](std::size_t i) { store(n, i, -at(g, i)); });                  // 2
    pass(count_, [=](std::size_t i) { store(r, i, at(n, i) * at(d, i)); });        // 3
    pass(count_, [=](std::size_t i) { store(path, i, at(path, i) + at(r, i)); });  // 3
    pass(count_, [=](std::size_t i) { store(before, i, at(w, i)); });              // 2
  }

  Optimizer optimizer_;
  Penalty penalty_;
  std::size_t count_;
  const float* g_;
  const float* omega_;
  const float* anchor_;
  AlignedVector<float> theta_, difference_, power_, product_, first_, second_, denominator_, path_, before_;
  std::uint64_t steps_ = 0;
  double penalty_value_ = 0;
};

}  // namespace lifelong::benchmarks
