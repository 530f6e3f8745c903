// SPDX-License-Identifier: MIT
// Learning without forgetting: the model as it was teaches the outputs of earlier tasks, on the examples of the present
// one.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/rehearsal/criterion_pass.hpp>
#include <lifelong/rehearsal/teacher.hpp>

namespace lifelong::rehearsal {

/// What a teacher says of outputs that no earlier task has asked for, where they share a softmax with those it knows
/// (class-incremental).
enum class NewOutputs : std::uint8_t {
  untaught,   ///< nothing (Li and Hoiem 2016)
  improbable  ///< that their probability is 0 (van de Ven's code)
};

namespace distillation_detail {

/// Which outputs belong together: for each output 0 if it has not been asked for, `shared` if it was an answer among
/// all outputs, 2 + first for the head of a range [first, ...).
using Heads = std::vector<std::uint32_t>;
inline constexpr std::uint32_t shared_head = 1;

/// The outputs of one softmax in a list of them, which begin where those of the last end: the teacher's up to `known`,
/// the model's up to `end`.
struct Softmax {
  std::uint32_t known, end;
};

/// What is kept: the teacher, and the heads of ended tasks and of the present one; besides, work arrays of a step.
template <class Model>
struct TeacherState {
  using T = typename Model::value_type;

  Teacher<Model> teacher;   // none before a task has ended
  Heads learned, present;   // heads of the tasks that have ended, and of the present one
  std::uint64_t ended = 0;  // 1 from the end of a task to the next step: the model is the teacher

  AlignedVector<T> outputs;            // of the teacher for the batch of the step
  std::vector<std::uint32_t> members;  // outputs of the learned heads, one head behind the other
  std::vector<Softmax> softmaxes;      // of them
  CriterionPass<Model> pass;

  /// Makes room for a step, and takes the model as the teacher if a task has ended. \throws OutOfMemory.
  void prepare(Model& model, std::size_t samples, std::size_t width, NewOutputs new_outputs) {
    detail::with_memory(
        [&] {
          learned.resize(width);
          present.resize(width);
          if (ended != 0) teacher.remember(model);
          if (!teacher.exists()) return;
          outputs.resize(samples * width);
          members.reserve(width);
          softmaxes.reserve(width);
        },
        [] { return "no memory for the outputs of a teacher"; });
    members.clear();
    softmaxes.clear();
    for (std::size_t c = 0; c < width && teacher.exists(); ++c) add_head(c, new_outputs);
  }

  /// Notes the heads that a batch asked for.
  void note(const Batch<T>& batch) {
    for (std::size_t n = 0; n < batch.size; ++n) {
      const OutputRange range = batch.context(n, present.size()).active;
      if (range.count == present.size())
        present[static_cast<std::size_t>(batch.labels[n])] = shared_head;
      else
        std::fill_n(present.begin() + range.first, range.count, 2 + range.first);
    }
  }
  void end_task() {
    for (std::size_t c = 0; c < present.size(); ++c) {
      if (present[c] != 0) learned[c] = present[c];
      if (learned[c] != 0) ended = 1;
      present[c] = 0;
    }
  }

  void resize(std::size_t parameters) { teacher.resize(parameters); }
  [[nodiscard]] std::size_t bytes() const {
    return teacher.bytes() + (learned.size() + present.size()) * sizeof(std::uint32_t);
  }
  /// See `PolicyState`. \throws FormatError for arrays that do not belong together.
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    std::size_t width = learned.size();
    number("ended", ended);
    number("outputs", width);
    const auto visit_heads = [&](const char* name, Heads& heads) {
      if (width > 0)
        array(name, heads);
      else
        heads.clear();
      if (heads.size() != width)
        detail::raise<FormatError>(std::string("the teacher's ") + name + " has " + std::to_string(heads.size()) +
                                   " values where " + std::to_string(width) + " are needed");
      for (std::size_t c = 0; c < width; ++c)
        if (heads[c] > c + 2)
          detail::raise<FormatError>("output " + std::to_string(c) + " of the teacher belongs to no head");
    };
    visit_heads("learned_heads", learned);
    visit_heads("present_heads", present);
    teacher.visit(array, number);
  }

