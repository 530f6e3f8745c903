// SPDX-License-Identifier: MIT
// The output functionals that a device knows, so that neither outputs nor cotangents cross to the host.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>

#include <lifelong/config.hpp>
#include <lifelong/cuda/mlp_kernels.cuh>
#include <lifelong/importance/likelihood.hpp>
#include <lifelong/importance/log_likelihood.hpp>
#include <lifelong/importance/output_norm.hpp>

namespace lifelong::cuda::detail {

/// Where the cotangents first .. of N samples come from and go to: row k · N + n of `delta` is cotangent first + k of
/// sample n.
template <class T>
struct CotangentsOf {
  const T* outputs;          ///< N x width
  const Answer<T>* answers;  ///< active outputs and factors; null if all are active and no sample has a factor
  T* delta;
  std::size_t samples, width, first = 0;
  bool all_active = false;  ///< whatever the answers say

  [[nodiscard]] LIFELONG_HOST_DEVICE Answer<T> answer(std::size_t n) const {
    Answer<T> answer{0, 0, static_cast<std::uint32_t>(width), T(1)};
    if (answers == nullptr) return answer;
    if (!all_active) return answers[n];
    answer.share = answers[n].share;
    return answer;
  }
};

/// √p_k (e_k - p), as `importance::Categorical::factor` has it.
template <class T>
struct CategoricalFactors {
  CotangentsOf<T> of;

  LIFELONG_HOST_DEVICE void operator()(std::size_t i) const {
    using V = Number<T>;
    const std::size_t n = i % of.samples, k = of.first + i / of.samples;
    const Answer<T> answer = of.answer(n);
    const T* f = of.outputs + n * of.width;
    T* to = of.delta + i * of.width;
    softmax(f, answer, to, of.width);
    const T root = (sqrt(V(to[k]))).lane[0];
    for (std::size_t c = 0; c < of.width; ++c) {
      const T score = (V(-root) * V(to[c]) + V(c == k ? root : T(0))).lane[0];
      to[c] = (V(score) * V(answer.share)).lane[0];
    }
  }
};

/// scale · f for the active outputs, as `importance::OutputNorm::cotangent` has it.
template <class T>
struct NormGradient {
  CotangentsOf<T> of;
  importance::MasNorm norm;

  LIFELONG_HOST_DEVICE void operator()(std::size_t n) const {
    using V = Number<T>;
    const Answer<T> answer = of.answer(n);
    const T* f = of.outputs + n * of.width;
    T* to = of.delta + n * of.width;
    const V scale(factor(f, answer));
    for (std::size_t c = 0; c < of.width; ++c)
      to[c] = (scale * V(c >= answer.first && c - answer.first < answer.count ? f[c] : T(0)) * V(answer.share)).lane[0];
  }

 private:
  [[nodiscard]] LIFELONG_HOST_DEVICE T factor(const T* f, const Answer<T>& answer) const {
    if (norm == importance::MasNorm::squared) return 2;
    if (norm == importance::MasNorm::mean) return T(2) / static_cast<T>(answer.count);
    // 1/‖f‖, with ‖f‖ in units of the largest so that no square leaves the range of numbers
    using V = Number<T>;
    const std::size_t first = answer.first, end = first + answer.count;
    V largest(T(0)), total(T(0));
    for (std::size_t c = first; c < end; ++c) largest = max(abs(V(f[c])), largest);
    if (largest.lane[0] == 0) return 0;
    for (std::size_t c = first; c < end; ++c) total = total + V(f[c]) / largest * (V(f[c]) / largest);
    return (V(T(1)) / (largest * sqrt(total))).lane[0];
  }
};

/// How a device makes the cotangents of a functional: `knows(functional)`, and if so `body(functional, of)`, to be run
/// for each sample and cotangent. The general functional is for the host.
template <class Functional>
struct FunctionalOnDevice {
  static bool knows(const Functional&) { return false; }
};
template <>
struct FunctionalOnDevice<importance::LogLikelihoodOf<importance::Categorical>> {
  using Functional = importance::LogLikelihoodOf<importance::Categorical>;
  static bool knows(const Functional& functional) { return functional.labels == importance::Labels::exact; }
  template <class T>
  static CategoricalFactors<T> body(const Functional&, const CotangentsOf<T>& of) {
    return {of};
  }
};
template <>
struct FunctionalOnDevice<importance::OutputNorm> {
  static bool knows(const importance::OutputNorm&) { return true; }
  template <class T>
  static NormGradient<T> body(const importance::OutputNorm& functional, const CotangentsOf<T>& of) {
    return {of, functional.norm};
  }
};

/// True if a device knows some functionals of this type.
template <class Functional, class T>
concept may_run_on_device = requires(const Functional& functional, const CotangentsOf<T>& of) {
  FunctionalOnDevice<Functional>::body(functional, of);
};

}  // namespace lifelong::cuda::detail

#include <lifelong/config/pop_macros.hpp>

#endif
