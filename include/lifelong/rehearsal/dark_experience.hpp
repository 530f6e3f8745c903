// SPDX-License-Identifier: MIT
// Dark experience replay: the outputs of examples of a memory stay what they were when the examples arrived.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/rehearsal/criterion_pass.hpp>
#include <lifelong/rehearsal/memory.hpp>
#include <lifelong/rehearsal/replay.hpp>
#include <lifelong/rehearsal/reservoir.hpp>
#include <lifelong/rehearsal/stored_examples.hpp>

namespace lifelong::rehearsal {
namespace dark_detail {

/// Settings of `Der` and `DerPlusPlus`; the names are for errors.
struct Settings {
  MemoryOptions memory;
  std::size_t batch_size;
  double alpha, beta;
  const char* policy;

  void validate(const char* name_of_batch_size, const char* name_of_alpha, const char* name_of_beta) const {
    replay_detail::validate_replay(memory, batch_size, name_of_batch_size);
    detail::require_at_least(name_of_alpha, alpha, 0);
    detail::require_at_least(name_of_beta, beta, 0);
  }
};

/// What is kept: the memory; besides, work arrays of a step.
template <class Choice, class Model, class S>
struct DarkState : replay_detail::ReplayState<Choice, typename Model::value_type, S> {
  using T = typename Model::value_type;

  std::vector<std::uint32_t> chosen;  // slots of both draws
  AlignedVector<T> outputs;           // of the batch, in the pass of the step
  CriterionPass<Model> pass;

  void reserve_step(std::size_t batch_size, std::size_t values) {
    const std::size_t places = this->memory.examples().places();
    detail::with_memory(
        [&] {
          chosen.reserve(2 * (batch_size < places ? batch_size : places));
          outputs.resize(values);
        },
        [] { return "no memory for the outputs of a batch"; });
  }
  /// Adds a draw to those before, and returns its size.
  std::size_t add_draw(const Random& random, std::size_t batch_size) {
    const auto places = this->draw(random, this->steps, this->memory.size(), batch_size);
    chosen.insert(chosen.end(), places.begin(), places.end());
    return places.size();
  }
};

/// The `Criterion` of a batch, of examples whose outputs are compared with those kept, and of examples with labels,
/// which follow one another.
template <class T, class S>
struct DarkTerms {
  const StoredExamples<T, S>& memory;
  std::span<const std::uint32_t> chosen;               // slots of the examples behind the batch
  std::size_t batch, compared;                         // how many
  double of_batch = 0, of_outputs = 0, of_labels = 0;  // factors of the terms of one sample
  std::span<T> outputs = {};                           // where those of the batch are kept

