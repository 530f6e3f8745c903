// SPDX-License-Identifier: MIT
// Counter-based random numbers. Draw number i of a sequence is a pure function of (seed, purpose, i), so results do not
// depend on the number of threads, on the order of calls, or on a standard library's distributions.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <lifelong/config.hpp>

namespace lifelong {

/// What a sequence of random numbers is used for. Sequences of one seed but different purposes are independent.
enum class Purpose : std::uint32_t {
  initialization = 1,
  shuffle = 2,
  labels = 3,
  permutation = 4,
  dropout = 5,
  slices = 6,
  classes = 7,
  memory = 8,
  replay = 9,
  augmentation = 10,
  user = 1000
};

namespace detail {

struct Words {
  std::uint32_t w[4];
};

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): ten rounds of a keyed
/// bijection.
constexpr Words philox(Words counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter.w[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter.w[2];
    counter = {{static_cast<std::uint32_t>(b >> 32) ^ counter.w[1] ^ key0, static_cast<std::uint32_t>(b),
                static_cast<std::uint32_t>(a >> 32) ^ counter.w[3] ^ key1, static_cast<std::uint32_t>(a)}};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

/// The value itself, which the compiler has to round and store first: it cannot contract a product with the sum behind
/// it into one instruction, whose last bit would depend on the processor that is compiled for.
inline double rounded(double value) {
#if defined(__SSE2__) && (defined(__GNUC__) || defined(__clang__)) && !defined(__CUDA_ARCH__)
  __asm__("" : "+x"(value));
  return value;
#elif defined(__aarch64__) && !defined(__CUDA_ARCH__)
  __asm__("" : "+w"(value));
  return value;
#else
  volatile double stored = value;
  return stored;
#endif
}

/// Natural logarithm of a positive normal number by ln m = 2 artanh((m-1)/(m+1)); the error is below 2 ulp. The library
/// has its own because the last bit of `std::log` differs between C libraries.
inline double portable_log(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double mantissa = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  if (mantissa > 1.4142135623730951) {
    mantissa *= 0.5;
    ++exponent;
  }
  const double s = (mantissa - 1) / (mantissa + 1);
  const double s2 = s * s;
  double sum = 0;
  for (int k = 27; k >= 1; k -= 2) sum = rounded(sum * s2) + 1.0 / k;
  return rounded(exponent * 0.6931471805599453) + rounded(2 * s * sum);
}

template <std::size_t N>
double polynomial(const double (&coefficients)[N], double x) {
  double sum = coefficients[N - 1];
  for (std::size_t k = N - 1; k-- > 0;) sum = rounded(sum * x) + coefficients[k];
  return sum;
}

/// Quantile of the standard normal distribution (Wichura, algorithm AS 241 PPND16, 1988), relative error about 1e-16.
LIFELONG_ONE_COPY inline double normal_quantile(double p) {
  constexpr double a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                          1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                          3.3430575583588128105e+4, 2.5090809287301226727e+3};
  constexpr double b[] = {1.0,
                          4.2313330701600911252e+1,
                          6.8718700749205790830e+2,
                          5.3941960214247511077e+3,
                          2.1213794301586595867e+4,
                          3.9307895800092710610e+4,
                          2.8729085735721942674e+4,
                          5.2264952788528545610e+3};
  constexpr double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                          3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                          2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr double d[] = {1.0,
                          2.05319162663775882187e0,
                          1.67638483018380384940e0,
                          6.89767334985100004550e-1,
                          1.48103976427480074590e-1,
                          1.51986665636164571966e-2,
                          5.47593808499534494600e-4,
                          1.05075007164441684324e-9};
  constexpr double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                          2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                          2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr double f[] = {1.0,
                          5.99832206555887937690e-1,
                          1.36929880922735805310e-1,
                          1.48753612908506148525e-2,
                          7.86869131145613259100e-4,
                          1.84631831751005468180e-5,
                          1.42151175831644588870e-7,
                          2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (q <= 0.425 && q >= -0.425) {
    const double r = 0.180625 - rounded(q * q);
    return q * polynomial(a, r) / polynomial(b, r);
  }
  const double r = std::sqrt(-portable_log(q < 0 ? p : 1 - p));
  const double tail =
      r <= 5 ? polynomial(c, r - 1.6) / polynomial(d, r - 1.6) : polynomial(e, r - 5) / polynomial(f, r - 5);
  return q < 0 ? -tail : tail;
}

}  // namespace detail

/// A sequence of random numbers. Draw i is a function of (seed, purpose, i) alone. It takes constant time and there is
/// no state, so a sequence may be shared between threads. Its bits are the same on every platform with IEEE arithmetic.
class Random {
 public:
  constexpr explicit Random(std::uint64_t seed, Purpose purpose = Purpose::user, std::uint32_t substream = 0)
      : seed_(seed), purpose_(static_cast<std::uint32_t>(purpose)), substream_(substream) {}

  /// 64 uniform bits of draw `index`.
  [[nodiscard]] constexpr std::uint64_t bits(std::uint64_t index) const {
    const detail::Words out = detail::philox(
        {{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), purpose_, substream_}},
        static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32));
    return (std::uint64_t{out.w[0]} << 32) | out.w[1];
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  [[nodiscard]] constexpr double uniform(std::uint64_t index) const {
    return static_cast<double>(bits(index) >> 11) * 0x1p-53;
  }

  /// Standard normal, by inversion of one uniform draw.
  [[nodiscard]] double normal(std::uint64_t index) const {
    return detail::normal_quantile((static_cast<double>(bits(index) >> 12) + 0.5) * 0x1p-52);
  }

  /// Uniform integer in [0, bound), bound <= 2^32; the bias is below bound / 2^64.
  [[nodiscard]] constexpr std::uint32_t below(std::uint64_t index, std::uint64_t bound) const {
    const std::uint64_t x = bits(index);
    const std::uint64_t low = ((x & 0xFFFFFFFFULL) * bound) >> 32;
    return static_cast<std::uint32_t>(((x >> 32) * bound + low) >> 32);
  }

  /// Fisher-Yates shuffle in place with draws 0 .. values.size()-1; at most 2^32 values.
  template <class T>
  constexpr void shuffle(std::span<T> values) const {
    for (std::size_t i = values.size(); i > 1; --i) {
      using std::swap;
      swap(values[i - 1], values[below(i - 1, i)]);
    }
  }

 private:
  std::uint64_t seed_;
  std::uint32_t purpose_;
  std::uint32_t substream_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
