// SPDX-License-Identifier: MIT
// Models whose parameters lie in several arrays of their own, as models with one vector: by view, where the arrays may
// be made from one, or by copy, where they are given.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>

namespace lifelong::adapter {

/// One of the arrays of a `ParameterArrays`.
struct NamedShape {
  std::string name;
  std::vector<std::size_t> shape;
};

/// Named arrays that are views of one vector, which a model's `parameters()` returns: nothing is copied. Copies are
/// independent. Elements are 0 at first.
template <class T>
class ParameterArrays {
 public:
  using value_type = T;

  /// `ParameterArrays<float>{{"hidden", {8, 2}}, {"out", {8}}}`. \throws InvalidArgument for two of one name,
  /// OutOfMemory.
  ParameterArrays(std::initializer_list<NamedShape> arrays) : ParameterArrays(std::vector<NamedShape>(arrays)) {}
  explicit ParameterArrays(const std::vector<NamedShape>& arrays) {
    for (const NamedShape& array : arrays) {
      for (const Block& block : layout_.blocks())
        if (block.name == array.name)
          lifelong::detail::raise<InvalidArgument>("two arrays of parameters have the name '" + array.name + "'");
      layout_.add(array.name, array.shape);
    }
    lifelong::detail::with_memory(
        [&] { all_.resize(layout_.size()); },
        [&] { return std::to_string(layout_.size()) + " parameters do not fit into memory"; });
  }

  /// Array `k`, row-major. \throws InvalidArgument if there are not so many.
  [[nodiscard]] std::span<T> operator[](std::size_t k) LIFELONG_LIFETIME_BOUND {
    const Block& block = at(k);
    return std::span<T>(all_).subspan(block.offset, block.size);
  }
  [[nodiscard]] std::span<const T> operator[](std::size_t k) const LIFELONG_LIFETIME_BOUND {
    const Block& block = at(k);
    return std::span<const T>(all_).subspan(block.offset, block.size);
  }
  /// The part of a gradient, which is as long as `all()`, that belongs to array `k`. \throws InvalidArgument as above;
  /// ShapeMismatch for another length.
  [[nodiscard]] std::span<T> part(std::size_t k, std::span<T> gradient) const {
    const Block& block = at(k);
    lifelong::detail::require_size("the gradient", gradient.size(), layout_.size());
    return gradient.subspan(block.offset, block.size);
  }

  /// All arrays, one behind the other.
  [[nodiscard]] std::span<T> all() LIFELONG_LIFETIME_BOUND { return all_; }
  [[nodiscard]] std::span<const T> all() const LIFELONG_LIFETIME_BOUND { return all_; }
  [[nodiscard]] const Layout& layout() const LIFELONG_LIFETIME_BOUND { return layout_; }

 private:
  [[nodiscard]] const Block& at(std::size_t k) const {
    lifelong::detail::require_index("the list of parameter arrays", k, layout_.blocks().size());
    return layout_.blocks()[k];
  }

  Layout layout_;
  AlignedVector<T> all_;
};

/// A model with its parameters in several arrays: `arrays()` returns them as a `std::vector<std::span<T>>`, as many and
/// as long in every call, and `gradient(batch, parts)` writes the gradient of its mean loss to `parts`, one span for
/// each array, and returns the loss.
template <class M>
concept ModelOfArrays = std::floating_point<typename M::value_type> &&
    requires(M& model, const Batch<typename M::value_type>& batch,
             const std::vector<std::span<typename M::value_type>>& parts) {
  { model.arrays() } -> std::convertible_to<std::vector<std::span<typename M::value_type>>>;
  { model.gradient(batch, parts) } -> std::convertible_to<double>;
};

/// Such a model as a `DifferentiableModel`: θ is a vector of its own, which is copied to the model's arrays before each
/// of its calls. Gradients are written in place. If the model has `outputs()` and `predict(batch, out)`, and `pullback(
/// batch, cotangents, parts)`, every estimator works, else those that need only gradients. Blocks are named by the
/// model's `array_names()`, a `std::vector<std::string>`, or `0`, `1`, ...
template <ModelOfArrays Model>
class OneVector {
 public:
  using value_type = typename Model::value_type;
  using T = value_type;

  /// Takes θ from the arrays. \throws InvalidArgument if there are none or names do not fit; OutOfMemory.
  explicit OneVector(Model model) : model_(std::move(model)) {
    const std::vector<std::span<T>> arrays = model_.arrays();
    std::vector<std::string> names;
    if constexpr (requires { model_.array_names(); }) {
      names = model_.array_names();
      lifelong::detail::require_size("array_names()", names.size(), arrays.size());
    }
    for (std::size_t k = 0; k < arrays.size(); ++k)
      layout_.add(names.empty() ? std::to_string(k) : names[k], {arrays[k].size()});
    if (layout_.size() == 0) lifelong::detail::raise<InvalidArgument>("the model's arrays() have no parameters");
    lifelong::detail::with_memory(
        [&] { theta_.resize(layout_.size()); },
        [&] { return std::to_string(layout_.size()) + " parameters do not fit into memory"; });
    parts_.resize(arrays.size());
    for (std::size_t k = 0; k < arrays.size(); ++k)
      for (std::size_t i = 0; i < arrays[k].size(); ++i) theta_[layout_.blocks()[k].offset + i] = arrays[k][i];
  }

  [[nodiscard]] std::span<T> parameters() { return theta_; }
  [[nodiscard]] std::span<const T> parameters() const { return theta_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }

  /// The model, with θ in its arrays. What is written to the arrays does not reach θ.
  [[nodiscard]] Model& model() {
    scatter();
    return model_;
  }

  /// \throws ShapeMismatch if the model's arrays have changed their number or sizes.
  double gradient(const Batch<T>& batch, std::span<T> out) {
    scatter();
    return model_.gradient(batch, parts_of(out));
  }
  [[nodiscard]] std::size_t outputs() requires requires(Model& model) { model.outputs(); }
  { return model_.outputs(); }
  void predict(const Batch<T>& batch, std::span<T> out) requires requires(Model& model) { model.predict(batch, out); }
  {
    scatter();
    model_.predict(batch, out);
  }
  void pullback(const Batch<T>& batch, std::span<const T> cotangents, std::span<T> out) requires
      requires(Model& model, const std::vector<std::span<T>>& parts) {
    model.pullback(batch, cotangents, parts);
  }
  {
    scatter();
    model_.pullback(batch, cotangents, parts_of(out));
  }

 private:
  void scatter() {
    const std::vector<std::span<T>> arrays = model_.arrays();
    lifelong::detail::require_size("the model's arrays()", arrays.size(), layout_.blocks().size());
    for (std::size_t k = 0; k < arrays.size(); ++k) {
      const Block& block = layout_.blocks()[k];
      lifelong::detail::require_size(block.name.c_str(), arrays[k].size(), block.size);
      for (std::size_t i = 0; i < block.size; ++i) arrays[k][i] = theta_[block.offset + i];
    }
  }
  const std::vector<std::span<T>>& parts_of(std::span<T> out) {
    lifelong::detail::require_size("the gradient", out.size(), layout_.size());
    for (std::size_t k = 0; k < parts_.size(); ++k)
      parts_[k] = out.subspan(layout_.blocks()[k].offset, layout_.blocks()[k].size);
    return parts_;
  }

  Model model_;
  Layout layout_;
  AlignedVector<T> theta_;
  std::vector<std::span<T>> parts_;
};

}  // namespace lifelong::adapter

#include <lifelong/config/pop_macros.hpp>
