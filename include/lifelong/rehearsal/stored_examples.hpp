// SPDX-License-Identifier: MIT
// The arrays in which a memory keeps its examples.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>

namespace lifelong::rehearsal {

/// What examples of one memory have in common.
struct ExampleShape {
  std::size_t features = 0;  ///< inputs of each
  std::size_t targets = 0;   ///< target values of each
  std::size_t outputs = 0;   ///< kept outputs of a model for each, 0 if none are kept
  bool labelled = false;     ///< whether each has a label
  friend bool operator==(const ExampleShape&, const ExampleShape&) = default;
};

/// Slots for copies of examples: inputs as S, which is T, float or std::uint8_t; labels, targets, active ranges,
/// weights and lengths; and, if wanted, the outputs that a model had for them. A byte b stands for the input scale * b,
/// as in `Dataset<std::uint8_t>`. What is read has the bits of what was written: other inputs are refused. It
/// satisfies `ExampleSource<StoredExamples<T, S>, T>`; its examples are in the slots 0 .. size()-1.
template <class T, class S = T>
class StoredExamples {
  static_assert(std::floating_point<T>, "StoredExamples: examples are read as float or double");
  static_assert(std::same_as<S, T> || std::same_as<S, float> || std::same_as<S, std::uint8_t>,
                "StoredExamples: inputs are stored as the model's own type, float or std::uint8_t");

 public:
  using value_type = T;
  using storage_type = S;

