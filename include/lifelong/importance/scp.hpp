// Sliced Cramér Preservation: how far the mean output moves, seen from random directions. Needs no labels.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/importance/accumulate.hpp>
#include <lifelong/importance/merge.hpp>

namespace lifelong::importance {

/// Derivative of ⟨ξ, f⟩ over the active outputs: the row ξ, of length 1 over them if `unit`. Models `OutputFunctional`.
struct Slice {
  std::span<const double> direction;  ///< ξ, one value per output
  bool unit = true;                   ///< whether ξ is scaled to length 1 over the active outputs

  [[nodiscard]] std::size_t seeds(std::size_t) const { return 1; }

  template <class T>
  void prepare(std::span<T>, const SampleContext<T>&) const {}

  template <class T>
  void seed(std::size_t, std::span<const T>, const SampleContext<T>& sample, std::span<T> delta) const {
    double total = 0;
    for (std::size_t c = 0; c < delta.size(); ++c)
      if (sample.active.contains(c)) total += direction[c] * direction[c];
    const double scale = unit ? 1 / std::sqrt(total) : 1;
    for (std::size_t c = 0; c < delta.size(); ++c)
      delta[c] = sample.active.contains(c) ? static_cast<T>(scale * direction[c]) : T(0);
  }
};

/// out = Σ_l (1/N Σ_n J_nᵀ seed_nl)², l = 0 .. count-1 with seeds of the functional `slice(l)`, over all samples of
/// `batches`, which are read once per slice.
template <class Model, class Batches, class Slices>
void sum_of_squared_means(Model& model, Batches&& batches, std::size_t count, const Slices& slice,
                          std::span<typename Model::value_type> out) {
  using T = typename Model::value_type;
  AlignedVector<T> mean(out.size());
  for (T& value : out) value = 0;
  for (std::size_t l = 0; l < count; ++l) {
    mean_moment(model, batches, slice(l), moment::Sum{}, std::span<T>(mean));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += mean[i] * mean[i];
  }
}

/// Γ_i = 1/L Σ_l (∂ ⟨ξ_l, 1/N Σ_n f(x_n)⟩ / ∂θ_i)², each slice squared by itself, with L directions ξ_l uniform on the
/// unit sphere of the active outputs. Kolouri 2020. Costs L gradients and one parameter-sized array: the batches are
/// read once per slice. Error of the order 1/√L against `ScpLimit`, which costs as much as L = C slices: prefer that
/// one for few outputs. The mean over samples is taken before the square, as in the paper, so gradients of different
/// samples may cancel.
struct Scp {
  std::size_t slices = 100;  ///< L
  std::uint64_t seed = 0;    ///< of the directions; the same in every task
  Merge merge = Merge::sum();
  std::vector<double> directions = {};  ///< L x C given ones, row-major, used as they are; or empty: drawn from `seed`

  /// \throws InvalidArgument without a slice.
  void validate() const {
    detail::require_at_least("Scp.slices", static_cast<double>(slices), 1);
    merge.validate();
  }

  /// Writes Γ over all samples of `batches` to `out`; changes no parameter of `model`.
  /// \throws ShapeMismatch unless the given directions have one value per output.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, std::span<typename Model::value_type> out) const {
    const std::size_t outputs = outputs_of(model);
    const std::vector<double> drawn = directions.empty() ? draw(outputs) : std::vector<double>();
    const std::span<const double> rows = directions.empty() ? drawn : directions;
    const std::size_t count = rows.size() / outputs;
    detail::require_size("Scp.directions", rows.size(), count * outputs);
    const auto slice = [&](std::size_t l) { return Slice{rows.subspan(l * outputs, outputs), directions.empty()}; };
    sum_of_squared_means(model, batches, count, slice, out);
    for (auto& value : out) value /= static_cast<typename Model::value_type>(count);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    const std::string which = directions.empty() ? "slices " + std::to_string(slices) + ", seed " + std::to_string(seed)
                                                 : std::string("directions given");
    return "Scp(" + which + ", square of the mean over samples, merge " + merge.text() + ")";
  }

 private:
  /// L x C normal values: scaled to length 1 they are uniform on the sphere.
  [[nodiscard]] std::vector<double> draw(std::size_t outputs) const {
    std::vector<double> values(slices * outputs);
    const Random random(seed, Purpose::slices);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = random.normal(i);
    return values;
  }
};

/// Γ_i = 1/C Σ_c (∂ 1/N Σ_n f_c(x_n) / ∂θ_i)² over the C active outputs: what `Scp` tends to for L → ∞, exactly, as
/// E[ξ ξᵀ] = I/C. Costs one gradient per output and one parameter-sized array: the batches are read once per output.
struct ScpLimit {
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }

  /// Writes Γ over all samples of `batches` to `out`; changes no parameter of `model`.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, std::span<typename Model::value_type> out) const {
    const std::size_t outputs = outputs_of(model);
    sum_of_squared_means(
        model, batches, outputs, [](std::size_t c) { return OneOutput{c}; }, out);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "ScpLimit(square of the mean over samples, merge " + merge.text() + ")";
  }

 private:
  /// e_c/√C, 0 if output c is not active.
  struct OneOutput {
    std::size_t output;

    [[nodiscard]] std::size_t seeds(std::size_t) const { return 1; }
    template <class T>
    void prepare(std::span<T>, const SampleContext<T>&) const {}
    template <class T>
    void seed(std::size_t, std::span<const T>, const SampleContext<T>& sample, std::span<T> delta) const {
      for (T& value : delta) value = 0;
      if (sample.active.contains(output)) delta[output] = 1 / std::sqrt(static_cast<T>(sample.active.count));
    }
  };
};

}  // namespace lifelong::importance
