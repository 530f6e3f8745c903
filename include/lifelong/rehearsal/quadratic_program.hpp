// SPDX-License-Identifier: MIT
// A small quadratic program whose variables have a lower bound.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>

namespace lifelong::rehearsal {

/// Finds the v ≥ l that minimises ½ vᵀA v + bᵀv, for a positive semidefinite A of some dozens or hundreds of rows. It
/// is the active-set method of Lawson and Hanson (1974) on the normal equations (Bro and de Jong 1997): the variables
/// above their bound solve a system of equations, the one that promises most joins them, and those that would fall
/// below the bound leave. So the result is exact but for rounding, and there is neither a step size nor a tolerance to
/// set. A may be singular: rows may be equal or 0, and one of several minima is found. Rows are scaled to A_ii = 1
/// first, so no number is small by itself: A cⁱcʲ and b cⁱ give v/cⁱ. Rows of A = G Gᵀ count as dependent if the sine
/// of their angle is below about 1e-7, which is what a product in double resolves.
///
/// The object owns work arrays and allocates nothing after `reserve`. O(n³) for n variables, times the number of those
/// that leave.
class QuadraticProgram {
 public:
  /// Makes room for `size` variables. \throws OutOfMemory.
  void reserve(std::size_t size) {
    const auto message = [&] {
      return "a quadratic program of " + std::to_string(size) + " variables does not fit into memory";
    };
    if (size > 0 && size > static_cast<std::size_t>(-1) / sizeof(double) / size) detail::raise<OutOfMemory>(message());
    detail::with_memory(
        [&] {
          for (auto* values : {&unit_, &slope_, &value_, &solution_, &solved_, &result_}) values->reserve(size);
          for (auto* values : {&matrix_, &factor_}) values->reserve(size * size);
          passive_.reserve(size);
          leaving_.reserve(size);
          state_.reserve(size);
        },
        message);
  }

  /// v of a program with `b.size()` variables and one bound l for all; `a` is A, row-major, of which the lower triangle
  /// is read. Valid until the next call. \throws ShapeMismatch if A is not square; NumericError for a number that is
  /// not finite, for A_ii < 0, and if there is no minimum, which cannot be for A = G Gᵀ and b = G g.
  [[nodiscard]] std::span<const double> solve(std::span<const double> a, std::span<const double> b,
                                              double bound = 0) LIFELONG_LIFETIME_BOUND {
    reserve(b.size());
    scale(a, b, bound);
    for (std::size_t round = 0; round <= 100 + 30 * b.size(); ++round) {
      const std::size_t j = steepest();
      if (j == none) {
        require_minimum();
        for (std::size_t i = 0; i < b.size(); ++i) result_[i] = bound + unit_[i] * value_[i];
        return result_;
      }
      admit(j);
    }
    detail::raise<NumericError>("a quadratic program of " + std::to_string(b.size()) + " variables has not ended");
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  enum class Variable : std::uint8_t { at_bound, above, refused };  // refused until another one has moved

  [[nodiscard]] std::size_t size() const { return unit_.size(); }
  [[nodiscard]] double at(std::size_t i, std::size_t j) const { return matrix_[i * size() + j]; }

  /// The program of w = (v − l) / unit ≥ 0: ½ wᵀMw + slopeᵀw, M_ii = 1 or 0.
  void scale(std::span<const double> a, std::span<const double> b, double bound) {
    const std::size_t n = b.size();
    detail::require_size("the matrix of a quadratic program", a.size(), n * n);
    for (auto* values : {&unit_, &slope_, &value_, &solution_, &solved_, &result_}) values->assign(n, 0.0);
    matrix_.assign(n * n, 0.0);
    factor_.assign(n * n, 0.0);
    state_.assign(n, Variable::at_bound);
    passive_.clear();
    for (std::size_t i = 0; i < n; ++i) {
      const double diagonal = a[i * n + i];
      if (!(detail::is_finite(diagonal) && detail::is_finite(b[i])) || diagonal < 0)
        detail::raise<NumericError>("row " + std::to_string(i) + " of a quadratic program has the diagonal element " +
                                    detail::text(diagonal) + " and the slope " + detail::text(b[i]));
      unit_[i] = diagonal > 0 ? 1 / std::sqrt(diagonal) : 0;
    }
    for (std::size_t i = 0; i < n; ++i) {
      double slope = b[i];
      for (std::size_t j = 0; j < n; ++j) {
        const double element = i >= j ? a[i * n + j] : a[j * n + i];
        slope += bound * element;
        matrix_[i * n + j] = element * unit_[i] * unit_[j];
      }
      slope_[i] = slope * (unit_[i] > 0 ? unit_[i] : 1);
      if (!detail::is_finite(slope_[i]))
        detail::raise<NumericError>("row " + std::to_string(i) + " of a quadratic program is not finite");
    }
  }

  /// The slope of the objective along variable i, and a bound of the numbers that it is the sum of.
  [[nodiscard]] double slope_at(std::size_t i, double& magnitude) const {
    double slope = slope_[i];
    magnitude = std::abs(slope);
    for (const std::size_t k : passive_) {
      const double part = at(i, k) * value_[k];
      slope += part;
      magnitude += std::abs(part);
    }
    return slope;
  }
  [[nodiscard]] double rounding() const {
    return 4 * static_cast<double>(size() + 1) * std::numeric_limits<double>::epsilon();
  }

  /// The variable at its bound along which the objective falls the most, by more than rounding errors.
  [[nodiscard]] std::size_t steepest() const {
    std::size_t best = none;
    double least = 0, magnitude = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      if (state_[i] != Variable::at_bound || unit_[i] == 0) continue;
      const double slope = slope_at(i, magnitude);
      if (slope < least && slope < -rounding() * magnitude) {
        least = slope;
        best = i;
      }
    }
    return best;
  }

