// SPDX-License-Identifier: MIT
// Perceptrons side by side, each of which also reads what the ones before it have learned.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/activation.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/layer/normalization.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// Progressive columns (Rusu et al. 2016): column k is a perceptron of these widths, and its layer i > 0 has a lateral
/// input from all columns before it,
///
///     h_i^k = f(W h_{i-1}^k + b + U relu(V [α_0 h_{i-1}^0, ..., α_{k-1} h_{i-1}^{k-1}] + c) + d),
///
/// where f is ReLU, and the identity in the last layer. In training the outputs are those of the last column, in
/// evaluation those of the column that is shown (`ProgressiveNetwork::select`). Gradients are those of that column's
/// parameters; the columns before it count as constants, and `ProgressiveNetwork` freezes them.
///
/// The parameters of column k follow those of column k-1: for each layer i `k.i.weight`, `k.i.bias`, and for k, i > 0
/// `k.i.scale` α {k}, drawn from U(0, 1), `k.i.adapter.weight` V {in, k · in} and `.bias` c, `k.i.lateral.weight` U
/// {out, in} and `.bias` d. A new column adds about in · (out + k · in) parameters for a layer's laterals, so they grow
/// with the square of the number of tasks. Each pass computes all columns up to the one it is for. It has to be the
/// first layer with parameters, because the gradient of its inputs is not computed.
struct Columns {
  std::vector<std::size_t> widths;  ///< of the inputs, the hidden layers and the outputs
  std::size_t count = 1;            ///< of columns

  static constexpr bool in_place = false;

  [[nodiscard]] Shape expected() const { return widths.empty() ? Shape{} : Shape{widths.front()}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    std::string line = "Columns(widths";
    for (const std::size_t width : widths) line += " " + std::to_string(width);
    return line + ", columns " + std::to_string(count) + ")";
  }

  /// \throws InvalidArgument unless there are at least two widths and one column, ShapeMismatch for other inputs.
  Shape connect(Shape given) {
    if (widths.size() < 2 || count == 0)
      lifelong::detail::raise<InvalidArgument>("Columns need at least 2 widths and 1 column, but have " +
                                               std::to_string(widths.size()) + " and " + std::to_string(count));
    Shape shape = given;
    for (std::size_t i = 0; i < layers(); ++i) shape = main(i).connect(shape);
    return shape;
  }

  /// Adds a column. \throws InvalidArgument unless it has as many outputs as the others.
  void grow(std::size_t outputs) {
    if (outputs != widths.back())
      lifelong::detail::raise<InvalidArgument>("every column has " + std::to_string(widths.back()) +
                                               " outputs, so none can be added with " + std::to_string(outputs));
    ++count;
  }

