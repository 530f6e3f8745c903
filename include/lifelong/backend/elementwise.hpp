// SPDX-License-Identifier: MIT
// Runs a kernel over the parameters in chunks of fixed size, with whole packets inside a chunk. Sums are added up in
// the order of the chunks.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <limits>
#include <span>

#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/denormals.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong {

/// Parameters per chunk, which is what a thread works on at a time. It is so small that what a kernel reads and writes
/// of a chunk stays in the first-level cache, and it is fixed, because the order of summation follows from it.
inline constexpr std::size_t chunk_size = 8192;

/// Number of chunks that cover `count` parameters.
constexpr std::size_t chunk_count(std::size_t count) { return (count + chunk_size - 1) / chunk_size; }

namespace detail {

/// Kernel values of [begin, end) added up in a fixed order, by turns in two sums of packets, so that additions need not
/// wait for each other. The kernel is a copy, because the compiler has to assume that stores change one behind a
/// reference.
template <class T, class Kernel, class V = Packet<T>>
T run_chunk(Kernel kernel, std::size_t begin, std::size_t end) {
  constexpr std::size_t width = lane_count<V>;
  V even(T(0)), odd(T(0));
  std::size_t i = begin;
  for (; i + 2 * width <= end; i += 2 * width) {
    even = even + kernel.template operator()<V>(i);
    odd = odd + kernel.template operator()<V>(i + width);
  }
  for (; i + width <= end; i += width) even = even + kernel.template operator()<V>(i);
  T total = sum(even + odd);
  for (; i < end; ++i) total = total + kernel.template operator()<T>(i);
  return total;
}

/// A kernel on the parameters from `first` on.
template <class Kernel>
struct Shifted {
  Kernel kernel;
  std::size_t first;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return kernel.template operator()<V>(first + i);
  }
};

/// The largest kernel value of [begin, end).
template <class T, class Kernel>
T maximum_of_chunk(Kernel kernel, std::size_t begin, std::size_t end) {
  T most = -std::numeric_limits<T>::infinity();
  for (std::size_t i = begin; i < end; ++i) most = max(most, kernel.template operator()<T>(i));
  return most;
}

/// The processor's usual arithmetic.
struct UsualArithmetic {
  UsualArithmetic() {}
};

/// The arithmetic that a kernel asks for: `static constexpr bool flushes_denormals = true`, or the usual one.
template <class Kernel>
struct ModeFor {
  using type = UsualArithmetic;
};
template <class Kernel>
requires(Kernel::flushes_denormals) struct ModeFor<Kernel> {
  using type = FlushDenormals;
};
template <class Kernel>
using ModeOf = typename ModeFor<Kernel>::type;

/// Calls `body(chunk, begin, end)` for all chunks. Up to eight chunks run on the calling thread, because waking another
/// thread costs more.
template <class Backend, class Body>
void for_each_chunk(const Backend& backend, std::size_t count, const Body& body) {
  const std::size_t chunks = chunk_count(count);
  const auto run = [&](std::size_t chunk) {
    body(chunk, chunk * chunk_size, chunk + 1 == chunks ? count : (chunk + 1) * chunk_size);
  };
  if (chunks <= 8)
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) run(chunk);
  else
    backend.parallel_for(chunks, run);
}

}  // namespace detail

/// Calls `kernel.operator()<V>(i)` once for each of `count` parameters from `first` on, with V = Packet<T> or T, and
/// returns the sum of what it returned. The sum is in T inside a chunk and in double over the chunks in their order, so
/// it does not depend on the number of threads. `partials` holds at least `chunk_count(count)` elements and is
/// overwritten. A `DeviceBackend` sums in its own way and leaves `partials` alone.
template <class T, class Backend, class Kernel>
double elementwise(const Backend& backend, std::size_t count, const Kernel& kernel, std::span<double> partials,
                   std::size_t first = 0) {
  if constexpr (DeviceBackend<Backend>) {
    return first == 0 ? backend.template sum<T>(count, kernel)
                      : backend.template sum<T>(count, detail::Shifted<Kernel>{kernel, first});
  } else {
    detail::for_each_chunk(backend, count, [&](std::size_t chunk, std::size_t begin, std::size_t end) {
      [[maybe_unused]] const detail::ModeOf<Kernel> mode;
      partials[chunk] = static_cast<double>(detail::run_chunk<T>(kernel, first + begin, first + end));
    });
    double total = 0;
    for (std::size_t chunk = 0; chunk < chunk_count(count); ++chunk) total += partials[chunk];
    return total;
  }
}

/// The largest of what the kernel returns for the parameters 0 .. count-1, where NaN does not count; -Inf if there are
/// none. Otherwise it is like `elementwise`.
template <class T, class Backend, class Kernel>
T elementwise_maximum(const Backend& backend, std::size_t count, const Kernel& kernel, std::span<double> partials) {
  if constexpr (DeviceBackend<Backend>) {
    return backend.template maximum<T>(count, kernel);
  } else {
    detail::for_each_chunk(backend, count, [&](std::size_t chunk, std::size_t begin, std::size_t end) {
      partials[chunk] = static_cast<double>(detail::maximum_of_chunk<T>(kernel, begin, end));
    });
    T most = -std::numeric_limits<T>::infinity();
    for (std::size_t chunk = 0; chunk < chunk_count(count); ++chunk) most = max(most, static_cast<T>(partials[chunk]));
    return most;
  }
}

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