  [[nodiscard]] double share(std::size_t n) const {
    return n < batch ? of_batch : n < batch + compared ? 0.0 : of_labels;
  }
  double term(std::size_t n, std::span<const T> f, const SampleContext<T>& sample, std::span<T> cotangent) const {
    if (n < batch)
      for (std::size_t c = 0; c < f.size(); ++c) outputs[n * f.size() + c] = f[c];
    if (n < batch || n >= batch + compared) return 0;
    const std::span<const T> kept = memory.outputs(chosen[n - batch]);
    double total = 0;
    for (std::size_t c = 0; c < kept.size(); ++c) {
      if (!sample.active.contains(c)) continue;
      const T moved = f[c] - kept[c];
      total += static_cast<double>(moved) * static_cast<double>(moved);
      cotangent[c] += static_cast<T>(2 * of_outputs) * moved;
    }
    return of_outputs * total;
  }
};

template <class State, class Model, class Backend>
double gradient(const Settings& settings, State& state, const Backend& backend, Model& model,
                const Batch<typename Model::value_type>& batch, std::span<typename Model::value_type> out) {
  using T = typename Model::value_type;
  static_assert(detail::require_predictive_model<Model>());
  const std::size_t width = detail::require_outputs(model.outputs());
  state.prepare(settings.memory, settings.batch_size, batch, width, 2, settings.policy);
  state.reserve_step(settings.batch_size, batch.size * width);
  const auto& memory = state.memory.examples();

  const auto draw = [&](double strength, std::uint32_t number) {
    const Random random(settings.memory.seed, Purpose::replay, number);
    return strength == 0 ? 0 : state.add_draw(random, settings.batch_size);
  };
  state.chosen.clear();
  const std::size_t compared = draw(settings.alpha, 0), labelled = draw(settings.beta, 1);
  const Batch<T> all = state.chosen.empty() ? batch : state.joined.of(batch, memory, state.chosen);

  DarkTerms<T, typename std::remove_cvref_t<decltype(memory)>::storage_type> terms{memory, state.chosen, batch.size,
                                                                                   compared};
  const auto factor = [&](double strength, std::size_t first, std::size_t count) {
    return count == 0 ? 0.0 : strength * all.weight() / all.slice(first, count).weight();
  };
  terms.of_batch = factor(1, 0, batch.size);
  terms.of_outputs = factor(settings.alpha, batch.size, compared);
  terms.of_labels = factor(settings.beta, batch.size + compared, labelled);
  terms.outputs = state.outputs;
  const double loss = state.pass(model, backend, all, terms, out);
  if (detail::is_finite(loss)) detail::require_finite_rows(std::span<const T>(state.outputs), width, "output");
  return loss;
}

}  // namespace dark_detail

/// Dark experience replay (Buzzega et al. 2020). A step learns from the batch B and from examples M of the memory,
/// drawn without replacement, all if it holds fewer, with the outputs z that the model had for them:
///
///     L = Σ_{n in B} w_n ℓ_n / Σ_{n in B} w_n  +  α Σ_{n in M} w_n ‖z_n - f(x_n)‖² / Σ_{n in M} w_n
///
/// z is what the training pass of the step in which the example arrived gave, before that step was taken; the example
/// goes into the memory after it, so none is replayed in the step in which it arrives. All outputs are kept. Of an
/// example with an active range only the outputs in it are compared: the others were never asked for it, and heads of
/// later tasks had not learned. If the model has grown since, the outputs that there were are compared. Without ranges,
/// z holds outputs of classes that are still to come too, as in the paper.
///
/// The paper's norm is a sum over outputs. Codes take PyTorch's `mse_loss`, a mean (mammoth, avalanche): their alpha is
/// C times that of here, where C is the number of outputs compared: mammoth's 1 with 10 outputs is 0.1.
///
/// All is one training pass over the batch and what was drawn, at the cost of a gradient of as many samples; statistics
/// of a batch count them together. The returned loss is L. With `alpha` 0 or an empty memory, the step has the bits of
/// a step without rehearsal. What is drawn follows from the seed and the number of the step, what is kept from the seed
/// and the numbers of the examples. An importance that is gathered during training sees the gradient of L.
///
/// The model has `gradient(batch, criterion, out)`, as `nn::Network` does, or `predict` and `pullback`
/// (`CriterionPass`). Batches are `Batch<T>` in the host's memory. `Choice` and `Stored` are those of `ReplayFrom`.
template <Selection Choice, class Stored = OwnType>
struct DerFrom {
  std::size_t capacity = 500;   ///< examples that are kept, of a ring for each task
  std::size_t batch_size = 32;  ///< examples of the memory in each step
  double alpha = 0.1;           ///< strength of the outputs; a sum over outputs, a mean over examples
  std::uint64_t seed = 0;       ///< which are kept and drawn follows from it
  double scale = 1.0 / 255;     ///< of inputs that are stored as bytes

  template <class Model>
  using State = dark_detail::DarkState<Choice, Model, replay_detail::StoredAs<typename Model::value_type, Stored>>;

  /// \throws InvalidArgument for a capacity or batch size of 0 or above 2^32, an alpha below 0 or not finite, or a
  /// scale that is not above 0.
  void validate() const { settings().validate("Der.batch_size", "Der.alpha", ""); }
  [[nodiscard]] std::string recipe() const {
    return "Der(" + replay_detail::replay_settings<Choice, Stored>(settings().memory, batch_size) + ", alpha " +
           detail::exact_text(alpha) + ")";
  }

