// SPDX-License-Identifier: MIT
// Examples in memory: one contiguous array of inputs with labels or targets, which a data set owns and shares with its
// copies, or views.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <lifelong/core/shared.hpp>

namespace lifelong {

namespace detail {

template <class S>
concept storable = std::same_as<S, float> || std::same_as<S, double> || std::same_as<S, std::uint8_t>;

template <class T>
struct ElementOfSpan {};
template <class T, std::size_t extent>
struct ElementOfSpan<std::span<T, extent>> {
  using type = std::remove_const_t<T>;
};
/// A `std::span` of S or const S, and nothing that only converts to one.
template <class T, class S>
concept span_of = std::same_as<typename ElementOfSpan<T>::type, S>;

/// True for a forwarded array that ends with the expression: an rvalue that is no `std::span`.
template <class T>
concept temporary_array = !std::is_lvalue_reference_v<T> && !requires {
  typename ElementOfSpan<std::remove_cv_t<T>>::type;
};

}  // namespace detail

/// N examples of one shape in one row-major array of `S` (float, double or std::uint8_t), with a class label or K
/// regression targets each. A model reads inputs as `scale() * value`.
///
/// A data set made from vectors owns them, moved from rvalues and copied from lvalues, and shares them with its copies.
/// `view`, or a constructor that is given `std::span`s, makes one that views arrays, which must outlive it and all its
/// copies, unless it is given an `owner` that keeps them alive. Copying never copies examples. It satisfies
/// `ExampleSource<Dataset<S>, T>` for T float and double; several threads may read at once.
template <class S>
requires detail::storable<S>
class Dataset {
 public:
  using storage_type = S;
  /// Element of the regression targets: S, or float where the inputs are bytes.
  using target_type = std::conditional_t<std::floating_point<S>, S, float>;

  /// `labels.size()` examples of shape `shape`, for example {28, 28}; `inputs` is N x product(shape), row-major. Large
  /// vectors are moved, as in `Dataset<float>(std::move(inputs), std::move(labels), {28, 28})`.
  /// \throws ShapeMismatch if the sizes do not belong together; InvalidArgument for an empty shape, a zero extent or a
  /// negative label other than `ignored_label`. It passes over the labels once.
  Dataset(std::vector<S> inputs, std::vector<std::int32_t> labels, std::vector<std::size_t> shape)
      : Dataset(Shared(Arrays<std::int32_t>{std::move(inputs), std::move(labels)}), std::move(shape)) {}

  /// N = targets.size() / K examples with K real `targets` each, row-major N x K.
  /// \throws as the constructor above, and InvalidArgument for K = 0.
  Dataset(std::vector<S> inputs, std::vector<target_type> targets, std::size_t targets_per_example,
          std::vector<std::size_t> shape)
      : Dataset(Shared(Arrays<target_type>{std::move(inputs), std::move(targets)}), targets_per_example,
                std::move(shape)) {}

  /// The same as `view`.
  template <detail::span_of<S> Inputs, detail::span_of<std::int32_t> Labels>
  Dataset(Inputs inputs LIFELONG_LIFETIME_BOUND, Labels labels LIFELONG_LIFETIME_BOUND, std::vector<std::size_t> shape,
          KeepAlive owner = {})
      : inputs_(inputs), labels_(labels), shape_(std::move(shape)), owner_(std::move(owner)), size_(labels.size()) {
    check_inputs("labels");
    count_classes();
  }

  /// The same as `view`.
  template <detail::span_of<S> Inputs, detail::span_of<target_type> Targets>
  Dataset(Inputs inputs LIFELONG_LIFETIME_BOUND, Targets targets LIFELONG_LIFETIME_BOUND,
          std::size_t targets_per_example, std::vector<std::size_t> shape, KeepAlive owner = {})
      : inputs_(inputs),
        targets_(targets),
        shape_(std::move(shape)),
        owner_(std::move(owner)),
        targets_per_example_(targets_per_example) {
    if (targets_per_example == 0) detail::raise<InvalidArgument>("Dataset needs at least 1 target per example");
    if (targets.size() % targets_per_example != 0)
      detail::raise<ShapeMismatch>("Dataset has " + std::to_string(targets.size()) +
                                   " targets, not a multiple of the " + std::to_string(targets_per_example) +
                                   " per example");
    size_ = targets.size() / targets_per_example;
    check_inputs("examples in the targets");
  }

