// SPDX-License-Identifier: MIT
// GEM: no step goes against the gradient of any task that has ended.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/backend/elementwise.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/rehearsal/episodic_memory.hpp>
#include <lifelong/rehearsal/gradients.hpp>
#include <lifelong/rehearsal/memory.hpp>
#include <lifelong/rehearsal/quadratic_program.hpp>
#include <lifelong/rehearsal/replay.hpp>
#include <lifelong/rehearsal/task_ring.hpp>

namespace lifelong::rehearsal {

/// Gradients of several tasks, and what it takes to keep a gradient from going against any of them. Memory grows with
/// the number of tasks: an array of the parameters' size for each.
template <class T>
class TaskGradients {
 public:
  void reserve(std::size_t parameters) {
    for (auto& row : rows_) row.reserve(parameters);
    partials_.reserve(chunk_count(parameters));
  }
  void resize(std::size_t parameters) {
    for (auto& row : rows_) row.resize(parameters);
    partials_.resize(chunk_count(parameters));
  }
  [[nodiscard]] std::size_t bytes() const {
    std::size_t total = 0;
    for (const auto& row : rows_) total += row.size() * sizeof(T);
    return total;
  }

  /// Makes room for the gradients of `tasks` tasks. \throws OutOfMemory.
  void prepare(std::size_t tasks, std::size_t parameters) {
    if (tasks <= rows_.size()) return;
    lifelong::detail::with_memory(
        [&] {
          rows_.reserve(tasks);
          while (rows_.size() < tasks) {
            AlignedVector<T> row;
            row.resize(parameters);
            rows_.push_back(std::move(row));
          }
          products_.reserve(tasks);
          matrix_.reserve(tasks * tasks);
          program_.reserve(tasks);
        },
        [&] {
          return "the gradients of " + std::to_string(tasks) + " tasks and " + std::to_string(parameters) +
                 " parameters do not fit into memory";
        });
  }
  /// Gradient number k, below the number that there is room for.
  [[nodiscard]] std::span<T> operator[](std::size_t k) { return rows_[k]; }
  [[nodiscard]] std::span<double> partials() { return partials_; }

  /// g ← g + Gᵀ(v + add_after), where v ≥ margin minimises ½ vᵀ G Gᵀ v + (G g)ᵀ v, and the rows of G are the first
  /// `tasks` gradients; g stays as it is if G g ≥ 0. \throws NumericError if a gradient is not finite.
  template <class Model, class Backend>
  void project(const GradientArithmetic<Model, Backend>& arithmetic, std::size_t tasks, double margin, double add_after,
               std::span<T> g) {
    if (!find_products(arithmetic, tasks, g)) return;
    matrix_.resize(tasks * tasks);
    for (std::size_t k = 0; k < tasks; ++k) {
      for (std::size_t j = 0; j <= k; ++j)
        matrix_[k * tasks + j] = matrix_[j * tasks + k] = arithmetic.product(rows_[k], rows_[j]);
      if (!lifelong::detail::is_finite(matrix_[k * tasks + k])) refuse(k);
      if (matrix_[k * tasks + k] == 0) products_[k] = 0;  // as its square, it may be too small for a double
    }
    const std::span<const double> v = program_.solve(matrix_, products_, margin);
    for (std::size_t k = 0; k < tasks; ++k) arithmetic.add(v[k] + add_after, rows_[k], g);
  }

 private:
  /// G g; true if an element is below 0. A g that is not finite is left for the learner, which names the parameter.
  template <class Arithmetic>
  bool find_products(const Arithmetic& arithmetic, std::size_t tasks, std::span<const T> g) {
    bool violated = false, finite = true;
    products_.clear();
    for (std::size_t k = 0; k < tasks; ++k) {
      products_.push_back(arithmetic.product(g, rows_[k]));
      finite = finite && lifelong::detail::is_finite(products_.back());
      violated = violated || products_.back() < 0;
    }
    if (finite) return violated;
    for (std::size_t k = 0; k < tasks; ++k)
      if (!lifelong::detail::is_finite(arithmetic.product(rows_[k], rows_[k]))) refuse(k);
    return false;
  }
  [[noreturn]] LIFELONG_RARE static void refuse(std::size_t k) {
    lifelong::detail::raise<NumericError>("the gradient of the memory's examples of task " + std::to_string(k) +
                                          ", counted from 0 among those with examples, is not finite");
  }

