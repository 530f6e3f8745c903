// SPDX-License-Identifier: MIT
// iCaRL: exemplars by herding, old classes by the old network, and the nearest mean of exemplars.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lifelong/backend/backend.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/rehearsal/balanced_reservoir.hpp>
#include <lifelong/rehearsal/criterion_pass.hpp>
#include <lifelong/rehearsal/draw.hpp>
#include <lifelong/rehearsal/exemplars.hpp>
#include <lifelong/rehearsal/features.hpp>
#include <lifelong/rehearsal/joined_batch.hpp>
#include <lifelong/rehearsal/memory.hpp>
#include <lifelong/rehearsal/nearest_mean.hpp>
#include <lifelong/rehearsal/replay.hpp>
#include <lifelong/rehearsal/teacher.hpp>

namespace lifelong::rehearsal {

namespace icarl_detail {

/// What an output stands for.
enum class Class : std::uint8_t {
  unseen,
  present,  ///< a class of the present task
  old       ///< a class of an earlier one, which the teacher knows
};

inline double sigmoid(double z) {
  const double small = std::exp(-std::abs(z));  // never more than 1
  return z > 0 ? 1 / (1 + small) : small / (1 + small);
}

/// e_n of `ICarl`; see there. `teacher` has a row for each sample.
template <class T>
struct BinaryTerms {
  std::span<const Class> classes;
  std::span<const T> teacher;

  [[nodiscard]] double share(std::size_t) const { return 0; }
  double term(std::size_t n, std::span<const T> outputs, const SampleContext<T>& sample, std::span<T> cotangent) const {
    double total = 0;
    for (std::size_t c = 0; c < outputs.size(); ++c) {
      if (classes[c] == Class::unseen || !sample.active.contains(c)) continue;
      const double z = static_cast<double>(outputs[c]);
      const double wanted = classes[c] == Class::old ? sigmoid(static_cast<double>(teacher[n * outputs.size() + c]))
                                                     : (static_cast<std::int64_t>(c) == sample.label ? 1.0 : 0.0);
      total += (z > 0 ? z - wanted * z : -wanted * z) + std::log1p(std::exp(-std::abs(z)));
      cotangent[c] += static_cast<T>(sigmoid(z) - wanted);
    }
    return total;
  }
};

/// What `ICarl` keeps, and its work arrays.
template <class Model, class S>
struct ICarlState {
  using T = typename Model::value_type;

  Exemplars<T, S> exemplars;                   ///< of the tasks that have ended
  Memory<BalancedSelection, T, S> candidates;  ///< examples of the present task, or of one that has just ended
  Teacher<Model> teacher;                      ///< the model as it was when the last task ended
  std::uint64_t steps = 0;                     ///< steps that were taken
  std::uint8_t ended = 0;                      ///< whether the candidates' task has ended
  Draw draw;
  JoinedBatch<T> joined;
  CriterionPass<Model> pass;
  AlignedVector<T> outputs;
  std::vector<Class> classes;

  void resize(std::size_t parameters) { teacher.resize(parameters); }
  [[nodiscard]] std::size_t bytes() const { return exemplars.bytes() + candidates.bytes() + teacher.bytes(); }
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    number("steps", steps);
    number("ended", ended);
    exemplars.visit(array, number);
    const auto named = [](std::string_view name) { return std::string("candidate_").append(name); };
    candidates.visit([&](std::string_view name, auto& values) { array(named(name), values); },
                     [&](std::string_view name, auto& value) { number(named(name), value); });
    teacher.visit(array, number);
  }
};

}  // namespace icarl_detail