  /// A view of arrays that outlive the data set and all its copies, which temporaries do not. \throws as the
  /// constructors.
  [[nodiscard]] static Dataset view(std::span<const S> inputs LIFELONG_LIFETIME_BOUND,
                                    std::span<const std::int32_t> labels LIFELONG_LIFETIME_BOUND,
                                    std::vector<std::size_t> shape) {
    return Dataset(inputs, labels, std::move(shape));
  }
  [[nodiscard]] static Dataset view(std::span<const S> inputs LIFELONG_LIFETIME_BOUND,
                                    std::span<const target_type> targets LIFELONG_LIFETIME_BOUND,
                                    std::size_t targets_per_example, std::vector<std::size_t> shape) {
    return Dataset(inputs, targets, targets_per_example, std::move(shape));
  }
  // The same for vectors, whose conversion to a span would hide from compilers that these are their elements.
  [[nodiscard]] static Dataset view(const std::vector<S>& inputs LIFELONG_LIFETIME_BOUND,
                                    const std::vector<std::int32_t>& labels LIFELONG_LIFETIME_BOUND,
                                    std::vector<std::size_t> shape) {
    return Dataset(std::span<const S>(inputs), std::span<const std::int32_t>(labels), std::move(shape));
  }
  [[nodiscard]] static Dataset view(const std::vector<S>& inputs LIFELONG_LIFETIME_BOUND,
                                    const std::vector<target_type>& targets LIFELONG_LIFETIME_BOUND,
                                    std::size_t targets_per_example, std::vector<std::size_t> shape) {
    return Dataset(std::span<const S>(inputs), std::span<const target_type>(targets), targets_per_example,
                   std::move(shape));
  }
  template <class Inputs, class Labels>
  requires(detail::temporary_array<Inputs> ||
           detail::temporary_array<Labels>) static void view(Inputs&&, Labels&&, std::vector<std::size_t>) = delete;
  template <class Inputs, class Targets>
  requires(detail::temporary_array<Inputs> ||
           detail::temporary_array<Targets>) static void view(Inputs&&, Targets&&, std::size_t,
                                                              std::vector<std::size_t>) = delete;

  /// Number of examples N.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Inputs per example, the product of `shape()`.
  [[nodiscard]] std::size_t features() const { return features_; }
  /// Target values per example K; 0 for classification.
  [[nodiscard]] std::size_t targets() const { return targets_per_example_; }
  /// Largest label + 1; 0 without labels.
  [[nodiscard]] std::size_t classes() const { return classes_; }
  /// Shape of one example, for example {28, 28}.
  [[nodiscard]] const std::vector<std::size_t>& shape() const LIFELONG_LIFETIME_BOUND { return shape_; }
  /// The factor by which a stored input is multiplied when it is read: 1/255 for bytes, else 1, unless it was changed.
  [[nodiscard]] double scale() const { return scale_; }

  /// The same examples, read with another scale. \throws InvalidArgument unless it is finite and above 0.
  [[nodiscard]] Dataset with_scale(double scale) const {
    detail::require_positive("Dataset.scale", scale);
    Dataset copy = *this;
    copy.scale_ = scale;
    return copy;
  }

  /// The same examples with other labels, one for each. The inputs are shared, not copied. \throws ShapeMismatch for
  /// another number of labels; InvalidArgument for a negative one other than `ignored_label`.
  [[nodiscard]] Dataset with_labels(std::vector<std::int32_t> labels) const {
    detail::require_size("the array of labels", labels.size(), size_);
    const Shared both(Relabeled{owner_, std::move(labels)});
    return Dataset(inputs_, std::span<const std::int32_t>(both->labels), shape_, both).with_scale(scale_);
  }