  std::vector<AlignedVector<T>> rows_;
  std::vector<double> partials_, products_, matrix_;
  QuadraticProgram program_;
};

/// Gradient episodic memory (Lopez-Paz and Ranzato 2017). With g, the gradient of the batch, and for each task k that
/// has ended the gradient G_k of the examples that are kept of it, all at the present θ, a step takes the g̃ nearest to
/// g with G g̃ ≥ 0: to first order a step of plain descent raises the loss of no task's examples. If G g ≥ 0, g̃ has the
/// bits of g. Else
///
///     g̃ = g + Gᵀ(v + add_after),   v ≥ margin minimises ½ vᵀ G Gᵀ v + (G g)ᵀ v
///
/// The two settings are the two ways to be more careful: as soon as one task is violated, the gradient of every task is
/// added, `margin` times at the least, as the authors' code does and by default; or `add_after` times more than the
/// program asks for, as the paper has it. Nothing is added to the diagonal (their code adds 0.001, in whose shadow the
/// small gradients of late training have no effect), so the scale of the loss does not matter.
///
/// `Choice` says which examples stay. By default they are the last of each task (`LastOfTask`), `capacity` for each;
/// `GemFrom<UniformSelection>` has a `capacity` in all. All examples of a task take part in each step, or `batch_size`
/// that are drawn. A task without examples does not constrain. Gradients of the memory are those of the model in
/// evaluation (`memory_gradient`); the returned loss is that of the batch; its examples go into the memory after the
/// step was taken, and count when their task has ended. An importance that is gathered during training sees g̃. A step
/// costs a gradient for each task, and t²/2 passes over the parameters for t tasks; it keeps an array of the
/// parameters' size for each. Batches are `Batch<T>`, and arrays lie in the host's memory.
template <Selection Choice, class Stored = OwnType>
struct GemFrom {
  std::size_t capacity = 256;    ///< examples that are kept, of a ring for each task
  std::size_t batch_size = 256;  ///< examples of each task in a step, all if there are no more
  double margin = 0.5;           ///< least weight of each task's gradient once one is violated
  double add_after = 0;          ///< added to the weights that the program finds
  std::uint64_t seed = 0;        ///< which are kept and drawn follows from it
  double scale = 1.0 / 255;      ///< of inputs that are stored as bytes

  /// The memory, and room for a gradient of each task.
  template <class Model>
  struct State {
    using T = typename Model::value_type;
    EpisodicMemory<Choice, T, replay_detail::StoredAs<T, Stored>> past;
    TaskGradients<T> gradients;

    void reserve(std::size_t parameters) { gradients.reserve(parameters); }
    void resize(std::size_t parameters) { gradients.resize(parameters); }
    [[nodiscard]] std::size_t bytes() const { return past.bytes() + gradients.bytes(); }
    template <class Array, class Number>
    void visit(const Array& array, const Number& number) {
      past.visit(array, number);
    }
  };

  /// \throws InvalidArgument for a capacity or batch size of 0 or above 2^32, a margin or add_after below 0, or a scale
  /// that is not above 0.
  void validate() const {
    memory_options().validate();
    lifelong::detail::require_between("Gem.batch_size", static_cast<double>(batch_size), 1, 0x1p32);
    lifelong::detail::require_at_least("Gem.margin", margin, 0);
    lifelong::detail::require_at_least("Gem.add_after", add_after, 0);
  }
  [[nodiscard]] std::string recipe() const {
    return "Gem(" + replay_detail::replay_settings<Choice, Stored>(memory_options(), batch_size) + ", margin " +
           lifelong::detail::exact_text(margin) + ", add after " + lifelong::detail::exact_text(add_after) + ")";
  }

  /// \throws what the model's gradient does; NumericError if a task's gradient is not finite; ShapeMismatch for a batch
  /// of another shape than the memory's examples; InvalidArgument for an input that cannot be stored, or a sample that
  /// the selection cannot take; OutOfMemory.
  template <class Model, class Backend, class B>
  double gradient(State<Model>& state, const Backend& backend, Model& model, const B& batch,
                  std::span<typename Model::value_type> out) const {
    static_assert(std::same_as<B, Batch<typename Model::value_type>>,
                  "rehearsal::Gem: the batches must be lifelong::Batch<T> in the host's memory");
    state.past.prepare(memory_options(), batch_size, batch, "Gem.capacity");
    const auto loss = static_cast<double>(model.gradient(batch, out));
    const std::uint32_t finished = state.past.finished();
    std::size_t tasks = 0;
    for (std::uint32_t task = state.past.next_task(0); task < finished; task = state.past.next_task(task + 1)) {
      const Random random(seed, Purpose::replay, task);
      state.gradients.prepare(tasks + 1, out.size());
      memory_gradient(model, state.past.examples_of(task, task + 1, random, batch_size), state.gradients[tasks++]);
    }
    state.gradients.project(GradientArithmetic(model, backend, state.gradients.partials()), tasks, margin, add_after,
                            out);
    return loss;
  }
  template <class Model, class B>
  void keep(State<Model>& state, Model&, const B& batch) const {
    state.past.keep(batch);
  }
  template <class Model>
  void end_task(State<Model>& state, Model&) const {
    state.past.end_task();
  }

 private:
  [[nodiscard]] MemoryOptions memory_options() const { return {capacity, seed, scale}; }
};

/// GEM on the last examples of each task.
using Gem = GemFrom<LastOfTask>;

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
