// SPDX-License-Identifier: MIT
// The exact linear head: joint least squares on fixed features, kept up sample by sample, without any stored example.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include <lifelong/analytic/cholesky.hpp>
#include <lifelong/analytic/samples.hpp>
#include <lifelong/analytic/saved.hpp>
#include <lifelong/analytic/tiles.hpp>
#include <lifelong/analytic/trunk.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/stream/loader.hpp>

namespace lifelong::analytic {

/// Settings of a `Ridge`.
struct RidgeOptions {
  double strength = 1e-5;  ///< λ; it may be changed at any time, `set_strength`
  bool relative = true;    ///< λ is `strength` times the mean of the diagonal of HᵀH, so it does not depend on scale
  bool intercept = true;   ///< a feature of 1 more, which λ does not hold
  std::size_t block = 64;  ///< examples that `learn(examples)` takes at a time; it makes no difference to the result
};

/// Ridge regression from features h = trunk(x) to one-hot classes or real targets y:
///
///     minimise Σ_n w_n ‖W h_n − y_n‖² + λ ‖W‖²,   W = Q (G + λ)⁻¹,   G = Σ w h hᵀ,   Q = Σ w y hᵀ
///
/// It keeps G and Q, in double, and solves when outputs are asked for. So after any order of tasks, classes, samples
/// and blocks it is what joint training on all of them would be, to rounding; a class that comes late is a new row of
/// zeros in Q. In Bayesian terms W is the exact posterior mean of the head, and G + λ the posterior's precision: what a
/// regularizer approximates by a diagonal or by Kronecker factors is here kept whole. How a stream is cut into batches
/// makes no difference to the bit.
///
/// For M features and C classes the state is about 4 M² + 8 M C bytes; solving takes as much again (`release`). A
/// sample costs M² multiplications, a solution M³/3 + 2 M² C. After the first batch of its size learning allocates
/// nothing. It is a `PredictiveModel` of the trunk's `value_type`: `accuracy(ridge, test)`.
///
/// The representation is RanPAC's (McDonnell et al. 2023), but in double, and with λ outside of it; ACIL (Zhuang et al.
/// 2022) keeps the inverse, which takes the same memory, drifts, and cannot change λ.
template <class F>
class Ridge {
  static_assert(detail::require_trunk<F>());

 public:
  using value_type = typename F::value_type;
  using T = value_type;
  static constexpr bool weighs_samples = true;

  /// A head of `outputs` outputs that has learned nothing: it gives 0.
  /// \throws InvalidArgument for no outputs, a strength below 0, a block of 0, or a trunk without features;
  /// OutOfMemory.
  Ridge(F trunk, std::size_t outputs, RidgeOptions options = {})
      : options_(options), rows_(std::move(trunk), options.intercept ? 1 : 0), gram_(rows_.features()) {
    lifelong::detail::require_at_least("RidgeOptions.strength", options.strength, 0);
    lifelong::detail::require_at_least("RidgeOptions.block", static_cast<double>(options.block), 1);
    grow(outputs);
  }

  [[nodiscard]] std::size_t inputs() { return rows_.trunk().inputs(); }
  [[nodiscard]] std::size_t outputs() const { return outputs_; }
  /// Features M, the intercept included.
  [[nodiscard]] std::size_t features() const { return gram_.size(); }
  /// Σ w over all samples that it knows, each as often as `forget` has left of it.
  [[nodiscard]] double samples() const { return samples_; }
  [[nodiscard]] F& trunk() LIFELONG_LIFETIME_BOUND { return rows_.trunk(); }
  [[nodiscard]] const RidgeOptions& options() const LIFELONG_LIFETIME_BOUND { return options_; }

  /// Adds a batch of labelled samples, or of samples with `outputs()` targets each. Ranges of active outputs are for
  /// `accuracy` alone: a sample counts for all outputs. A batch is learned whole or not at all.
  /// \throws InvalidArgument, which names the sample, for a label that is none of the outputs; NumericError, which
  /// names sample and value, for an input, feature or target that is NaN, Inf or above 2²⁵⁶; ShapeMismatch; what the
  /// trunk throws; OutOfMemory.
  template <class Backend = backend::Serial>
  void learn(const Batch<T>& batch, const Backend& backend = {}) {
    const Batch<T> samples = checked(batch);
    if (samples.size == 0) return;
    add<1>(gram_, samples, backend);
    add_moments<1>(samples, backend);
    solved_ = false;
  }

  /// Adds all examples of a source, such as a task's, in blocks. \throws as the other `learn`, in whose blocks the
  /// examples before the error have been learned; InvalidArgument for a source without end; ShapeMismatch for examples
  /// that the trunk does not take or with another number of targets.
  template <class Examples, class Backend = backend::Serial>
  requires(!std::same_as<Examples, Batch<T>>) void learn(const Examples& examples, const Backend& backend = {}) {
    for_each_block(examples, "Ridge.learn", backend, [&](const Batch<T>& batch) { learn(batch, backend); });
  }

