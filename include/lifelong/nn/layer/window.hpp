// SPDX-License-Identifier: MIT
// Windows that slide over images, which convolutions and pooling share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// A height and a width: `3` or `{3, 5}`.
struct Sides {
  std::size_t height = 0;
  std::size_t width = 0;

  constexpr Sides() = default;
  constexpr Sides(std::size_t both) : height(both), width(both) {}
  constexpr Sides(std::size_t h, std::size_t w) : height(h), width(w) {}
  friend constexpr bool operator==(const Sides&, const Sides&) = default;

  [[nodiscard]] std::size_t size() const { return height * width; }
  /// The sides in messages: `3` or `{3, 5}`.
  [[nodiscard]] std::string text() const {
    return height == width ? std::to_string(height) : "{" + std::to_string(height) + ", " + std::to_string(width) + "}";
  }
};

namespace detail {

/// The windows of size `kernel` on an image of size `in` with `padding` around it. They are `stride` apart; there are
/// `out` of them.
struct Windows {
  Sides in, kernel, stride, padding, out;

  /// One row of outputs for one offset in the kernel: `length` outputs from index `out` on, which take the inputs `in`,
  /// `in + stride.width`, ...
  struct Run {
    std::size_t out, in, length;
  };

  /// \throws InvalidArgument if a side of kernel or stride is 0, ShapeMismatch unless `given` is an image that has room
  /// for a window. `name` is the layer's name in messages.
  Windows(const std::string& name, Shape given, Sides kernel_size, Sides stride_size, Sides padding_size)
      : kernel(kernel_size), stride(stride_size), padding(padding_size) {
    if (kernel.size() == 0) lifelong::detail::raise<InvalidArgument>(name + " has an empty kernel");
    if (stride.size() == 0) lifelong::detail::raise<InvalidArgument>(name + " has a stride of 0");
    if (given.rank() != 3)
      lifelong::detail::raise<ShapeMismatch>(name + " takes {channels, height, width} but is given " + text(given));
    in = {given[1], given[2]};
    if (in.height + 2 * padding.height < kernel.height || in.width + 2 * padding.width < kernel.width)
      lifelong::detail::raise<ShapeMismatch>(name + ": no window fits into " + text(given));
    out = {(in.height + 2 * padding.height - kernel.height) / stride.height + 1,
           (in.width + 2 * padding.width - kernel.width) / stride.width + 1};
  }
  Windows() = default;

  /// Calls `visit(run)` for every row of outputs whose window has an input at offset `at` of the kernel.
  template <class Visit>
  void for_each_run(Sides at, const Visit& visit) const {
    const Range rows = inside(at.height, in.height, stride.height, padding.height, out.height);
    const Range columns = inside(at.width, in.width, stride.width, padding.width, out.width);
    if (columns.begin >= columns.end) return;
    for (std::size_t row = rows.begin; row < rows.end; ++row)
      visit(Run{row * out.width + columns.begin,
                (row * stride.height + at.height - padding.height) * in.width + columns.begin * stride.width +
                    at.width - padding.width,
                columns.end - columns.begin});
  }

 private:
  struct Range {
    std::size_t begin, end;
  };

  /// Outputs along one side whose input at offset `at` is not padding.
  static Range inside(std::size_t at, std::size_t in, std::size_t stride, std::size_t padding, std::size_t out) {
    const std::size_t before = at < padding ? padding - at : 0;
    const std::size_t end = in + padding > at ? (in + padding - at - 1) / stride + 1 : 0;
    return {(before + stride - 1) / stride, std::min(out, end)};
  }

  static std::string text(Shape shape) { return shape.rank() == 0 ? "nothing" : shape.text(); }
};

/// Calls `body(i)` for every plane i = n · channels + c of the images, which is channel c of image n; one call takes
/// `operations`.
template <class T, class Backend, class Body>
void for_each_plane(const Backend& backend, Rows<T> images, std::size_t channels, std::size_t operations,
                    const Body& body) {
  for_each_range(backend, images.count * channels, operations, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) body(i);
  });
}

}  // namespace detail
}  // namespace lifelong::nn
