// SPDX-License-Identifier: MIT
// The functions of one value do not compete with those of the C library and the standard library for a program that
// writes `using namespace`.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <lifelong/lifelong.hpp>

#include <concepts>

namespace {

namespace of_the_library {

using namespace lifelong;

static_assert(std::same_as<decltype(sqrt(2)), double> && std::same_as<decltype(abs(-2)), int>);
static_assert(std::same_as<decltype(sqrt(2.0)), double> && std::same_as<decltype(abs(-2.5)), double>);
static_assert(std::same_as<decltype(max(1.0f, 2.0f)), float> && std::same_as<decltype(min(1.0, 2.0)), double>);

}  // namespace of_the_library

namespace of_both {

using namespace std;
using namespace lifelong;

static_assert(same_as<decltype(sqrt(2)), double> && same_as<decltype(sqrt(2.0f)), float>);
static_assert(same_as<decltype(sqrt(2.0)), double> && same_as<decltype(sqrt(2.0L)), long double>);
static_assert(same_as<decltype(abs(-2)), int> && same_as<decltype(abs(-2.0f)), float>);
static_assert(same_as<decltype(abs(-2.0)), double> && same_as<decltype(abs(-2L)), long>);

/// The larger and the smaller of two, of any type.
template <class T>
T spread(T a, T b) {
  return max(a, b) - min(a, b) + max(a, T(1)) - min({a, b, T(2)});
}

}  // namespace of_both

}  // namespace

/// Instantiates them.
int using_namespace_test() {
  using namespace std;
  using namespace lifelong;
  const float a = 1, b = 2;
  const double c = 1, d = 2;
  const Random random(1);
  const double all = static_cast<double>(of_both::spread(a, b)) + of_both::spread(c, d) + of_both::spread(1, 2) +
                     static_cast<double>(max(a, b)) + min(c, d) + max(1, 2) + sqrt(2) + random.normal(0);
  return abs(static_cast<int>(all));
}
