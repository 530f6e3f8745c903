// Runs a kernel over the parameters: blocks of fixed size, whole packets inside, sums folded in block order.
#pragma once

#include <cstddef>
#include <span>

#include <lifelong/core/packet.hpp>

namespace lifelong {

/// Parameters per block: small enough that a block's streams stay in the first-level cache, and the unit of work of a
/// thread. Fixed, because the order of summation follows from it.
inline constexpr std::size_t block_size = 8192;

/// Number of blocks that cover `count` parameters.
constexpr std::size_t block_count(std::size_t count) { return (count + block_size - 1) / block_size; }

namespace detail {

/// Kernel values of [begin, end) added up in a fixed order, in two sums of packets by turns: additions need not wait
/// for each other. The kernel is a copy, for stores could change one behind a reference.
template <class T, class Kernel>
T run_block(Kernel kernel, std::size_t begin, std::size_t end) {
  using V = Packet<T>;
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

}  // namespace detail

/// Calls `kernel.operator()<V>(i)` once for every parameter 0 .. count-1, V = Packet<T> or T, and returns the sum of
/// what it returned: float inside a block, double over blocks in block order, so the sum does not depend on the
/// number of threads. `partials` holds at least `block_count(count)` elements and is overwritten. Up to
/// eight blocks run on the calling thread: waking another one costs more.
template <class T, class Backend, class Kernel>
double elementwise(const Backend& backend, std::size_t count, const Kernel& kernel, std::span<double> partials) {
  const std::size_t blocks = block_count(count);
  const auto run = [&](std::size_t block) {
    const std::size_t begin = block * block_size;
    const std::size_t end = block + 1 == blocks ? count : begin + block_size;
    partials[block] = static_cast<double>(detail::run_block<T>(kernel, begin, end));
  };
  if (blocks <= 8)
    for (std::size_t block = 0; block < blocks; ++block) run(block);
  else
    backend.parallel_for(blocks, run);
  double total = 0;
  for (std::size_t block = 0; block < blocks; ++block) total += partials[block];
  return total;
}

}  // namespace lifelong
