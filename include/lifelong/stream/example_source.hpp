// SPDX-License-Identifier: MIT
// Anything that examples can be read from.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <string>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>

namespace lifelong {

/// The `size()` of a source that has no end, such as a sensor or a generator. `Learner::fit` reads it in order, example
/// after example, for as many steps as `FitOptions.steps` says; whatever needs all examples refuses it.
inline constexpr std::size_t endless = static_cast<std::size_t>(-1);

/// A source of examples, such as a data set, the examples of a task, or a type of your own. It has `size()` examples of
/// `features()` inputs and `targets()` target values each (0 if they have class labels instead), and `read(i, row)`,
/// which fills one `ExampleRow<T>`. A source without end has the size `endless`. `read` is called from several threads
/// at once, for different rows.
template <class E, class T>
concept ExampleSource = requires(const E& examples, std::size_t i, ExampleRow<T> row) {
  { examples.size() } -> std::convertible_to<std::size_t>;
  { examples.features() } -> std::convertible_to<std::size_t>;
  { examples.targets() } -> std::convertible_to<std::size_t>;
  examples.read(i, row);
};

namespace detail {

template <class E, class T>
consteval bool require_example_source() {
  static_assert(
      requires(const E& examples) {
        { examples.size() } -> std::convertible_to<std::size_t>;
      },
      "ExampleSource: the examples need size() const, the number of examples");
  static_assert(
      requires(const E& examples) {
        { examples.features() } -> std::convertible_to<std::size_t>;
      },
      "ExampleSource: the examples need features() const, the number of inputs of each");
  static_assert(
      requires(const E& examples) {
        { examples.targets() } -> std::convertible_to<std::size_t>;
      },
      "ExampleSource: the examples need targets() const, the number of target values of each, 0 if there are labels");
  static_assert(ExampleSource<E, T>,
                "ExampleSource: the examples need read(i, row) const, which fills an ExampleRow<T>");
  return true;
}

/// \throws InvalidArgument for a source without end; `call` is what needs all examples.
inline void require_end(std::size_t examples, const std::string& call) {
  if (examples == endless)
    raise<InvalidArgument>(call + ": the examples are endless, and all of them are needed; give it a part of them");
}

/// Checks a task that is not an `ExampleSource`: it must be a range of batches.
template <class B, class T>
consteval bool require_batches() {
  if constexpr (requires(B & batches) {
                  batches.begin();
                  batches.end();
                })
    return true;
  else
    return require_example_source<B, T>();
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