 private:
  /// Adds the head of output c and of others, unless an earlier output has added it.
  void add_head(std::size_t c, NewOutputs new_outputs) {
    const auto begin = learned.begin(), at = begin + static_cast<std::ptrdiff_t>(c);
    if (learned[c] == 0 || std::find(begin, at, learned[c]) != at) return;
    const auto add = [&](std::uint32_t head) {
      for (std::size_t other = 0; other < learned.size(); ++other)
        if (learned[other] == head) members.push_back(static_cast<std::uint32_t>(other));
      return static_cast<std::uint32_t>(members.size());
    };
    const std::uint32_t known = add(learned[c]);
    const bool has_new = learned[c] == shared_head && new_outputs == NewOutputs::improbable;
    softmaxes.push_back({known, has_new ? add(0) : known});
  }
};

/// The `Criterion`: the model's own loss, and the divergence of its outputs from those of the teacher.
template <class T>
struct DistillationTerms {
  std::span<const T> teacher;  // its outputs
  std::span<const std::uint32_t> members;
  std::span<const Softmax> softmaxes;
  T temperature;
  double strength;

  [[nodiscard]] double share(std::size_t) const { return 1; }
  double term(std::size_t n, std::span<const T> f, const SampleContext<T>&, std::span<T> cotangent) const {
    const std::span<const T> z = teacher.subspan(n * f.size(), f.size());
    double total = 0;
    std::size_t first = 0;
    for (const auto [known, end] : softmaxes) {
      total += of_head(members.subspan(first, known - first), members.subspan(first, end - first), z, f, cotangent);
      first = end;
    }
    return strength * total;
  }

 private:
  /// The logits of a head: the largest, and log Σ exp((z_c - largest)/τ).
  struct LogSum {
    T largest, log_total;
  };
  [[nodiscard]] LogSum log_sum(std::span<const std::uint32_t> head, std::span<const T> z) const {
    T largest = z[head[0]], total = 0;
    for (const std::uint32_t c : head) largest = z[c] > largest ? z[c] : largest;
    for (const std::uint32_t c : head) total += std::exp((z[c] - largest) / temperature);
    return {largest, std::log(total)};
  }
  double of_head(std::span<const std::uint32_t> known, std::span<const std::uint32_t> all, std::span<const T> z,
                 std::span<const T> f, std::span<T> cotangent) const {
    const LogSum of_z = log_sum(known, z), of_f = log_sum(all, f);
    const T factor = static_cast<T>(strength) / temperature;
    const auto log_q = [&](std::uint32_t c) { return (f[c] - of_f.largest) / temperature - of_f.log_total; };
    double divergence = 0;
    for (const std::uint32_t c : known) {
      const T log_p = (z[c] - of_z.largest) / temperature - of_z.log_total;
      const T p = std::exp(log_p), log_model = log_q(c);
      divergence += static_cast<double>(p) * static_cast<double>(log_p - log_model);
      cotangent[c] += factor * (std::exp(log_model) - p);
    }
    for (const std::uint32_t c : all.subspan(known.size())) cotangent[c] += factor * std::exp(log_q(c));
    return divergence;
  }
};

}  // namespace distillation_detail

