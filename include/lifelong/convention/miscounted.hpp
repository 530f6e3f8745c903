// SPDX-License-Identifier: MIT
// Means that are divided by another number than the number of their terms.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>
#include <string>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/importance/estimation.hpp>

namespace lifelong::convention {

/// By what a sum over samples or batches is divided instead of their number.
enum class Divisor {
  samples_less_one,  ///< N - 1
  batches_less_one,  ///< number of batches - 1
  full_batches       ///< number of batches times their size, as if the last were full
};

/// An importance whose mean has the wrong divisor.
template <class Importance>
struct Miscounted : Importance {
  Divisor divisor = Divisor::samples_less_one;

  /// What the importance adds its batches to, with their counts.
  template <class Inner, class T, class Backend>
  struct Estimation {
    Inner inner;
    Loop<T, Backend> loop;
    std::span<T> values;
    std::size_t batches = 0, samples = 0, largest = 0;
  };
  template <class Model, class T, class Backend>
  [[nodiscard]] auto begin(Model& model, const Loop<T, Backend>& loop, std::span<T> values) const {
    const Importance& right = *this;
    using Inner = decltype(detail::begin_estimate(right, model, loop, values));
    return Estimation<Inner, T, Backend>{detail::begin_estimate(right, model, loop, values), loop, values};
  }
  /// Adds a batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    Importance::estimate(model, batch, estimation.inner);
    ++estimation.batches;
    estimation.samples += batch.size;
    estimation.largest = batch.size > estimation.largest ? batch.size : estimation.largest;
  }
  /// Writes the importance. \throws InvalidArgument if the divisor is 0.
  template <class Inner, class T, class Backend>
  void finish(Estimation<Inner, T, Backend>& estimation) const {
    const double correction = correction_of(estimation.batches, estimation.samples, estimation.largest);
    const Importance& right = *this;
    detail::finish_estimate(right, estimation.inner);
    estimation.loop.each(detail::Scale<T>{estimation.values.data(), static_cast<T>(correction)});
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    constexpr const char* names[] = {"samples less one", "batches less one", "full batches"};
    return Importance::recipe() + " divided by the number of " + names[static_cast<std::size_t>(divisor)];
  }

 private:
  /// The right divisor over the wrong one.
  [[nodiscard]] double correction_of(std::size_t batches, std::size_t samples, std::size_t largest) const {
    const bool of_batches = divisor == Divisor::batches_less_one;
    const std::size_t right = of_batches ? batches : samples;
    const std::size_t wrong = divisor == Divisor::full_batches ? batches * largest : right - 1;
    if (wrong == 0)
      detail::raise<InvalidArgument>(std::string("Miscounted: the mean of a single ") +
                                     (of_batches ? "batch" : "sample") + " would be divided by 0");
    return static_cast<double>(right) / static_cast<double>(wrong);
  }
};

}  // namespace lifelong::convention

#include <lifelong/config/pop_macros.hpp>
