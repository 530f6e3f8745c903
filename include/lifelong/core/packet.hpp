// SPDX-License-Identifier: MIT
// Arithmetic on as many parameters as fit into one register. Kernels are written once for `V` = float, double or
// Packet. The types themselves make them vector code, whatever an optimiser or the user's flags do.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include <lifelong/config.hpp>

namespace lifelong {

namespace detail {

/// The two types that kernels compute in. Functions of one value take exactly these, so that they never compete for
/// integers with functions of the same name from elsewhere.
template <class T>
concept Real = std::same_as<T, float> || std::same_as<T, double>;

/// Integers of the same size.
template <class T>
using IntegerOf = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

/// All bits but the sign.
template <class T>
inline constexpr IntegerOf<T> magnitude_bits = std::numeric_limits<IntegerOf<T>>::max();

#if (defined(__GNUC__) || defined(__clang__)) && !defined(__CUDACC__)
#define LIFELONG_HAS_PACKETS 1
#if defined(__AVX512F__)
inline constexpr std::size_t register_bytes = 64;
#elif defined(__AVX__)
inline constexpr std::size_t register_bytes = 32;
#else
inline constexpr std::size_t register_bytes = 16;
#endif

template <class T, std::size_t bytes>
struct VectorFor {
  typedef T type __attribute__((vector_size(bytes)));
};
/// A vector of the compiler.
template <class T, std::size_t bytes>
using VectorOf = typename VectorFor<T, bytes>::type;
#endif

}  // namespace detail

#if defined(LIFELONG_HAS_PACKETS)

/// `Packet<T>::size` consecutive values of type T (float or double) with elementwise + - * / and implicit broadcast of
/// a scalar. A packet is as wide as the widest register the translation unit is compiled for. The width is part of its
/// type, and so of the name of every function that has packets in its arguments: files compiled for different
/// processors may be linked into one program.
template <class T, std::size_t bytes = detail::register_bytes>
struct Packet {
  static constexpr std::size_t size = bytes / sizeof(T);
  using Native = detail::VectorOf<T, bytes>;
  using Bits = detail::VectorOf<detail::IntegerOf<T>, bytes>;
  Native lanes;

  Packet() = default;
  Packet(T value) : lanes(value - Native{}) {}
  explicit Packet(const Native& native) : lanes(native) {}

