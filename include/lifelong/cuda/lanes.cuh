// SPDX-License-Identifier: MIT
// Arithmetic of one thread of a device on 16 bytes of parameters at a time, with the roundings of the processor.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <lifelong/config.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong::cuda {
namespace detail {

/// The operations of IEEE 754, each rounded by itself: nvcc would contract a product and a sum into one operation, and
/// then a device and a processor would not agree on the last bit. With `flush`, subnormal operands and results are 0,
/// in float; devices have no such mode for double.
template <class T, bool flush>
struct Arithmetic {
  static LIFELONG_HOST_DEVICE T add(T a, T b) {
#if defined(__CUDA_ARCH__)
    if constexpr (sizeof(T) == sizeof(double)) {
      return __dadd_rn(a, b);
    } else if constexpr (flush) {
      float c;
      asm("add.rn.ftz.f32 %0, %1, %2;" : "=f"(c) : "f"(a), "f"(b));
      return c;
    } else {
      return __fadd_rn(a, b);
    }
#else
    return a + b;
#endif
  }
  static LIFELONG_HOST_DEVICE T subtract(T a, T b) {
#if defined(__CUDA_ARCH__)
    if constexpr (sizeof(T) == sizeof(double)) {
      return __dsub_rn(a, b);
    } else if constexpr (flush) {
      float c;
      asm("sub.rn.ftz.f32 %0, %1, %2;" : "=f"(c) : "f"(a), "f"(b));
      return c;
    } else {
      return __fsub_rn(a, b);
    }
#else
    return a - b;
#endif
  }
  static LIFELONG_HOST_DEVICE T multiply(T a, T b) {
#if defined(__CUDA_ARCH__)
    if constexpr (sizeof(T) == sizeof(double)) {
      return __dmul_rn(a, b);
    } else if constexpr (flush) {
      float c;
      asm("mul.rn.ftz.f32 %0, %1, %2;" : "=f"(c) : "f"(a), "f"(b));
      return c;
    } else {
      return __fmul_rn(a, b);
    }
#else
    return a * b;
#endif
  }
  static LIFELONG_HOST_DEVICE T divide(T a, T b) {
#if defined(__CUDA_ARCH__)
    if constexpr (sizeof(T) == sizeof(double)) {
      return __ddiv_rn(a, b);
    } else if constexpr (flush) {
      float c;
      asm("div.rn.ftz.f32 %0, %1, %2;" : "=f"(c) : "f"(a), "f"(b));
      return c;
    } else {
      return __fdiv_rn(a, b);
    }
#else
    return a / b;
#endif
  }
  static LIFELONG_HOST_DEVICE T root(T a) {
#if defined(__CUDA_ARCH__)
    if constexpr (sizeof(T) == sizeof(double)) {
      return __dsqrt_rn(a);
    } else if constexpr (flush) {
      float c;
      asm("sqrt.rn.ftz.f32 %0, %1;" : "=f"(c) : "f"(a));
      return c;
    } else {
      return __fsqrt_rn(a);
    }
#else
    return lifelong::sqrt(a);
#endif
  }
};

}  // namespace detail

/// `lanes` consecutive values of T, the `V` with which kernels are called on a device: 16 bytes, which one instruction
/// loads, or a single value at the end of an array. Same bits as `Packet` on a processor that is not asked to contract.
template <class T, std::size_t lanes, bool flush>
struct alignas(lanes * sizeof(T)) Lanes {
  T lane[lanes];

  Lanes() = default;
  LIFELONG_HOST_DEVICE Lanes(T value) {
    for (std::size_t k = 0; k < lanes; ++k) lane[k] = value;
  }

  /// Reads from or writes to `place`, which is aligned for one value; 16 bytes at once where it is aligned for that.
  static LIFELONG_HOST_DEVICE Lanes read(const T* place) {
    if (is_aligned(place)) return *reinterpret_cast<const Lanes*>(place);
    return apply([&](std::size_t k) { return place[k]; });
  }
  LIFELONG_HOST_DEVICE void write(T* place) const {
    if (is_aligned(place))
      *reinterpret_cast<Lanes*>(place) = *this;
    else
      for (std::size_t k = 0; k < lanes; ++k) place[k] = lane[k];
  }
  static LIFELONG_HOST_DEVICE Lanes read(const Bfloat16* place) {
    Halves halves;
    if (is_aligned(place, sizeof halves))
      halves = *reinterpret_cast<const Halves*>(place);
    else
      for (std::size_t k = 0; k < lanes; ++k) halves.half[k] = place[k];
    return apply([&](std::size_t k) { return static_cast<T>(static_cast<float>(halves.half[k])); });
  }
  LIFELONG_HOST_DEVICE void write(Bfloat16* place) const {
    Halves halves;
    for (std::size_t k = 0; k < lanes; ++k) halves.half[k] = Bfloat16(lane[k]);
    if (is_aligned(place, sizeof halves))
      *reinterpret_cast<Halves*>(place) = halves;
    else
      for (std::size_t k = 0; k < lanes; ++k) place[k] = halves.half[k];
  }