  /// Takes samples away that were learned before; then it is as if they had never been there, to rounding, and to the
  /// bit where features and targets are whole numbers. It costs a factorisation. \throws NumericError, and then nothing
  /// has changed, if HᵀH would no longer be positive definite, as after samples that were never learned (not all of
  /// those can be told: of many samples nobody knows any single one); InvalidArgument for more samples than were
  /// learned; what `learn` throws.
  template <class Backend = backend::Serial>
  void unlearn(const Batch<T>& batch, const Backend& backend = {}) {
    const Batch<T> samples = checked(batch);
    if (samples.size == 0) return;
    factor_.matrix() = gram_;
    add<-1>(factor_.matrix(), samples, backend);
    require_learned(samples.weight(), backend);
    add<-1>(gram_, samples, backend);
    add_moments<-1>(samples, backend);
    solved_ = false;
  }

  /// The same for all examples of a source, which is read twice.
  template <class Examples, class Backend = backend::Serial>
  requires(!std::same_as<Examples, Batch<T>>) void unlearn(const Examples& examples, const Backend& backend = {}) {
    double weight = 0;
    factor_.matrix() = gram_;
    for_each_block(examples, "Ridge.unlearn", backend, [&](const Batch<T>& batch) {
      const Batch<T> samples = checked(batch);
      weight += samples.weight();
      add<-1>(factor_.matrix(), samples, backend);
    });
    require_learned(weight, backend);
    for_each_block(examples, "Ridge.unlearn", backend, [&](const Batch<T>& batch) {
      const Batch<T> samples = checked(batch);
      add<-1>(gram_, samples, backend);
      add_moments<-1>(samples, backend);
    });
    solved_ = false;
  }

  /// Multiplies what every sample so far counts by `factor`: after each task, block or sample, as you like. λ stays.
  /// \throws InvalidArgument unless the factor is in [0, 1].
  void forget(double factor) {
    lifelong::detail::require_between("the factor of Ridge.forget", factor, 0, 1);
    gram_.scale(factor);
    for (double& value : moments_) value *= factor;
    samples_ *= factor;
    squares_ *= factor;
    solved_ = false;
  }

  /// Takes new outputs, for which every sample so far has the target 0. \throws InvalidArgument for fewer outputs than
  /// there are, or more than an `OutputRange` reaches; OutOfMemory.
  void grow(std::size_t outputs) {
    if (outputs < outputs_)
      lifelong::detail::raise<InvalidArgument>("Ridge.grow: there are " + std::to_string(outputs_) +
                                               " outputs, more than the " + std::to_string(outputs) + " asked for");
    lifelong::detail::require_outputs(outputs);
    const auto message = [&] {
      return "a head of " + std::to_string(features()) + " features and " + std::to_string(outputs) +
             " outputs does not fit into memory";
    };
    if (outputs > (static_cast<std::size_t>(-1) >> 4) / width()) lifelong::detail::raise<OutOfMemory>(message());
    lifelong::detail::with_memory(
        [&] {
          moments_.reserve(outputs * width());
          weights_.reserve(outputs * width());
        },
        message);
    moments_.resize(outputs * width());
    weights_.resize(outputs * width());
    outputs_ = outputs;
    solved_ = false;
  }

  /// Another λ for all that has been learned. \throws InvalidArgument if it is below 0.
  void set_strength(double strength) {
    lifelong::detail::require_at_least("RidgeOptions.strength", strength, 0);
    options_.strength = strength;
    solved_ = false;
  }

  /// λ as it is now.
  [[nodiscard]] double lambda() const {
    if (!options_.relative) return options_.strength;
    double trace = 0;
    for (std::size_t k = 0; k < held(); ++k) trace += gram_.diagonal(k);
    return options_.strength * trace / static_cast<double>(held());
  }

  /// Finds W, unless it is known; `predict` does it when it is needed. \throws NumericError, which names the feature,
  /// if G + λ is not positive definite; OutOfMemory.
  template <class Backend = backend::Serial>
  void solve(const Backend& backend = {}) {
    if (solved_) return;
    weights_ = moments_;
    if (samples_ > 0) {
      factorize(backend);
      backend.parallel_for(outputs_, [&](std::size_t c) { factor_.solve(weights_.data() + c * width()); });
    }
    solved_ = true;
  }