  friend Packet operator+(Packet a, Packet b) { return Packet(a.lanes + b.lanes); }
  friend Packet operator-(Packet a, Packet b) { return Packet(a.lanes - b.lanes); }
  friend Packet operator*(Packet a, Packet b) { return Packet(a.lanes * b.lanes); }
  friend Packet operator/(Packet a, Packet b) { return Packet(a.lanes / b.lanes); }
  friend Packet operator-(Packet a) { return Packet(-a.lanes); }
};

namespace detail {

template <class V>
struct ScalarOf {
  using type = V;
};
template <class T, std::size_t bytes>
struct ScalarOf<Packet<T, bytes>> {
  using type = T;
};

}  // namespace detail

/// Lane by lane: `b > a ? b : a`. A NaN in `a` stays.
template <class T, std::size_t bytes>
Packet<T, bytes> max(Packet<T, bytes> a, Packet<T, bytes> b) {
  return Packet<T, bytes>(b.lanes > a.lanes ? b.lanes : a.lanes);
}

/// Lane by lane: `b < a ? b : a`. A NaN in `a` stays.
template <class T, std::size_t bytes>
Packet<T, bytes> min(Packet<T, bytes> a, Packet<T, bytes> b) {
  return Packet<T, bytes>(b.lanes < a.lanes ? b.lanes : a.lanes);
}

/// Lane by lane absolute value: all bits but the sign.
template <class T, std::size_t bytes>
Packet<T, bytes> abs(Packet<T, bytes> a) {
  using P = Packet<T, bytes>;
  return P(
      reinterpret_cast<typename P::Native>(reinterpret_cast<typename P::Bits>(a.lanes) & detail::magnitude_bits<T>));
}

/// Lane by lane: 1 where |value| is above `bound` or the value is NaN or Inf, else 0. A double counts as above if its
/// upper 32 bits are, so by up to 2⁻²⁰ of a bound it may be larger unseen. The bits are compared as integers, which no
/// flag for floating-point arithmetic changes. `bound` is 0, a power of two or the largest number.
template <class T, std::size_t bytes>
Packet<T, bytes> exceeds(Packet<T, bytes> value, T bound) {
  using P = Packet<T, bytes>;
  using Words = detail::VectorOf<std::int32_t, bytes>;  // SSE2 compares no longer ones
  const auto magnitude = reinterpret_cast<typename P::Bits>(value.lanes) & detail::magnitude_bits<T>;
#if defined(__AVX__) && !defined(__AVX2__)  // where g++ compares the words of 32 bytes one by one
  const Words above = (reinterpret_cast<Words>(P(bound).lanes) - reinterpret_cast<Words>(magnitude)) >> 31;
#else
  const Words above = reinterpret_cast<Words>(magnitude) > reinterpret_cast<Words>(P(bound).lanes);
#endif
  // The lower word of a double, in which the comparison means nothing, is 0 in 1.0.
  return P(reinterpret_cast<typename P::Native>(above & reinterpret_cast<Words>(P(T(1)).lanes)));
}

/// Lane by lane a b + c. It is one instruction where the target has it and the compiler contracts, which compilers do
/// by default.
template <class T, std::size_t bytes>
Packet<T, bytes> multiply_add(Packet<T, bytes> a, Packet<T, bytes> b, Packet<T, bytes> c) {
  return Packet<T, bytes>(a.lanes * b.lanes + c.lanes);
}

/// Lane by lane: `condition > 0 ? a : b`.
template <class T, std::size_t bytes>
Packet<T, bytes> where_positive(Packet<T, bytes> condition, Packet<T, bytes> a, Packet<T, bytes> b) {
  return Packet<T, bytes>(condition.lanes > 0 ? a.lanes : b.lanes);
}

/// Lane by lane square root. It is written as an instruction, because `std::sqrt` sets `errno`, which stops compilers
/// from vectorising it.
template <class T, std::size_t bytes>
Packet<T, bytes> sqrt(Packet<T, bytes> a) {
  Packet<T, bytes> root;
#if defined(__AVX__)
  if constexpr (sizeof(T) == 4)
    __asm__("vsqrtps %1, %0" : "=v"(root.lanes) : "v"(a.lanes));
  else
    __asm__("vsqrtpd %1, %0" : "=v"(root.lanes) : "v"(a.lanes));
#elif defined(__SSE2__)
  if constexpr (sizeof(T) == 4)
    __asm__("sqrtps %1, %0" : "=x"(root.lanes) : "x"(a.lanes));
  else
    __asm__("sqrtpd %1, %0" : "=x"(root.lanes) : "x"(a.lanes));
#else
  for (std::size_t k = 0; k < root.size; ++k) root.lanes[k] = std::sqrt(a.lanes[k]);
#endif
  return root;
}

/// Sum of the lanes, taken by halves, so that the order is fixed.
template <class T, std::size_t bytes>
T sum(Packet<T, bytes> a) {
  for (std::size_t half = a.size / 2; half > 0; half /= 2)
    for (std::size_t k = 0; k < half; ++k) a.lanes[k] += a.lanes[k + half];
  return a.lanes[0];
}

namespace detail {

/// The lanes of a and b, counted through, that `lane` names.
template <std::size_t... lane, class Native>
Native shuffle(Native a, Native b) {
#if __has_builtin(__builtin_shufflevector)
  return __builtin_shufflevector(a, b, lane...);
#else
  using Bits = decltype(a < b);
  return __builtin_shuffle(a, b, Bits{static_cast<IntegerOf<decltype(a[0] + b[0])>>(lane)...});
#endif
}

/// Takes rows k and k + `half` of a matrix as packets a and b, and turns them into the same rows of the matrix in which
/// the squares of side `half` off the diagonal have changed places.
template <std::size_t half, class Native, std::size_t... lane>
void exchange_halves(Native& a, Native& b, std::index_sequence<lane...>) {
  constexpr std::size_t lanes = sizeof...(lane);
  const Native upper = shuffle<((lane & half) ? lane - half + lanes : lane)...>(a, b);
  b = shuffle<((lane & half) ? lane + lanes : lane + half)...>(a, b);
  a = upper;
}

template <std::size_t half, class T, std::size_t bytes, std::size_t lanes, std::size_t... pair>
void transpose_squares(Packet<T, bytes> (&rows)[lanes], std::index_sequence<pair...>) {
  (exchange_halves<half>(rows[pair / half * 2 * half + pair % half].lanes,
                         rows[pair / half * 2 * half + pair % half + half].lanes, std::make_index_sequence<lanes>{}),
   ...);
  if constexpr (half > 1) transpose_squares<half / 2>(rows, std::index_sequence<pair...>{});
}

}  // namespace detail

/// Transposes the matrix: rows become columns.
template <class T, std::size_t bytes, std::size_t lanes>
requires(lanes == Packet<T, bytes>::size) void transpose(Packet<T, bytes> (&rows)[lanes]) {
  constexpr std::size_t half = lanes / 2;
  if constexpr (half > 0) detail::transpose_squares<half>(rows, std::make_index_sequence<half>{});
}

#else

/// A packet is one value where the compiler has no vectors of its own.
template <class T, std::size_t = sizeof(T)>
using Packet = T;

namespace detail {
template <class V>
struct ScalarOf {
  using type = V;
};
}  // namespace detail

#endif

/// The element type of a kernel value: T for Packet<T>, else V itself.
template <class V>
using ScalarOf = typename detail::ScalarOf<V>::type;

/// How many parameters a kernel value of type V holds.
template <class V>
inline constexpr std::size_t lane_count = sizeof(V) / sizeof(ScalarOf<V>);

namespace detail {

/// True for a kind of value that a backend brings, which has `read(place)` and `write(place)`.
template <class V>
inline constexpr bool reads_itself = false;

}  // namespace detail

/// \name One value
/// \{

/// The same for one value, which kernels need at the end of an array whose length is not a multiple of a packet's.
template <detail::Real T>
LIFELONG_HOST_DEVICE T max(const T& a, const T& b) {
  return b > a ? b : a;
}
template <detail::Real T>
LIFELONG_HOST_DEVICE T min(const T& a, const T& b) {
  return b < a ? b : a;
}
template <detail::Real T>
LIFELONG_HOST_DEVICE T abs(T a) {
  return a < 0 ? -a : a;
}
template <detail::Real T>
LIFELONG_HOST_DEVICE T exceeds(T value, T bound) {
  detail::IntegerOf<T> bits, most;
  __builtin_memcpy(&bits, &value, sizeof value);
  __builtin_memcpy(&most, &bound, sizeof bound);
  constexpr int lower = sizeof(T) == 4 ? 0 : 32;
  return T((bits & detail::magnitude_bits<T>) >> lower > most >> lower ? 1 : 0);
}
template <detail::Real T>
LIFELONG_HOST_DEVICE T multiply_add(T a, T b, T c) {
  return a * b + c;
}
template <detail::Real T>
LIFELONG_HOST_DEVICE T where_positive(T condition, T a, T b) {
  return condition > 0 ? a : b;
}
template <detail::Real T>
LIFELONG_HOST_DEVICE T sqrt(T a) {
  if constexpr (sizeof(T) == 4)
    return ::sqrtf(a);
  else
    return ::sqrt(a);
}
template <detail::Real T>
LIFELONG_HOST_DEVICE T sum(T a) {
  return a;
}
/// \}

/// Reads `lane_count<V>` values from `data + i`, which need not be aligned.
template <class V>
LIFELONG_HOST_DEVICE V load(const ScalarOf<V>* data, std::size_t i) {
  if constexpr (detail::reads_itself<V>) {
    return V::read(data + i);
  } else if constexpr (lane_count<V> == 1) {
    return data[i];
  } else {
    V value;
    __builtin_memcpy(&value, data + i, sizeof value);
    return value;
  }
}

/// Writes `value` to `data + i`, which need not be aligned.
template <class V>
LIFELONG_HOST_DEVICE void store(ScalarOf<V>* data, std::size_t i, V value) {
  if constexpr (detail::reads_itself<V>)
    value.write(data + i);
  else if constexpr (lane_count<V> == 1)
    data[i] = value;
  else
    __builtin_memcpy(data + i, &value, sizeof value);
}

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
