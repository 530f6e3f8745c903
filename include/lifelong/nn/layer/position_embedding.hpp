// SPDX-License-Identifier: MIT
// Learned positions.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
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

/// y_t = x_t + w_t: adds to each position of a sequence what was learned about that place, since attention by itself
/// does not see the order. It takes {up to `positions`, features}. The parameter is `weight` {positions, features},
/// drawn from a normal distribution of deviation 0.02, as GPT-2 does. A sample uses each row once, so m is applied to
/// dy_t.
struct PositionEmbedding {
  std::size_t positions = 0;  ///< the most that a sample may have
  std::size_t features = 0;
  std::size_t given = 0;  ///< per sample, found by `connect`

  static constexpr bool in_place = true;
  static constexpr Lengths lengths = Lengths::kept;

  [[nodiscard]] Shape expected() const { return {positions, features}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "PositionEmbedding(positions " + std::to_string(positions) + ", features " + std::to_string(features) + ")";
  }

  /// \throws InvalidArgument if a side is 0, ShapeMismatch unless given {at most `positions`, features}.
  Shape connect(Shape in) {
    const std::string name = "PositionEmbedding{" + std::to_string(positions) + ", " + std::to_string(features) + "}";
    if (positions == 0 || features == 0)
      lifelong::detail::raise<InvalidArgument>(name + " must have at least 1 position and 1 feature");
    if (in.rank() != 2 || in.last() != features || in[0] > positions)
      lifelong::detail::raise<ShapeMismatch>(name + " takes up to " + std::to_string(positions) + " positions x " +
                                             std::to_string(features) + " but is given " + in.text());
    given = in[0];
    return in;
  }

  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".weight", {positions, features}, BlockKind::embedding);
  }

  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<T>(0.02 * random.normal(first + i));
  }

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    const Sequences samples(flow, x, given);
    detail::for_each_range(backend, samples.count, 2 * given * features, [&](std::size_t begin, std::size_t end) {
      for (std::size_t n = begin; n < end; ++n) {
        const std::size_t first = samples.begin(n) * features;
        detail::for_each_packet<T>(0, samples.length(n) * features, [&]<class V>(std::size_t i) {
          store<V>(y.data + first, i, load<V>(x.data + first, i) + load<V>(flow.theta.data(), i));
        });
      }
    });
  }

  /// dx = dy, which lies there already.
  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T>, std::span<T> out) const {
    if (out.empty()) return;
    if (pass.first() && !pass.add) std::fill(out.begin(), out.end(), T(0));
    const Sequences samples(flow, x, given);
    detail::for_each_range(backend, given, 2 * samples.count * features + 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t t = begin; t < end; ++t)
        for (std::size_t n = 0; n < samples.count; ++n) {
          if (t >= samples.length(n)) continue;
          const T* d = dy.data + (samples.begin(n) + t) * features;
          detail::for_each_packet<T>(0, features, [&, to = out.data() + t * features]<class V>(std::size_t f) {
            store<V>(to, f, load<V>(to, f) + pass.moment(load<V>(d, f)));
          });
        }
    });
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
