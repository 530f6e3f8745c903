// SPDX-License-Identifier: MIT
// Streaming linear discriminant analysis: class means and one covariance within classes, kept up sample by sample.
#pragma once

#include <lifelong/config/push_macros.hpp>

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
#include <lifelong/core/memory.hpp>
#include <lifelong/stream/loader.hpp>

namespace lifelong::analytic {

/// Settings of an `Slda`.
struct SldaOptions {
  double shrinkage = 1e-4;  ///< ε, the share of the identity in the covariance
  std::size_t block = 64;   ///< examples that `learn(examples)` takes at a time
};

/// Streaming LDA (Hayes and Kanan 2020) on features h = trunk(x): with the means μ_c and the scatter within classes
/// S = Σ_n w_n (h_n − μ_y)(h_n − μ_y)ᵀ,
///
///     Λ = ((1 − ε) S / Σw + ε I)⁻¹,   output c = ⟨Λ μ_c, h⟩ − ½ ⟨μ_c, Λ μ_c⟩
///
/// Means and S are updated by Welford's formula, so they are the pooled ones to rounding, in any order, and do not
/// suffer from a large mean. Here we differ from the paper's program, which weighs a sample by the number of all
/// samples instead of those of its class; so the first sample of a class adds an uncentred square there. A class that
/// was never seen has the lowest finite output, not 0, which could win. For M features and C classes the state is about
/// 4 M² + 8 M C bytes. A `PredictiveModel` of the trunk's `value_type`.
template <class F>
class Slda {
  static_assert(detail::require_trunk<F>());

 public:
  using value_type = typename F::value_type;
  using T = value_type;
  static constexpr bool weighs_samples = true;

  /// \throws InvalidArgument for no outputs, a shrinkage outside [0, 1], a block of 0, or a trunk without features;
  /// OutOfMemory.
  Slda(F trunk, std::size_t outputs, SldaOptions options = {})
      : options_(options), rows_(std::move(trunk), 0), scatter_(rows_.features()) {
    lifelong::detail::require_between("SldaOptions.shrinkage", options.shrinkage, 0, 1);
    lifelong::detail::require_at_least("SldaOptions.block", static_cast<double>(options.block), 1);
    grow(outputs);
  }

  [[nodiscard]] std::size_t inputs() { return rows_.trunk().inputs(); }
  [[nodiscard]] std::size_t outputs() const { return counts_.size(); }
  [[nodiscard]] std::size_t features() const { return scatter_.size(); }
  [[nodiscard]] F& trunk() LIFELONG_LIFETIME_BOUND { return rows_.trunk(); }
  /// Σ w of the samples of a class. \throws InvalidArgument for a class that is not there.
  [[nodiscard]] double samples(std::size_t c) const {
    lifelong::detail::require_index("Slda", c, counts_.size());
    return counts_[c];
  }
  /// Feature k of the mean of class c. \throws InvalidArgument.
  [[nodiscard]] double mean(std::size_t c, std::size_t k) const {
    lifelong::detail::require_index("Slda", c, counts_.size());
    lifelong::detail::require_index("a mean of Slda", k, features());
    return means_[c * width() + k];
  }
  /// Element (i, j) of S. \throws InvalidArgument.
  [[nodiscard]] double scatter(std::size_t i, std::size_t j) const {
    lifelong::detail::require_index("the scatter of Slda", i, features());
    lifelong::detail::require_index("the scatter of Slda", j, features());
    return scatter_.at(i, j);
  }

  /// Adds a batch of labelled samples, whole or not at all. \throws as `Ridge::learn`; InvalidArgument for targets.
  template <class Backend = backend::Serial>
  void learn(const Batch<T>& batch, const Backend& backend = {}) {
    const Batch<T> samples = rows_.present(batch);
    if (samples.size == 0) return;
    if (!samples.targets.empty())
      lifelong::detail::raise<InvalidArgument>("Slda learns classes, but the batch has targets");
    detail::check_answers(samples, outputs());
    detail::Panels& rows = rows_.of(samples, backend);
    left_ = rows;
    for (std::size_t n = 0; n < samples.size; ++n)
      move_mean(rows, n, static_cast<std::size_t>(samples.labels[n]),
                samples.weights.empty() ? 1.0 : static_cast<double>(samples.weights[n]));
    scatter_.template add<1>(left_, rows, backend);
    solved_ = false;
  }

  /// Adds all examples of a source, in blocks. \throws as the other `learn`, in whose blocks the examples before the
  /// error have been learned; InvalidArgument for a source without end; ShapeMismatch.
  template <class Examples, class Backend = backend::Serial>
  requires(!std::same_as<Examples, Batch<T>>) void learn(const Examples& examples, const Backend& backend = {}) {
    detail::for_each_block(examples, rows_.trunk(), options_.block, "Slda.learn", buffer_, backend,
                           [&](const Batch<T>& batch) { learn(batch, backend); });
  }

  /// Takes new classes, which nothing was seen of. \throws InvalidArgument for fewer than there are, or more than an
  /// `OutputRange` reaches; OutOfMemory.
  void grow(std::size_t outputs) {
    if (outputs < counts_.size())
      lifelong::detail::raise<InvalidArgument>("Slda.grow: there are " + std::to_string(counts_.size()) +
                                               " outputs, more than the " + std::to_string(outputs) + " asked for");
    lifelong::detail::require_outputs(outputs);
    const auto message = [&] {
      return std::to_string(outputs) + " means of " + std::to_string(features()) + " features do not fit into memory";
    };
    if (outputs > (static_cast<std::size_t>(-1) >> 4) / width()) lifelong::detail::raise<OutOfMemory>(message());
    lifelong::detail::with_memory(
        [&] {
          means_.reserve(outputs * width());
          weights_.reserve(outputs * width());
          biases_.reserve(outputs);
          counts_.reserve(outputs);
        },
        message);
    means_.resize(outputs * width());
    weights_.resize(outputs * width());
    biases_.resize(outputs);
    counts_.resize(outputs);
    solved_ = false;
  }