  friend LIFELONG_HOST_DEVICE Lanes operator+(Lanes a, Lanes b) {
    return apply([&](std::size_t k) { return Operations::add(a.lane[k], b.lane[k]); });
  }
  friend LIFELONG_HOST_DEVICE Lanes operator-(Lanes a, Lanes b) {
    return apply([&](std::size_t k) { return Operations::subtract(a.lane[k], b.lane[k]); });
  }
  friend LIFELONG_HOST_DEVICE Lanes operator*(Lanes a, Lanes b) {
    return apply([&](std::size_t k) { return Operations::multiply(a.lane[k], b.lane[k]); });
  }
  friend LIFELONG_HOST_DEVICE Lanes operator/(Lanes a, Lanes b) {
    return apply([&](std::size_t k) { return Operations::divide(a.lane[k], b.lane[k]); });
  }
  friend LIFELONG_HOST_DEVICE Lanes operator-(Lanes a) {
    return apply([&](std::size_t k) { return -a.lane[k]; });
  }
  friend LIFELONG_HOST_DEVICE Lanes max(Lanes a, Lanes b) {
    return apply([&](std::size_t k) { return b.lane[k] > a.lane[k] ? b.lane[k] : a.lane[k]; });
  }
  friend LIFELONG_HOST_DEVICE Lanes min(Lanes a, Lanes b) {
    return apply([&](std::size_t k) { return b.lane[k] < a.lane[k] ? b.lane[k] : a.lane[k]; });
  }
  friend LIFELONG_HOST_DEVICE Lanes abs(Lanes a) {
    return apply([&](std::size_t k) { return magnitude(a.lane[k]); });
  }
  friend LIFELONG_HOST_DEVICE Lanes exceeds(Lanes value, T bound) {
    return apply([&](std::size_t k) { return lifelong::exceeds(value.lane[k], bound); });
  }
  friend LIFELONG_HOST_DEVICE Lanes multiply_add(Lanes a, Lanes b, Lanes c) { return a * b + c; }
  friend LIFELONG_HOST_DEVICE Lanes where_positive(Lanes condition, Lanes a, Lanes b) {
    return apply([&](std::size_t k) { return condition.lane[k] > 0 ? a.lane[k] : b.lane[k]; });
  }
  friend LIFELONG_HOST_DEVICE Lanes sqrt(Lanes a) {
    return apply([&](std::size_t k) { return Operations::root(a.lane[k]); });
  }

 private:
  using Operations = detail::Arithmetic<T, flush>;
  struct alignas(lanes * sizeof(Bfloat16)) Halves {
    Bfloat16 half[lanes];
  };

  template <class Each>
  static LIFELONG_HOST_DEVICE Lanes apply(const Each& each) {
    Lanes result;
    for (std::size_t k = 0; k < lanes; ++k) result.lane[k] = each(k);
    return result;
  }
  static LIFELONG_HOST_DEVICE bool is_aligned(const void* place, std::size_t bytes = sizeof(Lanes)) {
    return reinterpret_cast<std::uintptr_t>(place) % bytes == 0;
  }
  static LIFELONG_HOST_DEVICE T magnitude(T value) {
    lifelong::detail::IntegerOf<T> bits;
    __builtin_memcpy(&bits, &value, sizeof value);
    bits &= lifelong::detail::magnitude_bits<T>;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
  }
};

}  // namespace lifelong::cuda

namespace lifelong::detail {

template <class T, std::size_t lanes, bool flush>
struct ScalarOf<cuda::Lanes<T, lanes, flush>> {
  using type = T;
};
template <class T, std::size_t lanes, bool flush>
inline constexpr bool reads_itself<cuda::Lanes<T, lanes, flush>> = true;

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>

#endif
