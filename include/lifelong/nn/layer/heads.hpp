// SPDX-License-Identifier: MIT
// Several linear heads on the same inputs. Heads are added when classes arrive.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// `Heads{256, {2, 2, 3}}`: one `Linear` of 256 inputs per entry, with their outputs side by side. A task uses the
/// `OutputRange` of its head, or of several heads at once. Blocks are named `0.weight`, `0.bias`, `1.weight`, ...
/// behind the layer's own number. As the last layer with parameters it can grow (`Network::grow`). The new head's
/// parameters come after all others, so that old ones keep their places. A network that grew has the parameters of one
/// that was made with all heads from the same seed.
struct Heads {
  std::size_t in = 0;
  std::vector<std::size_t> widths;  ///< outputs of each head

  static constexpr bool in_place = false;

  [[nodiscard]] Shape expected() const { return {in}; }

  /// The settings in a line; the outputs of the heads are `2+2+3`.
  [[nodiscard]] std::string recipe() const {
    std::string line = "Heads(in " + std::to_string(in) + ", out ";
    for (std::size_t h = 0; h < widths.size(); ++h) line += (h == 0 ? "" : "+") + std::to_string(widths[h]);
    return line + ")";
  }

  /// \throws InvalidArgument without heads, for an empty one or for 2^32 outputs or more, ShapeMismatch unless it is
  /// given {in}.
  Shape connect(Shape given) {
    if (widths.empty()) lifelong::detail::raise<InvalidArgument>("Heads must have at least one head");
    std::size_t room = 0xFFFFFFFF;  // `OutputRange` has 32 bits
    for (const std::size_t width : widths) {
      Linear{in, width}.connect(Shape{in});
      if (width > room) lifelong::detail::raise<InvalidArgument>("Heads have more than 2^32 - 1 outputs");
      room -= width;
    }
    if (given != Shape{in})
      lifelong::detail::raise<ShapeMismatch>("Heads take " + std::to_string(in) + " inputs but are given " +
                                             given.text());
    return {outputs()};
  }

  /// Adds a head. \throws InvalidArgument for 0 outputs.
  void grow(std::size_t outputs) {
    Linear{in, outputs}.connect(Shape{in});
    widths.push_back(outputs);
  }

  /// The outputs of head h.
  [[nodiscard]] OutputRange range(std::size_t h) const {
    std::size_t first = 0;
    for (std::size_t k = 0; k < h; ++k) first += widths[k];
    return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(widths[h])};
  }

  void declare(Layout& layout, const std::string& prefix) const {
    for (std::size_t h = 0; h < widths.size(); ++h)
      Linear{in, widths[h]}.declare(layout, (prefix.empty() ? "" : prefix + ".") + std::to_string(h));
  }

  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    for_each_head([&](const Head& head) {
      head.linear.initialize(own.subspan(head.offset, head.size), random, first + head.offset);
    });
  }

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    flow.memory.resize_children(widths.size());
    for_each_head([&](const Head& head) {
      const Rows<T> own = slice(flow, x.count, head);
      head.linear.forward(backend, flow_of(flow, head), x, own);
      for (std::size_t n = 0; n < x.count; ++n) std::copy_n(own.row(n).data(), own.width, y.row(n).data() + head.first);
    });
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T> out) const {
    detail::grow(flow.memory.array(1), dx.data == nullptr ? 0 : dx.size());
    for_each_head([&](const Head& head) {
      const Rows<T> own = slice(flow, x.count, head);
      for (std::size_t n = 0; n < x.count; ++n)
        std::copy_n(dy.row(n).data() + head.first, own.width, own.row(n).data());
      Rows<T> part = dx;
      if (dx.data != nullptr && head.number > 0) part.data = flow.memory.array(1).data();
      head.linear.backward(backend, pass, flow_of(flow, head), x, Rows<const T>(own), own, part,
                           out.empty() ? out : out.subspan(head.offset, head.size));
      if (part.data != dx.data)
        detail::for_each_element<T>(backend, dx.size(), [to = dx.data, from = part.data]<class V>(std::size_t i) {
          store<V>(to, i, load<V>(to, i) + load<V>(from, i));
        });
    });
  }

 private:
  struct Head {
    Linear linear;
    std::size_t number;
    std::size_t first;         ///< of its outputs
    std::size_t offset, size;  ///< of its parameters
  };

  [[nodiscard]] std::size_t outputs() const {
    std::size_t total = 0;
    for (const std::size_t width : widths) total += width;
    return total;
  }

  template <class Visit>
  void for_each_head(const Visit& visit) const {
    std::size_t first = 0, offset = 0;
    for (std::size_t h = 0; h < widths.size(); ++h) {
      const std::size_t size = (in + 1) * widths[h];
      visit(Head{Linear{in, widths[h]}, h, first, offset, size});
      first += widths[h];
      offset += size;
    }
  }

  template <class T>
  static Flow<T> flow_of(const Flow<T>& flow, const Head& head) {
    return {flow.theta.subspan(head.offset, head.size),
            {},
            flow.memory.child(head.number),
            flow.scratch,
            flow.mode,
            flow.random,
            flow.first_draw};
  }

  /// Room for one head's outputs or their gradient.
  template <class T>
  static Rows<T> slice(const Flow<T>& flow, std::size_t samples, const Head& head) {
    detail::grow(flow.memory.array(0), samples * head.linear.out);
    return {flow.memory.array(0).data(), samples, head.linear.out};
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
