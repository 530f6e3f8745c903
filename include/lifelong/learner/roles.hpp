// SPDX-License-Identifier: MIT
// Which of a learner's further parts plays which role. They are recognised by what they are, so their order is free.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <type_traits>

#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/rehearsal/policy.hpp>

namespace lifelong::detail {

/// The part that has a role, or what stands for it.
template <template <class> class Has, class Otherwise, class... Parts>
struct PartFor {
  using type = Otherwise;
};
template <template <class> class Has, class Otherwise, class First, class... Rest>
struct PartFor<Has, Otherwise, First, Rest...> {
  using type =
      typename std::conditional_t<Has<First>::value, std::type_identity<First>, PartFor<Has, Otherwise, Rest...>>::type;
};

/// True if the part is meant to be a backend: what it lacks is said by `require_backend`.
template <class Part>
using IsBackend = std::bool_constant < requires(const Part& part) {
  part.threads();
}
> ;
template <class Part>
using IsMemoryLimit = std::is_same<Part, MemoryLimit>;

/// The roles of the further parts of a learner of `Model`.
template <class Model, class... Parts>
struct Roles {
  template <class Part>
  using IsRehearsal = std::bool_constant<RehearsalPolicy<Part, Model>>;

  using Backend = typename PartFor<IsBackend, backend::Serial, Parts...>::type;
  using Rehearsal = typename PartFor<IsRehearsal, rehearsal::None, Parts...>::type;

  static_assert(
      ((IsBackend<Parts>::value + IsMemoryLimit<Parts>::value + IsRehearsal<Parts>::value == 1) && ...),
      "Learner: a part behind the optimizer must be an ExecutionBackend (with threads() and "
      "parallel_for(count, body)), a RehearsalPolicy (with State<Model>, validate(), gradient(state, backend, "
      "model, batch, out) and end_task(state, model)) or a MemoryLimit");
  static_assert((0 + ... + IsBackend<Parts>::value) <= 1, "Learner: there are two backends");
  static_assert((0 + ... + IsRehearsal<Parts>::value) <= 1, "Learner: there are two rehearsals");
  static_assert((0 + ... + IsMemoryLimit<Parts>::value) <= 1, "Learner: there are two memory limits");
};

/// The part of type `Wanted` among those given, or one made by default.
template <class Wanted>
Wanted part_or_default() {
  return Wanted{};
}
template <class Wanted, class First, class... Rest>
Wanted part_or_default(const First& first, const Rest&... rest) {
  if constexpr (std::is_same_v<Wanted, First>)
    return first;
  else
    return part_or_default<Wanted>(rest...);
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