/// iCaRL (Rebuffi et al. 2017) for classes that come task after task. A step learns from the batch and from m
/// exemplars, drawn without replacement, as one batch, and every output is an answer to a question of its own: with
/// σ(z) = 1 / (1 + exp(−z)), sample n has the loss
///
///     e_n = −Σ_c (t_c log σ(f_c) + (1 − t_c) log(1 − σ(f_c)))
///
/// over the classes c seen so far that are active. For a class of an earlier task, t_c is σ of the old network's
/// output; for one of the present task it is 1 if c is the sample's label, else 0. The loss of the batch is Σ_n w_n e_n
/// / Σ_n w_n, whatever the model's own loss is. (Mammoth and the paper's program have the mean over all outputs, those
/// of classes to come included, which they push to 0.)
///
/// When a task has ended, capacity / classes exemplars of each of its classes are chosen by herding, and those of older
/// classes are cut to that number; so there are never more than `capacity`. They are chosen among the candidates: a
/// sample of the present task's examples that is uniform within each class and holds as many of each as it can
/// (`BalancedSelection`), since a stream does not come a second time. With `candidates` at least the size of a task
/// they are all of its examples. A class that comes again has exemplars chosen among its old ones and the new
/// candidates. That, and the copy of the network that is the old one, is made before the next step is taken, or when
/// `classifier` is asked for, so it uses the network with which the next task begins.
///
/// To tell classes, ask for `nearest_mean_of(learner)`; the outputs alone are the plain network's. The model is a
/// `FeatureModel`, such as `nn::Network`, in the host's memory; `Stored` is what inputs are stored as, see
/// `ReplayFrom`. The memory holds exemplars, candidates and the parameters of the old network. A step costs a gradient
/// of the batch and m exemplars, and a forward pass of the old network.
template <class Stored = OwnType>
struct ICarlOf {
  std::size_t capacity = 2000;    ///< exemplars of all classes together
  std::size_t candidates = 4000;  ///< examples of the present task among which they are chosen
  std::size_t batch_size = 32;    ///< exemplars in each step: m
  std::uint64_t seed = 0;         ///< which are candidates and which are drawn follows from it
  double scale = 1.0 / 255;       ///< of inputs that are stored as bytes

  template <class Model>
  using State = icarl_detail::ICarlState<Model, replay_detail::StoredAs<typename Model::value_type, Stored>>;

  /// \throws InvalidArgument for a capacity, candidates or batch size of 0 or above 2^32, or a scale that is not above
  /// 0.
  void validate() const {
    detail::require_between("ICarl.capacity", static_cast<double>(capacity), 1, 0x1p32);
    detail::require_between("ICarl.candidates", static_cast<double>(candidates), 1, 0x1p32);
    detail::require_between("ICarl.batch_size", static_cast<double>(batch_size), 1, 0x1p32);
    detail::require_positive("ICarl.scale", scale);
  }
  [[nodiscard]] std::string recipe() const {
    std::string line = "ICarl(capacity " + std::to_string(capacity) + ", candidates " + std::to_string(candidates) +
                       ", batch size " + std::to_string(batch_size) + ", seed " + std::to_string(seed);
    if (std::same_as<Stored, std::uint8_t>) line += ", scale " + detail::exact_text(scale);
    return line + ")";
  }

  /// \throws what the model's gradient does; InvalidArgument for a sample without a label or a class that the model has
  /// no output for, an input that cannot be stored, or a capacity below the number of classes; NumericError for
  /// features of candidates that are all 0; ShapeMismatch for another shape than before; OutOfMemory.
  template <class Model, class Backend, class B>
  double gradient(State<Model>& state, const Backend& backend, Model& model, const B& batch,
                  std::span<typename Model::value_type> out) const {
    using T = typename Model::value_type;
    static_assert(features_detail::require_feature_model<Model>());
    static_assert(std::same_as<B, Batch<T>> && !DeviceBackend<Backend>,
                  "rehearsal::ICarl: the batches must be lifelong::Batch<T>, and parameters in the host's memory");
    close(state, model);
    prepare(state, batch);
    tell_classes(state, model.outputs(), batch);
    const std::size_t size = state.exemplars.size();
    const auto chosen = state.draw(Random(seed, Purpose::replay), state.steps, size, batch_size);
    const Batch<T> all = size == 0 ? batch : state.joined.of(batch, state.exemplars.examples(), chosen);
    if (state.teacher.exists()) {
      state.outputs.resize(all.size * model.outputs());
      state.teacher.predict(model, all, std::span<T>(state.outputs));
    }
    return state.pass(model, backend, all, icarl_detail::BinaryTerms<T>{state.classes, state.outputs}, out);
  }
  template <class Model, class B>
  void keep(State<Model>& state, Model&, const B& batch) const {
    state.candidates.keep(batch);
    ++state.steps;
  }
  template <class Model>
  void end_task(State<Model>& state, Model&) const {
    state.ended = state.candidates.seen() > 0 ? 1 : 0;
  }