  /// Generalized cross-validation: an estimate, from what is kept, of the mean squared error Σ w ‖W h − y‖² / Σ w on
  /// new samples, RSS / n / (1 − df / n)² with df = tr(G (G + λ)⁻¹); infinite where no sample is left to tell. It costs
  /// a solution and M³/3 operations more. \throws as `solve`. (Golub, Heath and Wahba 1979.)
  template <class Backend = backend::Serial>
  [[nodiscard]] double expected_error(const Backend& backend = {}) {
    solved_ = false;  // the factor may be that of `unlearn`
    solve(backend);
    const double held_by = lambda(), infinite = std::numeric_limits<double>::infinity();
    if (!(samples_ > 0)) return infinite;
    double degrees = static_cast<double>(features()), residual = squares_;
    const AlignedVector<double> inverse = factor_.inverse_diagonal(backend);
    for (std::size_t k = 0; k < held(); ++k) degrees -= held_by * inverse[k];
    for (std::size_t i = 0; i < weights_.size(); ++i)
      residual -= weights_[i] * (moments_[i] + (i % width() < held() ? held_by * weights_[i] : 0));
    const double left = 1 - degrees / samples_;
    return left > 1e-6 ? std::max(residual, 0.0) / samples_ / (left * left) : infinite;
  }

  /// Weight of feature k for output c, of a head that is solved; the intercept is the last feature.
  /// \throws InvalidArgument for an output or feature that is not there.
  [[nodiscard]] double weight(std::size_t c, std::size_t k) {
    lifelong::detail::require_index("Ridge", c, outputs_);
    lifelong::detail::require_index("an output of Ridge", k, features());
    solve();
    return weights_[c * width() + k];
  }

  /// Writes N x `outputs()` values W h. \throws as `solve`, `learn`.
  void predict(const Batch<T>& batch, std::span<T> out) {
    lifelong::detail::check_inputs(batch, inputs());
    lifelong::detail::require_rows("the array for the outputs", out.size(), batch.size, outputs_);
    solve();
    Batch<T> samples = batch;
    samples.weights = {};
    const detail::Panels& rows = rows_.of(samples, backend::Serial{});
    for (std::size_t n = 0; n < batch.size; ++n)
      for (std::size_t c = 0; c < outputs_; ++c) {
        double value = 0;
        for (std::size_t p = 0; p < rows.count(); ++p)
          value += detail::dot<Packet<double>>(rows.panel(p) + n * detail::side,
                                               weights_.data() + c * width() + p * detail::side, detail::side);
        out[n * outputs_ + c] = static_cast<T>(value);
      }
  }

  /// Bytes of what it knows, G and Q: what a checkpoint takes.
  [[nodiscard]] std::size_t bytes() const { return gram_.bytes() + moments_.size() * sizeof(double); }
  /// Bytes of all else that it holds: W, the factor and the features of a block.
  [[nodiscard]] std::size_t work_bytes() const {
    return weights_.size() * sizeof(double) + factor_.bytes() + left_.bytes() + rows_.bytes();
  }
  /// Gives the factor's memory back; the next solution takes it again.
  void release() { factor_ = {}; }

  /// Calls `number(name, value)` and `array(name, values)` for what it knows, as a `PolicyState` does: for what
  /// `io::state_of` saves. A visitor may write to what it is called with, and resize `moments` to another number of
  /// outputs. Settings are those of the object, not of the file. \throws FormatError for another number of
  /// features, another trunk or samples below 0; ShapeMismatch; OutOfMemory; what the visitor throws. Then nothing has
  /// changed.
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    detail::visit_identity("Ridge", held(), rows_.fingerprint(), number);
    double samples = samples_, squares = squares_;
    number("samples", samples);
    number("squares", squares);
    detail::require_sum("samples of the saved Ridge", samples);
    detail::require_sum("squares of the saved Ridge", squares);
    detail::Tiles gram = detail::visit_symmetric("gram", gram_, array);
    AlignedVector<double> moments = detail::visit_rows("moments", moments_, features(), width(), array);
    const std::size_t outputs = lifelong::detail::require_outputs(moments.size() / width());
    lifelong::detail::with_memory([&] { weights_.reserve(moments.size()); },
                                  [] { return "a saved Ridge does not fit into memory"; });
    weights_.resize(moments.size());
    gram_ = std::move(gram);
    moments_ = std::move(moments);
    outputs_ = outputs;
    samples_ = samples;
    squares_ = squares;
    solved_ = false;
  }

 private:
  /// Features in whole tiles.
  [[nodiscard]] std::size_t width() const { return gram_.count() * detail::side; }
  /// Features that λ holds, which come first.
  [[nodiscard]] std::size_t held() const { return features() - (options_.intercept ? 1 : 0); }

  Batch<T> checked(const Batch<T>& batch) {
    const Batch<T> samples = rows_.present(batch);
    detail::check_answers(samples, outputs_);
    return samples;
  }

