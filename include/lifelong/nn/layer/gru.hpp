// SPDX-License-Identifier: MIT
// The gated recurrent unit.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>

#include <lifelong/core/packet.hpp>
#include <lifelong/nn/layer/recurrent.hpp>
#include <lifelong/nn/product/parallel.hpp>

namespace lifelong::nn {

/// With a_x = W_ih x_t + b_ih and a_h = W_hh h_{t-1} + b_hh, each in three parts r, z, n:
///   r = σ(a_xr + a_hr),  z = σ(a_xz + a_hz),  n = tanh(a_xn + r ∘ a_hn),  h_t = (1 - z) ∘ n + z ∘ h_{t-1}.
/// This is Cho 2014 with the reset gate behind the product, as in PyTorch and cuDNN.
struct GruCell {
  static constexpr const char* name = "Gru";
  static constexpr std::size_t gates = 3;
  static constexpr std::size_t kept = 1;  ///< a_hn
  static constexpr bool shares_deltas = false;

  template <class T>
  static void forward(const CellStep<T>& step, const T* recurrent, T* h) {
    const auto part = [&](auto* values, std::size_t k) { return detail::part_of(values, k, step.hidden); };
    auto r = part(step.gates, 0), z = part(step.gates, 1), n = part(step.gates, 2);
    r = detail::logistic(r + part(recurrent, 0));
    z = detail::logistic(z + part(recurrent, 1));
    n = (n + r * part(recurrent, 2)).tanh();
    part(step.kept, 0) = part(recurrent, 2);
    part(h, 0) = (T(1) - z) * n + z * part(step.before, 0);
  }

  template <class T>
  static void backward(const CellStep<T>& step, T* dh, T*, T* d, T* e) {
    const std::size_t hidden = step.hidden;
    detail::for_each_packet<T>(0, hidden, [&]<class V>(std::size_t j) {
      const std::size_t at_z = j + hidden, at_n = j + 2 * hidden;
      const V r = load<V>(step.gates, j), z = load<V>(step.gates, at_z), n = load<V>(step.gates, at_n);
      const V one = V(T(1)), from_h = load<V>(dh, j);
      const V of_n = from_h * (one - z) * (one - n * n);
      const V of_z = from_h * (load<V>(step.before, j) - n) * z * (one - z);
      const V of_r = of_n * load<V>(step.kept, j) * r * (one - r);
      store<V>(d, j, of_r), store<V>(d, at_z, of_z), store<V>(d, at_n, of_n);
      store<V>(e, j, of_r), store<V>(e, at_z, of_z), store<V>(e, at_n, of_n * r);
      store<V>(dh, j, from_h * z);
    });
  }
};

/// `Gru{in, hidden}`: PyTorch's `GRU(in, hidden, batch_first=True)`, with the gates in the order r, z, n; see
/// `Recurrent`.
using Gru = Recurrent<GruCell>;

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
