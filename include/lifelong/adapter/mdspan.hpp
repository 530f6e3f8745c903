// SPDX-License-Identifier: MIT
// Data sets that view a std::mdspan (C++23). This header does not include <mdspan>; any type with its members will do.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/stream/arrays.hpp>
#include <lifelong/stream/dataset.hpp>

namespace lifelong::adapter {

/// A multidimensional view of an array, such as `std::mdspan` or Kokkos's `mdspan`.
template <class M>
concept MultidimensionalSpan = requires(const M& view) {
  typename M::element_type;
  { M::rank() } -> std::convertible_to<std::size_t>;
  { view.data_handle() } -> std::convertible_to<const typename M::element_type*>;
  { view.extent(0) } -> std::convertible_to<std::size_t>;
  { view.stride(0) } -> std::convertible_to<std::size_t>;
};

namespace detail {

template <class M>
using element = std::remove_const_t<typename M::element_type>;

template <class M>
std::vector<std::size_t> extents_of(const M& view) {
  static_assert(M::rank() > 0, "examples need a dimension that counts them");
  std::vector<std::size_t> extents;
  for (std::size_t r = 0; r < M::rank(); ++r) extents.push_back(static_cast<std::size_t>(view.extent(r)));
  return extents;
}

/// The elements, which must lie in row-major order without gaps.
template <class M>
std::span<const element<M>> elements_of(const M& view, const char* name) {
  std::size_t count = 1;
  for (std::size_t r = M::rank(); r-- > 0; count *= static_cast<std::size_t>(view.extent(r)))
    if (view.extent(r) > 1 && static_cast<std::size_t>(view.stride(r)) != count)
      lifelong::detail::raise<InvalidArgument>(std::string(name) +
                                               " must be row-major and contiguous to be used without a copy");
  return {view.data_handle(), count};
}

}  // namespace detail

/// A data set that views what `inputs` views, one example for each index of the first dimension, and its labels; both
/// arrays must outlive it. If there is one dimension, each example has one input. It copies nothing. \throws
/// InvalidArgument unless the inputs are row-major and contiguous, ShapeMismatch for another number of labels, and what
/// the constructor of Dataset throws.
template <MultidimensionalSpan Inputs>
[[nodiscard]] Dataset<detail::element<Inputs>> dataset(const Inputs& inputs, std::span<const std::int32_t> labels) {
  return lifelong::detail::labelled(detail::elements_of(inputs, "inputs"), detail::extents_of(inputs), labels);
}

/// The same with a view of labels (std::int32_t, N) or of targets (N x K, or N for K = 1) of type
/// `Dataset<...>::target_type`.
template <MultidimensionalSpan Inputs, MultidimensionalSpan Answers>
[[nodiscard]] Dataset<detail::element<Inputs>> dataset(const Inputs& inputs, const Answers& answers) {
  const auto values = detail::elements_of(answers, "labels or targets");
  if constexpr (std::same_as<detail::element<Answers>, std::int32_t>)
    return dataset(inputs, values);
  else
    return lifelong::detail::with_targets(detail::elements_of(inputs, "inputs"), detail::extents_of(inputs), values,
                                          detail::extents_of(answers));
}

}  // namespace lifelong::adapter

#include <lifelong/config/pop_macros.hpp>
