// SPDX-License-Identifier: MIT
// What is differentiated to estimate an importance: cotangents made from a model's outputs.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <span>

#include <lifelong/core/batch.hpp>

namespace lifelong {

/// A function of the outputs whose derivative is taken. It has `cotangents(outputs)` directions per sample;
/// `prepare(row, sample)` turns a row of outputs in place into what the directions are made from; `cotangent(k, row,
/// sample, delta)` writes direction k.
template <class F>
concept OutputFunctional = requires(const F& functional, std::span<float> row, std::span<const float> prepared,
                                    const SampleContext<float>& sample) {
  { functional.cotangents(std::size_t{}) } -> std::convertible_to<std::size_t>;
  functional.prepare(row, sample);
  functional.cotangent(std::size_t{}, prepared, sample, row);
};

/// A model that adds Σ_n Σ_k m(J_nᵀ v_nk) to `out` for a whole batch at once, where m is a moment of `moment::`. Such a
/// model gives exact importances at about the price of a gradient.
template <class M, class F, class Moment>
concept MomentModel = requires(M& model, const Batch<typename M::value_type>& batch, const F& functional, Moment moment,
                               std::span<typename M::value_type> out) {
  model.accumulate_moment(batch, functional, moment, out);
};

namespace detail {

template <class F>
consteval bool require_functional() {
  static_assert(
      requires(const F& functional) {
        { functional.cotangents(std::size_t{}) } -> std::convertible_to<std::size_t>;
      },
      "OutputFunctional: the functional needs cotangents(outputs) const, the number of directions per sample");
  static_assert(
      requires(const F& functional, std::span<float> row, const SampleContext<float>& sample) {
        functional.prepare(row, sample);
      },
      "OutputFunctional: the functional needs prepare(row, sample) const");
  static_assert(OutputFunctional<F>, "OutputFunctional: the functional needs cotangent(k, row, sample, delta) const");
  return true;
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