  /// All inputs as they are stored, N x features, row-major, not scaled.
  [[nodiscard]] std::span<const S> inputs() const LIFELONG_LIFETIME_BOUND { return inputs_; }
  /// Inputs of example `i` as they are stored. \throws InvalidArgument unless i < size().
  [[nodiscard]] std::span<const S> input(std::size_t i) const LIFELONG_LIFETIME_BOUND {
    detail::require_index("Dataset", i, size_);
    return inputs_.subspan(i * features_, features_);
  }
  /// All labels; empty for regression.
  [[nodiscard]] std::span<const std::int32_t> labels() const LIFELONG_LIFETIME_BOUND { return labels_; }
  /// All targets, N x K, row-major; empty for classification.
  [[nodiscard]] std::span<const target_type> target_values() const LIFELONG_LIFETIME_BOUND { return targets_; }

  /// Fills `row` with example `i`, its inputs multiplied by `scale()`; `row.active` is left alone.
  /// \throws InvalidArgument unless i < size(), or if T has no number for the scale; ShapeMismatch unless the row has
  /// room for exactly one example.
  template <class T>
  void read(std::size_t i, ExampleRow<T> row) const {
    const std::span<const S> in = input(i);
    detail::require_size("the row of inputs to read into", row.inputs.size(), features_);
    const T scale = detail::setting<T>("Dataset.scale", scale_);
    for (std::size_t f = 0; f < features_; ++f) row.inputs[f] = scale * static_cast<T>(in[f]);
    read_answer(i, row);
  }

  /// Fills only the label or the targets of `row` with those of example `i`. \throws as `read`.
  template <class T>
  void read_answer(std::size_t i, ExampleRow<T> row) const {
    detail::require_index("Dataset", i, size_);
    detail::require_size("the row of targets to read into", row.targets.size(), targets_per_example_);
    if (targets_per_example_ == 0) row.label = labels_[i];
    for (std::size_t k = 0; k < targets_per_example_; ++k)
      row.targets[k] = static_cast<T>(targets_[i * targets_per_example_ + k]);
  }

 private:
  template <class A>
  struct Arrays {
    std::vector<S> inputs;
    std::vector<A> answers;
  };
  struct Relabeled {
    KeepAlive inputs;
    std::vector<std::int32_t> labels;
  };

  Dataset(const Shared<Arrays<std::int32_t>>& arrays, std::vector<std::size_t>&& shape)
      : Dataset(std::span<const S>(arrays->inputs), std::span<const std::int32_t>(arrays->answers), std::move(shape),
                arrays) {}
  Dataset(const Shared<Arrays<target_type>>& arrays, std::size_t targets_per_example, std::vector<std::size_t>&& shape)
      : Dataset(std::span<const S>(arrays->inputs), std::span<const target_type>(arrays->answers), targets_per_example,
                std::move(shape), arrays) {}

  void check_inputs(const char* counted) {
    const auto features = detail::checked_product(shape_);
    if (shape_.empty() || !features || *features == 0)
      detail::raise<InvalidArgument>("Dataset.shape must have positive extents whose product fits in memory, but is {" +
                                     detail::shape_text(shape_) + "}");
    features_ = *features;
    if (inputs_.size() / features_ != size_ || inputs_.size() % features_ != 0)
      detail::raise<ShapeMismatch>("Dataset has " + std::to_string(inputs_.size()) + " inputs, which is not " +
                                   std::to_string(size_) + " " + counted + " of " + detail::shape_text(shape_) +
                                   " inputs each");
  }

  void count_classes() {
    std::int32_t largest = -1;
    for (std::size_t i = 0; i < size_; ++i) {
      if (labels_[i] < 0 && labels_[i] != ignored_label)
        detail::raise<InvalidArgument>("Dataset.labels[" + std::to_string(i) +
                                       "] is negative: " + std::to_string(labels_[i]));
      if (labels_[i] > largest) largest = labels_[i];
    }
    classes_ = static_cast<std::size_t>(std::int64_t{largest} + 1);
  }

  std::span<const S> inputs_;
  std::span<const std::int32_t> labels_;
  std::span<const target_type> targets_;
  std::vector<std::size_t> shape_;
  KeepAlive owner_;
  double scale_ = std::floating_point<S> ? 1.0 : 1.0 / 255;
  std::size_t size_ = 0, features_ = 0, targets_per_example_ = 0, classes_ = 0;
};

/// The usual two parts of a data set: one to learn from, one to measure on.
template <class S>
struct SplitData {
  Dataset<S> train;
  Dataset<S> test;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
