// SPDX-License-Identifier: MIT
// The convolution of images.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/layer/window.hpp>
#include <lifelong/nn/product/dot.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/product.hpp>
#include <lifelong/nn/product/rows.hpp>
#include <lifelong/nn/product/shared_product.hpp>

namespace lifelong::nn {

namespace detail {

/// to[j · to_step] += factor · from[j · from_step] for j < count.
template <class T>
void add_multiple(T* to, std::size_t to_step, T factor, const T* from, std::size_t from_step, std::size_t count) {
  if (to_step == 1 && from_step == 1)
    for_each_packet<T>(0, count, [=]<class V>(std::size_t j) {
      store<V>(to, j, multiply_add(V(factor), load<V>(from, j), load<V>(to, j)));
    });
  else
    for (std::size_t j = 0; j < count; ++j) to[j * to_step] += factor * from[j * from_step];
}

}  // namespace detail

/// PyTorch's `Conv2d`: it maps {in, height, width} to {out, height', width'} with height' = ⌊(height + 2 padding -
/// kernel) / stride⌋ + 1; y_o = b_o + Σ_i w_oi ⋆ x_i over the channels i of o's group. The parameters are `weight`
/// {out, in / groups, kernel, kernel}, then `bias` {out}, both drawn from U(-1/√k, 1/√k) with k = in / groups ·
/// kernel². Kernel, stride and padding may differ in height and width: `Conv2d{1, 8, {3, 5}}`.
///
/// Positions share the weights, so `shared_product` applies m to each sample's and cotangent's exact sum over
/// positions. Images are unfolded some at a time, into scratch for 2^19 values or for one image, whatever the batch.
/// One group per channel (depthwise) and 1x1 kernels on images of 64 positions or more unfold nothing.
struct Conv2d {
  std::size_t in = 0;
  std::size_t out = 0;
  Sides kernel;
  Sides stride = 1;
  Sides padding = 0;
  std::size_t groups = 1;
  detail::Windows windows{};  ///< found by `connect`

  static constexpr bool in_place = false;

  [[nodiscard]] Shape expected() const { return {}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "Conv2d(in " + std::to_string(in) + ", out " + std::to_string(out) + ", kernel " + kernel.word() +
           ", stride " + stride.word() + ", padding " + padding.word() + ", groups " + std::to_string(groups) + ")";
  }

