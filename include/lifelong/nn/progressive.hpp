// SPDX-License-Identifier: MIT
// A network that grows by a column for every task, and leaves the columns of earlier tasks as they are.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/nn/layer/columns.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/mlp_options.hpp>
#include <lifelong/nn/network.hpp>

namespace lifelong::nn {

/// A network of progressive columns (`Columns`; Rusu et al. 2016). The last column learns the present task; it reads
/// the hidden units of the columns before it, which are frozen: no optimizer or decay moves them by one bit, so neither
/// do the outputs of earlier tasks move.
///
///     Learner learner{progressive<float>({784, 256, 256, 10}), importance::Constant{}, penalty::None{},
///                     optimizer::Sgd{.learning_rate = 0.1}};
///     for (std::size_t t = 0; t < stream.size(); ++t) {
///       if (t > 0) learner.grow(10);  // a column for the task
///       learner.fit(stream[t].train);
///       learner.consolidate();
///     }
///     learner.model().select(0);  // the task is known: gives its outputs, the same for ever
///
/// Memory and time per step grow with every task, see `Columns`; a learner keeps its arrays and the gradient for all
/// parameters, also of frozen columns.
template <class T, class Loss = SoftmaxCrossEntropy, class Backend = backend::Serial>
class ProgressiveNetwork : public Network<T, std::tuple<Columns>, Loss, Backend> {
  using Base = Network<T, std::tuple<Columns>, Loss, Backend>;

 public:
  /// A network of one column. \throws what `Network` and `Columns` throw.
  explicit ProgressiveNetwork(std::vector<std::size_t> widths, std::uint64_t seed = 0, Backend backend = {},
                              Loss loss = {})
      : Base(std::tuple<Columns>(Columns{std::move(widths)}), seed, std::move(backend), std::move(loss)) {}

  /// The number of columns.
  [[nodiscard]] std::size_t columns() const { return std::get<0>(this->layers()).count; }

  /// Adds a column, which learns from now on and is shown; those before it are frozen. \throws InvalidArgument unless
  /// `outputs` is the number of outputs; OutOfMemory.
  void grow(std::size_t outputs) {
    ProgressiveNetwork grown = *this;
    grown.Base::grow(outputs);
    std::vector<std::string> earlier;
    for (std::size_t k = 0; k < columns(); ++k) earlier.push_back("0." + std::to_string(k));
    grown.freeze(earlier);
    grown.select(columns());
    *this = std::move(grown);
  }

  /// Chooses whose outputs are used in evaluation; training is always that of the last column, which is also shown at
  /// first and after `grow`. \throws InvalidArgument if there is no such column.
  void select(std::size_t column) {
    lifelong::detail::require_index("select: the list of columns", column, columns());
    this->buffers()[0] = static_cast<T>(column);
  }

 private:
  using Base::unfreeze;  // columns of earlier tasks stay as they are
};

/// `progressive<float>({784, 256, 256, 10}, 1)`: progressive columns of perceptrons with ReLU. A backend and
/// a loss may follow, as for `mlp`. \throws what `mlp` throws.
template <class T, class Loss = SoftmaxCrossEntropy, class Backend = backend::Serial>
ProgressiveNetwork<T, Loss, Backend> progressive(const std::vector<std::size_t>& widths, std::uint64_t seed = 0,
                                                 Backend backend = {}, Loss loss = {}) {
  detail::require_widths(widths);
  return ProgressiveNetwork<T, Loss, Backend>(widths, seed, std::move(backend), std::move(loss));
}

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
