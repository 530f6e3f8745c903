// Loops over elements and rows in fixed blocks: what a block computes does not depend on the thread that runs it.
#pragma once

#include <algorithm>
#include <cstddef>

#include <lifelong/core/packet.hpp>

namespace lifelong::nn::detail {

/// Tasks that together take fewer operations than this run on the calling thread: waking another one costs more.
inline constexpr std::size_t parallel_threshold = std::size_t{1} << 20;

/// Calls `body(i)` for i = 0 .. count-1 that take `operations` together.
template <class Backend, class Body>
void parallel_for(const Backend& backend, std::size_t count, std::size_t operations, const Body& body) {
  if (count > 1 && operations >= parallel_threshold)
    backend.parallel_for(count, body);
  else
    for (std::size_t i = 0; i < count; ++i) body(i);
}

/// Calls `body(begin, end)` for consecutive blocks of 0 .. count-1; one item takes `operations`. Blocks are about
/// `parallel_threshold / 8` operations long.
template <class Backend, class Body>
void for_each_range(const Backend& backend, std::size_t count, std::size_t operations, const Body& body) {
  const std::size_t length = std::max<std::size_t>(1, parallel_threshold / 8 / operations);
  parallel_for(backend, (count + length - 1) / length, count * operations,
               [&](std::size_t block) { body(block * length, std::min(count, (block + 1) * length)); });
}

/// Calls `kernel.operator()<V>(i)` for the elements begin .. end-1, V = Packet<T> while whole packets last, then T.
template <class T, class Kernel>
void for_each_packet(std::size_t begin, std::size_t end, const Kernel& kernel) {
  using V = Packet<T>;
  std::size_t i = begin;
  for (; i + lane_count<V> <= end; i += lane_count<V>) kernel.template operator()<V>(i);
  for (; i < end; ++i) kernel.template operator()<T>(i);
}

/// `for_each_packet` over 0 .. count-1 in blocks; one element takes about 8 operations' time, most of it memory's.
template <class T, class Backend, class Kernel>
void for_each_element(const Backend& backend, std::size_t count, const Kernel& kernel) {
  for_each_range(backend, count, 8,
                 [&](std::size_t begin, std::size_t end) { for_each_packet<T>(begin, end, kernel); });
}

}  // namespace lifelong::nn::detail