  /// Writes N x `outputs()` values. \throws NumericError, which names the feature, if the covariance is not positive
  /// definite; ShapeMismatch; what `learn` throws for inputs.
  void predict(const Batch<T>& batch, std::span<T> out) {
    lifelong::detail::check_inputs(batch, inputs());
    lifelong::detail::require_rows("the array for the outputs", out.size(), batch.size, outputs());
    solve();
    Batch<T> samples = batch;
    samples.weights = {};
    const detail::Panels& rows = rows_.of(samples, backend::Serial{});
    for (std::size_t n = 0; n < batch.size; ++n)
      for (std::size_t c = 0; c < outputs(); ++c) {
        double value = biases_[c];
        for (std::size_t p = 0; p < rows.count() && counts_[c] > 0; ++p)
          value += detail::dot<Packet<double>>(rows.panel(p) + n * detail::side,
                                               weights_.data() + c * width() + p * detail::side, detail::side);
        out[n * outputs() + c] = counts_[c] > 0 ? static_cast<T>(value) : std::numeric_limits<T>::lowest();
      }
  }

  /// Bytes of means and S: what a checkpoint takes.
  [[nodiscard]] std::size_t bytes() const {
    return scatter_.bytes() + (means_.size() + counts_.size()) * sizeof(double);
  }
  /// Bytes of all else that it holds.
  [[nodiscard]] std::size_t work_bytes() const {
    return (weights_.size() + biases_.size()) * sizeof(double) + factor_.bytes() + left_.bytes() + rows_.bytes();
  }

  /// Calls `number(name, value)` and `array(name, values)` for what it knows; as `Ridge::visit`, also in what it
  /// throws.
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    detail::visit_identity("Slda", features(), rows_.fingerprint(), number);
    detail::Tiles scatter = detail::visit_symmetric("scatter", scatter_, array);
    AlignedVector<double> means = detail::visit_rows("means", means_, features(), width(), array);
    AlignedVector<double> counts = detail::visit_rows("counts", counts_, 1, 1, array);
    lifelong::detail::require_size("counts", counts.size(), means.size() / width());
    lifelong::detail::require_outputs(counts.size());
    for (std::size_t c = 0; c < counts.size(); ++c)
      detail::require_sum("samples of class " + std::to_string(c) + " of the saved Slda", counts[c]);
    lifelong::detail::with_memory(
        [&] {
          weights_.reserve(means.size());
          biases_.reserve(counts.size());
        },
        [] { return "a saved Slda does not fit into memory"; });
    weights_.resize(means.size());
    biases_.resize(counts.size());
    scatter_ = std::move(scatter);
    means_ = std::move(means);
    counts_ = std::move(counts);
    solved_ = false;
  }

 private:
  [[nodiscard]] std::size_t width() const { return scatter_.count() * detail::side; }

  /// Welford's step: row n becomes d = h − μ, μ += d w / (n + w), and S is to have w n / (n + w) d dᵀ more.
  void move_mean(detail::Panels& rows, std::size_t n, std::size_t label, double weight) {
    const double before = counts_[label], after = before + weight;
    for (std::size_t p = 0; p < rows.count(); ++p) {
      double *const row = &rows.at(n, p * detail::side), *const left = &left_.at(n, p * detail::side);
      double* const mean = means_.data() + label * width() + p * detail::side;
      for (std::size_t k = 0; k < detail::side; ++k) {
        row[k] -= mean[k];
        mean[k] += row[k] * (weight / after);
        left[k] = row[k] * (weight * (before / after));
      }
    }
    counts_[label] = after;
  }

  void solve() {
    if (solved_) return;
    double total = 0;
    for (const double count : counts_) total += count;
    weights_ = means_;
    if (total > 0) {
      factor_.matrix() = scatter_;
      factor_.matrix().scale((1 - options_.shrinkage) / total);
      for (std::size_t k = 0; k < features(); ++k) factor_.matrix().diagonal(k) += options_.shrinkage;
      if (const detail::Pivot pivot = factor_.factorize(backend::Serial{}); !pivot)
        lifelong::detail::raise<NumericError>(
            "Slda: within classes feature " + std::to_string(pivot.row) + " depends on the features before it (pivot " +
            lifelong::detail::text(pivot.value) + "); SldaOptions.shrinkage must be larger");
    }
    for (std::size_t c = 0; c < outputs() && total > 0; ++c) {
      factor_.solve(weights_.data() + c * width());
      biases_[c] =
          -0.5 * detail::dot<Packet<double>>(weights_.data() + c * width(), means_.data() + c * width(), width());
    }
    solved_ = true;
  }

  SldaOptions options_;
  detail::TrunkRows<F> rows_;
  detail::Tiles scatter_;
  AlignedVector<double> means_, weights_, biases_, counts_;
  bool solved_ = false;
  detail::Cholesky factor_;
  detail::Panels left_;
  BatchBuffer<T> buffer_;
};

}  // namespace lifelong::analytic

#include <lifelong/config/pop_macros.hpp>
