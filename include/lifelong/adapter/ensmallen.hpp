// SPDX-License-Identifier: MIT
// Models made of functions as ensmallen and mlpack have them. This header includes neither library: the members of the
// functions are the interface.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/error.hpp>

namespace lifelong::adapter {

/// The functions [first, first + size) of a sum Σ_i f_i, which are a batch for such a model.
struct FunctionRange {
  std::size_t first = 0;
  std::size_t size = 0;

  /// The range that holds function `n` of this range alone.
  [[nodiscard]] FunctionRange sample(std::size_t n) const { return {first + n, 1}; }
};

/// The first `count` functions, cut into ranges of `batch_size` (the last may be shorter), for `Learner::consolidate`.
/// \throws InvalidArgument for a batch size of 0.
[[nodiscard]] inline std::vector<FunctionRange> ranges(std::size_t count, std::size_t batch_size) {
  detail::require_at_least("the batch size", static_cast<double>(batch_size), 1);
  std::vector<FunctionRange> all;
  for (std::size_t first = 0; first < count; first += batch_size)
    all.push_back({first, count - first < batch_size ? count - first : batch_size});
  return all;
}

/// A matrix in one array that can be made to view memory it does not own, such as `arma::mat`.
template <class M>
concept DenseMatrix = std::floating_point<typename M::elem_type> && requires(M& matrix, typename M::elem_type* memory) {
  { matrix.memptr() } -> std::same_as<typename M::elem_type*>;
  { matrix.n_rows } -> std::convertible_to<std::size_t>;
  { matrix.n_cols } -> std::convertible_to<std::size_t>;
  M(memory, matrix.n_rows, matrix.n_cols, false, true);
};

namespace detail {

using lifelong::detail::raise, lifelong::detail::require_size;

template <class F, class M>
concept evaluates_with_gradient = requires(F& function, M& matrix, std::size_t i) {
  { function.EvaluateWithGradient(std::as_const(matrix), i, matrix, i) } -> std::convertible_to<double>;
};

template <class F, class M>
concept evaluates_and_has_gradient = requires(F& function, M& matrix, std::size_t i) {
  { function.Evaluate(std::as_const(matrix), i, i) } -> std::convertible_to<double>;
  function.Gradient(std::as_const(matrix), i, matrix, i);
};

}  // namespace detail

/// A differentiable separable function of a matrix of parameters. It has `NumFunctions()`, and
/// `EvaluateWithGradient(parameters, begin, gradient, batchSize)` or `Evaluate(parameters, begin, batchSize)` and
/// `Gradient(parameters, begin, gradient, batchSize)`.
template <class F, class M>
concept SeparableFunction = DenseMatrix<M> && requires(F& function) {
  { function.NumFunctions() } -> std::convertible_to<std::size_t>;
} &&(detail::evaluates_with_gradient<F, M> || detail::evaluates_and_has_gradient<F, M>);

namespace detail {

/// Says in one sentence each what a type lacks, as core/model.hpp does.
template <class F, class M>
consteval bool require_separable() {
  static_assert(
      DenseMatrix<M>,
      "DenseMatrix: the parameters need elem_type, memptr(), n_rows, n_cols and a constructor M(memory, rows, "
      "columns, copy, strict), as arma::mat has them");
  static_assert(
      requires(F & function) {
        { function.NumFunctions() } -> std::convertible_to<std::size_t>;
      },
      "SeparableFunction: the function needs NumFunctions()");
  static_assert(
      SeparableFunction<F, M>,
      "SeparableFunction: the function needs EvaluateWithGradient(parameters, begin, gradient, batchSize), or "
      "Evaluate(parameters, begin, batchSize) and Gradient(parameters, begin, gradient, batchSize)");
  return true;
}

}  // namespace detail

/// A separable function as a model whose batches are each a `FunctionRange`. θ is the matrix of parameters, column by
/// column, in place. The model refers to the function and the matrix; both must outlive it, and the matrix must not be
/// resized. ensmallen sums over a batch; here loss and gradient are means. The model allows importances that need no
/// outputs: the empirical Fisher information (one function at a time, where the functions are -log p), `BatchFisher`,
/// path integrals and `Constant`.
template <class Function, class Matrix>
class Separable {
  static_assert(detail::require_separable<Function, Matrix>());

 public:
  using value_type = typename Matrix::elem_type;

  Separable(Function& function LIFELONG_LIFETIME_BOUND, Matrix& parameters LIFELONG_LIFETIME_BOUND)
      : function_(&function), parameters_(&parameters) {}

  [[nodiscard]] Function& function() const { return *function_; }
  [[nodiscard]] std::span<value_type> parameters() {
    return {parameters_->memptr(), static_cast<std::size_t>(parameters_->n_rows) * parameters_->n_cols};
  }

  /// out = 1/size Σ ∂f_i/∂θ over the range; returns 1/size Σ f_i. The function writes to `out` itself.
  /// \throws InvalidArgument for a range that is empty or reaches past the last function, ShapeMismatch for another
  /// length of `out`.
  double gradient(const FunctionRange& range, std::span<value_type> out) {
    detail::require_size("the gradient", out.size(), parameters().size());
    const std::size_t count = function_->NumFunctions();
    if (range.size == 0 || range.first >= count || range.size > count - range.first)
      detail::raise<InvalidArgument>(
          "the batch [" + std::to_string(range.first) + ", " + std::to_string(range.first + range.size) +
          ") must be a range of at least one of the " + std::to_string(count) + " functions");
    Matrix sum(out.data(), parameters_->n_rows, parameters_->n_cols, false, true);
    const double total = differentiate(range, sum);
    const value_type* const found = sum.memptr();  // this is not `out` if the function has moved the matrix's memory
    const value_type share = value_type(1) / static_cast<value_type>(range.size);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = share * found[i];
    return total / static_cast<double>(range.size);
  }

 private:
  double differentiate(const FunctionRange& range, Matrix& sum) {
    const Matrix& at = *parameters_;
    if constexpr (detail::evaluates_with_gradient<Function, Matrix>) {
      return static_cast<double>(function_->EvaluateWithGradient(at, range.first, sum, range.size));
    } else {
      function_->Gradient(at, range.first, sum, range.size);
      return static_cast<double>(function_->Evaluate(at, range.first, range.size));
    }
  }

  Function* function_;
  Matrix* parameters_;
};

/// A model of a function with parameters of its own, `Parameters()`, such as mlpack's networks.
template <class Function>
[[nodiscard]] auto separable(Function& function LIFELONG_LIFETIME_BOUND) {
  using Matrix = std::remove_reference_t<decltype(function.Parameters())>;
  return Separable<Function, Matrix>(function, function.Parameters());
}

/// A model of a function of any parameters, such as ensmallen's, at `parameters`.
template <class Function, class Matrix>
[[nodiscard]] auto separable(Function& function LIFELONG_LIFETIME_BOUND, Matrix& parameters LIFELONG_LIFETIME_BOUND) {
  return Separable<Function, Matrix>(function, parameters);
}

}  // namespace lifelong::adapter

#include <lifelong/config/pop_macros.hpp>
