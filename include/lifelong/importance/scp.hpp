// SPDX-License-Identifier: MIT
// Sliced Cramér Preservation: how far the mean output moves, seen from random directions. Needs no labels.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/per_sample.hpp>
#include <lifelong/importance/sample_sum.hpp>

namespace lifelong::importance {

/// Derivative of ⟨ξ, f⟩ over the active outputs: the row ξ, 0 for outputs that are not active. Models
/// `OutputFunctional`.
struct Slice {
  std::span<const double> direction;  ///< ξ, one value per output

  [[nodiscard]] std::size_t cotangents(std::size_t) const { return 1; }

  template <class T>
  void prepare(std::span<T>, const SampleContext<T>&) const {}

  template <class T>
  void cotangent(std::size_t, std::span<const T>, const SampleContext<T>& sample, std::span<T> delta) const {
    for (std::size_t c = 0; c < delta.size(); ++c)
      delta[c] = sample.active.contains(c) ? static_cast<T>(direction[c]) : T(0);
  }
};

/// Σ_n w_n ∂f_c(x_n)/∂θ for every output c, each an array as long as θ: the rows of the summed Jacobian of the outputs,
/// from which the derivative in any direction follows. Samples with different active outputs have rows of their
/// own. Memory: one array per output, three beyond `SampleSum::part_size` samples. Cost: one gradient per output.
template <class T, class Backend>
class OutputGradients {
 public:
  OutputGradients(const Loop<T, Backend>& loop, std::span<T> values) : loop_(loop), values_(values) {}

  /// Adds the samples of a batch.
  template <class Model, class B>
  void add(Model& model, const B& batch) {
    const std::size_t outputs = outputs_of(model);
    lifelong::detail::check_active(batch, outputs);
    for (Group& group : groups_) group.present = false;
    for (std::size_t n = 0; n < batch.size; ++n) group_of(batch.context(n, outputs).active).present = true;
    for (Group& group : groups_)
      for (std::size_t k = 0; group.present && k < group.rows.size(); ++k) {
        const OneOutput functional{group.range, group.range.first + k};
        Row& row = group.rows[k];
        row.sum.add(loop_, row.span(), batch.size, [&](std::size_t first, std::size_t count) {
          accumulate_moment(model, batch.slice(first, count), functional, moment::Sum{}, loop_, row.span(), gradient_);
        });
      }
    weight_ += batch.weight();
  }

  /// values_i = Σ_l (1/Σ_n w_n Σ_c ξ_lc Σ_n w_n ∂f_c(x_n)/∂θ_i)² over `count` directions: `direction(l, range, xi)`
  /// writes that of slice l for samples whose active outputs are `range`, one value for each of them.
  template <class Direction>
  void finish(std::size_t count, const Direction& direction) {
    loop_.each(lifelong::detail::Fill<T>{values_.data(), T(0)});
    for (Group& group : groups_)
      for (Row& row : group.rows) row.sum.finish(loop_, row.span());
    gradient_.resize(values_.size());
    const std::span<T> mean(gradient_.data(), gradient_.size());
    std::vector<double> xi;
    for (std::size_t l = 0; l < count; ++l) {
      loop_.each(lifelong::detail::Fill<T>{mean.data(), T(0)});
      for (Group& group : groups_) {
        xi.assign(group.rows.size(), 0);
        direction(l, group.range, std::span<double>(xi));
        for (std::size_t k = 0; k < group.rows.size(); ++k)
          if (xi[k] != 0)
            loop_.each(lifelong::detail::AddMoment<T, moment::Sum>{
                mean.data(), group.rows[k].values.data(), {}, static_cast<T>(xi[k] / weight_)});
      }
      loop_.each(lifelong::detail::AddMoment<T, moment::Square>{values_.data(), mean.data(), {}, T(1)});
    }
  }

  /// One more than the largest output that is active for any sample.
  [[nodiscard]] std::size_t outputs() const {
    std::size_t end = 0;
    for (const Group& group : groups_) {
      const std::size_t own = group.range.first + group.range.count;
      end = own > end ? own : end;
    }
    return end;
  }
  [[nodiscard]] const Loop<T, Backend>& loop() const { return loop_; }
  [[nodiscard]] std::span<T> values() const { return values_; }

 private:
  struct Row {
    explicit Row(std::size_t size) { values.resize(size); }
    [[nodiscard]] std::span<T> span() { return {values.data(), values.size()}; }
    ArrayOf<Backend, T> values;
    lifelong::detail::SampleSum<T, Backend> sum;
  };
  struct Group {
    OutputRange range;
    std::vector<Row> rows;  // one for each output of the range
    bool present;           // in the batch that is being added
  };
  /// e_c for the samples whose active outputs are `range`, 0 for the others.
  struct OneOutput {
    OutputRange range;
    std::size_t output;

    [[nodiscard]] std::size_t cotangents(std::size_t) const { return 1; }
    template <class U>
    void prepare(std::span<U>, const SampleContext<U>&) const {}
    template <class U>
    void cotangent(std::size_t, std::span<const U>, const SampleContext<U>& sample, std::span<U> delta) const {
      for (U& value : delta) value = 0;
      if (sample.active == range) delta[output] = 1;
    }
  };

  /// The rows for samples with this range of active outputs.
  Group& group_of(OutputRange range) {
    for (Group& group : groups_)
      if (group.range == range) return group;
    groups_.push_back({range, {}, false});
    Group& added = groups_.back();
    added.rows.reserve(range.count);
    for (std::size_t k = 0; k < range.count; ++k) added.rows.emplace_back(loop_.size());
    return added;
  }

