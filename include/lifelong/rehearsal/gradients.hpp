// SPDX-License-Identifier: MIT
// Gradients as vectors: of examples that are remembered, their products and sums.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/present_samples.hpp>

namespace lifelong::rehearsal {

/// out = ∂L/∂θ of the mean loss L of remembered examples, of the model in evaluation if it has `evaluation_gradient`:
/// no value is dropped, running statistics stay those of the present task, and the draws of training are not used up.
template <class Model, class T = typename Model::value_type>
void memory_gradient(Model& model, const Batch<T>& examples, std::span<T> out) {
  lifelong::detail::require_weighing<Model>(examples);
  if constexpr (lifelong::detail::has_evaluation_gradient<Model, Batch<T>>)
    model.evaluation_gradient(examples, out);
  else
    model.gradient(examples, out);
}

/// Arithmetic of gradients over the parameters that learn, by a backend on the host. Products are those of double, so
/// they neither overflow nor vanish for floats, and the same bits for any number of threads. `partials` has room for
/// `chunk_count(parameters)` elements.
template <class Model, class Backend>
class GradientArithmetic {
  using T = typename Model::value_type;
  static_assert(!DeviceBackend<Backend>,
                "this rehearsal computes with gradients on the host: take a backend whose "
                "arrays are host memory, such as backend::OpenMP");

 public:
  GradientArithmetic(Model& model, const Backend& backend, std::span<double> partials)
      : model_(model), backend_(backend), partials_(partials) {}

  /// Σ_i a_i b_i
  [[nodiscard]] double product(std::span<const T> a, std::span<const T> b) const {
    return sum<double>(lifelong::detail::Multiply<T>{a.data(), b.data()});
  }
  /// to ← to + factor · from
  void add(double factor, std::span<const T> from, std::span<T> to) const {
    sum<T>(lifelong::detail::AddMoment<T, moment::Sum>{to.data(), from.data(), {}, static_cast<T>(factor)});
  }

 private:
  template <class Sum, class Kernel>
  double sum(const Kernel& kernel) const {
    const Loop<Sum, Backend> loop(backend_, model_.parameters().size(), partials_);
    if constexpr (FreezableModel<Model>) {
      double total = 0;
      for (const ParameterRange range : model_.learning()) total += loop.range(range.first, range.end, kernel);
      return total;
    } else {
      return loop(kernel);
    }
  }

  Model& model_;
  const Backend& backend_;
  std::span<double> partials_;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
