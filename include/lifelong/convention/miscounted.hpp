// Means that are divided by another number than that of their terms.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <lifelong/core/error.hpp>

namespace lifelong::convention {

/// What a sum over samples or batches is divided by instead of their number.
enum class Divisor {
  samples_less_one,  ///< N - 1
  batches_less_one,  ///< number of batches - 1
  full_batches       ///< number of batches times their size, as if the last were full
};

/// An importance whose mean has the wrong divisor. Reads the batches once more, to count them.
template <class Importance>
struct Miscounted : Importance {
  Divisor divisor = Divisor::samples_less_one;

  /// \throws InvalidArgument if the divisor is 0.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, std::span<typename Model::value_type> out) const {
    using T = typename Model::value_type;
    const double correction = count_of(batches);
    Importance::estimate(model, batches, out);
    for (T& value : out) value *= static_cast<T>(correction);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    constexpr const char* names[] = {"samples less one", "batches less one", "full batches"};
    return Importance::recipe() + " divided by the number of " + names[static_cast<std::size_t>(divisor)];
  }

 private:
  /// Right divisor over the wrong one.
  template <class Batches>
  double count_of(Batches&& batches) const {
    std::size_t count = 0, samples = 0, largest = 0;
    for (const auto& batch : batches) {
      ++count;
      samples += batch.size;
      largest = batch.size > largest ? batch.size : largest;
    }
    const bool of_batches = divisor == Divisor::batches_less_one;
    const std::size_t right = of_batches ? count : samples;
    const std::size_t wrong = divisor == Divisor::full_batches ? count * largest : right - 1;
    if (wrong == 0)
      detail::raise<InvalidArgument>(std::string("Miscounted: one ") + (of_batches ? "batch" : "sample") +
                                     " alone would be divided by 0");
    return static_cast<double>(right) / static_cast<double>(wrong);
  }
};

}  // namespace lifelong::convention