  StoredExamples() = default;
  /// \throws InvalidArgument unless the scale is finite, above 0, and has a value in T.
  explicit StoredExamples(double scale) : scale_(scale) {
    detail::require_positive("MemoryOptions.scale", scale);
    detail::setting<T>("MemoryOptions.scale", scale);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t features() const { return shape_.features; }
  [[nodiscard]] std::size_t targets() const { return shape_.targets; }
  [[nodiscard]] const ExampleShape& shape() const LIFELONG_LIFETIME_BOUND { return shape_; }
  /// How many slots there is memory for.
  [[nodiscard]] std::size_t places() const { return labels_.size(); }
  /// Labels of the examples; -1 for one without.
  [[nodiscard]] std::span<const std::int32_t> labels() const LIFELONG_LIFETIME_BOUND {
    return std::span(labels_).first(size_);
  }

  /// Fills `row` with the example in slot `i`. \throws InvalidArgument unless i < size(); ShapeMismatch unless the row
  /// has room for exactly one example.
  void read(std::size_t i, ExampleRow<T> row) const {
    detail::require_index("the memory", i, size_);
    detail::require_size("the row of inputs to read into", row.inputs.size(), shape_.features);
    detail::require_size("the row of targets to read into", row.targets.size(), shape_.targets);
    const S* from = inputs_.data() + i * shape_.features;
    for (std::size_t k = 0; k < shape_.features; ++k) row.inputs[k] = input_of(from[k]);
    for (std::size_t k = 0; k < shape_.targets; ++k) row.targets[k] = targets_[i * shape_.targets + k];
    row.label = labels_[i];
    row.active = {active_[2 * i], active_[2 * i + 1]};
    row.weight = weights_[i];
    row.length = lengths_[i];
  }

  /// The outputs that were kept with the example in slot `i`, as many as the model had then; none if none are kept.
  /// \throws InvalidArgument unless i < size().
  [[nodiscard]] std::span<const T> outputs(std::size_t i) const LIFELONG_LIFETIME_BOUND {
    detail::require_index("the memory", i, size_);
    if (shape_.outputs == 0) return {};
    return std::span<const T>(outputs_).subspan(i * shape_.outputs, widths_[i]);
  }

  /// What examples of a batch would have in common.
  [[nodiscard]] static ExampleShape shape_of(const Batch<T>& batch, std::size_t outputs) {
    return {batch.features, batch.size == 0 ? 0 : batch.targets.size() / batch.size, outputs, !batch.labels.empty()};
  }

  /// Makes room for `slots` examples of this shape. An empty memory takes any shape; else outputs may become more, and
  /// nothing else may change. \throws ShapeMismatch for another shape, OutOfMemory; then nothing has changed.
  void reserve(std::size_t places, const ExampleShape& shape) {
    if (size_ > 0) require_same(shape);
    if (places <= this->places() && shape == shape_) return;
    const auto message = [&] {
      return "a memory of " + std::to_string(places) + " examples of " + std::to_string(shape.features) +
             " features, " + std::to_string(shape.targets) + " targets and " + std::to_string(shape.outputs) +
             " outputs does not fit into memory";
    };
    for (const std::size_t width : {shape.features, shape.targets, shape.outputs, std::size_t{2}})
      if (places > 0 && width > static_cast<std::size_t>(-1) / places) detail::raise<OutOfMemory>(message());
    detail::with_memory(
        [&] {
          StoredExamples larger = empty_copy();
          larger.allocate(places > this->places() ? places : this->places(), shape);
          for (std::size_t i = 0; i < size_; ++i) larger.copy_slot(*this, i);
          larger.size_ = size_;
          *this = static_cast<StoredExamples&&>(larger);
        },
        message);
  }

  /// \throws InvalidArgument, which names the sample, for an input of the batch that S has no value for.
  void require_storable(const Batch<T>& batch) const {
    if constexpr (!std::same_as<S, T>) {
      for (std::size_t k = 0; k < batch.size * batch.features; ++k)
        if (!is_storable(batch.inputs[k])) refuse(batch, k);
    }
  }

  /// Copies sample `n` of a batch to slot `slot`, which is at most size() and below slots(). The batch has this shape
  /// and is storable; `outputs` are kept if the shape has outputs.
  void write(std::size_t slot, const Batch<T>& batch, std::size_t n, std::span<const T> outputs) {
    for (std::size_t k = 0; k < shape_.features; ++k)
      inputs_[slot * shape_.features + k] = stored(batch.inputs[n * shape_.features + k]);
    for (std::size_t k = 0; k < shape_.targets; ++k)
      targets_[slot * shape_.targets + k] = batch.targets[n * shape_.targets + k];
    const OutputRange active = batch.active.empty() ? OutputRange{} : batch.active[n];
    labels_[slot] = batch.labels.empty() ? -1 : batch.labels[n];
    active_[2 * slot] = active.first;
    active_[2 * slot + 1] = active.count;
    weights_[slot] = batch.weights.empty() ? T(1) : batch.weights[n];
    lengths_[slot] = batch.lengths.empty() ? 0 : batch.lengths[n];
    if (shape_.outputs > 0) {
      widths_[slot] = static_cast<std::uint32_t>(outputs.size());
      for (std::size_t k = 0; k < outputs.size(); ++k) outputs_[slot * shape_.outputs + k] = outputs[k];
    }
    if (slot == size_) ++size_;
  }

  /// Forgets the examples, but keeps the memory.
  void clear() { size_ = 0; }

  /// Bytes of one example of a shape: inputs in S, and label, range, weight, length, targets and outputs.
  [[nodiscard]] static std::size_t bytes_per_example(const ExampleShape& shape) {
    return shape.features * sizeof(S) + (shape.targets + shape.outputs + 1) * sizeof(T) +
           (shape.outputs > 0 ? 5 : 4) * sizeof(std::uint32_t);
  }
  /// How many examples of a shape fit into so many bytes, which gives a memory its capacity:
  /// `MemoryOptions{.capacity = StoredExamples<float, std::uint8_t>::examples_in(400'000, {.features = 784})}`.
  /// \throws InvalidArgument if not one does.
  [[nodiscard]] static std::size_t examples_in(std::size_t bytes, const ExampleShape& shape) {
    const bool countable = shape.features <= bytes && shape.targets <= bytes && shape.outputs <= bytes;
    const std::size_t each = countable ? bytes_per_example(shape) : 0;
    if (each == 0 || each > bytes)
      detail::raise<InvalidArgument>("a memory of " + std::to_string(bytes) + " bytes has no room for one example of " +
                                     std::to_string(shape.features) + " features, " + std::to_string(shape.targets) +
                                     " targets and " + std::to_string(shape.outputs) + " outputs");
    return bytes / each;
  }
  [[nodiscard]] std::size_t bytes() const { return places() * bytes_per_example(shape_); }

  /// See `PolicyState`. \throws FormatError for numbers and arrays that do not belong together, which a visitor may
  /// have written.
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    std::size_t labelled = shape_.labelled ? 1 : 0;
    number("size", size_);
    number("features", shape_.features);
    number("targets", shape_.targets);
    number("outputs", shape_.outputs);
    number("labelled", labelled);
    shape_.labelled = labelled != 0;
    if (size_ == 0) {
      *this = empty_copy();
      return;
    }
    array("inputs", inputs_);
    array("labels", labels_);
    array("active", active_);
    array("weights", weights_);
    array("lengths", lengths_);
    if (shape_.targets > 0) array("target_values", targets_);  // targets and outputs are their numbers
    if (shape_.outputs > 0) {
      array("output_values", outputs_);
      array("widths", widths_);
    }
    require_whole();
  }

