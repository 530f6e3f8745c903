// SPDX-License-Identifier: MIT
// Training from a memory alone.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <lifelong/core/error.hpp>
#include <lifelong/learner/options.hpp>

namespace lifelong {

/// GDumb (Prabhu et al. 2020): whenever a model is wanted, it is trained from nothing on the examples of a memory,
/// usually a `rehearsal::GreedyBalanced`. Returns a copy of `untrained`, a learner that has not taken a step, trained
/// by `fit(examples, options)`; `examples` is the memory, or a view of it such as `ShiftedCopies`. `untrained` is as it
/// was, so the same memory gives the same bits however often it is asked. (CapyMOA's program goes on from the
/// parameters it trained last, of which it has kept no copy.) \throws what `fit` throws, and InvalidArgument for a
/// model whose copies share their parameters, as those of LibTorch do.
///
///     auto learner = gdumb(untrained, memory, {.epochs = 128, .batch_size = 16});
template <class Learner, class Examples>
[[nodiscard]] Learner gdumb(const Learner& untrained, const Examples& examples, const FitOptions& options = {}) {
  Learner learner = untrained;
  auto twin = untrained.model();
  if (twin.parameters().data() == learner.model().parameters().data())
    detail::raise<InvalidArgument>(
        "gdumb: copies of this model share their parameters, so it would not stay untrained");
  learner.fit(examples, options);
  return learner;
}

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