  /// Adds sign · Σ w h hᵀ to a matrix.
  template <int sign, class Backend>
  void add(detail::Tiles& matrix, const Batch<T>& samples, const Backend& backend) {
    const detail::Panels& rows = rows_.of(samples, backend);
    if (samples.weights.empty()) {
      matrix.template add<sign>(rows, rows, backend);
      return;
    }
    left_ = rows;
    for (std::size_t n = 0; n < samples.size; ++n)
      for (std::size_t p = 0; p < rows.count(); ++p) {
        double* const row = &left_.at(n, p * detail::side);
        for (std::size_t k = 0; k < detail::side; ++k) row[k] *= static_cast<double>(samples.weights[n]);
      }
    matrix.template add<sign>(left_, rows, backend);
  }

  /// Adds sign · Σ w y hᵀ of the samples whose features were made last.
  template <int sign, class Backend>
  void add_moments(const Batch<T>& samples, const Backend& backend) {
    using V = Packet<double>;
    const detail::Panels& rows = rows_.last();
    backend.parallel_for(rows.count(), [&](std::size_t p) {
      for (std::size_t n = 0; n < samples.size; ++n) {
        const double factor = sign * (samples.weights.empty() ? 1.0 : static_cast<double>(samples.weights[n]));
        const double* const row = rows.panel(p) + n * detail::side;
        double* const to = moments_.data() + p * detail::side;
        if (samples.targets.empty()) {
          detail::add_scaled<V>(factor, row, to + static_cast<std::size_t>(samples.labels[n]) * width(), detail::side);
          continue;
        }
        for (std::size_t c = 0; c < outputs_; ++c)
          detail::add_scaled<V>(factor * static_cast<double>(samples.target(n)[c]), row, to + c * width(),
                                detail::side);
      }
    });
    samples_ = std::max(samples_ + sign * samples.weight(), 0.0);
    squares_ = std::max(squares_ + sign * detail::squared_answers(samples), 0.0);
  }

  template <class Backend>
  void factorize(const Backend& backend) {
    factor_.matrix() = gram_;
    const double held_by = lambda();
    for (std::size_t k = 0; k < held(); ++k) factor_.matrix().diagonal(k) += held_by;
    if (const detail::Pivot pivot = factor_.factorize(backend); !pivot)
      lifelong::detail::raise<NumericError>(
          "Ridge: feature " + std::to_string(pivot.row) + " depends on the features before it (pivot " +
          lifelong::detail::text(pivot.value) + ", lambda " + lifelong::detail::text(held_by) +
          "); RidgeOptions.strength must be larger");
  }

  /// Looks at G without the samples, which lies where the factor will. It may have eigenvalues of 0, so what is
  /// factorised is by 10⁻⁹ of its largest diagonal element larger.
  template <class Backend>
  void require_learned(double weight, const Backend& backend) {
    if (weight > samples_ * (1 + 1e-9))
      lifelong::detail::raise<InvalidArgument>("Ridge.unlearn: there are " + lifelong::detail::text(weight) +
                                               " samples to unlearn, but only " + lifelong::detail::text(samples_) +
                                               " were learned");
    double largest = 0;
    for (std::size_t k = 0; k < features(); ++k) largest = std::max(largest, gram_.diagonal(k));
    for (std::size_t k = 0; k < features(); ++k) factor_.matrix().diagonal(k) += 1e-9 * largest;
    if (const detail::Pivot pivot = factor_.factorize(backend); !pivot)
      lifelong::detail::raise<NumericError>(
          "Ridge.unlearn: the sums of squares without these samples are not positive "
          "definite at feature " +
          std::to_string(pivot.row) + " (pivot " + lifelong::detail::text(pivot.value) + "): they were never learned");
  }

  template <class Examples, class Backend, class Visit>
  void for_each_block(const Examples& examples, const char* call, const Backend& backend, const Visit& visit) {
    if (const std::size_t targets = examples.targets(); targets != 0)
      lifelong::detail::require_size("the row of targets of the examples", targets, outputs_);
    detail::for_each_block(examples, rows_.trunk(), options_.block, call, buffer_, backend, visit);
  }

  RidgeOptions options_;
  detail::TrunkRows<F> rows_;
  detail::Tiles gram_;
  std::size_t outputs_ = 0;
  AlignedVector<double> moments_, weights_;  // a row of `width()` for each output
  double samples_ = 0, squares_ = 0;         // Σ w, Σ w ‖y‖²
  bool solved_ = false;
  detail::Cholesky factor_;
  detail::Panels left_;
  BatchBuffer<T> buffer_;
};

}  // namespace lifelong::analytic

#include <lifelong/config/pop_macros.hpp>
