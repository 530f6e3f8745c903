// SPDX-License-Identifier: MIT
// xtensor arrays as data sets, and arrays as xtensor views, without copying.
#pragma once

#include <lifelong/config/push_macros.hpp>

#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xcontainer.hpp>
#elif __has_include(<xtensor/xadapt.hpp>)
#include <xtensor/xadapt.hpp>
#include <xtensor/xcontainer.hpp>
#else
#error "lifelong/xtensor needs xtensor: neither <xtensor/containers/xadapt.hpp> nor <xtensor/xadapt.hpp> is found"
#endif

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/stream/arrays.hpp>
#include <lifelong/stream/dataset.hpp>

namespace lifelong::xtensor {

namespace detail {

using lifelong::detail::raise;

/// An xarray, xtensor, xtensor_fixed or adaptor: a type whose elements lie in one array.
template <class E>
concept container = std::derived_from<E, xt::xcontainer<E>>;

/// A type that only views its elements, so that an object of it may be temporary.
template <class E>
inline constexpr bool views = false;
template <class E, std::size_t N>
inline constexpr bool views<std::span<E, N>> = true;
template <class E>
inline constexpr bool dangling = !std::is_lvalue_reference_v<E> && !views<std::remove_cvref_t<E>>;

/// The elements in row-major order, in place.
template <container E>
std::span<const typename E::value_type> elements(const E& array, const char* name) {
  if (array.layout() != xt::layout_type::row_major)
    raise<InvalidArgument>(std::string(name) + " must be row-major and contiguous to be used without a copy");
  return {array.data(), array.size()};
}

template <container E>
std::vector<std::size_t> shape(const E& array, const char* name, std::size_t least_rank) {
  if (array.dimension() < least_rank)
    raise<ShapeMismatch>(std::string(name) + " need at least " + std::to_string(least_rank) + " dimensions, but have " +
                         std::to_string(array.dimension()));
  std::vector<std::size_t> extents;
  for (std::size_t d = 0; d < array.dimension(); ++d) extents.push_back(static_cast<std::size_t>(array.shape(d)));
  return extents;
}

}  // namespace detail

/// A data set that views `inputs`, whose first dimension counts examples, and `labels`; both must outlive it. If there
/// is one dimension, each example has one input. It copies nothing. \throws InvalidArgument unless `inputs` is
/// row-major and contiguous, and what the constructor of Dataset throws.
template <detail::container I>
[[nodiscard]] Dataset<typename I::value_type> dataset(const I& inputs LIFELONG_LIFETIME_BOUND,
                                                      std::span<const std::int32_t> labels LIFELONG_LIFETIME_BOUND) {
  return lifelong::detail::labelled(detail::elements(inputs, "inputs"), detail::shape(inputs, "inputs", 1), labels);
}

/// The same with xtensor arrays for both. `answers` are labels (std::int32_t, N) or real targets (N x K, or N for K =
/// 1) of type `Dataset<...>::target_type`.
template <detail::container I, detail::container A>
[[nodiscard]] Dataset<typename I::value_type> dataset(const I& inputs LIFELONG_LIFETIME_BOUND,
                                                      const A& answers LIFELONG_LIFETIME_BOUND) {
  const auto values = detail::elements(answers, "labels or targets");
  if constexpr (std::same_as<typename A::value_type, std::int32_t>) {
    return dataset(inputs, values);
  } else {
    return lifelong::detail::with_targets(detail::elements(inputs, "inputs"), detail::shape(inputs, "inputs", 1),
                                          values, detail::shape(answers, "targets", 1));
  }
}

/// Temporaries are refused, because the data set would view freed memory.
template <class I, class A>
requires(detail::container<std::remove_cvref_t<I>> &&
         (detail::dangling<I> || detail::dangling<A>)) void dataset(I&& inputs, A&& answers) = delete;

/// `values`, for example a model's parameters or one of their blocks, as an xtensor array of the given shape that
/// reads and writes them in place; they must outlive it. \throws ShapeMismatch unless product(shape) = values.size().
template <class T>
[[nodiscard]] auto view(std::span<T> values, std::vector<std::size_t> shape) {
  const auto size = lifelong::detail::checked_product(shape);
  if (!size || *size != values.size())
    detail::raise<ShapeMismatch>("a view of shape {" + lifelong::detail::shape_text(shape) + "} does not fit " +
                                 std::to_string(values.size()) + " values");
  return xt::adapt(values.data(), values.size(), xt::no_ownership(), shape);
}

}  // namespace lifelong::xtensor

#include <lifelong/config/pop_macros.hpp>
