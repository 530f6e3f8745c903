// SPDX-License-Identifier: MIT
// One pass over parameters, cut into what a thread of a device does. The cut depends on their number alone, never on
// the device, and so does the order of every sum.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

#include <lifelong/backend/elementwise.hpp>
#include <lifelong/config.hpp>
#include <lifelong/cuda/lanes.cuh>

namespace lifelong::cuda::detail {

inline constexpr unsigned threads_per_block = 256;
/// Blocks of one pass at most: some waves of them on the largest device, and so few partial results that one block adds
/// them up in no time.
inline constexpr std::size_t most_blocks = 16384;

/// How values are put together. `apply` keeps `a` where `b` is NaN if the operation is the maximum.
struct Plus {
  static constexpr double identity = 0;
  template <class V>
  static LIFELONG_HOST_DEVICE V apply(V a, V b) {
    return a + b;
  }
  LIFELONG_HOST_DEVICE double operator()(double a, double b) const { return a + b; }
};
struct Largest {
  static constexpr double identity = -std::numeric_limits<double>::infinity();
  template <class V>
  static LIFELONG_HOST_DEVICE V apply(V a, V b) {
    return max(a, b);
  }
  LIFELONG_HOST_DEVICE double operator()(double a, double b) const { return b > a ? b : a; }
};

template <class Kernel>
inline constexpr bool flushes = false;
template <class Kernel>
requires(Kernel::flushes_denormals) inline constexpr bool flushes<Kernel> = true;

/// A kernel on the parameters [first, first + count). Trivially copyable: this is what a launch takes.
template <class T, class Kernel, class Fold = Plus>
struct Pass {
  using value_type = T;
  using kernel_type = Kernel;
  using fold_type = Fold;
  using V = Lanes<T, 16 / sizeof(T), flushes<Kernel>>;
  using One = Lanes<T, 1, flushes<Kernel>>;
  static constexpr std::size_t lanes = 16 / sizeof(T), rounds = 4, chunk = threads_per_block * lanes * rounds;

  Kernel kernel;
  std::size_t first, count;

  [[nodiscard]] static LIFELONG_HOST_DEVICE std::size_t blocks_for(std::size_t parameters) {
    const std::size_t chunks = (parameters + chunk - 1) / chunk;
    return chunks < most_blocks ? chunks : most_blocks;
  }
  [[nodiscard]] LIFELONG_HOST_DEVICE std::size_t blocks() const { return blocks_for(count); }

  /// What one thread does; returns what its kernel values come to, in T for up to some dozens of them.
  [[nodiscard]] LIFELONG_HOST_DEVICE double share(std::size_t block, unsigned thread) const {
    V total(static_cast<T>(Fold::identity));
    One rest(static_cast<T>(Fold::identity));
    const std::size_t stride = blocks() * chunk;
    for (std::size_t from = block * chunk; from < count; from += stride) {
      for (std::size_t round = 0; round < rounds; ++round) {
        const std::size_t at = from + (round * threads_per_block + thread) * lanes;
        if (at + lanes <= count)
          total = Fold::apply(total, kernel.template operator()<V>(first + at));
        else
          for (std::size_t i = at; i < count; ++i) rest = Fold::apply(rest, kernel.template operator()<One>(first + i));
      }
    }
    for (std::size_t k = 0; k < lanes; ++k) rest = Fold::apply(rest, One(total.lane[k]));
    return static_cast<double>(rest.lane[0]);
  }
};

/// What is known of the steps that were enqueued since somebody looked.
struct Ledger {
  double value = 0;             ///< what the kernel values of the last step come to
  std::uint64_t steps = 0;      ///< how many there were
  std::uint64_t first_bad = 0;  ///< the number, from 1, of the first one whose value is not finite; 0: none
};

/// Where a pass leaves its result: `value`, and what follows from it in `ledger`, unless that is null.
struct Result {
  double* partials;  ///< one per block
  unsigned* ticket;  ///< counts the blocks that are done; 0 between passes
  double* value;     ///< may be null
  Ledger* ledger;    ///< may be null
  bool begins_step;  ///< for the ledger: false for a further pass of the same step

  LIFELONG_HOST_DEVICE void finish(double total) const {
    if (value != nullptr) *value = total;
    if (ledger == nullptr) return;
    if (begins_step) {
      ++ledger->steps;
      ledger->value = 0;
    }
    ledger->value += total;
    if (ledger->first_bad == 0 && !(total - total == 0)) ledger->first_bad = ledger->steps;
  }
};

}  // namespace lifelong::cuda::detail

#include <lifelong/config/pop_macros.hpp>

#endif
