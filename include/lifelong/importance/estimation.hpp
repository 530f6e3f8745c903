// SPDX-License-Identifier: MIT
// One accumulator for all estimators: it adds up what batches give, counts samples, and makes the mean.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/backend/reachable.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/present_samples.hpp>
#include <lifelong/importance/per_sample.hpp>
#include <lifelong/importance/sample_sum.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::importance {

/// The sum of what the batches of a task give, for one estimator: its `estimate(model, batch, estimation)` adds a
/// batch, and at the end `mean()` divides by the number of samples, or the sum of their weights. The sum lies in
/// `values()`, where the backend has its arrays. Batches are `Batch<T>`, or of a kind that has its `size`, `weight()`,
/// `weights`, `slice` and `sample`. Samples are not lost however many they are (`SampleSum`). Bitwise the same for any
/// number of threads.
template <class T, class Backend>
class Estimation {
 public:
  using value_type = T;

  /// Begins with `values` = 0; they are as long as the parameters, and as the loop.
  Estimation(const Loop<T, Backend>& loop, std::span<T> values) : loop_(loop), values_(values) {
    loop_.each(lifelong::detail::Fill<T>{values_.data(), T(0)});
  }

  /// Adds Σ_n w_n Σ_k m(J_nᵀ v_nk) over the samples n of `batch` and the cotangents of `functional`.
  template <class Model, class B, class Functional, class Moment>
  void add(Model& model, const B& batch, const Functional& functional, Moment moment) {
    add(batch, [&](const B& part, std::span<T> out) {
      accumulate_moment(model, part, functional, moment, loop_, out, gradient_);
    });
  }

  /// The same by `accumulate(part, out)`, which adds the sum over the samples of a part of the batch to `out`.
  template <class B, class Accumulate>
  requires std::is_invocable_v<const Accumulate&, const B&, std::span<T>>
  void add(const B& batch, const Accumulate& accumulate) {
    sum_.add(loop_, values_, batch.size, [&](std::size_t first, std::size_t count) {
      accumulate(count == batch.size ? batch : batch.slice(first, count), values_);
    });
    samples_ += batch.size;
    weight_ += batch.weight();
    ++batches_;
  }

  /// Adds factor · m(gradient) for the gradient that `write(gradient)` overwrites an array with: one sample, or one
  /// batch of `samples`, whose own weights add up to `weight`.
  template <class Write, class Moment>
  void add_gradient(const Write& write, Moment moment, std::size_t samples, T factor, double weight) {
    gradient_.resize(values_.size());
    write(std::span<T>(gradient_.data(), gradient_.size()));
    sum_.add(loop_, values_, 1, [&](std::size_t, std::size_t) {
      loop_.each(lifelong::detail::AddMoment<T, Moment>{values_.data(), gradient_.data(), moment, factor});
    });
    samples_ += samples;
    weight_ += weight;
    ++batches_;
  }

  /// The same for samples without weights.
  template <class Write, class Moment>
  void add_gradient(const Write& write, Moment moment, std::size_t samples = 1, T factor = 1) {
    add_gradient(write, moment, samples, factor, static_cast<double>(samples));
  }

  /// out = Σ_n w_n Σ_k J_nᵀ v_nk / Σ_n w_n over the samples of one batch alone; nothing is added.
  template <class Model, class B, class Functional>
  void batch_mean(Model& model, const B& batch, const Functional& functional, std::span<T> out) {
    Estimation alone(loop_, out);
    alone.add(model, batch, functional, moment::Sum{});
    alone.mean();
  }

  /// Samples that were added so far.
  [[nodiscard]] std::size_t samples() const { return samples_; }
  /// The sum of their weights, which is their number where none are given.
  [[nodiscard]] double weight() const { return weight_; }
  /// Calls of `add` so far.
  [[nodiscard]] std::size_t batches() const { return batches_; }
  [[nodiscard]] const Loop<T, Backend>& loop() const { return loop_; }

  /// Ends the sum and turns it into the mean over samples. It is complete then: nothing can be added.
  void mean() {
    total();
    loop_.each(lifelong::detail::Scale<T>{values_.data(), T(1) / static_cast<T>(weight_)});
  }
  /// Ends the sum and divides it by `divisor`.
  void divide(double divisor) {
    total();
    loop_.each(lifelong::detail::Divide<T>{values_.data(), static_cast<T>(divisor)});
  }
  /// Ends the sum as it is.
  void total() { sum_.finish(loop_, values_); }

  /// The sum, or after its end the estimate.
  [[nodiscard]] std::span<T> values() const { return values_; }

 private:
  Loop<T, Backend> loop_;
  std::span<T> values_;
  ArrayOf<Backend, T> gradient_;
  lifelong::detail::SampleSum<T, Backend> sum_;
  std::size_t samples_ = 0, batches_ = 0;
  double weight_ = 0;
};

}  // namespace lifelong::importance

