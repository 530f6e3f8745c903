// SPDX-License-Identifier: MIT
// Arithmetic on as many parameters as fit into one register. Kernels are written once for `V` = float, double or
// Packet. The types themselves make them vector code, whatever an optimiser or the user's flags do.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>

#include <lifelong/config.hpp>

namespace lifelong {

namespace detail {

#if (defined(__GNUC__) || defined(__clang__)) && !defined(__CUDACC__)
#define LIFELONG_HAS_PACKETS 1
#if defined(__AVX512F__)
inline constexpr std::size_t register_bytes = 64;
#elif defined(__AVX__)
inline constexpr std::size_t register_bytes = 32;
#else
inline constexpr std::size_t register_bytes = 16;
#endif
#endif

}  // namespace detail

#if defined(LIFELONG_HAS_PACKETS)

/// `Packet<T>::size` consecutive values of type T (float or double) with elementwise + - * / and implicit broadcast of
/// a scalar. A packet is as wide as the widest register the translation unit is compiled for.
template <class T>
struct Packet {
  static constexpr std::size_t size = detail::register_bytes / sizeof(T);
  typedef T Native __attribute__((vector_size(detail::register_bytes)));
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
template <class T>
struct ScalarOf<Packet<T>> {
  using type = T;
};

}  // namespace detail

/// Lane by lane: `b > a ? b : a`. A NaN in `a` stays.
template <class T>
Packet<T> max(Packet<T> a, Packet<T> b) {
  return Packet<T>(b.lanes > a.lanes ? b.lanes : a.lanes);
}

/// Lane by lane: `b < a ? b : a`. A NaN in `a` stays.
template <class T>
Packet<T> min(Packet<T> a, Packet<T> b) {
  return Packet<T>(b.lanes < a.lanes ? b.lanes : a.lanes);
}

/// Lane by lane absolute value: all bits but the sign.
template <class T>
Packet<T> abs(Packet<T> a) {
  using Native = typename Packet<T>::Native;
  using Bits = decltype(a.lanes < a.lanes);
  return Packet<T>(reinterpret_cast<Native>(reinterpret_cast<Bits>(a.lanes) & ~reinterpret_cast<Bits>(-Native{})));
}

/// Lane by lane a b + c. It is one instruction where the target has it and the compiler contracts, which compilers do
/// by default.
template <class T>
Packet<T> multiply_add(Packet<T> a, Packet<T> b, Packet<T> c) {
  return Packet<T>(a.lanes * b.lanes + c.lanes);
}

/// Lane by lane: `condition > 0 ? a : b`.
template <class T>
Packet<T> where_positive(Packet<T> condition, Packet<T> a, Packet<T> b) {
  return Packet<T>(condition.lanes > 0 ? a.lanes : b.lanes);
}

/// Lane by lane square root. It is written as an instruction, because `std::sqrt` sets `errno`, which stops compilers
/// from vectorising it.
template <class T>
Packet<T> sqrt(Packet<T> a) {
  Packet<T> root;
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
  for (std::size_t k = 0; k < Packet<T>::size; ++k) root.lanes[k] = std::sqrt(a.lanes[k]);
#endif
  return root;
}

/// Sum of the lanes, taken by halves, so that the order is fixed.
template <class T>
T sum(Packet<T> a) {
  for (std::size_t half = Packet<T>::size / 2; half > 0; half /= 2)
    for (std::size_t k = 0; k < half; ++k) a.lanes[k] += a.lanes[k + half];
  return a.lanes[0];
}

namespace detail {

/// Takes rows k and k + `half` of a matrix as packets a and b, and turns them into the same rows of the matrix in which
/// the squares of side `half` off the diagonal have changed places.
template <std::size_t half, class Native, std::size_t... lane>
void exchange_halves(Native& a, Native& b, std::index_sequence<lane...>) {
  constexpr std::size_t lanes = sizeof...(lane);
  const Native upper = __builtin_shufflevector(a, b, ((lane & half) ? lane - half + lanes : lane)...);
  b = __builtin_shufflevector(a, b, ((lane & half) ? lane + lanes : lane + half)...);
  a = upper;
}

template <std::size_t half, class T, std::size_t lanes, std::size_t... pair>
void transpose_squares(Packet<T> (&rows)[lanes], std::index_sequence<pair...>) {
  (exchange_halves<half>(rows[pair / half * 2 * half + pair % half].lanes,
                         rows[pair / half * 2 * half + pair % half + half].lanes, std::make_index_sequence<lanes>{}),
   ...);
  if constexpr (half > 1) transpose_squares<half / 2>(rows, std::index_sequence<pair...>{});
}

}  // namespace detail

/// Transposes the matrix: rows become columns.
template <class T>
void transpose(Packet<T> (&rows)[Packet<T>::size]) {
  constexpr std::size_t half = Packet<T>::size / 2;
  if constexpr (half > 0) detail::transpose_squares<half>(rows, std::make_index_sequence<half>{});
}

#else

/// A packet is one value where the compiler has no vectors of its own.
template <class T>
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

/// \name One value
/// \{

/// The same for one value, which kernels need at the end of an array whose length is not a multiple of a packet's.
LIFELONG_HOST_DEVICE inline float max(float a, float b) { return b > a ? b : a; }
LIFELONG_HOST_DEVICE inline double max(double a, double b) { return b > a ? b : a; }
LIFELONG_HOST_DEVICE inline float min(float a, float b) { return b < a ? b : a; }
LIFELONG_HOST_DEVICE inline double min(double a, double b) { return b < a ? b : a; }
LIFELONG_HOST_DEVICE inline float abs(float a) { return a < 0 ? -a : a; }
LIFELONG_HOST_DEVICE inline double abs(double a) { return a < 0 ? -a : a; }
LIFELONG_HOST_DEVICE inline float multiply_add(float a, float b, float c) { return a * b + c; }
LIFELONG_HOST_DEVICE inline double multiply_add(double a, double b, double c) { return a * b + c; }
LIFELONG_HOST_DEVICE inline float where_positive(float c, float a, float b) { return c > 0 ? a : b; }
LIFELONG_HOST_DEVICE inline double where_positive(double c, double a, double b) { return c > 0 ? a : b; }
LIFELONG_HOST_DEVICE inline float sqrt(float a) { return ::sqrtf(a); }
LIFELONG_HOST_DEVICE inline double sqrt(double a) { return ::sqrt(a); }
LIFELONG_HOST_DEVICE inline float sum(float a) { return a; }
LIFELONG_HOST_DEVICE inline double sum(double a) { return a; }
/// \}

/// Reads `lane_count<V>` values from `data + i`, which need not be aligned.
template <class V>
LIFELONG_HOST_DEVICE V load(const ScalarOf<V>* data, std::size_t i) {
  if constexpr (lane_count<V> == 1) {
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
  if constexpr (lane_count<V> == 1)
    data[i] = value;
  else
    __builtin_memcpy(data + i, &value, sizeof value);
}

}  // namespace lifelong
