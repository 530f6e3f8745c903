// SPDX-License-Identifier: MIT
// Who owns which parameter of a learner: asked, and said by hand.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/backend/loop.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/importance/scope.hpp>
#include <lifelong/penalty/frozen.hpp>

namespace lifelong::detail {

inline constexpr std::int16_t learning = 0;  ///< the owner of a parameter that learns in this task
inline constexpr std::int16_t resting = -1;  ///< of one that waits at 0 for the next task

/// The array `owner` on the host.
template <class Learner>
std::vector<std::int16_t> owners_of(Learner& learner) {
  const auto& array = std::as_const(learner.state().penalty).template get<0>();
  std::vector<Bfloat16> stored(array.size());
  copy_out(learner.backend(), array.data(), std::span<Bfloat16>(stored), "the owners");
  std::vector<std::int16_t> owners;
  owners.reserve(stored.size());
  for (const Bfloat16 owner : stored) owners.push_back(static_cast<std::int16_t>(static_cast<float>(owner)));
  return owners;
}
template <class Learner>
void set_owners(Learner& learner, const std::vector<std::int16_t>& owners) {
  std::vector<Bfloat16> stored;
  stored.reserve(owners.size());
  for (const std::int16_t owner : owners) stored.push_back(Bfloat16(static_cast<float>(owner)));
  copy_in(learner.backend(), std::span<const Bfloat16>(stored), learner.state().penalty.template get<0>().data(),
          "the owners");
}

/// The owner number of the present task. \throws InvalidArgument if there are too many tasks.
inline std::int16_t owner_of_task(const char* call, std::size_t tasks) {
  if (tasks >= penalty::most_owners)
    raise<InvalidArgument>(std::string(call) + ": at most " + std::to_string(penalty::most_owners) +
                           " tasks can own parameters, and this is task " + std::to_string(tasks) + ", counted from 0");
  return static_cast<std::int16_t>(tasks + 1);
}

}  // namespace lifelong::detail

namespace lifelong::penalty {

/// Copies to the host who owns which parameter: the number of the task, counted from 1, or 0 for one that no task owns
/// yet. One byte per parameter. For a learner with `Frozen` or `PackNet`. \throws ShapeMismatch unless `out` is as long
/// as the parameters.
template <class Learner>
void copy_owners(Learner& learner, std::span<std::uint8_t> out) {
  const std::vector<std::int16_t> owners = detail::owners_of(learner);
  detail::require_size("the array for the owners", out.size(), owners.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(owners[i] > 0 ? owners[i] : 0);
}

/// Gives the parameters whose `mask` is not 0 to the present task, for good; those that have an owner keep it. For a
/// learner with `Frozen`. Takes a copy of the owners to the host and back. \throws ShapeMismatch unless the mask is as
/// long as the parameters; InvalidArgument if 255 tasks have ended.
template <class Learner>
void freeze(Learner& learner, std::span<const std::uint8_t> mask) {
  const std::int16_t owner = detail::owner_of_task("freeze", learner.tasks());
  std::vector<std::int16_t> owners = detail::owners_of(learner);
  detail::require_size("the mask", mask.size(), owners.size());
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (mask[i] != 0 && owners[i] == detail::learning) owners[i] = owner;
  detail::set_owners(learner, owners);
}

/// The same for the blocks of a scope: `freeze(learner, Scope::only({"0", "2.bias"}))`. \throws InvalidArgument for a
/// name that no block has, too.
template <class Learner>
void freeze(Learner& learner, const Scope& scope) {
  static_assert(NamedModel<const std::remove_reference_t<decltype(learner.model())>>,
                "NamedModel: a scope needs the model's layout(), which names its parameters");
  const Layout layout = std::as_const(learner.model()).layout();
  const std::string unknown = scope.unknown_name(layout);
  if (!unknown.empty()) detail::raise<InvalidArgument>("freeze: the model has no parameters named " + unknown);
  std::vector<std::uint8_t> mask(layout.size());
  for (const Block& block : layout.blocks())
    for (std::size_t i = 0; i < block.size; ++i) mask[block.offset + i] = scope.contains(block) ? 1 : 0;
  freeze(learner, mask);
}

}  // namespace lifelong::penalty

#include <lifelong/config/pop_macros.hpp>