  /// The classifier by the nearest mean of exemplars, by the features that the model has now: a view of the model.
  /// \throws InvalidArgument if no task has ended yet, and as `Exemplars::renew` and `NearestMean::learn`.
  template <class Model>
  [[nodiscard]] NearestMean<FeaturesOf<Model>> classifier(State<Model>& state, Model& model) const {
    close(state, model);
    if (state.exemplars.size() == 0)
      detail::raise<InvalidArgument>("ICarl.classifier: there are no exemplars, since no task has ended yet");
    NearestMean<FeaturesOf<Model>> classifier(FeaturesOf<Model>(model), model.outputs());
    classifier.learn(state.exemplars);
    return classifier;
  }

 private:
  /// Makes of the end of a task what the next one needs.
  template <class Model>
  void close(State<Model>& state, Model& model) const {
    if (state.ended == 0) return;
    Teacher<Model> teacher;
    teacher.resize(model.parameters().size());
    teacher.remember(model);
    state.exemplars.renew(model, state.candidates.examples(), capacity, scale);
    state.teacher = std::move(teacher);
    state.candidates = {};
    state.ended = 0;
  }

  template <class Model, class T>
  void prepare(State<Model>& state, const Batch<T>& batch) const {
    if (state.candidates.seen() == 0) state.candidates = decltype(state.candidates)({candidates, seed, scale});
    if (state.candidates.capacity() != candidates)
      detail::raise<InvalidArgument>("ICarl.candidates cannot become " + std::to_string(candidates) +
                                     " while there are some: their room is for " +
                                     std::to_string(state.candidates.capacity()));
    state.candidates.prepare(batch);
    state.exemplars.require_shape_of(batch);
  }

  /// Notes what each output stands for. \throws InvalidArgument for a label that is no output.
  template <class Model, class T>
  void tell_classes(State<Model>& state, std::size_t outputs, const Batch<T>& batch) const {
    state.classes.assign(outputs, icarl_detail::Class::unseen);
    const auto note = [&](std::span<const std::int32_t> labels, icarl_detail::Class what) {
      for (const std::int32_t label : labels) {
        if (label < 0 || static_cast<std::size_t>(label) >= outputs)
          detail::raise<InvalidArgument>("ICarl: the model has " + std::to_string(outputs) +
                                         " outputs and none for class " + std::to_string(label));
        state.classes[static_cast<std::size_t>(label)] = what;
      }
    };
    note(batch.labels, icarl_detail::Class::present);
    note(state.candidates.examples().labels(), icarl_detail::Class::present);
    if (state.teacher.exists()) note(state.exemplars.examples().labels(), icarl_detail::Class::old);
  }
};

/// iCaRL that stores inputs in the model's own type.
using ICarl = ICarlOf<>;

/// The nearest mean of exemplars of a learner with `ICarl`, by the features that its model has now:
/// `accuracy(classifier, test)`. It views the model, which must outlive it and not learn meanwhile. \throws as
/// `ICarlOf::classifier`.
template <class Learner>
[[nodiscard]] auto nearest_mean_of(Learner& learner) {
  return learner.rehearsal_policy().classifier(learner.state().rehearsal, learner.model());
}

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
