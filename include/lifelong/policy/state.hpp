// SPDX-License-Identifier: MIT
// What a learner remembers for one of its policies.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <utility>

#include <lifelong/backend/backend.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong {
namespace detail {

/// A visitor of a state's arrays or numbers, with which concepts are checked.
struct AnyVisitor {
  template <class Name, class Value>
  void operator()(const Name&, Value&) const {}
};

}  // namespace detail

/// What a learner keeps for a policy between steps, copied as a value. It has `resize(count)` for `count` parameters,
/// where new elements are zero or empty; `bytes()`; and `visit(array, number)`, which calls `array(name, values)` and
/// `number(name, value)` for everything in it, in a fixed order. A visitor may write to what it is called with, and may
/// resize arrays whose length follows from numbers visited before them; `io::restore` fills a state that way. It may
/// have `reserve(count)` too, after which `resize(count)` does not fail; without it, `resize` must not fail for more
/// parameters.
template <class S>
concept PolicyState = std::copyable<S> && requires(S& state, const S& kept) {
  state.resize(std::size_t{});
  { kept.bytes() } -> std::convertible_to<std::size_t>;
  state.visit(detail::AnyVisitor{}, detail::AnyVisitor{});
};

namespace detail {

/// The state of a policy that names what it needs: arrays as long as the parameters, the first `compact_arrays` of them
/// of `Bfloat16`, the others of T, and numbers. All are zero at first.
template <class Policy, class T, class Backend>
class NamedState {
  static constexpr std::size_t compact_count = compact_arrays_of<Policy>();
  static constexpr std::size_t full_count = arrays_of<Policy>().size() - compact_count;

 public:
  using Numbers = std::array<double, numbers_of<Policy>().size()>;
  static constexpr std::size_t bytes_per_parameter = compact_count * sizeof(Bfloat16) + full_count * sizeof(T);

  NamedState() = default;
  explicit NamedState(std::size_t parameters) { resize(parameters); }

  [[nodiscard]] ArrayPointers<Policy, T> pointers() {
    std::array<T*, full_count> full{};
    for (std::size_t k = 0; k != full_count; ++k) full[k] = full_[k].data();
    if constexpr (compact_count == 0) {
      return full;
    } else {
      ArrayPointers<Policy, T> mixed{{}, full};
      for (std::size_t k = 0; k < compact_count; ++k) mixed.compact[k] = compact_[k].data();
      return mixed;
    }
  }
  [[nodiscard]] Numbers& numbers() { return numbers_; }
  [[nodiscard]] const Numbers& numbers() const { return numbers_; }

  /// Sets everything to zero.
  void clear() {
    for_each([](auto& array) {
      const std::size_t size = array.size();
      array.resize(0);
      array.resize(size);
    });
    numbers_ = {};
  }
  void reserve(std::size_t parameters) {
    for_each([&](auto& array) { array.reserve(parameters); });
  }
  void resize(std::size_t parameters) {
    for_each([&](auto& array) { array.resize(parameters); });
  }
  [[nodiscard]] std::size_t bytes() const {
    std::size_t total = 0;
    for (const auto& array : compact_) total += array.size() * sizeof(Bfloat16);
    for (const auto& array : full_) total += array.size() * sizeof(T);
    return total;
  }
  /// Array k, by its place among the names.
  template <std::size_t k>
  [[nodiscard]] auto& get() {
    if constexpr (k < compact_count)
      return compact_[k];
    else
      return full_[k - compact_count];
  }
  template <std::size_t k>
  [[nodiscard]] const auto& get() const {
    return const_cast<NamedState&>(*this).template get<k>();
  }
  [[nodiscard]] auto& operator[](std::size_t k) requires(compact_count == 0) { return full_[k]; }

  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    [&]<std::size_t... k>(std::index_sequence<k...>) { (visit_array(arrays_of<Policy>()[k], get<k>(), array), ...); }
    (std::make_index_sequence<arrays_of<Policy>().size()>());
    for (std::size_t k = 0; k != numbers_.size(); ++k) number(numbers_of<Policy>()[k], numbers_[k]);
  }

  /// Adds the arrays to a list of what memory is wanted for, in bytes per parameter.
  static void add_to_bill(std::string& list) {
    std::size_t compact_left = compact_count;
    for (const char* name : arrays_of<Policy>()) {
      const bool compact = compact_left != 0;
      compact_left -= compact ? 1 : 0;
      detail::add_to_bill(list, name, compact ? sizeof(Bfloat16) : sizeof(T));
    }
  }

 private:
  /// These arrays are as long as the parameters, whatever a visitor writes to them.
  template <class Values, class Array>
  LIFELONG_RARE static void visit_array(const char* name, Values& values, const Array& array) {
    const std::size_t size = values.size();
    array(name, values);
    require_size(name, values.size(), size);
  }

  template <class Call>
  void for_each(const Call& call) {
    for (auto& array : compact_) call(array);
    for (auto& array : full_) call(array);
  }

  std::array<ArrayOf<Backend, Bfloat16>, compact_count> compact_;
  std::array<ArrayOf<Backend, T>, full_count> full_;
  Numbers numbers_{};
};

/// True if the policy has a state of its own kind.
template <class Policy, class T = float>
concept has_own_state = requires {
  typename Policy::template State<T>;
}
&&PolicyState<typename Policy::template State<T>>;

template <class Policy, class T, class Backend>
struct StateOf {
  using type = NamedState<Policy, T, Backend>;
};
template <class Policy, class T, class Backend>
requires has_own_state<Policy, T>
struct StateOf<Policy, T, Backend> {
  using type = typename Policy::template State<T>;
};

/// The state of a policy: its own `State<T>`, or that of its named arrays and numbers.
template <class Policy, class T, class Backend>
using StateFor = typename StateOf<Policy, T, Backend>::type;

/// Bytes per parameter of a state of named arrays; 0 for a state of its own kind, whose size is not known beforehand.
template <class State>
constexpr std::size_t bytes_per_parameter_of() {
  if constexpr (requires { State::bytes_per_parameter; })
    return State::bytes_per_parameter;
  else
    return 0;
}
template <class State>
void add_to_bill_of(std::string& list) {
  if constexpr (requires { State::add_to_bill(list); }) State::add_to_bill(list);
}

/// Makes room, so that the `resize` that follows cannot fail.
template <class State>
void reserve(State& state, std::size_t parameters) {
  if constexpr (requires { state.reserve(parameters); }) state.reserve(parameters);
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
