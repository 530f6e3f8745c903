// SPDX-License-Identifier: MIT
// Steps on batches, and training on the examples of a task.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/present_samples.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/learner/enqueued_steps.hpp>
#include <lifelong/learner/not_copied.hpp>
#include <lifelong/learner/options.hpp>
#include <lifelong/learner/way_back.hpp>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/loader.hpp>
#include <lifelong/stream/shape.hpp>

namespace lifelong {

/// Steps whose gradients are the model's, on batches. Base of `Learner`, which adds the ends of tasks; its members are
/// the learner's.
template <class... PartTypes>
class Trainer : public EnqueuedSteps<PartTypes...> {
  using Base = EnqueuedSteps<PartTypes...>;
  using typename Base::Model;
  using typename Base::Optimizer;
  using T = typename Base::value_type;

 public:
  using typename Base::State;

  using Base::step;
  /// Takes one step on a batch of the model's own kind. \throws as `step(gradient)`, and NumericError for a loss that
  /// is not finite, or for an input or target of a `Batch` that is not; InvalidArgument for a weight that is negative
  /// or not finite, or that the model does not heed. Then the model's running statistics and random numbers are as they
  /// were, too.
  template <class B>
  requires(!std::convertible_to<const B&, std::span<const T>>) StepResult step(const B& batch) {
    static_assert(detail::require_differentiable_model<Model, B>());
    if constexpr (std::is_same_v<B, Batch<T>>) {
      const Batch<T> present = present_.of(batch);
      detail::require_finite_values(present);
      return train_on(present);
    } else {
      return train_on(batch);
    }
  }

  /// Trains on one task, without ending it. `on_step(FitProgress)` is called after every step. It returns nothing, or a
  /// `FitSignal`: `stop` ends the training there, as an exception does that it throws, and `FitOptions.resume`
  /// continues it. In the callback the learner may do anything but train by `fit`. Ready callbacks are in `observer/`.
  /// A batch whose examples all have weight 0 counts as a step, in which nothing happens. Returns how many steps were
  /// taken and whether the callback stopped them. \throws InvalidArgument for a task
  /// without examples or weights, a batch size of 0, options that leave no batch, endless examples that are shuffled or
  /// without a limit in steps, or a call within a call; ShapeMismatch for examples that do not fit the model;
  /// NumericError for an example that is not finite.
  template <class Examples, class OnStep = detail::NoCallback>
  FitResult fit(const Examples& examples, const FitOptions& options = {}, OnStep&& on_step = {}) {
    static_assert(detail::require_example_source<Examples, T>());
    static_assert(detail::require_differentiable_model<Model, Batch<T>>());
    require_task(examples, options.batch_size, "fit");
    detail::require_steps(examples.size(), options);
    const detail::Occupied occupied(fitting_.value);
    if (options.shuffle) reserve_order(examples.size());
    const std::span<const std::uint32_t> order(order_.data(), options.shuffle ? order_.size() : 0);
    const auto loader =
        detail::batches_for<Model>(examples, options.batch_size, buffer_, this->backend_, order, options.last_batch);
    const std::size_t batches = loader.size();
    const std::size_t steps = detail::steps_of(options.epochs, batches, options.steps);
    FitProgress progress{0, options.epochs, 0, steps, 0, 0, batches};
    if (options.resume) progress.step = steps_done(steps, batches);
    detail::ScheduledRate<Optimizer> rate(this->optimizer_, this->unscheduled_rate_.value, options.schedule, steps);
    const detail::Flag reset(this->reset_optimizer_first_.value,
                             options.optimizer_state == OptimizerState::reset && progress.step == 0);
    const std::size_t first_step = progress.step;
    bool learned = false;
    for (progress.epoch = progress.step / batches; steps > progress.step; ++progress.epoch) {
      if (options.shuffle) shuffle(options.seed);
      for (auto at = loader.begin(progress.step % batches); at != loader.end() && steps > progress.step; ++at) {
        const auto batch = *at;
        rate.begin_step(progress.step);
        if (batch.size > 0) {
          const StepResult result = train_on(batch);
          progress.loss = result.loss;
          progress.penalty = result.penalty;
          learned = true;
        }
        this->state_.fit_steps = ++progress.step;
        this->state_.fit_batches = batches;
        if (progress.ends_epoch()) ++this->state_.epochs_trained;
        if (!learned && progress.step - first_step == batches)
          detail::raise<InvalidArgument>("fit: no example of the task has a weight above 0");
        if (detail::notify(on_step, std::as_const(progress)) == FitSignal::stop)
          return {progress.step, steps > progress.step};
      }
    }
    return {progress.step, false};
  }

 protected:
  using Base::Base;

  /// Checks what is known of a task before it is read.
  template <class Examples>
  void require_task(const Examples& examples, std::size_t batch_size, const char* call) {
    this->require_same_model();
    if (examples.size() == 0) detail::raise<InvalidArgument>(std::string(call) + ": the task has no examples");
    if (batch_size == 0)
      detail::raise<InvalidArgument>(std::string(call) + ": the batch_size must be at least 1, but is 0");
    detail::require_shape(examples, this->model_);
  }

  BatchBuffer<T> buffer_;

 private:
  template <class B>
  StepResult train_on(const B& batch) {
    this->require_same_model();
    detail::require_weighing<Model>(batch);
    detail::WayBack<Model> way_back(training_state_, this->model_);
    const double loss = detail::with_memory(
        [&] {
          return static_cast<double>(
              this->rehearsal_.gradient(this->state_.rehearsal, this->backend_, this->model_, batch, this->gradient()));
        },
        [&] {
          return State::bill(this->parameter_count()) + ", and for the gradient of this batch more than there is";
        });
    if (!detail::is_finite(loss))
      detail::raise<NumericError>("the loss is " + detail::text(loss) + " in step " +
                                  std::to_string(this->state_.optimizer_steps + 1));
    const double penalty = step(std::span<const T>(this->gradient()));
    way_back.keep();
    if constexpr (requires { this->rehearsal_.keep(this->state_.rehearsal, this->model_, batch); })
      this->rehearsal_.keep(this->state_.rehearsal, this->model_, batch);
    return {loss, penalty};
  }

  void reserve_order(std::size_t examples) {
    if (examples > std::uint64_t{1} << 32)
      detail::raise<InvalidArgument>("fit: " + std::to_string(examples) +
                                     " examples are too many to shuffle: at most 2^32, or say .shuffle = false");
    detail::with_memory(
        [&] { order_.resize(examples); },
        [&] { return "an order of " + std::to_string(examples) + " examples does not fit into memory"; });
  }
  void shuffle(std::uint64_t seed) {
    for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<std::uint32_t>(i);
    Random(seed, Purpose::shuffle, this->state_.epochs_trained).shuffle(std::span<std::uint32_t>(order_));
  }

  /// Steps of the interrupted call of `fit`.
  [[nodiscard]] std::size_t steps_done(std::size_t steps, std::uint64_t batches) const {
    const std::uint64_t done = this->state_.fit_steps;
    if (done > 0 && (this->state_.fit_batches != batches || done > steps))
      detail::raise<InvalidArgument>("FitOptions.resume: the interrupted call had " +
                                     std::to_string(this->state_.fit_batches) + " batches per epoch and had done " +
                                     std::to_string(done) + " steps, where this one has " + std::to_string(batches) +
                                     " batches per epoch and " + std::to_string(steps) + " steps");
    return static_cast<std::size_t>(done);
  }

  std::vector<std::uint32_t> order_;
  PresentSamples<T> present_;
  detail::TrainingState<Model> training_state_;
  detail::NotCopied<bool> fitting_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
