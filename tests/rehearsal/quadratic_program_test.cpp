// SPDX-License-Identifier: MIT
// The quadratic program of GEM: against all active sets, against coordinate descent, and by its conditions.
#include <lifelong/core/random.hpp>
#include <lifelong/rehearsal/quadratic_program.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"

namespace quadratic_program_test {

namespace ll = lifelong;
using ll::rehearsal::QuadraticProgram;

namespace {

using Real = long double;

/// ½ vᵀ G Gᵀ v + (G g)ᵀ v, v ≥ bound, as GEM asks it.
struct Program {
  std::vector<std::vector<double>> rows;
  std::vector<double> g;
  double bound = 0;
  std::vector<double> a, b;

  Program(std::vector<std::vector<double>> rows_of, std::vector<double> gradient, double least)
      : rows(rows_of), g(gradient), bound(least) {
    for (const auto& row : rows) {
      for (const auto& other : rows) a.push_back(static_cast<double>(dot(row, other)));
      b.push_back(static_cast<double>(dot(row, g)));
    }
  }
  static Real dot(const std::vector<double>& x, const std::vector<double>& y) {
    Real sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += Real(x[i]) * Real(y[i]);
    return sum;
  }
  [[nodiscard]] std::size_t size() const { return b.size(); }

  template <class V>
  [[nodiscard]] Real slope(const V& v, std::size_t i) const {
    Real sum = Real(b[i]);
    for (std::size_t j = 0; j < size(); ++j) sum += Real(a[i * size() + j]) * Real(v[j]);
    return sum;
  }
  template <class V>
  [[nodiscard]] Real value(const V& v) const {
    Real sum = 0;
    for (std::size_t i = 0; i < size(); ++i) sum += Real(v[i]) * (slope(v, i) + Real(b[i])) / 2;
    return sum;
  }
  /// Gᵀv, which is unique where v is not.
  template <class V>
  [[nodiscard]] std::vector<double> combined(const V& v) const {
    std::vector<double> sum(g.size());
    for (std::size_t i = 0; i < size(); ++i)
      for (std::size_t k = 0; k < g.size(); ++k) sum[k] += static_cast<double>(v[i]) * rows[i][k];
    return sum;
  }
};

/// Solves by elimination; false for a singular system.
bool eliminate(std::vector<std::vector<Real>> m, std::vector<Real>& x) {
  const std::size_t n = m.size();
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t p = c;
    for (std::size_t r = c; r < n; ++r)
      if (std::abs(m[r][c]) > std::abs(m[p][c])) p = r;
    std::swap(m[c], m[p]);
    if (std::abs(m[c][c]) < 1e-13L) return false;
    for (std::size_t r = 0; r < n; ++r) {
      if (r == c) continue;
      const Real factor = m[r][c] / m[c][c];
      for (std::size_t k = c; k <= n; ++k) m[r][k] -= factor * m[c][k];
    }
  }
  x.resize(n);
  for (std::size_t r = 0; r < n; ++r) x[r] = m[r][n] / m[r][r];
  return true;
}

/// The least value over all sets of variables above their bounds.
std::vector<Real> by_all_active_sets(const Program& program) {
  const std::size_t n = program.size();
  std::vector<Real> best(n, Real(program.bound));
  for (std::size_t set = 1; set < std::size_t{1} << n; ++set) {
    std::vector<std::size_t> free;
    for (std::size_t i = 0; i < n; ++i)
      if (set >> i & 1) free.push_back(i);
    std::vector<Real> v(n, Real(program.bound)), x;
    std::vector<std::vector<Real>> system;
    for (const std::size_t i : free) {
      const Real unit = std::sqrt(Real(program.a[i * n + i]));
      if (unit == 0) break;
      std::vector<Real> row;
      for (const std::size_t j : free)
        row.push_back(Real(program.a[i * n + j]) / unit / std::sqrt(Real(program.a[j * n + j])));
      row.push_back(-program.slope(v, i) / unit);
      system.push_back(row);
    }
    if (system.size() < free.size() || !eliminate(system, x)) continue;
    bool inside = true;
    for (std::size_t k = 0; k < free.size(); ++k) {
      v[free[k]] += x[k] / std::sqrt(Real(program.a[free[k] * n + free[k]]));
      inside = inside && x[k] >= 0;
    }
    if (inside && program.value(v) < program.value(best)) best = v;
  }
  return best;
}

/// One variable at a time to its minimum, until none moves.
std::vector<Real> by_coordinate_descent(const Program& program) {
  const std::size_t n = program.size();
  std::vector<Real> v(n, Real(program.bound));
  for (int round = 0; round < 200000; ++round) {
    Real moved = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const Real curvature = Real(program.a[i * n + i]);
      if (curvature == 0) continue;
      const Real next = std::max(Real(program.bound), v[i] - program.slope(v, i) / curvature);
      moved = std::max(moved, std::abs(next - v[i]) * std::sqrt(curvature));
      v[i] = next;
    }
    if (moved < 1e-17L) break;
  }
  return v;
}

Program random_program(std::uint64_t seed, std::size_t size, std::size_t width, double bound) {
  const ll::Random random(seed);
  std::uint64_t number = 0;
  const auto vector = [&] {
    std::vector<double> values(width);
    for (double& value : values) value = random.normal(number++);
    return values;
  };
  const std::vector<double> g = vector();
  std::vector<std::vector<double>> rows;
  for (std::size_t i = 0; i < size; ++i) {
    rows.push_back(vector());
    const std::uint64_t kind = random.below(1000 + i, 8);
    if (kind == 0) rows.back().assign(width, 0.0);
    if (kind == 1 && i > 0) rows.back() = rows[i - 1];
    if (kind == 2 && i > 0)
      for (std::size_t k = 0; k < width; ++k) rows.back()[k] = -rows[i - 1][k];
    if (kind == 3)
      for (double& value : rows.back()) value *= 1e-4;
    if (kind == 4)
      for (std::size_t k = 0; k < width; ++k) rows.back()[k] -= 2 * g[k];
  }
  return Program(rows, g, bound);
}

