// SPDX-License-Identifier: MIT
// Examples that count more or less than one, or not at all: weights of examples, of classes, and ignored labels.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/shared.hpp>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/shape.hpp>

namespace lifelong {

/// The examples of a source, each with its own weight times `weight(i, label)`; one whose own is 0 is not asked for
/// another. It holds the source, so views remain
/// views; copies share the weights. It satisfies `ExampleSource` where the source does; several threads may read at
/// once. Made by `weighted`, `class_weights` and `ignore_label`.
template <class Source, class Weight>
class WeightedExamples {
 public:
  WeightedExamples(Source source, Weight weight) : source_(std::move(source)), weight_(std::move(weight)) {}

  [[nodiscard]] std::size_t size() const { return source_.size(); }
  [[nodiscard]] std::size_t features() const { return source_.features(); }
  [[nodiscard]] std::size_t targets() const { return source_.targets(); }
  /// Shape of one example, if the source has one; else only that it has so many features.
  [[nodiscard]] std::vector<std::size_t> shape() const { return detail::shape_of(source_); }

  /// Fills `row` with example `i`. \throws what the source throws, and InvalidArgument for a label without a weight, or
  /// a weight that is no number in T.
  template <class T>
  void read(std::size_t i, ExampleRow<T> row) const {
    source_.read(i, row);
    if (row.weight != 0) row.weight *= detail::setting<T>("the weight of an example", weight_(i, row.label));
  }

 private:
  Source source_;
  Weight weight_;
};

namespace detail {

/// \throws InvalidArgument, which names it, for a weight that is negative or not finite.
inline void require_weights(const char* what, std::span<const double> weights) {
  for (std::size_t k = 0; k < weights.size(); ++k)
    if (!is_finite(weights[k]) || weights[k] < 0)
      refuse_value((std::string(what) + "[" + std::to_string(k) + "]").c_str(), "finite and at least 0", weights[k]);
}

/// \throws InvalidArgument for examples without labels.
template <class Source>
void require_labels(const char* call, const Source& examples) {
  if (examples.targets() != 0)
    raise<InvalidArgument>(std::string(call) + ": the examples have real targets, no labels");
}

struct WeightOfExample {
  Shared<std::vector<double>> weights;
  double operator()(std::size_t i, std::int32_t) const { return (*weights)[i]; }
};

struct WeightOfClass {
  Shared<std::vector<double>> weights;
  double operator()(std::size_t i, std::int32_t label) const {
    if (label < 0 || static_cast<std::size_t>(label) >= weights->size())
      raise<InvalidArgument>("class_weights: the label of example " + std::to_string(i) + " is " +
                             std::to_string(label) + " where there are weights of " + std::to_string(weights->size()) +
                             " classes");
    return (*weights)[static_cast<std::size_t>(label)];
  }
};

struct WeightUnlessIgnored {
  std::int32_t ignored;
  double operator()(std::size_t, std::int32_t label) const { return label == ignored ? 0 : 1; }
};

}  // namespace detail

/// The examples with `weights[i]` for example i. The loss of a batch is then Σ_n w_n ℓ_n / Σ_n w_n, an importance Σ_n
/// w_n m(g_n) / Σ_n w_n, a metric the weighted mean; an example of weight 0 is not there. \throws ShapeMismatch unless
/// there is a weight for every example; InvalidArgument for a weight that is negative or not finite.
template <class Source>
[[nodiscard]] auto weighted(Source examples, std::vector<double> weights) {
  detail::require_size("the weights of the examples", weights.size(), examples.size());
  detail::require_weights("weights", weights);
  return WeightedExamples<Source, detail::WeightOfExample>(std::move(examples), {Shared(std::move(weights))});
}

/// The examples with `weights[c]` for those of class c, as they are read: behind a view that shifts labels, c is the
/// shifted one; examples of weight 0, such as those of an ignored label, need none. \throws InvalidArgument for
/// examples without labels and for a weight that is negative or not finite; when an example is read, for a label
/// without a weight.
template <class Source>
[[nodiscard]] auto class_weights(Source examples, std::vector<double> weights) {
  detail::require_labels("class_weights", examples);
  detail::require_weights("class_weights", weights);
  return WeightedExamples<Source, detail::WeightOfClass>(std::move(examples), {Shared(std::move(weights))});
}

/// The examples without those of the label `label`, which stay in their places and are not there for any loss,
/// importance or metric. \throws InvalidArgument for examples without labels.
template <class Source>
[[nodiscard]] auto ignore_label(Source examples, std::int32_t label = ignored_label) {
  detail::require_labels("ignore_label", examples);
  return WeightedExamples<Source, detail::WeightUnlessIgnored>(std::move(examples), {label});
}

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
