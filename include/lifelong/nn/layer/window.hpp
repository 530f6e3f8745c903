// SPDX-License-Identifier: MIT
// Windows that slide over images, which convolutions and pooling share.
#pragma once

#include <lifelong/config/push_macros.hpp>

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
  /// The sides in a recipe: `3` or `3x5`.
  [[nodiscard]] std::string word() const {
    return std::to_string(height) + (height == width ? "" : "x" + std::to_string(width));
  }
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

  /// \throws InvalidArgument if a side of kernel or stride is 0 or an image with its padding has 2^32 pixels or more,
  /// ShapeMismatch unless `given` is an image that has room for a window. `name` is the layer's name in messages.
  Windows(const std::string& name, Shape given, Sides kernel_size, Sides stride_size, Sides padding_size)
      : kernel(kernel_size), stride(stride_size), padding(padding_size) {
    if (kernel.height == 0 || kernel.width == 0)
      lifelong::detail::raise<InvalidArgument>(name + " has an empty kernel");
    if (stride.height == 0 || stride.width == 0) lifelong::detail::raise<InvalidArgument>(name + " has a stride of 0");
    if (given.rank() != 3)
      lifelong::detail::raise<ShapeMismatch>(name + " takes {channels, height, width} but is given " + text(given));
    in = {given[1], given[2]};
    const Sides padded(padded_side(in.height, padding.height), padded_side(in.width, padding.width));
    if (padded.height != 0 && padded.width > most_pixels / padded.height)
      lifelong::detail::raise<InvalidArgument>(name + ": " + text(given) + " with a padding of " + padding.text() +
                                               " has more than 2^32 - 1 pixels per channel");
    if (padded.height < kernel.height || padded.width < kernel.width)
      lifelong::detail::raise<ShapeMismatch>(name + ": no window fits into " + text(given));
    out = {(padded.height - kernel.height) / stride.height + 1, (padded.width - kernel.width) / stride.width + 1};
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

  static constexpr std::size_t most_pixels = 0xFFFFFFFF;

  /// A side with its padding, or more than `most_pixels`.
  static std::size_t padded_side(std::size_t side, std::size_t padding) {
    return side > most_pixels || padding > most_pixels ? most_pixels + 1 : side + 2 * padding;
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

#include <lifelong/config/pop_macros.hpp>