 private:
  [[nodiscard]] T input_of(S value) const {
    if constexpr (std::same_as<S, std::uint8_t>)
      return static_cast<T>(scale_) * static_cast<T>(value);
    else
      return static_cast<T>(value);
  }
  [[nodiscard]] S stored(T input) const {
    if constexpr (std::same_as<S, std::uint8_t>)
      return static_cast<S>(input / static_cast<T>(scale_) + T(0.5));
    else
      return static_cast<S>(input);
  }
  [[nodiscard]] bool is_storable(T input) const {
    if constexpr (std::same_as<S, std::uint8_t>) {
      const T level = input / static_cast<T>(scale_);
      if (!(level >= 0 && level < T(255.5))) return false;
    } else if constexpr (!std::same_as<S, T>) {
      constexpr T most = static_cast<T>((std::numeric_limits<S>::max)());
      if (!(input >= -most && input <= most)) return false;
    }
    return input_of(stored(input)) == input;
  }
  [[noreturn]] LIFELONG_RARE void refuse(const Batch<T>& batch, std::size_t k) const {
    const std::string kind = std::same_as<S, std::uint8_t>
                                 ? "no whole multiple of " + detail::exact_text(scale_) + " from 0 to 255"
                                 : std::string("no value of float");
    detail::raise<InvalidArgument>("feature " + std::to_string(k % batch.features) + " of sample " +
                                   std::to_string(batch.context(k / batch.features, 1).index) + " is " +
                                   detail::exact_text(static_cast<double>(batch.inputs[k])) + ", " + kind +
                                   ", so the memory cannot keep it as it is");
  }

  void require_same(const ExampleShape& shape) const {
    detail::require_size("an example for the memory", shape.features, shape_.features);
    detail::require_size("the row of targets of an example for the memory", shape.targets, shape_.targets);
    if (shape.outputs < shape_.outputs)
      detail::refuse_size("the row of outputs of an example for the memory", shape.outputs,
                          "at least " + std::to_string(shape_.outputs) + " are needed");
    if (shape.labelled != shape_.labelled)
      detail::raise<ShapeMismatch>(std::string("the batch has ") + (shape.labelled ? "labels" : "no labels") +
                                   ", unlike the examples of the memory");
  }

  [[nodiscard]] StoredExamples empty_copy() const {
    StoredExamples copy;
    copy.scale_ = scale_;
    return copy;
  }
  void allocate(std::size_t places, const ExampleShape& shape) {
    shape_ = shape;
    inputs_.resize(places * shape.features);
    targets_.resize(places * shape.targets);
    outputs_.resize(places * shape.outputs);
    widths_.resize(shape.outputs > 0 ? places : 0);
    labels_.resize(places);
    active_.resize(2 * places);
    weights_.resize(places);
    lengths_.resize(places);
  }
  void copy_slot(const StoredExamples& from, std::size_t i) {
    const auto copy = [&](auto& to, const auto& values, std::size_t width, std::size_t old_width) {
      for (std::size_t k = 0; k < old_width; ++k) to[i * width + k] = values[i * old_width + k];
    };
    copy(inputs_, from.inputs_, shape_.features, from.shape_.features);
    copy(targets_, from.targets_, shape_.targets, from.shape_.targets);
    copy(outputs_, from.outputs_, shape_.outputs, from.shape_.outputs);
    if (from.shape_.outputs > 0) copy(widths_, from.widths_, 1, 1);
    copy(labels_, from.labels_, 1, 1);
    copy(active_, from.active_, 2, 2);
    copy(weights_, from.weights_, 1, 1);
    copy(lengths_, from.lengths_, 1, 1);
  }

  void require_whole() const {
    const auto check = [&](const char* name, std::size_t values, std::size_t width) {
      const bool fits = width == 0 ? values == 0 : values / width == places() && values % width == 0;
      if (!fits)
        detail::raise<FormatError>(std::string("the memory's ") + name + " has " + std::to_string(values) +
                                   " values where " + std::to_string(places()) + " examples have " +
                                   std::to_string(width) + " each");
    };
    if (size_ > places())
      detail::raise<FormatError>("a memory of " + std::to_string(places()) + " slots cannot hold " +
                                 std::to_string(size_) + " examples");
    if (shape_.features == 0) detail::raise<FormatError>("the memory's examples have no features");
    check("inputs", inputs_.size(), shape_.features);
    check("targets", targets_.size(), shape_.targets);
    check("outputs", outputs_.size(), shape_.outputs);
    check("widths", widths_.size(), shape_.outputs > 0 ? 1 : 0);
    check("active", active_.size(), 2);
    check("weights", weights_.size(), 1);
    check("lengths", lengths_.size(), 1);
    for (std::size_t i = 0; i < size_; ++i) {
      if (!(weights_[i] > 0))
        detail::raise<FormatError>("the weight of example " + std::to_string(i) + " of the memory is not above 0");
      if (shape_.outputs > 0 && widths_[i] > shape_.outputs)
        detail::raise<FormatError>("example " + std::to_string(i) + " of the memory has " + std::to_string(widths_[i]) +
                                   " outputs of " + std::to_string(shape_.outputs));
    }
  }

  double scale_ = 1.0 / 255;
  std::size_t size_ = 0;
  ExampleShape shape_;
  std::vector<S> inputs_;
  std::vector<T> targets_, outputs_, weights_;
  std::vector<std::int32_t> labels_;
  std::vector<std::uint32_t> active_, lengths_, widths_;  // of ranges, first and count
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
