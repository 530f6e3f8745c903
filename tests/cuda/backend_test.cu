// SPDX-License-Identifier: MIT
// The loops and copies of the CUDA backend, against plain loops on the host.
#include <lifelong/cuda.cuh>
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace backend_test {

using lifelong::Bfloat16, lifelong::cuda::Array, lifelong::cuda::Backend;

/// Counts around the width of a register and the work of a block, and one of many blocks.
constexpr std::size_t counts[] = {0, 1, 3, 4, 5, 4095, 4096, 4097, 1'000'003};
/// Distances from the beginning of an array, whose address is a multiple of 256.
constexpr std::size_t offsets[] = {0, 1};

template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

/// Values of both signs and many sizes.
template <class T>
std::vector<T> some_values(std::size_t count, std::uint64_t seed = 1) {
  const lifelong::Random random(seed);
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<T>((random.uniform(2 * i) - 0.5) / (0.001 + random.uniform(2 * i + 1)));
  return values;
}

/// An array on the device with room in front of its values, so that they may lie across registers.
template <class T>
struct Shifted {
  Shifted(const Backend& backend, const std::vector<T>& values, std::size_t offset) : offset_(offset) {
    array_.resize(values.size() + offset + 1);
    backend.copy_in(std::span<const T>(values), data());
  }
  [[nodiscard]] T* data() { return array_.data() + offset_; }
  [[nodiscard]] std::vector<T> on_host(const Backend& backend, std::size_t count) {
    std::vector<T> values(count);
    backend.copy_out(static_cast<const T*>(data()), std::span<T>(values));
    return values;
  }

 private:
  Array<T> array_;
  std::size_t offset_;
};

template <class T>
struct Read {
  const T* values;
  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return lifelong::load<V>(values, i);
  }
};

/// to_i ← √|a to_i + from_i| / b: every operation that is rounded. Contracted, it would have other bits.
template <class T>
struct Rounded {
  T* to;
  const T* from;
  T a, b;
  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    using lifelong::abs, lifelong::sqrt;
    const V sum = V(a) * lifelong::load<V>(to, i) + lifelong::load<V>(from, i);
    lifelong::store(to, i, sqrt(abs(sum)) / V(b));
    return V(T(0));
  }
};

}  // namespace backend_test

using namespace backend_test;

TEMPLATE_TEST_CASE("cuda backend: a sum is the sum, with the same bits every time", "", float, double) {
  const Backend backend;
  for (const std::size_t count : counts)
    for (const std::size_t offset : offsets) {
      INFO(count << " values, from " << offset);
      const std::vector<TestType> values = some_values<TestType>(count);
      Shifted<TestType> on_device(backend, values, offset);
      double expected = 0, magnitude = 0;
      for (const TestType value : values) {
        expected += static_cast<double>(value);
        magnitude += std::abs(static_cast<double>(value));
      }
      const Read<TestType> read{on_device.data()};
      const double sum = backend.sum<TestType>(count, read);
      // A thread adds up 16 values at most in T.
      constexpr double rounding = std::numeric_limits<TestType>::epsilon();
      CHECK_THAT(sum, test::WithinAbs(expected, 16 * rounding * magnitude));
      CHECK(backend.sum<TestType>(count, read) == sum);
    }
}

TEMPLATE_TEST_CASE("cuda backend: the maximum is exact, and NaN is none", "", float, double) {
  const Backend backend;
  constexpr TestType least = -std::numeric_limits<TestType>::infinity();
  for (const std::size_t count : counts)
    for (const std::size_t offset : offsets) {
      INFO(count << " values, from " << offset);
      std::vector<TestType> values = some_values<TestType>(count);
      const auto on_device = [&] {
        Shifted<TestType> array(backend, values, offset);
        return backend.maximum<TestType>(count, Read<TestType>{array.data()});
      };
      CHECK(on_device() == (count == 0 ? least : *std::max_element(values.begin(), values.end())));
      if (count == 0) continue;
      values.front() = values.back() = values[count / 2] = not_a_number<TestType>;
      TestType expected = least;
      for (const TestType value : values)
        if (value > expected) expected = value;
      CHECK(on_device() == expected);
    }
}