  Loop<T, Backend> loop_;
  std::span<T> values_;
  std::vector<Group> groups_;
  ArrayOf<Backend, T> gradient_;
  double weight_ = 0;  // of all samples
};

/// Γ_i = 1/L Σ_l (∂ ⟨ξ_l, 1/N Σ_n f(x_n)⟩ / ∂θ_i)², each slice squared by itself, with L directions ξ_l uniform on the
/// unit sphere of the active outputs. Kolouri 2020. The derivative in a direction is a combination of those of the
/// outputs, so it costs one gradient per output, however many slices, and as many parameter-sized arrays
/// (`OutputGradients`). Error of the order 1/√L against `ScpLimit`, which costs the same: prefer that one. The mean
/// over samples is taken before the square, as in the paper, so gradients of different samples may cancel.
struct Scp {
  std::size_t slices = 100;  ///< L
  std::uint64_t seed = 0;    ///< of the directions; the same in every task
  Merge merge = Merge::sum();
  std::vector<double> directions = {};  ///< L x C given ones, row-major, used as they are; or empty: drawn from `seed`

  /// \throws InvalidArgument without a slice, or for a direction that is NaN or Inf.
  void validate() const {
    detail::require_at_least("Scp.slices", static_cast<double>(slices), 1);
    const std::size_t bad = detail::first_not_finite(std::span<const double>(directions));
    if (bad < directions.size())
      detail::refuse_value(("Scp.directions[" + std::to_string(bad) + "]").c_str(), "finite", directions[bad]);
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    for (const double value : directions) detail::setting<T>("a value of Scp.directions", value);
  }

  /// What batches are added to, with the directions, L x C.
  template <class T, class Backend>
  struct Estimation {
    OutputGradients<T, Backend> gradients;
    std::vector<double> rows;
    std::size_t outputs;
  };
  /// \throws ShapeMismatch unless the given directions have one value per output; OutOfMemory.
  template <class Model, class T, class Backend>
  [[nodiscard]] Estimation<T, Backend> begin(Model& model, const Loop<T, Backend>& loop, std::span<T> values) const {
    const std::size_t outputs = outputs_of(model);
    std::vector<double> rows = directions.empty() ? draw(outputs) : directions;
    detail::require_size("Scp.directions", rows.size(), rows.size() / outputs * outputs);
    return {{loop, values}, std::move(rows), outputs};
  }
  /// Adds the samples of a batch; changes no parameter of `model`.
  template <class Model, class B, class T, class Backend>
  void estimate(Model& model, const B& batch, Estimation<T, Backend>& estimation) const {
    estimation.gradients.add(model, batch);
  }
  /// Writes Γ.
  template <class T, class Backend>
  void finish(Estimation<T, Backend>& estimation) const {
    const std::size_t outputs = estimation.outputs, count = estimation.rows.size() / outputs;
    estimation.gradients.finish(count, [&](std::size_t l, OutputRange range, std::span<double> xi) {
      double squares = 0;
      for (std::size_t k = 0; k < xi.size(); ++k) {
        xi[k] = estimation.rows[l * outputs + range.first + k];
        squares += xi[k] * xi[k];
      }
      const double scale = directions.empty() ? 1 / std::sqrt(squares) : 1;
      for (double& value : xi) value *= scale;
    });
    estimation.gradients.loop().each(
        detail::Divide<T>{estimation.gradients.values().data(), static_cast<T>(static_cast<double>(count))});
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    const std::string which = directions.empty() ? "slices " + std::to_string(slices) + ", seed " + std::to_string(seed)
                                                 : "directions given with hash " + std::to_string(hash());
    return "Scp(" + which + ", square of the mean over samples, merge " + merge.text() + ")";
  }

 private:
  /// FNV-1a of the given directions.
  [[nodiscard]] std::uint64_t hash() const {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const double value : directions)
      for (int shift = 0; shift < 64; shift += 8)
        hash = (hash ^ (std::bit_cast<std::uint64_t>(value) >> shift & 0xff)) * 0x100000001b3;
    return hash;
  }
  /// L x C normal values: scaled to length 1 they are uniform on the sphere.
  [[nodiscard]] std::vector<double> draw(std::size_t outputs) const {
    const auto message = [&] {
      return "Scp: " + std::to_string(slices) + " slices of " + std::to_string(outputs) +
             " outputs do not fit into memory";
    };
    if (slices > static_cast<std::size_t>(-1) / outputs) detail::raise<OutOfMemory>(message());
    std::vector<double> values;
    detail::with_memory([&] { values.resize(slices * outputs); }, message);
    const Random random(seed, Purpose::slices);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = random.normal(i);
    return values;
  }
};

/// Γ_i = 1/C Σ_c (∂ 1/N Σ_n f_c(x_n) / ∂θ_i)² over the C active outputs: what `Scp` tends to for L → ∞, exactly, as
/// E[ξ ξᵀ] = I/C. Costs one gradient and one parameter-sized array per output.
struct ScpLimit {
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }

  template <class Model, class T, class Backend>
  [[nodiscard]] OutputGradients<T, Backend> begin(Model&, const Loop<T, Backend>& loop, std::span<T> values) const {
    return {loop, values};
  }
  /// Adds the samples of a batch; changes no parameter of `model`.
  template <class Model, class B, class T, class Backend>
  void estimate(Model& model, const B& batch, OutputGradients<T, Backend>& gradients) const {
    gradients.add(model, batch);
  }
  /// Writes Γ.
  template <class T, class Backend>
  void finish(OutputGradients<T, Backend>& gradients) const {
    gradients.finish(gradients.outputs(), [](std::size_t c, OutputRange range, std::span<double> xi) {
      if (range.contains(c)) xi[c - range.first] = 1 / std::sqrt(static_cast<double>(range.count));
    });
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "ScpLimit(square of the mean over samples, merge " + merge.text() + ")";
  }
};

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
