// SPDX-License-Identifier: MIT
// A-GEM: no step goes against the gradient on what is remembered of earlier tasks.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/backend/elementwise.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/rehearsal/episodic_memory.hpp>
#include <lifelong/rehearsal/gradients.hpp>
#include <lifelong/rehearsal/memory.hpp>
#include <lifelong/rehearsal/replay.hpp>
#include <lifelong/rehearsal/reservoir.hpp>
#include <lifelong/rehearsal/task_ring.hpp>

namespace lifelong::rehearsal {

/// g ← g − (g·r / r·r) r if g·r < 0. \throws NumericError if r is not finite.
template <class Model, class Backend>
void project(const GradientArithmetic<Model, Backend>& arithmetic, std::span<const typename Model::value_type> r,
             std::span<typename Model::value_type> g) {
  const double product = arithmetic.product(g, r);
  if (lifelong::detail::is_finite(product) && product >= 0) return;
  const double square = arithmetic.product(r, r);
  if (!lifelong::detail::is_finite(square))
    lifelong::detail::raise<NumericError>("the gradient of the memory's examples is not finite");
  if (lifelong::detail::is_finite(product) && square > 0) arithmetic.add(-product / square, r, g);
}

/// Averaged GEM (Chaudhry et al. 2019, "Efficient lifelong learning with A-GEM"). With g, the gradient of the batch,
/// and r, that of m examples of tasks that have ended, drawn without replacement, both at the present θ:
///
///     g̃ = g − (g·r / r·r) r   if g·r < 0,   else g
///
/// So to first order a step of plain descent does not raise the loss on these examples; an optimizer that rescales
/// coordinates, such as Adam, is not bound by that. All tasks that have ended are drawn from together, whatever their
/// number. (avalanche draws batch size / tasks of each, which becomes none; mammoth keeps one batch of each task.)
/// Where r = 0, g stays as it is. (Others divide 0 by 0, or by 1e-7.) Without violation g has the bits of plain
/// training, since r is that of the model in evaluation (`memory_gradient`). The returned loss is that of the batch.
/// The examples of the batch go into the memory after the step was taken, and are drawn from when their task has ended
/// (`consolidate`). An importance that is gathered during training sees g̃. Two gradients a step, and at most three
/// passes over the parameters; an array of the parameters' size.
///
/// `Choice` says which examples stay (`Selection`), and `Stored` as what their inputs are stored. The paper keeps as
/// many examples of each task, `RingAGem{.capacity = 250, .batch_size = 256}`; others 500 in all,
/// `AGem{.capacity = 500, .batch_size = 128}`. Batches are `Batch<T>`, and arrays lie in the host's memory.
template <Selection Choice, class Stored = OwnType>
struct AGemFrom {
  std::size_t capacity = 500;    ///< examples that are kept, of a ring for each task
  std::size_t batch_size = 256;  ///< examples that r is the gradient of: m
  std::uint64_t seed = 0;        ///< which are kept and drawn follows from it
  double scale = 1.0 / 255;      ///< of inputs that are stored as bytes

  /// The memory, and room for r.
  template <class Model>
  struct State {
    using T = typename Model::value_type;
    EpisodicMemory<Choice, T, replay_detail::StoredAs<T, Stored>> past;
    AlignedVector<T> reference;
    std::vector<double> partials;

    void reserve(std::size_t parameters) {
      reference.reserve(parameters);
      partials.reserve(chunk_count(parameters));
    }
    void resize(std::size_t parameters) {
      reference.resize(parameters);
      partials.resize(chunk_count(parameters));
    }
    [[nodiscard]] std::size_t bytes() const { return past.bytes() + reference.size() * sizeof(T); }
    template <class Array, class Number>
    void visit(const Array& array, const Number& number) {
      past.visit(array, number);
    }
  };

  /// \throws InvalidArgument for a capacity or batch size of 0 or above 2^32, or a scale that is not above 0.
  void validate() const {
    memory_options().validate();
    lifelong::detail::require_between("AGem.batch_size", static_cast<double>(batch_size), 1, 0x1p32);
  }
  [[nodiscard]] std::string recipe() const {
    return "AGem(" + replay_detail::replay_settings<Choice, Stored>(memory_options(), batch_size) + ")";
  }

  /// \throws what the model's gradient does; NumericError if r is not finite; ShapeMismatch for a batch of another
  /// shape than the memory's examples; InvalidArgument for an input that cannot be stored, or a sample that the
  /// selection cannot take; OutOfMemory.
  template <class Model, class Backend, class B>
  double gradient(State<Model>& state, const Backend& backend, Model& model, const B& batch,
                  std::span<typename Model::value_type> out) const {
    static_assert(std::same_as<B, Batch<typename Model::value_type>>,
                  "rehearsal::AGem: the batches must be lifelong::Batch<T> in the host's memory");
    state.past.prepare(memory_options(), batch_size, batch, "AGem.capacity");
    const auto loss = static_cast<double>(model.gradient(batch, out));
    const Random random(seed, Purpose::replay);
    const B remembered = state.past.examples_of(0, state.past.finished(), random, batch_size);
    if (remembered.size > 0) {
      memory_gradient(model, remembered, std::span(state.reference));
      project(GradientArithmetic(model, backend, std::span(state.partials)), state.reference, out);
    }
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

/// A-GEM on a uniform sample of all examples seen, `capacity` in all.
using AGem = AGemFrom<UniformSelection>;
/// A-GEM on the last examples of each task; `capacity` is that of one task.
using RingAGem = AGemFrom<LastOfTask>;

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
