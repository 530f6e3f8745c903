// SPDX-License-Identifier: MIT
// Images that are moved by a few pixels, each time by others: augmentation as a view.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/stream/example_source.hpp>

namespace lifelong {

/// Settings of `ShiftedCopies`.
struct ShiftOptions {
  std::size_t copies = 1;  ///< of each example, every one moved by itself
  std::size_t pixels = 4;  ///< by which an image moves at most, up or down and left or right
  std::uint64_t seed = 0;  ///< of the draws
};

/// The images of a source, `copies` of each, moved by a random number of whole pixels from -pixels to +pixels in height
/// and in width; what comes in is 0. That is a random crop of the image's own size from the image with a border of
/// `pixels` zeros (torchvision's `RandomCrop(28, padding=4)`). An epoch over c copies is c passes over the source with
/// new moves in each: copy number i / n of example i % n, with n examples, is example i, and its move follows from seed
/// and i alone. It views the source, which must outlive it, and holds no example. It satisfies `ExampleSource` where
/// the source does; several threads may read at once.
///
///     learner.fit(ShiftedCopies(memory, 28, 28, {.copies = 128}), {.epochs = 1});
template <class Source>
class ShiftedCopies {
 public:
  /// An example is planes of height x width, row-major. \throws InvalidArgument for no copies, more examples than can
  /// be counted, a source without end, or moves of the whole image; ShapeMismatch for examples that are not made of
  /// such planes.
  ShiftedCopies(const Source& source LIFELONG_LIFETIME_BOUND, std::size_t height, std::size_t width,
                const ShiftOptions& options = {})
      : source_(source), height_(height), width_(width), options_(options) {
    detail::require_end(source.size(), "ShiftedCopies");
    detail::require_at_least("ShiftOptions.copies", static_cast<double>(options.copies), 1);
    if (source.size() >= endless / options.copies)
      detail::raise<InvalidArgument>("ShiftOptions.copies: " + std::to_string(options.copies) + " of each of " +
                                     std::to_string(source.size()) + " examples cannot be counted");
    if (options.pixels >= height || options.pixels >= width)
      detail::raise<InvalidArgument>("ShiftOptions.pixels must be less than the sides of the image, " +
                                     std::to_string(height) + " and " + std::to_string(width) + ", but is " +
                                     std::to_string(options.pixels));
    if (source.features() / height < width || source.features() % (height * width) != 0)
      detail::raise<ShapeMismatch>("ShiftedCopies: an example of " + std::to_string(source.features()) +
                                   " features is not made of images of " + std::to_string(height) + " x " +
                                   std::to_string(width));
  }

  [[nodiscard]] std::size_t size() const { return source_.size() * options_.copies; }
  [[nodiscard]] std::size_t features() const { return source_.features(); }
  [[nodiscard]] std::size_t targets() const { return source_.targets(); }
  /// Shape of one example: planes, height and width.
  [[nodiscard]] std::vector<std::size_t> shape() const {
    return {source_.features() / (height_ * width_), height_, width_};
  }

  /// Fills `row` with example `i`. \throws InvalidArgument unless i < size(), and what the source throws.
  template <class T>
  void read(std::size_t i, ExampleRow<T> row) const {
    detail::require_index("ShiftedCopies", i, size());
    source_.read(i % source_.size(), row);
    const Random random(options_.seed, Purpose::augmentation);
    const std::size_t down = random.below(2 * i, 2 * options_.pixels + 1);
    const std::size_t right = random.below(2 * i + 1, 2 * options_.pixels + 1);
    for (std::size_t first = 0; first < row.inputs.size(); first += height_ * width_)
      move(row.inputs.subspan(first, height_ * width_), down, right);
  }

 private:
  /// Moves an image in place by down - pixels rows and right - pixels columns. Pixels are written in the order in which
  /// none is read after it was written: against the direction of the move.
  template <class T>
  void move(std::span<T> image, std::size_t down, std::size_t right) const {
    const std::size_t border = options_.pixels;
    for (std::size_t r = 0; r < height_; ++r) {
      const std::size_t y = down > border ? height_ - 1 - r : r, from_y = y + border - down;
      for (std::size_t c = 0; c < width_; ++c) {
        const std::size_t x = right > border ? width_ - 1 - c : c, from_x = x + border - right;
        const bool inside = from_y < height_ && from_x < width_;  // below 0 is beyond, too
        image[y * width_ + x] = inside ? image[from_y * width_ + from_x] : T(0);
      }
    }
  }

  const Source& source_;
  std::size_t height_, width_;
  ShiftOptions options_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
