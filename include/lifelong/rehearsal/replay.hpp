// SPDX-License-Identifier: MIT
// Experience replay: every step learns from examples of a memory too.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/rehearsal/balanced_reservoir.hpp>
#include <lifelong/rehearsal/draw.hpp>
#include <lifelong/rehearsal/joined_batch.hpp>
#include <lifelong/rehearsal/memory.hpp>
#include <lifelong/rehearsal/reservoir.hpp>
#include <lifelong/rehearsal/task_ring.hpp>

namespace lifelong::rehearsal {

/// Stands for the type of a model's parameters, where the type that a memory stores inputs as is asked for.
struct OwnType {};

namespace replay_detail {

template <class T, class Stored>
using StoredAs = std::conditional_t<std::same_as<Stored, OwnType>, T, Stored>;

/// What a policy that replays keeps: the memory, and how many steps it has made; besides, work arrays.
template <class Choice, class T, class S>
struct ReplayState {
  Memory<Choice, T, S> memory;
  std::uint64_t steps = 0;  ///< steps that were taken
  Draw draw;
  JoinedBatch<T> joined;

  /// Makes the memory, if it is still empty, and room for everything that a step of `policy` with `batch` and `draws`
  /// draws needs. \throws as `Memory::prepare`, and InvalidArgument for another capacity than that of a memory which
  /// holds something.
  void prepare(const MemoryOptions& options, std::size_t batch_size, const Batch<T>& batch, std::size_t outputs = 0,
               std::size_t draws = 1, const char* policy = "Replay") {
    if (memory.seen() == 0) memory = Memory<Choice, T, S>(options);
    if (memory.capacity() != options.capacity)
      detail::raise<InvalidArgument>("the memory has a capacity of " + std::to_string(memory.capacity()) +
                                     " examples and holds " + std::to_string(memory.size()) + ", so " + policy +
                                     ".capacity cannot become " + std::to_string(options.capacity));
    memory.prepare(batch, outputs);
    const std::size_t places = memory.examples().places();
    detail::with_memory([&] { draw.reserve(places, batch_size); },
                        [] { return "no memory to draw examples from a memory"; });
    joined.reserve(batch.size + draws * (batch_size < places ? batch_size : places), memory.examples().shape());
  }

  void resize(std::size_t) {}
  [[nodiscard]] std::size_t bytes() const { return memory.bytes(); }
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    number("steps", steps);
    memory.visit(array, number);
  }
};

/// \throws InvalidArgument for settings of a replay outside their domains.
inline void validate_replay(const MemoryOptions& memory, std::size_t batch_size,
                            const char* name = "Replay.batch_size") {
  memory.validate();
  detail::require_between(name, static_cast<double>(batch_size), 1, 0x1p32);
}

/// `reservoir, capacity 500, batch size 32, seed 0`.
template <class Choice, class Stored>
std::string replay_settings(const MemoryOptions& memory, std::size_t batch_size) {
  std::string line = std::string(Choice::name) + ", capacity " + std::to_string(memory.capacity) + ", batch size " +
                     std::to_string(batch_size) + ", seed " + std::to_string(memory.seed);
  if (std::same_as<Stored, std::uint8_t>) line += ", scale " + detail::exact_text(memory.scale);
  return line;
}

}  // namespace replay_detail

/// Experience replay (Chaudhry et al. 2019, "On tiny episodic memories"). A step learns from the batch B and from m
/// examples M of the memory, drawn without replacement, all if it holds fewer, as one batch:
///
///     g = ∂/∂θ  (Σ_{n in B} w_n ℓ_n + Σ_{n in M} w_n ℓ_n) / (Σ_{n in B} w_n + Σ_{n in M} w_n)
///
/// Without weights, the batch of size b has the share b/(b+m) and the memory m/(b+m), so a memory that is not yet
/// filled counts less, as in the code of that paper and in mammoth. The returned loss is that of both. The examples of
/// the batch go into the memory after the step was taken, so none is replayed in the step in which it arrives. While
/// the memory is empty, the gradient has the bits of that of the batch. What is drawn follows from the seed and the
/// number of the step, what is kept from the seed and the numbers of the examples. An importance that is gathered
/// during training sees g. The cost is that of one gradient of b+m samples.
///
/// `Choice` says which examples stay (`Selection`), and `Stored` as what their inputs are stored: std::uint8_t for
/// images of 8 bits, float, or the model's own type. Batches are `Batch<T>` in the host's memory.
template <Selection Choice, class Stored = OwnType>
struct ReplayFrom {
  std::size_t capacity = 500;   ///< examples that are kept, of a ring for each task
  std::size_t batch_size = 32;  ///< examples of the memory in each step: m
  std::uint64_t seed = 0;       ///< which are kept and drawn follows from it
  double scale = 1.0 / 255;     ///< of inputs that are stored as bytes

  template <class Model>
  using State = replay_detail::ReplayState<Choice, typename Model::value_type,
                                           replay_detail::StoredAs<typename Model::value_type, Stored>>;

  /// \throws InvalidArgument for a capacity or batch size of 0 or above 2^32, or a scale that is not above 0.
  void validate() const { replay_detail::validate_replay(memory_options(), batch_size); }
  [[nodiscard]] std::string recipe() const {
    return "Replay(" + replay_detail::replay_settings<Choice, Stored>(memory_options(), batch_size) + ")";
  }

  /// \throws what the model's gradient does; ShapeMismatch for a batch of another shape than the memory's examples;
  /// InvalidArgument for an input that cannot be stored, or a sample that the selection cannot take; OutOfMemory.
  template <class Model, class Backend, class B>
  double gradient(State<Model>& state, const Backend&, Model& model, const B& batch,
                  std::span<typename Model::value_type> out) const {
    static_assert(std::same_as<B, Batch<typename Model::value_type>>,
                  "rehearsal::Replay: the batches must be lifelong::Batch<T> in the host's memory");
    state.prepare(memory_options(), batch_size, batch);
    if (state.memory.size() == 0) return static_cast<double>(model.gradient(batch, out));
    const auto chosen = state.draw(Random(seed, Purpose::replay), state.steps, state.memory.size(), batch_size);
    return static_cast<double>(model.gradient(state.joined.of(batch, state.memory.examples(), chosen), out));
  }
  template <class Model, class B>
  void keep(State<Model>& state, Model&, const B& batch) const {
    state.memory.keep(batch);
    ++state.steps;
  }
  template <class Model>
  void end_task(State<Model>& state, Model&) const {
    state.memory.end_task();
  }

 private:
  [[nodiscard]] MemoryOptions memory_options() const { return {capacity, seed, scale}; }
};

/// Replay from a uniform sample of all examples seen.
using Replay = ReplayFrom<UniformSelection>;
/// Replay from a sample that holds as many examples of each class as it can.
using BalancedReplay = ReplayFrom<BalancedSelection>;
/// Replay from the last examples of each task; `capacity` is that of one task.
using RingReplay = ReplayFrom<LastOfTask>;

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