  /// \throws as `ReplayFrom::gradient`; NumericError for an output that is not finite.
  template <class Model, class Backend, class B>
  double gradient(State<Model>& state, const Backend& backend, Model& model, const B& batch,
                  std::span<typename Model::value_type> out) const {
    static_assert(std::same_as<B, Batch<typename Model::value_type>>,
                  "rehearsal::Der: the batches must be lifelong::Batch<T> in the host's memory");
    return dark_detail::gradient(settings(), state, backend, model, batch, out);
  }
  template <class Model, class B>
  void keep(State<Model>& state, Model&, const B& batch) const {
    state.memory.keep(batch, state.outputs);
    ++state.steps;
  }
  template <class Model>
  void end_task(State<Model>& state, Model&) const {
    state.memory.end_task();
  }

 private:
  [[nodiscard]] dark_detail::Settings settings() const {
    return {{capacity, seed, scale}, batch_size, alpha, 0, "Der"};
  }
};

/// DER++ (Buzzega et al. 2020): the loss of `DerFrom` and that of further examples K of the memory,
///
///     L = Σ_{n in B} w_n ℓ_n / Σ_{n in B} w_n  +  α Σ_{n in M} w_n ‖z_n - f(x_n)‖² / Σ_{n in M} w_n
///                                              +  β Σ_{n in K} w_n ℓ_n / Σ_{n in K} w_n
///
/// where M and K are drawn independently, as many each. (avalanche draws once for both.) It is one training pass too.
/// With alpha and beta 0 or an empty memory, the step has the bits of a step without rehearsal; what has strength 0 is
/// not drawn.
template <Selection Choice, class Stored = OwnType>
struct DerPlusPlusFrom {
  std::size_t capacity = 500;   ///< examples that are kept, of a ring for each task
  std::size_t batch_size = 32;  ///< examples of the memory in each of the two draws of a step
  double alpha = 0.1;           ///< strength of the outputs; a sum over outputs, a mean over examples
  double beta = 0.5;            ///< strength of the labels or targets
  std::uint64_t seed = 0;       ///< which are kept and drawn follows from it
  double scale = 1.0 / 255;     ///< of inputs that are stored as bytes

  template <class Model>
  using State = dark_detail::DarkState<Choice, Model, replay_detail::StoredAs<typename Model::value_type, Stored>>;

  /// \throws as `DerFrom::validate`, and for a beta below 0 or not finite.
  void validate() const { settings().validate("DerPlusPlus.batch_size", "DerPlusPlus.alpha", "DerPlusPlus.beta"); }
  [[nodiscard]] std::string recipe() const {
    return "DerPlusPlus(" + replay_detail::replay_settings<Choice, Stored>(settings().memory, batch_size) + ", alpha " +
           detail::exact_text(alpha) + ", beta " + detail::exact_text(beta) + ")";
  }

  /// \throws as `DerFrom::gradient`.
  template <class Model, class Backend, class B>
  double gradient(State<Model>& state, const Backend& backend, Model& model, const B& batch,
                  std::span<typename Model::value_type> out) const {
    static_assert(std::same_as<B, Batch<typename Model::value_type>>,
                  "rehearsal::DerPlusPlus: the batches must be lifelong::Batch<T> in the host's memory");
    return dark_detail::gradient(settings(), state, backend, model, batch, out);
  }
  template <class Model, class B>
  void keep(State<Model>& state, Model&, const B& batch) const {
    state.memory.keep(batch, state.outputs);
    ++state.steps;
  }
  template <class Model>
  void end_task(State<Model>& state, Model&) const {
    state.memory.end_task();
  }

 private:
  [[nodiscard]] dark_detail::Settings settings() const {
    return {{capacity, seed, scale}, batch_size, alpha, beta, "DerPlusPlus"};
  }
};

/// Dark experience replay from a uniform sample of all examples seen.
using Der = DerFrom<UniformSelection>;
/// DER++ from a uniform sample of all examples seen.
using DerPlusPlus = DerPlusPlusFrom<UniformSelection>;

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
