// SPDX-License-Identifier: MIT
// How many random numbers the layers of a chain need in a training pass.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>

#include <lifelong/nn/layer/layer.hpp>

namespace lifelong::nn::detail {

/// Numbers of random numbers. For sequences of unequal length they do not depend on the padding.
struct Draws {
  std::size_t of_sample = 0;                 ///< per sample
  std::size_t of_position = 0, of_rest = 0;  ///< the same per position of a sequence, and behind sequences

  void add(std::size_t draws, std::size_t positions) {
    of_sample += draws;
    (positions > 0 ? of_position : of_rest) += positions > 0 ? draws / positions : draws;
  }
  template <class T>
  [[nodiscard]] std::uint64_t in(const Flow<T>& flow, std::size_t rows) const {
    return flow.starts.empty() ? of_sample * rows : of_position * rows + of_rest * (flow.starts.size() - 1);
  }
};

}  // namespace lifelong::nn::detail

#include <lifelong/config/pop_macros.hpp>
