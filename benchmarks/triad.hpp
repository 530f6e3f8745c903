// SPDX-License-Identifier: MIT
// The yardstick of memory bandwidth: a = b + s c.
#pragma once

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include <cstddef>
#include <memory>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/packet.hpp>

#include "suite.hpp"

namespace lifelong::benchmarks {

/// The triad of McCalpin's STREAM over three arrays of `count` floats, a multiple of 16.
class Triad {
 public:
  explicit Triad(std::size_t count) : a_(count), b_(count, 1.0f), c_(count, 2.0f) {}

  /// With ordinary stores: the processor reads each line of `a` before it is overwritten.
  void plain() {
    using V = Packet<float>;
    for (std::size_t i = 0; i < a_.size(); i += lane_count<V>)
      store(a_.data(), i, load<V>(b_.data(), i) + V(scale) * load<V>(c_.data(), i));
  }

  /// With stores that go past the caches, where the processor has them.
  void streaming() {
#if defined(__SSE__)
    const __m128 s = _mm_set1_ps(scale);
    for (std::size_t i = 0; i < a_.size(); i += 4)
      _mm_stream_ps(a_.data() + i, _mm_add_ps(_mm_load_ps(b_.data() + i), _mm_mul_ps(s, _mm_load_ps(c_.data() + i))));
    _mm_sfence();
#else
    plain();
#endif
  }

 private:
  static constexpr float scale = 3.0f;
  AlignedVector<float> a_, b_, c_;
};

/// The faster kind of triad over three arrays that together hold `values` floats: the rate at which memory, or the
/// cache they fit in, can be worked on.
inline Yardstick triad(std::size_t values) {
  const std::size_t count = values / 48 * 16 + 16;
  const auto arrays = std::make_shared<Triad>(count);
  return {"triad",
          {.bytes = 3.0 * static_cast<double>(sizeof(float) * count)},
          {[arrays] { arrays->plain(); }, [arrays] { arrays->streaming(); }}};
}

/// That with stores that go past the caches alone.
inline Yardstick streaming_triad(std::size_t values) {
  Yardstick both = triad(values);
  return {"streaming triad", both.work, {both.bodies.back()}};
}

}  // namespace lifelong::benchmarks
