// SPDX-License-Identifier: MIT
// Single parameters that do not move any more, whatever the optimizer does.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>

#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/penalty/none.hpp>
#include <lifelong/penalty/policy.hpp>
#include <lifelong/penalty/term.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::detail {

/// Tells that something is not there, where a base has it.
struct Nowhere {};

/// The names of a penalty's arrays behind "owner".
template <class Inner>
constexpr auto arrays_behind_owner() {
  constexpr auto inner = arrays_of<Inner>();
  std::array<const char*, inner.size() + 1> names{"owner"};
  std::size_t last = 0;
  for (const char* name : inner) names[++last] = name;
  return names;
}
/// The places of Ω and θ* behind it.
template <class Inner>
constexpr auto places_behind_owner() {
  if constexpr (is_anchored<Inner>)
    return penalty::AnchoredArrays{Inner::anchored.importance + 1, Inner::anchored.anchor + 1};
  else
    return Nowhere{};
}
/// The pointers behind the first one, which is compact.
template <class Inner, class T, class Arrays>
ArrayPointers<Inner, T> pointers_behind_owner(const Arrays& all) {
  if constexpr (compact_arrays_of<Inner>() == 0) {
    return all.full;
  } else {
    ArrayPointers<Inner, T> rest{{}, all.full};
    for (std::size_t k = 0; k < rest.compact.size(); ++k) rest.compact[k] = all.compact[k + 1];
    return rest;
  }
}

}  // namespace lifelong::detail

namespace lifelong::penalty {

/// Who owns a parameter, in the array `owner`: 0 while it learns; the number of a task, counted from 1, for good; or
/// below 0 while it rests and waits for the next task. The array is `Bfloat16`, 2 bytes per parameter, in which such
/// numbers are exact: the masks of all tasks in 16 bits, which kernels read as they read any array. One bit for each
/// task and parameter would be more from 17 tasks on. `task_mask` gives a single task's mask as bits.
inline constexpr std::size_t most_owners = 255;

/// Parameters that are owned do not move by one bit, under any optimizer, momentum or weight decay; all others follow
/// `Inner`: the penalty of infinite strength on single parameters. At first nobody owns any; `penalty::freeze` gives
/// some to the present task. `Frozen<>` alone leaves the others free, `Frozen<ImplicitQuadratic>{{.strength = 10}}`
/// holds them elastically.
///
/// θ' = θ where owner ≠ 0, else what `Inner` makes of the optimizer's step. The optimizer's arrays go on gathering
/// gradients for owned parameters, which is of no effect. Frozen blocks (`Network::freeze`) cost nothing per step and
/// are better where whole layers are meant; this is for masks. A step reads one array more, of 2 bytes per parameter.
/// `Inner` is `None` or an implicit penalty, because an explicit one is part of the gradient. Compact arrays:
/// `Frozen<Compact<ImplicitQuadratic>>`.
template <class Inner = None>
struct Frozen : Inner {
  static_assert(std::same_as<Inner, None> || ImplicitPenalty<Inner>,
                "Frozen: the inner penalty must be None or implicit, such as ImplicitQuadratic");

  static constexpr auto arrays = detail::arrays_behind_owner<Inner>();
  static constexpr std::size_t compact_arrays = detail::compact_arrays_of<Inner>() + 1;
  static constexpr auto anchored = detail::places_behind_owner<Inner>();
  static constexpr detail::Nowhere compactable{};
  static constexpr Traffic traffic{detail::traffic_of<Inner>().reads + 1, detail::traffic_of<Inner>().writes};

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    if constexpr (requires { Inner::recipe(); })
      return "Frozen(" + Inner::recipe() + ")";
    else
      return "Frozen(a penalty without a recipe)";
  }

  template <class T, class InnerKernel>
  struct Kernel : InnerKernel {
    static constexpr bool follows = requires(const InnerKernel& inner, T v) { inner.proximal(std::size_t{}, v, v, v); };

    Bfloat16* owner;

    /// θ_i before the step, to the bit, where it is owned or rests.
    template <class V>
    LIFELONG_HOST_DEVICE V proximal(std::size_t i, V before, V stepped, V rate) const {
      V after = stepped;
      if constexpr (follows) after = InnerKernel::proximal(i, before, stepped, rate);
      return where_positive(abs(load<V>(owner, i)), before, after);
    }
  };

  template <class T, class Arrays>
  [[nodiscard]] auto kernel(const Arrays& pointers) const {
    const auto inner = Inner::template kernel<T>(detail::pointers_behind_owner<Inner, T>(pointers));
    return Kernel<T, std::remove_const_t<decltype(inner)>>{inner, get<0>(pointers)};
  }
};

}  // namespace lifelong::penalty

#include <lifelong/config/pop_macros.hpp>