namespace lifelong::detail {

/// True if an importance estimates something of its own, not one value per parameter.
template <class I, class T = float>
concept estimates_its_own = requires {
  typename I::template Estimate<T>;
};

/// What an importance adds a task's batches to: its own kind, from `begin(model, loop, values)`, or an `Estimation`.
template <class I, class Model, class T, class Backend>
auto begin_estimate(const I& importance, Model& model, const Loop<T, Backend>& loop, std::span<T> values) {
  if constexpr (requires { importance.begin(model, loop, values); })
    return importance.begin(model, loop, values);
  else
    return importance::Estimation<T, Backend>(loop, values);
}

/// Ends an estimate: by `finish(estimation)` if the importance has one, else by the mean over samples.
template <class I, class Estimation>
auto finish_estimate(const I& importance, Estimation& estimation) {
  if constexpr (requires { importance.finish(estimation); })
    return importance.finish(estimation);
  else
    estimation.mean();
}

/// True for ranges whose batches have been searched for NaN and Inf.
template <class Batches>
concept finite_batches = requires {
  requires Batches::finite_values;
};

/// Calls `body(batch)` for every batch, in order, walking the range once. Samples of weight 0 and empty batches are
/// left out. Samples of batches without numbers are numbered on, so that no two of a task have the same. Returns the
/// number of samples; batches of another type without a size count as one sample. \throws ShapeMismatch for arrays
/// shorter than the batch says, NumericError for an input or target that is not finite, InvalidArgument for a weight
/// that is negative or not.
template <class T, class Batches, class Body>
std::size_t for_each_batch(Batches&& batches, const Body& body) {
  std::size_t samples = 0;
  PresentSamples<T> present;
  for (auto&& batch : batches) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(batch)>, Batch<T>>) {
      Batch<T> numbered = present.of(batch);
      if (numbered.size == 0) continue;
      if constexpr (finite_batches<std::remove_cvref_t<Batches>>)
        check_sizes(numbered);
      else
        require_finite_values(numbered);
      if (numbered.first == 0) numbered.first = samples;
      body(std::as_const(numbered));
      samples += numbered.size;
    } else if constexpr (requires { batch.size; }) {
      if (batch.size == 0) continue;
      body(std::as_const(batch));
      samples += static_cast<std::size_t>(batch.size);
    } else {
      body(std::as_const(batch));
      ++samples;
    }
  }
  return samples;
}

/// Estimates an importance over all batches. Returns what `finish_estimate` returns, if anything, and the number of
/// samples through `samples`. \throws InvalidArgument in the name of `call` if there are none.
template <class I, class Model, class Batches, class T, class Backend>
auto estimate_over(const I& importance, Model& model, Batches&& batches, const Loop<T, Backend>& loop,
                   std::span<T> values, const char* call, std::size_t& samples) {
  importance.validate();
  validate_settings_as<T>(importance);
  auto estimation = begin_estimate(importance, model, loop, values);
  samples = for_each_batch<T>(batches, [&](const auto& batch) { importance.estimate(model, batch, estimation); });
  if (samples == 0) raise<InvalidArgument>(std::string(call) + ": the task has no examples");
  return finish_estimate(importance, estimation);
}

/// \throws NumericError if a value is NaN or Inf.
template <class T, class Backend>
void require_finite_importance(const Loop<T, Backend>& loop, const T* values) {
  const double bad = loop(CountBeyond<T>{values, (std::numeric_limits<T>::max)()});
  if (bad != 0) raise<NumericError>("estimate: the importances of " + text(bad) + " parameters are nan or inf");
}

}  // namespace lifelong::detail

namespace lifelong::importance {

/// Writes the importance of a task, the samples of all `batches`, to `out`, for people without a learner; changes no
/// parameter of `model`. The range is walked once. `out` is as long as the parameters.
/// \throws InvalidArgument without samples, NumericError for importances that are NaN or Inf, and what the
/// importance throws.
template <class I, class Model, class Batches, class Backend = backend::Serial>
requires(!lifelong::detail::estimates_its_own<I>) void estimate(const I& importance, Model& model, Batches&& batches,
                                                                std::span<typename Model::value_type> out,
                                                                const Backend& backend = {}) {
  using T = typename Model::value_type;
  lifelong::detail::require_size("the array for the importance", out.size(), model.parameters().size());
  lifelong::detail::require_reachable(model, backend);
  const lifelong::detail::OwnLoop<T, Backend> own(backend, out.size());
  std::size_t samples = 0;
  lifelong::detail::estimate_over(importance, model, batches, own.loop, out, "estimate", samples);
  lifelong::detail::require_finite_importance(own.loop, out.data());
}

/// The same for an importance that estimates something of its own kind, such as `nn::KroneckerFisher`: returns it.
template <class I, class Model, class Batches, ExecutionBackend Backend = backend::Serial>
requires lifelong::detail::estimates_its_own<I>
[[nodiscard]] auto estimate(const I& importance, Model& model, Batches&& batches, const Backend& backend = {}) {
  using T = typename Model::value_type;
  lifelong::detail::require_reachable(model, backend);
  const lifelong::detail::OwnLoop<T, Backend> own(backend, model.parameters().size());
  std::size_t samples = 0;
  return lifelong::detail::estimate_over(importance, model, batches, own.loop, std::span<T>(), "estimate", samples);
}

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
