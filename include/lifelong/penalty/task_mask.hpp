// SPDX-License-Identifier: MIT
// Which parameters a task of PackNet uses, in one bit each: what a program without the learner needs of a task.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/penalty/owners.hpp>

namespace lifelong::penalty {

/// The mask of task number `task`, from 0, of a learner with `PackNet`: bit i % 8 of byte i / 8, counted from the
/// lowest, is 1 if the task uses parameter i, which is then owned by it or by a task before it. With the parameters at
/// the end of training, which are kept once, it gives those of the task: `apply_mask`. One bit per parameter and task,
/// as in the paper. The learner itself keeps the owners instead, 16 bits per parameter in which the masks of all 255
/// tasks are, because a step has to read them in the width of its registers. Copies the owners to the host.
/// \throws InvalidArgument unless the task has ended.
template <class Learner>
[[nodiscard]] std::vector<std::uint8_t> task_mask(Learner& learner, std::size_t task) {
  if (task >= learner.tasks())
    detail::raise<InvalidArgument>("task_mask: task " + std::to_string(task) +
                                   ", counted from 0, has not ended: " + std::to_string(learner.tasks()) + " have");
  const std::vector<std::int16_t> owners = detail::owners_of(learner);
  std::vector<std::uint8_t> mask((owners.size() + 7) / 8);
  for (std::size_t i = 0; i < owners.size(); ++i)
    if (owners[i] > 0 && static_cast<std::size_t>(owners[i]) <= task + 1)
      mask[i / 8] = static_cast<std::uint8_t>(mask[i / 8] | 1u << i % 8);
  return mask;
}

/// Sets the parameters to 0 that the task does not use, so that they are those of `Learner::copy_parameters`.
/// \throws ShapeMismatch for a mask of another length.
template <class T>
void apply_mask(std::span<const std::uint8_t> mask, std::span<T> parameters) {
  detail::require_size("the mask, in bytes,", mask.size(), (parameters.size() + 7) / 8);
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if ((mask[i / 8] >> i % 8 & 1) == 0) parameters[i] = 0;
}

}  // namespace lifelong::penalty

#include <lifelong/config/pop_macros.hpp>
