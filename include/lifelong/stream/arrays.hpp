// SPDX-License-Identifier: MIT
// Data sets that view arrays of any rank, whose first extent counts examples. The adapters of array libraries share
// this code.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <lifelong/stream/dataset.hpp>

namespace lifelong::detail {

/// Shape of one example: all extents but the first.
inline std::vector<std::size_t> shape_of_one(const std::vector<std::size_t>& extents) {
  return extents.size() == 1 ? std::vector<std::size_t>{1}
                             : std::vector<std::size_t>(extents.begin() + 1, extents.end());
}

inline void require_as_many(std::size_t inputs, std::size_t answers) {
  if (inputs != answers)
    raise<ShapeMismatch>("there are " + std::to_string(inputs) + " inputs, but " + std::to_string(answers) +
                         " labels or targets");
}

/// A data set of `inputs`, row-major of `extents`, with one label each. \throws ShapeMismatch for another number of
/// labels, and what the constructor of Dataset throws.
template <class S>
Dataset<S> labelled(std::span<const S> inputs LIFELONG_LIFETIME_BOUND, const std::vector<std::size_t>& extents,
                    std::span<const std::int32_t> labels LIFELONG_LIFETIME_BOUND) {
  require_as_many(extents[0], labels.size());
  return {inputs, labels, shape_of_one(extents)};
}

/// A data set of `inputs`, row-major of `extents`, with targets, row-major of `target_extents`. \throws as `labelled`.
template <class S>
Dataset<S> with_targets(std::span<const S> inputs LIFELONG_LIFETIME_BOUND, const std::vector<std::size_t>& extents,
                        std::span<const typename Dataset<S>::target_type> targets LIFELONG_LIFETIME_BOUND,
                        const std::vector<std::size_t>& target_extents) {
  require_as_many(extents[0], target_extents[0]);
  return {inputs, targets, *checked_product(shape_of_one(target_extents)), shape_of_one(extents)};
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
