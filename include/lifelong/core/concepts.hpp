// What each part of a learner must provide. Members are the customisation point; nothing is virtual.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <lifelong/core/batch.hpp>

namespace lifelong {

namespace detail {

template <class M>
concept has_value_type = std::floating_point<typename M::value_type>;

template <class M>
concept has_parameters = requires(M& model) {
  { model.parameters() } -> std::convertible_to<std::span<typename M::value_type>>;
};

template <class M, class B>
concept has_gradient = requires(M& model, const B& batch, std::span<typename M::value_type> out) {
  { model.gradient(batch, out) } -> std::convertible_to<double>;
};

}  // namespace detail

/// Anything examples can be read from. Satisfied by datasets, the tasks of a stream, and your own type with
/// `size()` examples of `features()` inputs and `targets()` target values each (0: class labels instead), and
/// `read(i, row)` that fills one `ExampleRow<T>`. `read` is called from several threads at once, for different rows.
template <class E, class T>
concept ExampleSource = requires(const E& examples, std::size_t i, ExampleRow<T> row) {
  { examples.size() } -> std::convertible_to<std::size_t>;
  { examples.features() } -> std::convertible_to<std::size_t>;
  { examples.targets() } -> std::convertible_to<std::size_t>;
  examples.read(i, row);
};

}  // namespace lifelong