TEMPLATE_TEST_CASE("cuda backend: elementwise results have the bits of the host, and the rest is not touched", "",
                   float, double) {
  const Backend backend;
  for (const std::size_t count : counts)
    for (const std::size_t offset : offsets) {
      INFO(count << " values, from " << offset);
      const std::vector<TestType> from = some_values<TestType>(count, 2);
      std::vector<TestType> values = some_values<TestType>(count);
      Shifted<TestType> to(backend, values, 0), other(backend, from, offset);
      const std::size_t first = count / 3, end = count - count / 4;
      const auto a = static_cast<TestType>(1.1), b = static_cast<TestType>(0.3);
      backend.each<TestType>(first, end - first, Rounded<TestType>{to.data(), other.data(), a, b});
      const Rounded<TestType> on_host{values.data(), from.data(), a, b};
      for (std::size_t i = first; i < end; ++i) static_cast<void>(on_host.template operator()<TestType>(i));
      CHECK(to.on_host(backend, count) == values);
    }
}

TEMPLATE_TEST_CASE("cuda backend: Bfloat16 is rounded as on the host", "", float, double) {
  const Backend backend;
  for (const std::size_t count : counts)
    for (const std::size_t offset : offsets) {
      INFO(count << " values, from " << offset);
      const std::vector<TestType> values = some_values<TestType>(count);
      Shifted<TestType> wide(backend, values, 0);
      Shifted<Bfloat16> narrow(backend, std::vector<Bfloat16>(count), offset);
      backend.each<TestType>(0, count,
                             lifelong::detail::Copy<TestType, TestType, Bfloat16>{wide.data(), narrow.data()});
      std::vector<float> expected(count);
      for (std::size_t i = 0; i < count; ++i) expected[i] = static_cast<float>(Bfloat16(values[i]));
      const std::vector<Bfloat16> halves = narrow.on_host(backend, count);
      CHECK(std::vector<float>(halves.begin(), halves.end()) == expected);
      backend.each<TestType>(0, count,
                             lifelong::detail::Copy<TestType, Bfloat16, TestType>{narrow.data(), wide.data()});
      const std::vector<TestType> back = wide.on_host(backend, count);
      CHECK(std::equal(back.begin(), back.end(), expected.begin(), expected.end()));
    }
}

TEMPLATE_TEST_CASE("cuda array: a value, 0 at first", "", float, double, Bfloat16) {
  const Backend backend;
  const auto values_of = [&](const Array<TestType>& array) {
    std::vector<TestType> values(array.size());
    backend.copy_out(array.data(), std::span<TestType>(values));
    return std::vector<float>(values.begin(), values.end());
  };
  using Values = std::vector<float>;
  Array<TestType> array;
  CHECK(array.size() == 0);
  array.resize(3);
  CHECK(values_of(array) == Values{0, 0, 0});
  const std::vector<TestType> values{TestType(1.0f), TestType(2.0f), TestType(3.0f)};
  backend.copy_in(std::span<const TestType>(values), array.data());
  Array<TestType> copy = array, assigned;
  assigned = copy;
  array.resize(1);
  array.resize(2);
  CHECK(values_of(array) == Values{1, 0});
  array.resize(4000);
  CHECK(values_of(array)[0] == 1);
  CHECK(values_of(array)[3999] == 0);
  CHECK(values_of(copy) == Values{1, 2, 3});
  CHECK(values_of(std::move(copy)) == Values{1, 2, 3});
  CHECK(values_of(assigned) == Values{1, 2, 3});
  CHECK_THROWS_AS(array.resize(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
  CHECK(array.size() == 4000);
}

TEST_CASE("cuda backend: a copy works on the same stream, and with room of its own") {
  const Backend first;
  const std::vector<float> values = some_values<float>(5000);
  Shifted<float> on_device(first, values, 0);
  const Read<float> read{on_device.data()};
  const double sum = first.sum<float>(5000, read);
  const Backend copy = first, same_stream(first.stream());
  CHECK(copy.stream() == first.stream());
  CHECK(copy.sum<float>(5000, read) == sum);
  CHECK(same_stream.sum<float>(5000, read) == sum);
  CHECK_FALSE(copy.is_capturing());
}

#if defined(__CUDACC__)

TEST_CASE("cuda backend: blocks that have more than one chunk leave nothing out") {
  constexpr std::size_t count = 100'000'003;
  const Backend backend;
  Array<float> ones;
  ones.resize(count);
  backend.each<float>(0, count, lifelong::detail::Fill<float>{ones.data(), 1.0f});
  CHECK(backend.sum<float>(count, Read<float>{ones.data()}) == static_cast<double>(count));
}

#endif