void check_close(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  double scale = 1e-300, worst = 0;
  for (const double value : b) scale = std::max(scale, std::abs(value));
  for (std::size_t k = 0; k < a.size(); ++k) worst = std::max(worst, std::abs(a[k] - b[k]));
  CHECK(worst <= tolerance * std::max(scale, 1.0));
}

/// v ≥ bound, slope ≥ 0, and one of the two for each variable, within rounding errors of the sums.
void check_conditions(const Program& program, std::span<const double> v) {
  const double length = std::sqrt(static_cast<double>(Program::dot(program.g, program.g)));
  for (std::size_t i = 0; i < program.size(); ++i) {
    REQUIRE(v[i] >= program.bound);
    const double unit = std::sqrt(program.a[i * program.size() + i]);
    const auto slope = static_cast<double>(program.slope(v, i));
    CHECK(slope >= -1e-10 * unit * length);
    CHECK(std::abs(slope * (v[i] - program.bound)) <= 1e-9 * length * length);
  }
}

}  // namespace

TEST_CASE("the quadratic program finds the least of all active sets", "[rehearsal][gem][qp]") {
  QuadraticProgram solver;
  for (const double bound : {0.0, 0.5})
    for (std::size_t size = 1; size <= 8; ++size)
      for (std::uint64_t seed = 0; seed < (size <= 4 ? 200u : 20u); ++seed) {
        const Program program = random_program(100 * size + seed, size, 1 + (seed + size) % 12, bound);
        const auto v = solver.solve(program.a, program.b, bound);
        const auto best = by_all_active_sets(program);
        CHECK(static_cast<double>(program.value(v) - program.value(best)) <= 1e-10);
        check_close(program.combined(v), program.combined(best), 1e-8);
        check_conditions(program, v);
      }
}

TEST_CASE("coordinate descent comes to the same", "[rehearsal][gem][qp]") {
  QuadraticProgram solver;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const Program program = random_program(seed, 17, 40, seed % 2 == 0 ? 0.0 : 0.5);
    const auto v = solver.solve(program.a, program.b, program.bound);
    check_close(program.combined(v), program.combined(by_coordinate_descent(program)), 1e-8);
    check_conditions(program, v);
  }
}

TEST_CASE("many rows that depend on each other are no problem", "[rehearsal][gem][qp]") {
  QuadraticProgram solver;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const Program program = random_program(seed, 120, 10 + 30 * seed, 0);
    check_conditions(program, solver.solve(program.a, program.b, 0));
  }
}

TEST_CASE("the scale of the rows is of no account", "[rehearsal][gem][qp]") {
  QuadraticProgram one, other;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Program program = random_program(seed, 6, 9, 0);
    for (const double factor : {0x1p-80, 0x1p60}) {  // of g and G alike: v stays
      auto a = program.a, b = program.b;
      for (double& value : a) value *= factor;
      for (double& value : b) value *= factor;
      const auto v = one.solve(program.a, program.b), scaled = other.solve(a, b);
      CHECK(std::equal(v.begin(), v.end(), scaled.begin()));
    }
  }
  // Of one row alone: its variable by as much less.
  const Program program({{1, 0, 0}, {0, 1e-9, 0}}, {-2, -3, 4}, 0);
  const auto v = one.solve(program.a, program.b);
  CHECK_THAT(v[0], test::WithinAbs(2, 1e-12));
  CHECK_THAT(v[1] * 1e-9, test::WithinAbs(3, 1e-12));
}

TEST_CASE("a quadratic program without a minimum, or of NaN, is an error", "[rehearsal][gem][qp][errors]") {
  QuadraticProgram solver;
  CHECK(solver.solve({}, {}).empty());
  CHECK_THROWS_AS(solver.solve(std::vector<double>{1, 2}, std::vector<double>{1, 2}), ll::ShapeMismatch);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(solver.solve(std::vector<double>{nan}, std::vector<double>{1}), ll::NumericError);
  CHECK_THROWS_AS(solver.solve(std::vector<double>{1}, std::vector<double>{nan}), ll::NumericError);
  CHECK_THROWS_AS(solver.solve(std::vector<double>{1, nan, nan, 1}, std::vector<double>{1, 1}), ll::NumericError);
  CHECK_THAT(test::message_of<ll::NumericError>(
                 [&] { static_cast<void>(solver.solve(std::vector<double>{-1}, std::vector<double>{1})); }),
             test::ContainsSubstring("row 0 of a quadratic program has the diagonal element -1"));
  CHECK_THAT(test::message_of<ll::NumericError>(
                 [&] { static_cast<void>(solver.solve(std::vector<double>{0}, std::vector<double>{-1})); }),
             test::ContainsSubstring("no minimum"));
  CHECK_THAT(test::message_of<ll::NumericError>([&] {
               static_cast<void>(solver.solve(std::vector<double>{1, -1, -1, 1}, std::vector<double>{-1, -1}));
             }),
             test::ContainsSubstring("without end along variable"));
  CHECK_THROWS_AS(solver.reserve(std::size_t{1} << 40), ll::OutOfMemory);
}

}  // namespace quadratic_program_test