/// Learning without forgetting (Li and Hoiem 2016). The teacher is the model as it was after the last task: its
/// parameters and running statistics as they are when the first step after `consolidate` is made. A step learns from
/// its batch B, and from what the teacher answers to it:
///
///     L = Σ_{n in B} w_n (ℓ_n + λ Σ_h KL(softmax(z_n/τ) ‖ softmax(f(x_n)/τ))) / Σ_{n in B} w_n
///
/// with one softmax over each head h that was learned in earlier tasks, the outputs z of the teacher in evaluation and
/// f of the training pass. Heads are what the steps of a task asked for: with ranges of active outputs
/// (task-incremental), each range is a head; without (class- and domain-incremental), all outputs that have been labels
/// together are one. An output belongs to the last head that it was asked for in. What a model learned elsewhere is not
/// taught.
///
/// Where the task is not known, outputs that no earlier task has asked for compete with those that are taught, and the
/// paper, whose tasks have heads of their own, says nothing of them. By default they are left out of the softmax: then
/// the new task may raise them above all others. With `NewOutputs::improbable` the softmax of f runs over them too, and
/// their probability in the teacher's answer is 0, so that λ weighs old outputs against new ones.
///
/// The paper's term is the cross entropy, which has the same gradient and is larger by the entropy of the teacher's
/// answer; its λ is 1 and its τ 2. Of other codes, those that multiply by τ² (Hinton et al. 2015) have a λ of τ² in
/// these terms; FACIL and mammoth raise p to 1/τ, which is the same softmax, mammoth takes its logarithm without care
/// for underflow; van de Ven weighs ℓ and the term by 1/t and 1 - 1/t in task t. The warm-up of the paper, in which new
/// heads learn alone at first, is left to the user (`freeze`).
///
/// No example is kept; the teacher takes as much memory as the parameters, and is saved with the learner. A step costs
/// a forward pass and two swaps of the parameters more. Before a task has ended, or with a strength of 0, it has the
/// bits of a step without rehearsal. An importance that is gathered during training sees the gradient of L.
///
/// Batches are `Batch<T>` with labels, in the host's memory. The model has `gradient(batch, criterion, out)`, as
/// `nn::Network` does, or `predict` and `pullback` (`CriterionPass`).
struct Distillation {
  double temperature = 2;                         ///< τ: the softer, the more the smaller outputs count
  double strength = 1;                            ///< λ
  NewOutputs new_outputs = NewOutputs::untaught;  ///< what the teacher says of them

  template <class Model>
  using State = distillation_detail::TeacherState<Model>;

  /// \throws InvalidArgument for a temperature that is not above 0, or a strength below 0, or one that is not finite.
  void validate() const {
    detail::require_positive("Distillation.temperature", temperature);
    detail::require_at_least("Distillation.strength", strength, 0);
  }
  [[nodiscard]] std::string recipe() const {
    return "Distillation(temperature " + detail::exact_text(temperature) + ", strength " +
           detail::exact_text(strength) + (new_outputs == NewOutputs::improbable ? ", new outputs improbable)" : ")");
  }

  /// \throws what the model's gradient does; ShapeMismatch or InvalidArgument for a batch without labels that are
  /// active outputs; OutOfMemory. The model keeps its parameters.
  template <class Model, class Backend, class B>
  double gradient(State<Model>& state, const Backend& backend, Model& model, const B& batch,
                  std::span<typename Model::value_type> out) const {
    using T = typename Model::value_type;
    static_assert(std::same_as<B, Batch<T>>,
                  "rehearsal::Distillation: the batches must be lifelong::Batch<T> in the host's memory");
    static_assert(detail::require_predictive_model<Model>());
    const std::size_t width = detail::require_outputs(model.outputs());
    detail::check_active(batch, width);
    detail::check_labels(batch, width, true);
    state.prepare(model, batch.size, width, new_outputs);
    if (strength == 0 || !state.teacher.exists()) return static_cast<double>(model.gradient(batch, out));
    state.teacher.predict(model, batch, std::span<T>(state.outputs));
    const distillation_detail::DistillationTerms<T> terms{state.outputs, state.members, state.softmaxes,
                                                          detail::setting<T>("Distillation.temperature", temperature),
                                                          strength};
    return state.pass(model, backend, batch, terms, out);
  }
  template <class Model, class B>
  void keep(State<Model>& state, Model&, const B& batch) const {
    state.note(batch);
    state.ended = 0;
  }
  template <class Model>
  void end_task(State<Model>& state, Model&) const {
    state.end_task();
  }
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
