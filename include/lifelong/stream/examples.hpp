// SPDX-License-Identifier: MIT
// A lazy view of a data set: which examples it has, how their features are mapped, and which outputs are active.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/shared.hpp>
#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/feature_map.hpp>
#include <lifelong/stream/shape.hpp>

namespace lifelong {

/// Some examples of a `Dataset`, seen through a `FeatureMap`, with labels shifted by a constant. The view holds no
/// example itself: its copies, and the tasks of a stream, share the data, the choice of examples and the map. It
/// satisfies `ExampleSource<Examples<S>, T>` for T float and double; several threads may read at once.
template <class S>
class Examples {
 public:
  /// All examples of `data` as they are.
  Examples(Dataset<S> data) : data_(std::move(data)), size_(data_.size()) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Inputs per example, after the map.
  [[nodiscard]] std::size_t features() const { return map_.identity() ? data_.features() : map_.outputs(); }
  [[nodiscard]] std::size_t targets() const { return data_.targets(); }
  /// Shape of one example: that of the data, unless a map other than a rotation has put the features elsewhere.
  [[nodiscard]] std::vector<std::size_t> shape() const {
    return map_.identity() || map_.height() > 0 ? data_.shape() : std::vector<std::size_t>{features()};
  }

  /// The data behind the view, which is shared and not copied.
  [[nodiscard]] const Dataset<S>& data() const LIFELONG_LIFETIME_BOUND { return data_; }
  [[nodiscard]] const FeatureMap& map() const LIFELONG_LIFETIME_BOUND { return map_; }
  /// The active outputs of the examples; {0, 0} stands for all.
  [[nodiscard]] OutputRange active() const { return active_; }

  /// What is added to the labels of the data.
  [[nodiscard]] std::int32_t label_offset() const { return label_offset_; }

  /// Number in `data()` of example `i`. \throws InvalidArgument unless i < size().
  [[nodiscard]] std::size_t index(std::size_t i) const {
    detail::require_index("Examples", i, size_);
    return indices_ ? (*indices_)[i] : i;
  }
  /// Label of example `i` as output index; 0 for regression. \throws InvalidArgument unless i < size().
  [[nodiscard]] std::int32_t label(std::size_t i) const {
    const std::size_t n = index(i);
    return targets() == 0 ? data_.labels()[n] + label_offset_ : 0;
  }

  /// Fills `row` with example `i`. \throws InvalidArgument unless i < size(); ShapeMismatch unless the row has room for
  /// exactly one example.
  template <class T>
  void read(std::size_t i, ExampleRow<T> row) const {
    const std::size_t n = index(i);
    if (map_.identity()) {
      data_.read(n, row);
    } else {
      map_.apply(data_.input(n), detail::setting<T>("Dataset.scale", data_.scale()), row.inputs);
      data_.read_answer(n, row);
    }
    if (targets() == 0) row.label += label_offset_;
    row.active = active_;
  }

  /// The first `count` of these examples, or all if there are fewer. It copies nothing, since it shares the choice of
  /// examples.
  [[nodiscard]] Examples first(std::size_t count) const {
    Examples view = *this;
    if (count < size_) view.size_ = count;
    return view;
  }

  /// The examples with these numbers, in this order. \throws InvalidArgument for a number that is not below size().
  [[nodiscard]] Examples subset(std::vector<std::size_t> numbers) const {
    for (std::size_t& number : numbers) number = index(number);
    Examples view = *this;
    view.size_ = numbers.size();
    view.indices_ = Shared(std::move(numbers));
    return view;
  }

  /// The same examples with `map` in place of the present map. \throws ShapeMismatch unless it fits the data, for a
  /// rotation also if the data are images, whose last two extents are height and width, of another size.
  [[nodiscard]] Examples mapped(FeatureMap map) const {
    if (!map.identity()) detail::require_size("an example to be mapped", data_.features(), map.inputs());
    if (map.height() > 0) require_images_of(map.height(), map.width());
    Examples view = *this;
    view.map_ = std::move(map);
    return view;
  }

  /// The same examples with `offset` added to the labels of the data, in place of the present offset, and with the
  /// active outputs `active`. \throws InvalidArgument for regression, or for a label outside `active` (if not {0, 0})
  /// or outside std::int32_t. It passes over the labels once.
  [[nodiscard]] Examples relabeled(std::int32_t offset, OutputRange active = {}) const {
    if (targets() != 0) detail::raise<InvalidArgument>("examples with real targets have no labels to shift");
    const std::int64_t first = active.first;
    const std::int64_t end = active == OutputRange{} ? std::int64_t{1} << 31 : first + active.count;
    for (std::size_t i = 0; i < size_; ++i) {
      const std::int64_t label = std::int64_t{data_.labels()[index(i)]} + offset;
      if (label < first || label >= end || label > 0x7FFFFFFF)
        detail::raise<InvalidArgument>("label of example " + std::to_string(i) + " would become " +
                                       std::to_string(label) + ", outside outputs " + std::to_string(first) + " to " +
                                       std::to_string(end - 1));
    }
    Examples view = *this;
    view.label_offset_ = offset;
    view.active_ = active;
    return view;
  }

 private:
  void require_images_of(std::size_t height, std::size_t width) const {
    detail::Extents last = detail::without_ones(data_.shape());
    if (last.size() > 2) last.erase(last.begin(), last.end() - 2);
    if (!detail::same_arrangement(last, {height, width}))
      detail::raise<ShapeMismatch>("a rotation of images of " + std::to_string(height) + " x " + std::to_string(width) +
                                   " cannot turn examples of " + detail::shape_text(data_.shape()) +
                                   ", whose last two extents are others");
  }

  Dataset<S> data_;
  Shared<std::vector<std::size_t>> indices_;
  FeatureMap map_;
  std::size_t size_ = 0;
  std::int32_t label_offset_ = 0;
  OutputRange active_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
