// SPDX-License-Identifier: MIT
// Gates that open and close single units, for each task others.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// y_i = a_i x_i: hard attention to the task (Serra et al. 2018). In training the gates are a_i = σ(s e_i) with the
/// slope s and the embedding e of the task that is learned; in evaluation they are the bits a_i = [e_i > 0] of the task
/// that is shown. The parameters are `embedding` {tasks, units}, one row for each task, of which e = `rate` times its
/// row is drawn from N(0, 1). `HatNetwork` sets slope and tasks; alone the layer learns and shows task 0 with the
/// largest slope.
///
/// The gradient of the embedding is that of a gate of slope 1, times the largest slope: ∂ℓ/∂a_i · s_max σ'(e_i), the
/// paper's compensation without its overflow. It is handed to the optimizer as that of the parameter, so that e moves
/// `rate` times as fast as a weight, whatever the optimizer. That is of use for optimizers such as Adam, whose steps
/// have the size of the learning rate. In evaluation a bit has no gradient, and neither has the embedding. Closed units
/// are exactly 0, whatever x is.
struct HardAttention {
  std::size_t tasks = 1;
  double max_slope = 400;  ///< s_max: the slope ends there, having begun at 1 / s_max
  double rate = 1;         ///< how many times as fast as a weight an embedding moves
  std::size_t units = 0;   ///< found by `connect`

  static constexpr bool in_place = true;

  [[nodiscard]] Shape expected() const { return {}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "HardAttention(tasks " + std::to_string(tasks) + ", max slope " + lifelong::detail::exact_text(max_slope) +
           ", rate " + lifelong::detail::exact_text(rate) + ")";
  }

  /// \throws InvalidArgument for 0 tasks, a slope outside [1, 2^20] or a rate outside [2^-20, 2^20]; ShapeMismatch
  /// unless the inputs are units: {units}.
  Shape connect(Shape in) {
    if (tasks == 0) lifelong::detail::raise<InvalidArgument>("HardAttention.tasks must be at least 1, but is 0");
    lifelong::detail::require_between("HardAttention.max_slope", max_slope, 1, 0x1p20);
    lifelong::detail::require_between("HardAttention.rate", rate, 0x1p-20, 0x1p20);
    if (in.rank() != 1)
      lifelong::detail::raise<ShapeMismatch>("HardAttention takes units, in one dimension, but is given " + in.text());
    units = in.size();
    return in;
  }

  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".embedding", {tasks, units}, BlockKind::other);
  }

  /// What is not learned, as numbers: the task whose gates train, the one whose gates are shown, and the slope.
  enum Buffer : std::size_t { learned, shown, slope, buffers };
  void declare_buffers(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".attention", {buffers}, BlockKind::other);
  }
  template <class T>
  void initialize_buffers(std::span<T> own) const {
    own[learned] = own[shown] = 0;
    own[slope] = static_cast<T>(max_slope);
  }
  /// The task that such a number says; 0 for one that is none.
  template <class T>
  [[nodiscard]] std::size_t task_of(T number) const {
    return number >= 0 && number < static_cast<T>(tasks) ? static_cast<std::size_t>(number) : 0;
  }

  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<T>(random.normal(first + i) / rate);
  }

  /// e.
  template <class T>
  [[nodiscard]] T embedding(T parameter) const {
    return static_cast<T>(rate) * parameter;
  }
  /// σ(s e).
  template <class T>
  [[nodiscard]] T gate(T s, T parameter) const {
    return T(1) / (T(1) + std::exp(-s * embedding(parameter)));
  }
  /// s_max σ'(e): what ∂ℓ/∂a is multiplied by.
  template <class T>
  [[nodiscard]] T compensated_slope(T parameter) const {
    const T small = std::exp(-std::abs(embedding(parameter)));  // never more than 1
    return static_cast<T>(max_slope) * small / ((T(1) + small) * (T(1) + small));
  }

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    detail::grow(flow.memory.array(0), units);
    T* gates = flow.memory.array(0).data();
    const bool trains = flow.mode == Mode::train;
    const T* own = flow.theta.data() + task_of(flow.buffers[trains ? learned : shown]) * units;
    for (std::size_t i = 0; i < units; ++i)
      gates[i] = trains ? gate(flow.buffers[slope], own[i]) : T(own[i] > 0 ? 1 : 0);
    multiply(backend, gates, x, y);
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T>, std::span<T> out) const {
    if (!out.empty()) {
      if (!pass.add && pass.first()) std::fill(out.begin(), out.end(), T(0));
      if (flow.mode == Mode::train) accumulate(backend, flow, x, Rows<const T>(dy), out);
    }
    multiply(backend, flow.memory.array(0).data(), Rows<const T>(dy), dy);
  }

 private:
  /// to = a · from, exactly 0 where a is 0.
  template <class T, class Backend>
  void multiply(const Backend& backend, const T* gates, Rows<const T> from, Rows<T> to) const {
    detail::for_each_range(backend, from.count, 8 * units, [&](std::size_t begin, std::size_t end) {
      for (std::size_t n = begin; n < end; ++n)
        detail::for_each_packet<T>(0, units, [&]<class V>(std::size_t i) {
          const V a = load<V>(gates, i);
          store<V>(to.data + n * units, i, where_positive(a, a * load<V>(from.data + n * units, i), V(T(0))));
        });
    });
  }

  /// The learned task's row of `out` += Σ_n dy x s_max σ'(e), in the order of the samples. There is no other moment:
  /// those of single samples are taken in evaluation.
  template <class T, class Backend>
  void accumulate(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<const T> dy,
                  std::span<T> out) const {
    detail::grow(flow.memory.array(1), units);
    T* slopes = flow.memory.array(1).data();
    const std::size_t row = task_of(flow.buffers[learned]) * units;
    for (std::size_t i = 0; i < units; ++i) slopes[i] = compensated_slope(flow.theta[row + i]);
    T* to = out.data() + row;
    detail::for_each_range(backend, units, 4 * x.count + 1, [&](std::size_t begin, std::size_t end) {
      detail::for_each_packet<T>(begin, end, [&]<class V>(std::size_t i) {
        V sum = load<V>(to, i);
        for (std::size_t n = 0; n < x.count; ++n)
          sum = sum + load<V>(dy.data + n * units, i) * load<V>(x.data + n * units, i) * load<V>(slopes, i);
        store<V>(to, i, sum);
      });
    });
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
