// SPDX-License-Identifier: MIT
// The arrays of policies. Policies themselves are settings; they name the arrays they need per parameter, and are given
// pointers to them.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <lifelong/core/bfloat16.hpp>

namespace lifelong {

/// The memory traffic of a step: how many parameter-sized arrays it reads and writes, besides the parameters and the
/// gradient.
struct Traffic {
  int reads = 0;
  int writes = 0;
};

/// How far a learner has come, for kernels that do more in some steps than in others.
struct Clock {
  std::uint64_t step = 0;  ///< steps of the present task, from 1
  std::size_t tasks = 0;   ///< tasks that have ended before it
};

namespace detail {

template <class P>
concept has_validate = requires(const P& policy) {
  policy.validate();
};

/// Checks the settings as numbers of the parameters' type, if the policy has `validate_as<T>()`.
template <class T, class P>
void validate_settings_as(const P& policy) {
  if constexpr (requires { policy.template validate_as<T>(); }) policy.template validate_as<T>();
}

/// Names of the parameter-sized arrays that the learner keeps for a policy; none if the policy names none.
template <class P>
constexpr auto arrays_of() {
  if constexpr (requires { P::arrays; })
    return P::arrays;
  else
    return std::array<const char*, 0>{};
}

/// How many of these arrays, from the first, are `Bfloat16`.
template <class P>
constexpr std::size_t compact_arrays_of() {
  if constexpr (requires { P::compact_arrays; })
    return P::compact_arrays;
  else
    return 0;
}

/// Names of the numbers that the learner keeps for a policy; none if the policy names none.
template <class P>
constexpr auto numbers_of() {
  if constexpr (requires { P::numbers; })
    return P::numbers;
  else
    return std::array<const char*, 0>{};
}

/// Memory traffic of a policy; none if the policy does not state it.
template <class P>
constexpr Traffic traffic_of() {
  if constexpr (requires { P::traffic; })
    return P::traffic;
  else
    return {};
}

/// Pointers to some arrays of `Bfloat16` and others of T, which `get<k>` reads as it reads a `std::array`.
template <class T, std::size_t compact_count, std::size_t full_count>
struct MixedPointers {
  std::array<Bfloat16*, compact_count> compact;
  std::array<T*, full_count> full;
};
template <std::size_t k, class T, std::size_t compact_count, std::size_t full_count>
auto get(const MixedPointers<T, compact_count, full_count>& pointers) {
  if constexpr (k < compact_count)
    return pointers.compact[k];
  else
    return pointers.full[k - compact_count];
}

template <class P, class T, std::size_t compact_count = compact_arrays_of<P>()>
struct ArrayPointersOf {
  using type = MixedPointers<T, compact_count, arrays_of<P>().size() - compact_count>;
};
template <class P, class T>
struct ArrayPointersOf<P, T, 0> {
  using type = std::array<T*, arrays_of<P>().size()>;
};

/// The pointers to a policy's arrays, in the order of their names.
template <class P, class T>
using ArrayPointers = typename ArrayPointersOf<P, T>::type;

/// The type of the elements of a policy's first array: T or `Bfloat16`.
template <class Arrays>
using FirstElement = std::remove_pointer_t<std::remove_cvref_t<decltype(get<0>(std::declval<const Arrays&>()))>>;

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
