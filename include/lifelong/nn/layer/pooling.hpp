// SPDX-License-Identifier: MIT
// Layers that make images smaller: the maximum or the mean of every window, or the mean of every channel.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/layer/window.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

namespace detail {

/// `MaxPool2d(kernel 2, stride 2, padding 0)`
inline std::string pooling_recipe(const std::string& name, Sides kernel, Sides stride, Sides padding) {
  return name + "(kernel " + kernel.word() + ", stride " + stride.word() + ", padding " + padding.word() + ")";
}

/// The windows of a pooling layer. As in PyTorch, no window may lie in the padding alone.
inline Windows pooling_windows(const std::string& name, Shape given, Sides kernel, Sides stride, Sides padding) {
  const Windows windows(name + "{" + kernel.text() + "}", given, kernel, stride, padding);
  if (padding.height > kernel.height / 2 || padding.width > kernel.width / 2)
    lifelong::detail::raise<InvalidArgument>(name + "{" + kernel.text() + "}: the padding of " + padding.text() +
                                             " is more than half the kernel");
  return windows;
}

}  // namespace detail

/// PyTorch's `MaxPool2d`: the maximum of each window. The gradient goes to the first of equal maxima. NaN stays NaN.
/// Padding is never the maximum.
struct MaxPool2d {
  Sides kernel;
  Sides stride = kernel;
  Sides padding = 0;
  std::size_t channels = 0;   ///< found by `connect`
  detail::Windows windows{};  ///< found by `connect`

  static constexpr bool in_place = false;

  [[nodiscard]] Shape expected() const { return {}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return detail::pooling_recipe("MaxPool2d", kernel, stride, padding); }

  /// \throws InvalidArgument for an empty kernel, a stride of 0 or a padding of more than half the kernel,
  /// ShapeMismatch unless it is given {channels, height, width} with room for a window.
  Shape connect(Shape given) {
    windows = detail::pooling_windows("MaxPool2d", given, kernel, stride, padding);
    channels = given[0];
    return {channels, windows.out.height, windows.out.width};
  }
  void declare(Layout&, const std::string&) const {}
  template <class T>
  void initialize(std::span<T>, const Random&, std::uint64_t) const {}

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    std::vector<std::uint32_t>& chosen = flow.memory.indices();
    detail::grow(chosen, y.size());
    const std::size_t outputs = windows.out.size();
    detail::for_each_plane(backend, y, channels, 2 * kernel.size() * outputs, [&](std::size_t i) {
      const T* from = x.data + i * windows.in.size();
      T* to = y.data + i * outputs;
      std::uint32_t* index = chosen.data() + i * outputs;
      std::fill_n(to, outputs, -std::numeric_limits<T>::infinity());
      std::fill_n(index, outputs, unchosen);
      for (std::size_t k = 0; k < kernel.size(); ++k)
        windows.for_each_run({k / kernel.width, k % kernel.width}, [&](auto run) {
          for (std::size_t j = 0; j < run.length; ++j) {
            const std::size_t source = run.in + j * stride.width;
            T& most = to[run.out + j];
            std::uint32_t& at = index[run.out + j];
            const T value = from[source];
            const bool takes = (value > most) | (value != value) | (at == unchosen);
            at ^= (at ^ static_cast<std::uint32_t>(source)) & -static_cast<std::uint32_t>(takes);  // without a branch
            most = from[at];
          }
        });
    });
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>&, const Flow<T>& flow, Rows<const T>, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T>) const {
    if (dx.data == nullptr) return;
    const std::vector<std::uint32_t>& chosen = flow.memory.indices();
    const std::size_t inputs = windows.in.size(), outputs = windows.out.size();
    detail::for_each_plane(backend, dx, channels, inputs + 4 * outputs, [&](std::size_t i) {
      T* to = dx.data + i * inputs;
      std::fill_n(to, inputs, T(0));
      for (std::size_t j = i * outputs; j < (i + 1) * outputs; ++j) to[chosen[j]] += dy.data[j];
    });
  }

 private:
  static constexpr std::uint32_t unchosen = std::numeric_limits<std::uint32_t>::max();
};

