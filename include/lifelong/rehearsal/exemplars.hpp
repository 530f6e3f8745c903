// SPDX-License-Identifier: MIT
// As many exemplars of each class, chosen by herding, best first.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/rehearsal/features.hpp>
#include <lifelong/rehearsal/herding.hpp>
#include <lifelong/rehearsal/joined_batch.hpp>
#include <lifelong/rehearsal/stored_examples.hpp>

namespace lifelong::rehearsal {

/// Exemplars of all classes seen, in the order of the labels and for each class in that of herding, with at most
/// capacity / classes for each. It satisfies `ExampleSource`.
template <class T, class S = T>
class Exemplars {
 public:
  Exemplars() = default;

  [[nodiscard]] std::size_t size() const { return examples_.size(); }
  [[nodiscard]] std::size_t features() const { return examples_.features(); }
  [[nodiscard]] std::size_t targets() const { return examples_.targets(); }
  /// The arrays of the exemplars.
  [[nodiscard]] const StoredExamples<T, S>& examples() const LIFELONG_LIFETIME_BOUND { return examples_; }
  /// Fills `row` with exemplar `i`. \throws as `StoredExamples::read`.
  void read(std::size_t i, ExampleRow<T> row) const { examples_.read(i, row); }
  /// \throws ShapeMismatch for a batch of another shape than the exemplars.
  void require_shape_of(const Batch<T>& batch) {
    examples_.reserve(examples_.places(), size() == 0 ? examples_.shape() : StoredExamples<T, S>::shape_of(batch, 0));
  }

  /// Takes exemplars of the classes of `candidates`: those that herding finds among the exemplars of the class, if
  /// there are some, and its candidates, by the features that the model has for them now. Of the other classes those
  /// stay that fit into the new share. `scale` is that of the inputs if they are stored as bytes. \throws
  /// InvalidArgument for a capacity below the number of classes, or an exemplar that cannot be stored with this scale;
  /// NumericError for features that are all 0 or not finite; ShapeMismatch; OutOfMemory. Then nothing has changed.
  template <class Model>
  void renew(Model& model, const StoredExamples<T, S>& candidates, std::size_t capacity, double scale) {
    if (size() > 0 && candidates.size() > 0 && candidates.shape() != examples_.shape())
      detail::raise<ShapeMismatch>("the candidates have another shape than the exemplars");
    const std::vector<std::int32_t> classes = classes_with(candidates);
    const std::size_t share = share_of_class(capacity, classes.size());
    StoredExamples<T, S> renewed(scale);
    renewed.reserve(share * classes.size(), candidates.size() > 0 ? candidates.shape() : examples_.shape());
    for (const std::int32_t label : classes) {
      const Pool pool{slots_of(examples_, label), slots_of(candidates, label)};
      for (const std::uint32_t chosen : choose(model, candidates, pool, share)) {
        const bool old = chosen < pool.old.size();
        const std::uint32_t slot = old ? pool.old[chosen] : pool.fresh[chosen - pool.old.size()];
        const Batch<T> one = joined_.of(old ? examples_ : candidates, std::span(&slot, 1));
        renewed.require_storable(one);
        renewed.write(renewed.size(), one, 0, {});
      }
    }
    examples_ = std::move(renewed);
  }

  [[nodiscard]] std::size_t bytes() const { return examples_.bytes(); }
  /// See `PolicyState`.
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    examples_.visit(array, number);
  }

 private:
  /// Slots of one class: of exemplars, best first, and of candidates.
  struct Pool {
    std::vector<std::uint32_t> old, fresh;
  };

  [[nodiscard]] std::vector<std::int32_t> classes_with(const StoredExamples<T, S>& candidates) const {
    std::vector<std::int32_t> classes(examples_.labels().begin(), examples_.labels().end());
    classes.insert(classes.end(), candidates.labels().begin(), candidates.labels().end());
    std::sort(classes.begin(), classes.end());
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
    return classes;
  }
  [[nodiscard]] static std::vector<std::uint32_t> slots_of(const StoredExamples<T, S>& examples, std::int32_t label) {
    std::vector<std::uint32_t> places;
    for (std::size_t i = 0; i < examples.size(); ++i)
      if (examples.labels()[i] == label) places.push_back(static_cast<std::uint32_t>(i));
    return places;
  }

  /// Numbers in the pool of the examples to keep.
  template <class Model>
  std::span<const std::uint32_t> choose(Model& model, const StoredExamples<T, S>& candidates, const Pool& pool,
                                        std::size_t share) {
    const std::size_t size = pool.old.size() + pool.fresh.size(), width = model.features();
    if (pool.fresh.empty()) {
      prefix_.clear();
      for (std::size_t k = 0; k < size && k < share; ++k) prefix_.push_back(static_cast<std::uint32_t>(k));
      return prefix_;
    }
    detail::with_memory(
        [&] { features_.resize(size * width); },
        [&] { return "the features of " + std::to_string(size) + " candidates do not fit into memory"; });
    const std::span<T> features(features_);
    add_features(model, examples_, pool.old, features.first(pool.old.size() * width));
    add_features(model, candidates, pool.fresh, features.subspan(pool.old.size() * width));
    return herding_(std::span<const T>(features_), width, share);
  }
  template <class Model>
  void add_features(Model& model, const StoredExamples<T, S>& examples, std::span<const std::uint32_t> places,
                    std::span<T> out) {
    constexpr std::size_t at_once = 256;
    const std::size_t width = model.features();
    for (std::size_t first = 0; first < places.size(); first += at_once) {
      const std::size_t count = std::min(at_once, places.size() - first);
      model.predict_features(joined_.of(examples, places.subspan(first, count)),
                             out.subspan(first * width, count * width));
    }
  }

  StoredExamples<T, S> examples_;
  Herding herding_;
  JoinedBatch<T> joined_;
  std::vector<T> features_;
  std::vector<std::uint32_t> prefix_;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
