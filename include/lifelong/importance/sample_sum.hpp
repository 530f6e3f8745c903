// SPDX-License-Identifier: MIT
// Sums over any number of samples, in which late samples count as much as early ones.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong::detail {

/// (high, low) ← (high, low) + part, part ← 0: the rounding error of high + part is exact (Knuth 1969, 4.2.2, theorem
/// B) and is gathered in `low`.
template <class T>
struct FoldIn {
  T* part;
  T* high;
  T* low;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    const V a = load<V>(high, i), b = load<V>(part, i);
    const V sum = a + b;
    const V of_b = sum - a;
    const V error = (a - (sum - of_b)) + (b - of_b);
    store(high, i, sum);
    store(low, i, load<V>(low, i) + error);
    store(part, i, V(T(0)));
    return V(T(0));
  }
};

/// part ← high + (low + part).
template <class T>
struct FoldOut {
  T* part;
  const T* high;
  const T* low;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    store(part, i, load<V>(high, i) + (load<V>(low, i) + load<V>(part, i)));
    return V(T(0));
  }
};

/// A sum of one array per sample. Summed in float, a million equal terms lose percents, a hundred million lose most of
/// themselves. Here at most `part_size` samples are summed in T alone; such parts are added up with their rounding
/// errors, so a sum of positive terms is off by `part_size` roundings at most (6e-5 of itself in float, typically
/// 1e-6), for any number of samples and any batch size. Up to `part_size` samples it is the plain sum and takes no
/// memory of its own; beyond, two arrays. The array of the result is given with every call: it must be the same one.
template <class T, class Backend>
class SampleSum {
 public:
  /// Samples that are summed in T alone. A double has digits to spare.
  static constexpr std::size_t part_size = sizeof(T) < sizeof(double) ? 1024 : std::size_t{1} << 30;

  /// Adds `samples` samples: `add(first, count)` adds `count` of them, from number `first` on, to `out`.
  template <class Add>
  void add(const Loop<T, Backend>& loop, std::span<T> out, std::size_t samples, const Add& add) {
    for (std::size_t first = 0; first < samples;) {
      const std::size_t rest = samples - first;
      const std::size_t count = rest < part_size ? rest : part_size;
      if (pending_ + count > part_size) fold_in(loop, out);
      add(first, count);
      pending_ += count;
      first += count;
    }
  }

  /// Takes what `out` has gathered and sets it to 0, so that it can gather another part.
  void fold_in(const Loop<T, Backend>& loop, std::span<T> out) {
    high_.resize(out.size());
    low_.resize(out.size());
    loop.each(FoldIn<T>{out.data(), high_.data(), low_.data()});
    pending_ = 0;
  }

  /// Completes `out`: all that was added. Nothing can be added afterwards.
  void finish(const Loop<T, Backend>& loop, std::span<T> out) {
    if (high_.size() > 0) loop.each(FoldOut<T>{out.data(), high_.data(), low_.data()});
  }

 private:
  ArrayOf<Backend, T> high_, low_;
  std::size_t pending_ = 0;
};

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
