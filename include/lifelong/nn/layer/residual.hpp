// SPDX-License-Identifier: MIT
// Layers with a path around them.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/chain.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// A residual block: y = x + F(x), or y = S(x) + F(x) with a shortcut S, where F and S are tuples of layers. Make one
/// with `residual`. He 2016. Parameters of layer i of F are named `i.weight`, ..., those of S `shortcut.i.weight`,
/// after the residual block's own number; F's come first. Moments are exact, since each layer inside forms them as it
/// does elsewhere.
template <class Main, class Shortcut = std::tuple<>>
class Residual {
 public:
  static constexpr bool in_place = false;
  static constexpr Lengths lengths =
      detail::keep_lengths<Main> && detail::keep_lengths<Shortcut> ? Lengths::kept : Lengths::refused;

  explicit Residual(Main main, Shortcut shortcut = {}) : main_(std::move(main)), shortcut_(std::move(shortcut)) {}

  [[nodiscard]] const Main& main() const { return main_.layers(); }
  [[nodiscard]] const Shortcut& shortcut() const { return shortcut_.layers(); }

  [[nodiscard]] Shape expected() const {
    const Shape shape = main_.expected();
    return shape.rank() > 0 ? shape : shortcut_.expected();
  }

  /// The layers in a line: `Residual(Linear(in 8, out 4), ReLU(), shortcut(Linear(in 8, out 4)))`.
  [[nodiscard]] std::string recipe() const {
    return "Residual(" + main_.recipe() + (has_shortcut ? ", shortcut(" + shortcut_.recipe() + "))" : ")");
  }

  /// \throws ShapeMismatch unless both paths end in the same shape.
  Shape connect(Shape in) {
    const Shape out = main_.connect(in);
    const Shape around = detail::at("shortcut", [&] { return shortcut_.connect(in); });
    if (out != around)
      lifelong::detail::raise<ShapeMismatch>("the layers of a residual block make " + out.text() +
                                             " but what is added to them is " + around.text());
    return out;
  }

  void declare(Layout& layout, const std::string& prefix) const {
    main_.declare(layout, prefix);
    shortcut_.declare(layout, prefix + ".shortcut");
  }
  void declare_buffers(Layout& layout, const std::string& prefix) const {
    main_.declare_buffers(layout, prefix);
    shortcut_.declare_buffers(layout, prefix + ".shortcut");
  }
  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    main_.initialize(own.first(main_.parameters()), random, first);
    shortcut_.initialize(own.subspan(main_.parameters()), random, first + main_.parameters());
  }
  template <class T>
  void initialize_buffers(std::span<T> buffers) const {
    main_.initialize_buffers(buffers.first(main_.buffers()));
    shortcut_.initialize_buffers(buffers.subspan(main_.buffers()));
  }

  void freeze(std::span<const ParameterRange> learning, std::size_t first) {
    main_.freeze(learning, first);
    shortcut_.freeze(learning, first + main_.parameters());
  }

  [[nodiscard]] std::size_t draws() const { return main_.draws() + shortcut_.draws(); }
  void require_samples_apart() const {
    main_.require_samples_apart();
    detail::at("shortcut", [&] { shortcut_.require_samples_apart(); });
  }

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    flow.memory.resize_children(2);
    const Rows<const T> a = main_.forward(backend, main_flow(flow), x);
    const Rows<const T> b = shortcut_.forward(backend, shortcut_flow(flow, x.count), x);
    detail::for_each_element<T>(backend, y.size(), [=]<class V>(std::size_t i) {
      store<V>(y.data, i, load<V>(a.data, i) + load<V>(b.data, i));
    });
  }

  /// dx is the sum of the gradients of both paths.
  template <class T, class Backend, class Moment, class Hook = detail::NoHook>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T> out, const Hook& hook = {}) const {
    const std::size_t split = out.empty() ? 0 : main_.parameters();
    const Rows<T> copy = array(flow, 0, dy);
    std::copy_n(dy.data, dy.size(), copy.data);
    main_.backward(backend, pass, main_flow(flow), x, copy, dx, out.first(split), hook);
    Rows<T> around = dy;
    if constexpr (has_shortcut) {
      around = dx.data == nullptr ? dx : array(flow, 1, dx);
      shortcut_.backward(backend, pass, shortcut_flow(flow, x.count), x, dy, around, out.subspan(split), hook);
    }
    if (dx.data == nullptr) return;
    detail::for_each_element<T>(backend, dx.size(), [=]<class V>(std::size_t i) {
      store<V>(dx.data, i, load<V>(dx.data, i) + load<V>(around.data, i));
    });
  }

 private:
  static constexpr bool has_shortcut = std::tuple_size_v<Shortcut> > 0;

  template <class T>
  Flow<T> main_flow(const Flow<T>& flow) const {
    return {flow.theta.first(main_.parameters()),
            flow.buffers.first(main_.buffers()),
            flow.memory.child(0),
            flow.scratch,
            flow.mode,
            flow.random,
            flow.first_draw,
            flow.starts};
  }
  template <class T>
  Flow<T> shortcut_flow(const Flow<T>& flow, std::size_t rows) const {
    return {flow.theta.subspan(main_.parameters()),
            flow.buffers.subspan(main_.buffers()),
            flow.memory.child(1),
            flow.scratch,
            flow.mode,
            flow.random,
            flow.first_draw + main_.draws(flow, rows),
            flow.starts};
  }

  /// Array k of the residual block, as large as `like`.
  template <class T>
  static Rows<T> array(const Flow<T>& flow, std::size_t k, Rows<T> like) {
    detail::grow(flow.memory.array(k), like.size());
    return {flow.memory.array(k).data(), like.count, like.width};
  }

  Chain<Main> main_;
  Chain<Shortcut> shortcut_;
};

/// `residual(Conv2d{8, 8, 3, 1, 1}, ReLU{})`: y = x + F(x), where F are these layers.
template <class... Layers>
requires(sizeof...(Layers) > 0 &&
         (!detail::is_tuple<Layers> && ...)) Residual<std::tuple<Layers...>> residual(Layers... layers) {
  return Residual<std::tuple<Layers...>>(std::tuple<Layers...>(std::move(layers)...));
}

/// `residual(std::tuple{Linear{8, 4}, ReLU{}}, std::tuple{Linear{8, 4}})`: y = S(x) + F(x), with F first.
template <class... Layers, class... Around>
requires(sizeof...(Layers) >
         0) Residual<std::tuple<Layers...>, std::tuple<Around...>> residual(std::tuple<Layers...> main,
                                                                            std::tuple<Around...> shortcut) {
  return Residual<std::tuple<Layers...>, std::tuple<Around...>>(std::move(main), std::move(shortcut));
}

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
