// SPDX-License-Identifier: MIT
// The mean over the positions of a sequence, for a classifier.
#pragma once

#include <lifelong/config/push_macros.hpp>

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

/// Maps {positions, features} to {features}, the mean over each sample's positions. Padding does not count.
struct MeanPosition {
  std::size_t positions = 0;  ///< per sample, found by `connect`

  static constexpr bool in_place = false;
  static constexpr Lengths lengths = Lengths::ended;

  [[nodiscard]] Shape expected() const { return {}; }
  [[nodiscard]] std::string recipe() const { return "MeanPosition()"; }

  /// \throws ShapeMismatch unless given {positions, features}.
  Shape connect(Shape in) {
    if (in.rank() != 2 || in.size() == 0)
      lifelong::detail::raise<ShapeMismatch>("MeanPosition takes positions x features but is given " + in.text());
    positions = in[0];
    return {in.last()};
  }

  void declare(Layout&, const std::string&) const {}
  template <class T>
  void initialize(std::span<T>, const Random&, std::uint64_t) const {}

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    const Sequences samples(flow, x, positions);
    for_each_sample(backend, samples, y.width, [&](std::size_t n) {
      const T share = T(1) / static_cast<T>(samples.length(n));
      detail::for_each_packet<T>(0, y.width, [&]<class V>(std::size_t f) {
        V sum(T(0));
        for (std::size_t r = samples.begin(n); r < samples.end(n); ++r) sum = sum + load<V>(x.data + r * y.width, f);
        store<V>(y.row(n).data(), f, V(share) * sum);
      });
    });
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>&, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T>) const {
    if (dx.data == nullptr) return;
    const Sequences samples(flow, x, positions);
    for_each_sample(backend, samples, dy.width, [&](std::size_t n) {
      const T share = T(1) / static_cast<T>(samples.length(n));
      for (std::size_t r = samples.begin(n); r < samples.end(n); ++r)
        detail::for_each_packet<T>(0, dy.width, [&]<class V>(std::size_t f) {
          store<V>(dx.data + r * dy.width, f, V(share) * load<V>(dy.row(n).data(), f));
        });
    });
  }

 private:
  template <class Backend, class Body>
  void for_each_sample(const Backend& backend, const Sequences& samples, std::size_t features, const Body& body) const {
    detail::for_each_range(backend, samples.count, 2 * positions * features, [&](std::size_t begin, std::size_t end) {
      for (std::size_t n = begin; n < end; ++n) body(n);
    });
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