  void declare(Layout& layout, const std::string& prefix) const {
    for (std::size_t k = 0; k < count; ++k)
      for (std::size_t i = 0; i < layers(); ++i) {
        const std::string name = (prefix.empty() ? "" : prefix + ".") + std::to_string(k) + "." + std::to_string(i);
        main(i).declare(layout, name);
        if (!has_lateral(k, i)) continue;
        layout.add(name + ".scale", {k}, BlockKind::other);
        adapter(k, i).declare(layout, name + ".adapter");
        main(i).declare(layout, name + ".lateral");
      }
  }
  /// The column that is shown in evaluation, as a number.
  void declare_buffers(Layout& layout, const std::string& prefix) const { layout.add(prefix + ".shown", {1}); }
  template <class T>
  void initialize_buffers(std::span<T> own) const {
    own[0] = static_cast<T>(count - 1);
  }

  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    for_each_part([&](const Part& part) {
      const auto draw = [&](const Linear& linear, std::size_t offset) {
        linear.initialize(own.subspan(offset, size_of(linear)), random, first + offset);
      };
      draw(main(part.layer), part.main);
      if (!has_lateral(part.column, part.layer)) return;
      for (std::size_t j = 0; j < part.column; ++j)
        own[part.scale + j] = static_cast<T>(random.uniform(first + part.scale + j));
      draw(adapter(part.column, part.layer), part.adapter);
      draw(main(part.layer), part.lateral);
    });
  }

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    flow.memory.resize_children(count);
    const std::size_t shown = shown_in(flow);
    for_each_part([&](const Part& part) {
      if (part.column > shown) return;
      flow.memory.child(part.column).resize_children(3 * layers());
      const bool last = part.layer + 1 == layers();
      if (last && part.column < shown) return;  // nobody reads those outputs
      const Rows<T> to = last ? y : values(flow, part.column, part.layer, x.count);
      main(part.layer).forward(backend, flow_of(flow, part, 0), inputs(flow, part, x), to);
      if (has_lateral(part.column, part.layer)) add_lateral(backend, flow, part, x.count, to);
      if (!last) ReLU::apply(to.data, to.data, 0, to.size());
    });
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T> y,
                Rows<T> dy, Rows<T> dx, std::span<T> out) const {
    if (dx.data != nullptr)
      lifelong::detail::raise<InvalidArgument>("Columns must be the first layer with parameters of a network");
    if (out.empty()) return;
    if (!pass.add && pass.first()) std::fill(out.begin(), out.end(), T(0));
    Pass<Moment> adding = pass;
    adding.add = true;
    Rows<T> d = dy;
    for (std::size_t i = layers(); i-- > 0;) {
      const Part part = part_of(shown_in(flow), i);
      if (i + 1 < layers()) {
        const Rows<T> h = values(flow, part.column, i, x.count);
        ReLU::multiply_by_slope(h.data, h.data, d.data, 0, d.size());
      }
      if (has_lateral(part.column, i)) lateral_backward(backend, adding, flow, part, Rows<const T>(d), out);
      const Rows<T> below = i == 0 ? Rows<T>{nullptr, x.count, widths[0]} : array(flow, part, 0, 1, x.count, widths[i]);
      main(i).backward(backend, adding, flow_of(flow, part, 0), inputs(flow, part, x), y, d, below,
                       out.subspan(part.main, size_of(main(i))));
      d = below;
    }
  }

 private:
  /// Where the parameters of a column's layer begin.
  struct Part {
    std::size_t column, layer;
    std::size_t main, scale, adapter, lateral;
  };

  [[nodiscard]] std::size_t layers() const { return widths.size() - 1; }
  [[nodiscard]] static bool has_lateral(std::size_t column, std::size_t layer) { return column > 0 && layer > 0; }
  [[nodiscard]] Linear main(std::size_t layer) const { return {widths[layer], widths[layer + 1]}; }
  [[nodiscard]] Linear adapter(std::size_t column, std::size_t layer) const {
    return {column * widths[layer], widths[layer]};
  }
  [[nodiscard]] static std::size_t size_of(const Linear& linear) { return (linear.in + 1) * linear.out; }

  /// Calls `visit(part)` for the layers of all columns, in the order of their parameters.
  template <class Visit>
  void for_each_part(const Visit& visit) const {
    std::size_t at = 0;
    for (std::size_t k = 0; k < count; ++k)
      for (std::size_t i = 0; i < layers(); ++i) {
        Part part{k, i, at, 0, 0, 0};
        at += size_of(main(i));
        if (has_lateral(k, i)) {
          part.scale = at;
          part.adapter = part.scale + k;
          part.lateral = part.adapter + size_of(adapter(k, i));
          at = part.lateral + size_of(main(i));
        }
        visit(part);
      }
  }

  [[nodiscard]] Part part_of(std::size_t column, std::size_t layer) const {
    Part found{};
    for_each_part([&](const Part& part) {
      if (part.column == column && part.layer == layer) found = part;
    });
    return found;
  }

  /// The column whose outputs a pass makes.
  template <class T>
  [[nodiscard]] std::size_t shown_in(const Flow<T>& flow) const {
    const T shown = flow.buffers[0];
    const bool known = flow.mode == Mode::evaluate && shown >= 0 && shown < static_cast<T>(count);
    return known ? static_cast<std::size_t>(shown) : count - 1;
  }

  /// Memory of a layer's main weights (0), adapter (1) and lateral weights (2).
  template <class T>
  static LayerMemory<T>& memory_of(const Flow<T>& flow, const Part& part, std::size_t which) {
    return flow.memory.child(part.column).child(3 * part.layer + which);
  }
  template <class T>
  Flow<T> flow_of(const Flow<T>& flow, const Part& part, std::size_t which) const {
    const std::size_t offset = which == 0 ? part.main : which == 1 ? part.adapter : part.lateral;
    const Linear linear = which == 1 ? adapter(part.column, part.layer) : main(part.layer);
    return {flow.theta.subspan(offset, size_of(linear)),
            {},
            memory_of(flow, part, which),
            flow.scratch,
            flow.mode,
            flow.random,
            flow.first_draw};
  }
  /// Array k of one of these memories, as rows. Linear layers use array 0.
  template <class T>
  static Rows<T> array(const Flow<T>& flow, const Part& part, std::size_t which, std::size_t k, std::size_t samples,
                       std::size_t width) {
    AlignedVector<T>& values = memory_of(flow, part, which).array(k);
    detail::grow(values, samples * width);
    return {values.data(), samples, width};
  }
  /// h of a hidden layer.
  template <class T>
  Rows<T> values(const Flow<T>& flow, std::size_t column, std::size_t layer, std::size_t samples) const {
    return array(flow, Part{column, layer, 0, 0, 0, 0}, 0, 2, samples, widths[layer + 1]);
  }
  template <class T>
  Rows<const T> inputs(const Flow<T>& flow, const Part& part, Rows<const T> x) const {
    return part.layer == 0 ? x : Rows<const T>(values(flow, part.column, part.layer - 1, x.count));
  }

  /// to += U relu(V [α_j h^j] + c) + d.
  template <class T, class Backend>
  void add_lateral(const Backend& backend, const Flow<T>& flow, const Part& part, std::size_t samples,
                   Rows<T> to) const {
    const std::size_t width = widths[part.layer];
    const Rows<T> joined = array(flow, part, 1, 1, samples, part.column * width);
    for (std::size_t j = 0; j < part.column; ++j) {
      const Rows<T> h = values(flow, j, part.layer - 1, samples);
      const T scale = flow.theta[part.scale + j];
      detail::for_each_range(backend, samples, 8 * width, [&](std::size_t begin, std::size_t end) {
        for (std::size_t n = begin; n < end; ++n)
          detail::for_each_packet<T>(0, width, [&]<class V>(std::size_t u) {
            store<V>(joined.row(n).data() + j * width, u, V(scale) * load<V>(h.row(n).data(), u));
          });
      });
    }
    const Rows<T> adapted = array(flow, part, 1, 2, samples, width);
    adapter(part.column, part.layer).forward(backend, flow_of(flow, part, 1), Rows<const T>(joined), adapted);
    ReLU::apply(adapted.data, adapted.data, 0, adapted.size());
    const Rows<T> lateral = array(flow, part, 2, 1, samples, to.width);
    main(part.layer).forward(backend, flow_of(flow, part, 2), Rows<const T>(adapted), lateral);
    detail::for_each_element<T>(backend, to.size(), [=]<class V>(std::size_t i) {
      store<V>(to.data, i, load<V>(to.data, i) + load<V>(lateral.data, i));
    });
  }

  /// Adds the gradients of U, d, V, c and α, where dy is that of the layer's sum.
  template <class T, class Backend, class Moment>
  void lateral_backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, const Part& part,
                        Rows<const T> dy, std::span<T> out) const {
    const std::size_t width = widths[part.layer], samples = dy.count;
    const Linear up = main(part.layer), across = adapter(part.column, part.layer);
    const Rows<T> copy = array(flow, part, 2, 2, samples, dy.width);
    std::copy_n(dy.data, dy.size(), copy.data);  // a moment overwrites it
    const Rows<T> adapted = array(flow, part, 1, 2, samples, width);
    const Rows<T> of_adapted = array(flow, part, 1, 3, samples, width);
    up.backward(backend, pass, flow_of(flow, part, 2), Rows<const T>(adapted), dy, copy, of_adapted,
                out.subspan(part.lateral, size_of(up)));
    ReLU::multiply_by_slope(adapted.data, adapted.data, of_adapted.data, 0, of_adapted.size());
    const Rows<T> joined = array(flow, part, 1, 1, samples, across.in);
    const Rows<T> of_joined = array(flow, part, 1, 4, samples, across.in);
    across.backward(backend, pass, flow_of(flow, part, 1), Rows<const T>(joined), Rows<const T>(adapted), of_adapted,
                    of_joined, out.subspan(part.adapter, size_of(across)));
    for (std::size_t j = 0; j < part.column; ++j) {
      const Rows<T> h = values(flow, j, part.layer - 1, samples);
      T sum = out[part.scale + j];
      for (std::size_t n = 0; n < samples; ++n) {
        const T *d = of_joined.row(n).data() + j * width, *value = h.row(n).data();
        sum += pass.moment(
            detail::total<T>(width, [=]<class V>(std::size_t u) { return load<V>(d, u) * load<V>(value, u); }));
      }
      out[part.scale + j] = sum;
    }
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