  /// \throws InvalidArgument if channels, kernel or stride are 0, the groups do not divide the channels, or an unfolded
  /// image has more values than can be counted; ShapeMismatch unless it is given {in, height, width} with room for the
  /// kernel.
  Shape connect(Shape given) {
    if (in == 0 || out == 0)
      lifelong::detail::raise<InvalidArgument>(text() + " must have at least 1 input channel and 1 output channel");
    if (groups == 0 || in % groups != 0 || out % groups != 0)
      lifelong::detail::raise<InvalidArgument>(text() + ": " + std::to_string(groups) +
                                               " groups do not divide the channels");
    windows = detail::Windows(text(), given, kernel, stride, padding);
    if (given[0] != in)
      lifelong::detail::raise<ShapeMismatch>(text() + " takes " + std::to_string(in) + " channels but is given " +
                                             given.text());
    constexpr std::size_t reserve = 256;  // for the gaps of the workspace
    const std::size_t extents[] = {in, kernel.height, kernel.width, windows.out.height, windows.out.width, reserve};
    if (!lifelong::detail::checked_product(extents))
      lifelong::detail::raise<InvalidArgument>(text() + ": the windows on " + given.text() +
                                               " have more values than can be counted");
    return {out, windows.out.height, windows.out.width};
  }

  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".weight", {out, in / groups, kernel.height, kernel.width}, BlockKind::convolution);
    layout.add(prefix + ".bias", {out}, BlockKind::convolution);
  }

  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    const double bound = 1 / std::sqrt(static_cast<double>(fan_in()));
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<T>((2 * random.uniform(first + i) - 1) * bound);
  }

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    if (depthwise()) return forward_depthwise(backend, flow.theta, x, y);
    if (pointwise()) return forward_pointwise(backend, flow.theta, x, y);
    for_each_slice(x.count, [&](std::size_t first, std::size_t count) {
      const std::size_t columns = count * positions();
      const Workspace<T> work = workspace(flow, count);
      unfold(backend, part(x, first, count), work.columns);
      for (std::size_t g = 0; g < groups; ++g)
        product(backend, weight(flow.theta, g), group(work.columns, g), group(work.outputs, g), fan_in(),
                StartFromColumn<T>{bias(flow.theta, g)});
      exchange<true>(backend, part(y, first, count), work.outputs.data, columns);
    });
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T> gradient) const {
    if (dx.data != nullptr) differentiate_inputs(backend, flow, dy, dx);
    if (gradient.empty()) return;
    if (!pass.add && pass.first()) std::fill(gradient.begin(), gradient.end(), T(0));
    if (depthwise())
      accumulate_depthwise(backend, pass.moment, x, Rows<const T>(dy), gradient);
    else
      accumulate(backend, pass.moment, flow, x, Rows<const T>(dy), gradient);
    shared_sum(backend, pass.moment, dy.count, positions(), Positions<T>{dy.data, out, dy.width, 1, positions()}, true,
               gradient.last(out));
  }

  /// `Conv2d{3, 8, 5}`.
  [[nodiscard]] std::string text() const {
    std::string all = "Conv2d{" + std::to_string(in) + ", " + std::to_string(out) + ", " + kernel.text();
    if (stride != Sides(1) || padding != Sides(0) || groups != 1) all += ", " + stride.text();
    if (padding != Sides(0) || groups != 1) all += ", " + padding.text();
    if (groups != 1) all += ", " + std::to_string(groups);
    return all + "}";
  }

 private:
  /// Scratch for some images side by side, with a column for each position of each image.
  template <class T>
  struct Workspace {
    Rows<T> columns;  ///< the pixels in each window: in · kernel² rows, which are further apart than they are long
    Rows<T> outputs;  ///< `out` rows
  };

  static constexpr std::size_t unfolded_values = std::size_t{1} << 19;

  [[nodiscard]] std::size_t positions() const { return windows.out.size(); }
  [[nodiscard]] std::size_t fan_in() const { return in / groups * kernel.size(); }
  [[nodiscard]] bool depthwise() const { return groups == in && groups > 1; }
  [[nodiscard]] bool pointwise() const {
    return kernel == Sides(1) && stride == Sides(1) && padding == Sides(0) && positions() >= 64;
  }

  template <class T>
  Rows<const T> weight(std::span<const T> theta, std::size_t g) const {
    return {theta.data() + g * (out / groups) * fan_in(), out / groups, fan_in()};
  }
  template <class T>
  const T* bias(std::span<const T> theta, std::size_t g) const {
    return theta.data() + out * fan_in() + g * (out / groups);
  }

  /// The rows of group g.
  template <class T>
  Rows<T> group(Rows<T> all, std::size_t g) const {
    const std::size_t count = all.count / groups;
    return {all.data + g * count * all.width, count, all.width};
  }

  /// The values of one image, a row for each channel.
  template <class T>
  static Rows<T> image(Rows<T> images, std::size_t n, std::size_t channels) {
    return {images.row(n).data(), channels, images.width / channels};
  }

  template <class T>
  static Rows<T> part(Rows<T> rows, std::size_t first, std::size_t count) {
    return {rows.data + first * rows.width, count, rows.width};
  }

  /// Calls `body(first, count)` for slices of the images that fit into the scratch.
  template <class Body>
  void for_each_slice(std::size_t images, const Body& body) const {
    const std::size_t slice = std::max<std::size_t>(1, unfolded_values / (groups * fan_in() * positions()));
    for (std::size_t first = 0; first < images; first += slice) body(first, std::min(slice, images - first));
  }

  /// Makes room for the scratch. An odd number of cache lines between rows spreads them over the cache.
  template <class T>
  Workspace<T> workspace(const Flow<T>& flow, std::size_t images) const {
    constexpr std::size_t line = 64 / sizeof(T);
    const std::size_t rows = groups * fan_in(), columns = images * positions();
    const std::size_t width = ((columns + line - 1) / line | 1) * line;
    detail::grow(flow.scratch, rows * width + out * columns);
    return {{flow.scratch.data(), rows, width}, {flow.scratch.data() + rows * width, out, columns}};
  }

  /// columns(c · kernel² + k, n · positions + t) = the pixel at offset k of the window at t, in channel c of image n.
  template <class T, class Backend>
  void unfold(const Backend& backend, Rows<const T> x, Rows<T> columns) const {
    detail::for_each_range(backend, columns.count, x.count * positions(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        const std::size_t c = row / kernel.size(), k = row % kernel.size();
        for (std::size_t n = 0; n < x.count; ++n) {
          const T* from = image(x, n, in).row(c).data();
          T* to = columns.row(row).data() + n * positions();
          if (padding != Sides(0)) std::fill_n(to, positions(), T(0));
          windows.for_each_run({k / kernel.width, k % kernel.width}, [&](auto run) {
            for (std::size_t j = 0; j < run.length; ++j) to[run.out + j] = from[run.in + j * stride.width];
          });
        }
      }
    });
  }

  /// The transpose of `unfold`: every input sums up its values in all windows.
  template <class T, class Backend>
  void fold(const Backend& backend, Rows<const T> columns, Rows<T> x) const {
    detail::for_each_plane(backend, x, in, kernel.size() * positions(), [&](std::size_t i) {
      const std::size_t n = i / in, c = i % in;
      T* to = x.row(n).data() + c * windows.in.size();
      std::fill_n(to, windows.in.size(), T(0));
      for (std::size_t k = 0; k < kernel.size(); ++k) {
        const T* from = columns.row(c * kernel.size() + k).data() + n * positions();
        windows.for_each_run({k / kernel.width, k % kernel.width}, [&](auto run) {
          detail::add_multiple(to + run.in, stride.width, T(1), from + run.out, 1, run.length);
        });
      }
    });
  }

  /// Copies between images of channels x positions each and one matrix of channels x (images · positions), either way.
  template <bool to_images, class T, class Backend>
  void exchange(const Backend& backend, Rows<T> images, T* side_by_side, std::size_t columns) const {
    detail::for_each_plane(backend, images, out, positions(), [&](std::size_t i) {
      const std::size_t n = i / out, o = i % out;
      T* plane = images.row(n).data() + o * positions();
      T* stretch = side_by_side + o * columns + n * positions();
      if constexpr (to_images)
        std::copy_n(stretch, positions(), plane);
      else
        std::copy_n(plane, positions(), stretch);
    });
  }

  /// The gradient of the inputs: for each, the sum over the windows that have it.
  template <class T, class Backend>
  void differentiate_inputs(const Backend& backend, const Flow<T>& flow, Rows<T> dy, Rows<T> dx) const {
    if (depthwise()) return differentiate_depthwise(backend, flow.theta, Rows<const T>(dy), dx);
    if (pointwise()) return differentiate_pointwise(backend, flow.theta, Rows<const T>(dy), dx);
    for_each_slice(dy.count, [&](std::size_t first, std::size_t count) {
      const Workspace<T> work = workspace(flow, count);
      exchange<false>(backend, part(dy, first, count), work.outputs.data, work.outputs.width);
      const Rows<T> columns{work.columns.data, work.columns.count, work.outputs.width};
      for (std::size_t g = 0; g < groups; ++g)
        product(backend, Transposed<T>{weight(flow.theta, g)}, Rows<const T>(group(work.outputs, g)), group(columns, g),
                out / groups, Add{false});
      fold(backend, Rows<const T>(columns), part(dx, first, count));
    });
  }

  /// weight += Σ_n m(D_nᵀ X_n), group by group.
  template <class T, class Backend, class Moment>
  void accumulate(const Backend& backend, const Moment& moment, const Flow<T>& flow, Rows<const T> x, Rows<const T> dy,
                  std::span<T> gradient) const {
    const auto take = [&](Positions<T> columns, Rows<const T> d) {
      for (std::size_t g = 0; g < groups; ++g) {
        Positions<T> seen = columns, outputs{d.data, out / groups, d.width, 1, positions()};
        seen.data += g * seen.features * seen.feature;
        outputs.data += g * outputs.features * outputs.feature;
        shared_product(backend, moment, d.count, positions(), seen, outputs, true,
                       Elements<T>{gradient.data() + g * (out / groups) * fan_in(), 1, fan_in()}, flow.memory.array(0));
      }
    };
    if (pointwise()) return take({x.data, fan_in(), x.width, 1, positions()}, dy);
    for_each_slice(x.count, [&](std::size_t first, std::size_t count) {
      const Workspace<T> work = workspace(flow, count);
      unfold(backend, part(x, first, count), work.columns);
      take({work.columns.data, fan_in(), positions(), 1, work.columns.width}, part(dy, first, count));
    });
  }

  /// The 1x1 kernel, for which an image is the same as its unfolded windows.
  template <class T, class Backend>
  void forward_pointwise(const Backend& backend, std::span<const T> theta, Rows<const T> x, Rows<T> y) const {
    detail::parallel_for(backend, x.count * groups, 2 * y.size() * fan_in(), [&](std::size_t i) {
      const std::size_t n = i / groups, g = i % groups;
      product(backend::Serial{}, weight(theta, g), group(image(x, n, in), g), group(image(y, n, out), g), fan_in(),
              StartFromColumn<T>{bias(theta, g)});
    });
  }
  template <class T, class Backend>
  void differentiate_pointwise(const Backend& backend, std::span<const T> theta, Rows<const T> dy, Rows<T> dx) const {
    detail::parallel_for(backend, dy.count * groups, 2 * dy.size() * fan_in(), [&](std::size_t i) {
      const std::size_t n = i / groups, g = i % groups;
      product(backend::Serial{}, Transposed<T>{weight(theta, g)}, group(image(dy, n, out), g),
              group(image(dx, n, in), g), out / groups, Add{false});
    });
  }

  /// Depthwise convolution: each output channel is the sum of kernel² shifted multiples of one input channel.
  template <class T, class Backend>
  void forward_depthwise(const Backend& backend, std::span<const T> theta, Rows<const T> x, Rows<T> y) const {
    detail::for_each_plane(backend, y, out, 2 * kernel.size() * positions(), [&](std::size_t i) {
      const std::size_t n = i / out, o = i % out;
      T* to = y.row(n).data() + o * positions();
      const T* from = image(x, n, in).row(o / (out / groups)).data();
      std::fill_n(to, positions(), bias(theta, 0)[o]);
      for (std::size_t k = 0; k < kernel.size(); ++k)
        windows.for_each_run({k / kernel.width, k % kernel.width}, [&](auto run) {
          detail::add_multiple(to + run.out, 1, theta[o * kernel.size() + k], from + run.in, stride.width, run.length);
        });
    });
  }
  template <class T, class Backend>
  void differentiate_depthwise(const Backend& backend, std::span<const T> theta, Rows<const T> dy, Rows<T> dx) const {
    const std::size_t each = out / groups;
    detail::for_each_plane(backend, dx, in, 2 * each * kernel.size() * positions(), [&](std::size_t i) {
      const std::size_t n = i / in, c = i % in;
      T* to = dx.row(n).data() + c * windows.in.size();
      std::fill_n(to, windows.in.size(), T(0));
      for (std::size_t o = c * each; o < (c + 1) * each; ++o)
        for (std::size_t k = 0; k < kernel.size(); ++k)
          windows.for_each_run({k / kernel.width, k % kernel.width}, [&](auto run) {
            detail::add_multiple(to + run.in, stride.width, theta[o * kernel.size() + k],
                                 image(dy, n, out).row(o).data() + run.out, 1, run.length);
          });
    });
  }
  template <class T, class Backend, class Moment>
  void accumulate_depthwise(const Backend& backend, const Moment& moment, Rows<const T> x, Rows<const T> dy,
                            std::span<T> gradient) const {
    const std::size_t operations = 2 * dy.count * positions() + 1;
    detail::for_each_range(backend, out * kernel.size(), operations, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const std::size_t o = i / kernel.size(), k = i % kernel.size();
        for (std::size_t n = 0; n < x.count; ++n) {
          const T* from = image(x, n, in).row(o / (out / groups)).data();
          const T* d = image(dy, n, out).row(o).data();
          T own = 0;
          windows.for_each_run({k / kernel.width, k % kernel.width}, [&](auto run) {
            own += detail::dot(d + run.out, from + run.in, stride.width, run.length);
          });
          gradient[i] += moment(own);
        }
      }
    });
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
