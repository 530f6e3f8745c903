// The yardstick of memory bandwidth: a = b + s c.
#pragma once

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include <cstddef>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/packet.hpp>

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

}  // namespace lifelong::benchmarks
