// SPDX-License-Identifier: MIT
// Eigen matrices as data sets, which view them and copy nothing.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <Eigen/Core>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/stream/dataset.hpp>

namespace lifelong::nn {

namespace dataset_detail {

template <class D>
void as_dense(const Eigen::DenseBase<D>&);
template <class D>
void as_plain(const Eigen::PlainObjectBase<D>&);

/// A Matrix, Map, Ref or Block: a type whose elements lie in memory, not an expression that is yet to be evaluated.
template <class D>
concept eigen_array = requires(const D& matrix) {
  as_dense(matrix);
  matrix.innerStride();
};

/// True for a type that owns its elements, as a Map or Block does not.
template <class D>
concept owner = requires(const D& matrix) {
  as_plain(matrix);
};

/// A type that only views its elements, so that an object of it may be temporary.
template <class D>
inline constexpr bool views = eigen_array<D> && !owner<D>;
template <class E, std::size_t N>
inline constexpr bool views<std::span<E, N>> = true;
template <class D>
inline constexpr bool dangling = !std::is_lvalue_reference_v<D> && !views<std::remove_cvref_t<D>>;

/// The elements in row-major order, in place.
template <eigen_array D>
std::span<const typename D::Scalar> elements(const D& matrix, const char* name) {
  const bool one_vector = matrix.rows() == 1 || matrix.cols() == 1;
  const bool gapless = matrix.innerStride() == 1 && (one_vector || matrix.outerStride() == matrix.innerSize());
  if (matrix.size() > 0 && !(gapless && (one_vector || D::IsRowMajor)))
    lifelong::detail::raise<InvalidArgument>(std::string(name) +
                                             " must be row-major and contiguous to be used without a copy");
  return {matrix.data(), static_cast<std::size_t>(matrix.size())};
}

inline void require_count(Eigen::Index rows, std::size_t answers) {
  if (static_cast<std::size_t>(rows) != answers)
    lifelong::detail::raise<ShapeMismatch>("there are " + std::to_string(rows) + " rows of inputs, but " +
                                           std::to_string(answers) + " labels or targets");
}

/// Shape of an example: `shape`, or one extent, the number of columns, if that is empty.
inline std::vector<std::size_t> shape_or(std::vector<std::size_t> shape, Eigen::Index columns) {
  return shape.empty() ? std::vector<std::size_t>{static_cast<std::size_t>(columns)} : std::move(shape);
}

}  // namespace dataset_detail

/// A data set that views `labels` and the rows of `inputs` as examples; both must outlive it. It copies nothing.
/// `shape` is that of one example, by default {columns}. \throws InvalidArgument unless `inputs` is row-major and
/// contiguous, and what the constructor of Dataset throws.
template <dataset_detail::eigen_array I>
[[nodiscard]] Dataset<typename I::Scalar> dataset(const I& inputs LIFELONG_LIFETIME_BOUND,
                                                  std::span<const std::int32_t> labels LIFELONG_LIFETIME_BOUND,
                                                  std::vector<std::size_t> shape = {}) {
  dataset_detail::require_count(inputs.rows(), labels.size());
  return {dataset_detail::elements(inputs, "inputs"), labels,
          dataset_detail::shape_or(std::move(shape), inputs.cols())};
}

/// The same with Eigen arrays for both. `answers` are labels (a vector of std::int32_t) or real targets (row-major N x
/// K, of type `Dataset<...>::target_type`).
template <dataset_detail::eigen_array I, dataset_detail::eigen_array A>
[[nodiscard]] Dataset<typename I::Scalar> dataset(const I& inputs LIFELONG_LIFETIME_BOUND,
                                                  const A& answers LIFELONG_LIFETIME_BOUND,
                                                  std::vector<std::size_t> shape = {}) {
  const auto values = dataset_detail::elements(answers, "labels or targets");
  if constexpr (std::same_as<typename A::Scalar, std::int32_t>) {
    return dataset(inputs, values, std::move(shape));
  } else {
    dataset_detail::require_count(inputs.rows(), static_cast<std::size_t>(answers.rows()));
    return {dataset_detail::elements(inputs, "inputs"), values, static_cast<std::size_t>(answers.cols()),
            dataset_detail::shape_or(std::move(shape), inputs.cols())};
  }
}

/// Temporary matrices are refused, because the data set would view freed memory.
template <class I, class A>
requires(dataset_detail::eigen_array<std::remove_cvref_t<I>> &&
         (dataset_detail::dangling<I> ||
          dataset_detail::dangling<A>)) void dataset(I&& inputs, A&& answers,
                                                     std::vector<std::size_t> shape = {}) = delete;

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