  /// Lets variable j rise from its bound, and others fall to theirs, until those above it are at their minimum.
  void admit(std::size_t j) {
    if (!append(j, rounding())) {
      state_[j] = Variable::refused;
      return;
    }
    solve_passive();
    if (!(solution_[j] > 0)) {  // by rounding errors alone
      passive_.pop_back();
      state_[j] = Variable::refused;
      return;
    }
    while (!move_to_solution()) solve_passive();
    for (Variable& state : state_)
      if (state == Variable::refused) state = Variable::at_bound;
  }

  /// Adds a row to the Cholesky factor of M on the passive variables; false if it depends on the others.
  bool append(std::size_t j, double least) {
    const std::size_t p = passive_.size();
    double* row = factor_.data() + p * size();
    double pivot = at(j, j);
    for (std::size_t k = 0; k < p; ++k) {
      double sum = at(j, passive_[k]);
      for (std::size_t m = 0; m < k; ++m) sum -= row[m] * factor_[k * size() + m];
      row[k] = sum / factor_[k * size() + k];
      pivot -= row[k] * row[k];
    }
    if (!(pivot > least)) return false;
    row[p] = std::sqrt(pivot);
    passive_.push_back(j);
    state_[j] = Variable::above;
    return true;
  }

  /// The minimum over the passive variables, with the others at their bounds: L Lᵀ solution = −slope.
  void solve_passive() {
    const std::size_t p = passive_.size();
    for (std::size_t k = 0; k < p; ++k) {
      double sum = -slope_[passive_[k]];
      for (std::size_t m = 0; m < k; ++m) sum -= factor_[k * size() + m] * solved_[m];
      solved_[k] = sum / factor_[k * size() + k];
    }
    for (std::size_t k = p; k-- > 0;) {
      double sum = solved_[k];
      for (std::size_t m = k + 1; m < p; ++m) sum -= factor_[m * size() + k] * solution_[passive_[m]];
      solution_[passive_[k]] = sum / factor_[k * size() + k];
    }
  }

  /// Moves towards the solution until a variable is at its bound, and lets that one go; true if none was met.
  bool move_to_solution() {
    double share = 1;
    std::size_t first = none;
    for (const std::size_t k : passive_) {
      if (solution_[k] > 0) continue;
      const double until = value_[k] / (value_[k] - solution_[k]);
      if (first == none || until < share) {
        share = until;
        first = k;
      }
    }
    for (const std::size_t k : passive_)
      value_[k] = first == none ? solution_[k] : value_[k] + share * (solution_[k] - value_[k]);
    if (first == none) return true;
    value_[first] = 0;
    release();
    return false;
  }

  /// Takes the variables at their bounds out of the factor.
  void release() {
    leaving_.assign(passive_.begin(), passive_.end());
    passive_.clear();
    for (const std::size_t k : leaving_) {
      if (value_[k] > 0 && append(k, 0)) continue;
      value_[k] = 0;
      state_[k] = Variable::at_bound;
    }
  }

  /// \throws NumericError if the objective falls along a variable that may not rise, because no rise would end.
  void require_minimum() const {
    double magnitude = 0;
    for (std::size_t i = 0; i < size(); ++i)
      if (state_[i] != Variable::above && slope_at(i, magnitude) < -1e-6 * magnitude)
        detail::raise<NumericError>("a quadratic program has no minimum: it falls without end along variable " +
                                    std::to_string(i));
  }

  std::vector<double> unit_, slope_, value_, solution_, solved_, result_;
  std::vector<double> matrix_, factor_;
  std::vector<std::size_t> passive_;  // above their bounds, in the order of the factor's rows
  std::vector<std::size_t> leaving_;
  std::vector<Variable> state_;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
