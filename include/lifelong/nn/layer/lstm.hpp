// SPDX-License-Identifier: MIT
// The long short-term memory.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>

#include <lifelong/core/packet.hpp>
#include <lifelong/nn/layer/recurrent.hpp>
#include <lifelong/nn/product/parallel.hpp>

namespace lifelong::nn {

/// With a = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh in four parts i, f, g, o:
///   i, f, o = σ(a_i), σ(a_f), σ(a_o),  g = tanh(a_g),  c_t = f ∘ c_{t-1} + i ∘ g,  h_t = o ∘ tanh(c_t),  c_0 = 0.
/// This is Hochreiter and Schmidhuber 1997 with the forget gate of Gers 2000 and without peepholes.
struct LstmCell {
  static constexpr const char* name = "Lstm";
  static constexpr std::size_t gates = 4;
  static constexpr std::size_t kept = 2;  ///< c_t, tanh(c_t)
  static constexpr bool shares_deltas = true;

  template <class T>
  static void forward(const CellStep<T>& step, const T* recurrent, T* h) {
    const auto part = [&](auto* values, std::size_t k) { return detail::part_of(values, k, step.hidden); };
    auto i = part(step.gates, 0), f = part(step.gates, 1), g = part(step.gates, 2), o = part(step.gates, 3);
    auto c = part(step.kept, 0), squashed = part(step.kept, 1);
    i = detail::logistic(i + part(recurrent, 0));
    f = detail::logistic(f + part(recurrent, 1));
    g = (g + part(recurrent, 2)).tanh();
    o = detail::logistic(o + part(recurrent, 3));
    c = f * part(step.kept_before, 0) + i * g;
    squashed = c.tanh();
    part(h, 0) = o * squashed;
  }

  /// The backward step, which carries ∂/∂c_t.
  template <class T>
  static void backward(const CellStep<T>& step, T* dh, T* dc, T* d, T*) {
    const std::size_t hidden = step.hidden;
    detail::for_each_packet<T>(0, hidden, [&]<class V>(std::size_t j) {
      const std::size_t at_f = j + hidden, at_g = j + 2 * hidden, at_o = j + 3 * hidden;
      const V i = load<V>(step.gates, j), f = load<V>(step.gates, at_f);
      const V g = load<V>(step.gates, at_g), o = load<V>(step.gates, at_o);
      const V one = V(T(1)), from_h = load<V>(dh, j), squashed = load<V>(step.kept, j + hidden);
      const V from_c = load<V>(dc, j) + from_h * o * (one - squashed * squashed);
      store<V>(d, j, from_c * g * i * (one - i));
      store<V>(d, at_f, from_c * load<V>(step.kept_before, j) * f * (one - f));
      store<V>(d, at_g, from_c * i * (one - g * g));
      store<V>(d, at_o, from_h * squashed * o * (one - o));
      store<V>(dc, j, from_c * f);
      store<V>(dh, j, V(T(0)));
    });
  }
};

/// `Lstm{in, hidden}`: PyTorch's `LSTM(in, hidden, batch_first=True)`, with the gates in the order i, f, g, o; see
/// `Recurrent`.
using Lstm = Recurrent<LstmCell>;

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