/// PyTorch's `AvgPool2d`: the mean of each window, in which padding counts as zeros.
struct AvgPool2d {
  Sides kernel;
  Sides stride = kernel;
  Sides padding = 0;
  std::size_t channels = 0;   ///< found by `connect`
  detail::Windows windows{};  ///< found by `connect`

  static constexpr bool in_place = false;

  [[nodiscard]] Shape expected() const { return {}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return detail::pooling_recipe("AvgPool2d", kernel, stride, padding); }

  /// \throws as `MaxPool2d`.
  Shape connect(Shape given) {
    windows = detail::pooling_windows("AvgPool2d", given, kernel, stride, padding);
    channels = given[0];
    return {channels, windows.out.height, windows.out.width};
  }
  void declare(Layout&, const std::string&) const {}
  template <class T>
  void initialize(std::span<T>, const Random&, std::uint64_t) const {}

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>&, Rows<const T> x, Rows<T> y) const {
    const std::size_t inputs = windows.in.size(), outputs = windows.out.size();
    detail::for_each_plane(backend, y, channels, 2 * kernel.size() * outputs, [&](std::size_t i) {
      const T* from = x.data + i * inputs;
      T* to = y.data + i * outputs;
      std::fill_n(to, outputs, T(0));
      for_each_pair([&](std::size_t out, std::size_t in) { to[out] += from[in]; });
      for (std::size_t j = 0; j < outputs; ++j) to[j] /= static_cast<T>(kernel.size());
    });
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>&, const Flow<T>&, Rows<const T>, Rows<const T>, Rows<T> dy,
                Rows<T> dx, std::span<T>) const {
    if (dx.data == nullptr) return;
    const std::size_t inputs = windows.in.size(), outputs = windows.out.size();
    detail::for_each_plane(backend, dx, channels, 2 * kernel.size() * outputs, [&](std::size_t i) {
      const T* from = dy.data + i * outputs;
      T* to = dx.data + i * inputs;
      std::fill_n(to, inputs, T(0));
      for_each_pair([&](std::size_t out, std::size_t in) { to[in] += from[out] / static_cast<T>(kernel.size()); });
    });
  }

 private:
  /// Calls `visit(output, input)` for every input of every window.
  template <class Visit>
  void for_each_pair(const Visit& visit) const {
    for (std::size_t k = 0; k < kernel.size(); ++k)
      windows.for_each_run({k / kernel.width, k % kernel.width}, [&](auto run) {
        for (std::size_t j = 0; j < run.length; ++j) visit(run.out + j, run.in + j * stride.width);
      });
  }
};

/// The mean of every channel: {channels, height, width} to {channels}; PyTorch's `AdaptiveAvgPool2d(1)` and `Flatten`.
struct GlobalAvgPool {
  std::size_t positions = 0;  ///< found by `connect`

  static constexpr bool in_place = false;

  [[nodiscard]] Shape expected() const { return {}; }

  [[nodiscard]] std::string recipe() const { return "GlobalAvgPool()"; }

  /// \throws ShapeMismatch unless it is given {channels, height, width}.
  Shape connect(Shape given) {
    if (given.rank() != 3 || given.size() == 0)
      lifelong::detail::raise<ShapeMismatch>("GlobalAvgPool takes {channels, height, width} but is given " +
                                             (given.rank() == 0 ? "nothing" : given.text()));
    positions = given[1] * given[2];
    return {given[0]};
  }
  void declare(Layout&, const std::string&) const {}
  template <class T>
  void initialize(std::span<T>, const Random&, std::uint64_t) const {}

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>&, Rows<const T> x, Rows<T> y) const {
    detail::for_each_plane(backend, y, y.width, positions, [&](std::size_t i) {
      T total = 0;
      for (std::size_t t = 0; t < positions; ++t) total += x.data[i * positions + t];
      y.data[i] = total / static_cast<T>(positions);
    });
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>&, const Flow<T>&, Rows<const T>, Rows<const T>, Rows<T> dy,
                Rows<T> dx, std::span<T>) const {
    if (dx.data == nullptr) return;
    detail::for_each_plane(backend, dx, dy.width, positions, [&](std::size_t i) {
      std::fill_n(dx.data + i * positions, positions, dy.data[i] / static_cast<T>(positions));
    });
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
