// SPDX-License-Identifier: MIT
// What importances that are made of other importances ask of their parts.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/importance/merge.hpp>

namespace lifelong::detail {

/// \throws InvalidArgument unless `part` has the same merge rule as the importance it is part of.
template <class I>
void require_same_merge(const char* name, const I& part, const importance::Merge& whole) {
  if (part.merge != whole)
    raise<InvalidArgument>(std::string(name) + ".merge is " + part.merge.text() + " where the whole has " +
                           whole.text() + ": they must be the same");
}

template <class I>
std::string part_recipe(const I& importance) {
  if constexpr (requires { importance.recipe(); })
    return importance.recipe();
  else
    return "an importance without a recipe";
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
