// SPDX-License-Identifier: MIT
// Loops over elements and rows in fixed ranges. What is computed for a range does not depend on the thread that runs
// it.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>

#include <lifelong/core/packet.hpp>

namespace lifelong::nn::detail {

/// A loop that takes fewer operations than this runs on the calling thread, because waking another thread costs more.
inline constexpr std::size_t parallel_threshold = std::size_t{1} << 20;

/// Calls `body(i)` for i = 0 .. count-1; all of them together take `operations`.
template <class Backend, class Body>
void parallel_for(const Backend& backend, std::size_t count, std::size_t operations, const Body& body) {
  if (count > 1 && operations >= parallel_threshold)
    backend.parallel_for(count, body);
  else
    for (std::size_t i = 0; i < count; ++i) body(i);
}

/// Calls `body(begin, end)` for consecutive ranges of 0 .. count-1; one item takes `operations`. A range takes about
/// `parallel_threshold / 8` operations.
template <class Backend, class Body>
void for_each_range(const Backend& backend, std::size_t count, std::size_t operations, const Body& body) {
  const std::size_t length = std::max<std::size_t>(1, parallel_threshold / 8 / std::max<std::size_t>(1, operations));
  parallel_for(backend, (count + length - 1) / length, count * operations,
               [&](std::size_t range) { body(range * length, std::min(count, (range + 1) * length)); });
}

/// Calls `kernel.operator()<V>(i)` for the elements begin .. end-1, with V = Packet<T> for whole packets, then V = T.
template <class T, class Kernel, class V = Packet<T>>
void for_each_packet(std::size_t begin, std::size_t end, const Kernel& kernel) {
  std::size_t i = begin;
  for (; i + lane_count<V> <= end; i += lane_count<V>) kernel.template operator()<V>(i);
  for (; i < end; ++i) kernel.template operator()<T>(i);
}

/// Calls `for_each_packet` for ranges of 0 .. count-1. One element takes the time of about 8 operations, most of it for
/// memory traffic.
template <class T, class Backend, class Kernel>
void for_each_element(const Backend& backend, std::size_t count, const Kernel& kernel) {
  for_each_range(backend, count, 8,
                 [&](std::size_t begin, std::size_t end) { for_each_packet<T>(begin, end, kernel); });
}

}  // namespace lifelong::nn::detail

#include <lifelong/config/pop_macros.hpp>
