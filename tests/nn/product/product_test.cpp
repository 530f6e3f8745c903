// SPDX-License-Identifier: MIT
// Matrix products against sums written out in double.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/product/product.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "catch.hpp"

namespace product_test {

namespace {

namespace ll = lifelong;
using namespace ll::nn;

template <class T>
std::vector<T> normals(std::size_t count, std::uint64_t seed) {
  const ll::Random random(seed);
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>(random.normal(i));
  return values;
}

/// C = start + A B of given sizes, either factor stored transposed or not.
template <class T>
struct Problem {
  std::size_t rows, columns, depth;
  bool a_transposed = false, b_transposed = false;
  std::vector<T> a = normals<T>(rows * depth, 1), b = normals<T>(depth * columns, 2), row = normals<T>(columns, 3),
                 column = normals<T>(rows, 4);

  Factor<T> left() const { return factor(a, rows, depth, a_transposed); }
  Factor<T> right() const { return factor(b, depth, columns, b_transposed); }

  /// With `start(i, j)` added.
  template <class Start>
  std::vector<double> slowly(const Start& start) const {
    std::vector<double> c(rows * columns);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) {
        double sum = start(i, j);
        for (std::size_t k = 0; k < depth; ++k)
          sum += static_cast<double>(a[a_transposed ? k * rows + i : i * depth + k]) *
                 static_cast<double>(b[b_transposed ? j * depth + k : k * columns + j]);
        c[i * columns + j] = sum;
      }
    return c;
  }

  template <class Backend, class Start>
  std::vector<T> operator()(const Backend& backend, const Start& start) const {
    std::vector<T> c(rows * columns, T(3));
    product(backend, left(), right(), Rows<T>{c.data(), rows, columns}, depth, start);
    return c;
  }

 private:
  static Factor<T> factor(const std::vector<T>& values, std::size_t count, std::size_t width, bool transposed) {
    if (transposed) return Transposed<T>{{values.data(), width, count}};
    return Rows<const T>{values.data(), count, width};
  }
};

/// Largest error, relative to √depth, the size of an element.
template <class T>
double error(const std::vector<T>& c, const std::vector<double>& expected, std::size_t depth) {
  double worst = 0;
  for (std::size_t i = 0; i < c.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(c[i]) - expected[i]));
  return worst / std::sqrt(static_cast<double>(depth) + 1);
}

template <class T>
void check(std::size_t rows, std::size_t columns, std::size_t depth, double tolerance) {
  const ll::backend::Serial serial;
  for (const bool a : {false, true})
    for (const bool b : {false, true}) {
      INFO(rows << " x " << columns << " x " << depth << (a ? ", A transposed" : "") << (b ? ", B transposed" : ""));
      const Problem<T> problem{rows, columns, depth, a, b};
      const auto of = [](const std::vector<T>& values, std::size_t i) { return static_cast<double>(values[i]); };
      CHECK(error(problem(serial, Add{false}), problem.slowly([](auto, auto) { return 0.0; }), depth) < tolerance);
      CHECK(error(problem(serial, Add{}), problem.slowly([](auto, auto) { return 3.0; }), depth) < tolerance);
      CHECK(error(problem(serial, StartFromRow<T>{problem.row.data()}),
                  problem.slowly([&](auto, auto j) { return of(problem.row, j); }), depth) < tolerance);
      CHECK(error(problem(serial, StartFromColumn<T>{problem.column.data()}),
                  problem.slowly([&](auto i, auto) { return of(problem.column, i); }), depth) < tolerance);
    }
}

}  // namespace

TEST_CASE("products are exact for edges of any size", "[nn][product]") {
  for (const std::size_t rows : {1u, 2u, 3u, 6u, 13u, 200u})
    for (const std::size_t columns : {1u, 7u, 16u, 65u, 130u}) check<double>(rows, columns, 19, 1e-14);
  for (const std::size_t depth : {1u, 2u, 64u, 65u, 300u}) check<double>(7, 40, depth, 1e-14);
  check<float>(9, 100, 300, 1e-5);
}

TEST_CASE("a product of no depth is its start, one without elements is nothing", "[nn][product]") {
  const Problem<double> flat{3, 5, 0}, empty{0, 5, 2};
  CHECK(flat(ll::backend::Serial{}, Add{}) == std::vector<double>(15, 3.0));
  CHECK(flat(ll::backend::Serial{}, Add{false}) == std::vector<double>(15, 0.0));
  CHECK(empty(ll::backend::Serial{}, Add{}).empty());
}

TEST_CASE("products are bitwise equal for any number of threads", "[nn][product]") {
  for (const std::size_t rows : {2u, 150u, 500u})
    for (const bool transposed : {false, true}) {
      const Problem<float> problem{rows, 333, 1000, transposed, !transposed};
      const std::vector<float> expected = problem(ll::backend::Serial{}, Add{});
      for (const int threads : {1, 2, 3, 5}) CHECK(problem(ll::backend::OpenMP{threads}, Add{}) == expected);
    }
}

}  // namespace product_test
