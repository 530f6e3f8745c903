// SPDX-License-Identifier: MIT
// A multilayer perceptron on a device. Include it besides cuda.cuh, and link with -lcublas.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/functional.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/present_samples.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/cuda/array.cuh>
#include <lifelong/cuda/backend.cuh>
#include <lifelong/cuda/batch.cuh>
#include <lifelong/cuda/dense_layers.cuh>
#include <lifelong/cuda/functionals.cuh>
#include <lifelong/cuda/mirrored.cuh>
#include <lifelong/cuda/mlp_kernels.cuh>
#include <lifelong/cuda/mlp_parts.cuh>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/mlp_options.hpp>

namespace lifelong::cuda {

/// A batch that a `Mlp` takes: on the host, from which its inputs are copied, or on the device.
template <class B, class T>
concept BatchFor = std::same_as<B, lifelong::Batch<T>> || std::same_as<B, Batch<T>>;

/// A multilayer perceptron whose parameters and activations stay on a device: linear layers, by cuBLAS, with an
/// activation between two. Parameters, their names and initial values are those of `nn::mlp`, to the bit; gradients,
/// outputs and moments are the same up to rounding. The loss is any `nn::LossPolicy`: `SoftmaxCrossEntropy` is computed
/// on the device, for others the outputs go to the host and their gradients come back, as they do for the cotangents of
/// estimators. It models `DifferentiableModel`, `PredictiveModel`, `PullbackModel` and `MomentModel` for both kinds of
/// batches. Spans of parameters and gradients are on the device, outputs and cotangents on the host.
///
/// All work is enqueued on the backend's stream, which has to be the learner's and the data set's, too. `gradient` and
/// `loss` wait once, for the loss; `predict`, `pullback` and `accumulate_moment` for what they copy. A batch on the
/// host is waited for until it is copied, a first pass until there is memory for the products. Work arrays grow to the
/// largest batch and are reused. Results are bitwise the same in every run on the same kind of device. A copy is an
/// independent network on the same stream. One thread at a time may use a network. \throws as `nn::Network`, and
/// `Error` for what CUDA reports.
template <class T, class Loss = nn::SoftmaxCrossEntropy, class On = System>
class Mlp : public MlpParts<T, Loss, On> {
  using Parts = MlpParts<T, Loss, On>;

 public:
  using value_type = T;
  /// See `WeighingModel`.
  static constexpr bool weighs_samples = true;

  using Parts::inputs, Parts::outputs, Parts::backend;
  using Parts::Parts;

  /// out = ∂L/∂θ of L = Σ_n w_n ℓ_n / Σ_n w_n, overwritten; returns L.
  template <BatchFor<T> B>
  double gradient(const B& all, std::span<T> out) {
    const B batch = present(all);
    const lifelong::Batch<T> facts = supervised_facts(batch);
    check_parameters(out.size());
    differentiate(facts, on_device(batch));
    layers_.backward(detail::Backward<T, moment::Sum>{theta(), out.data()});
    return mean_loss(facts);
  }

  /// L = Σ_n w_n ℓ_n / Σ_n w_n. It costs a forward pass.
  template <BatchFor<T> B>
  double loss(const B& all) {
    const B batch = present(all);
    const lifelong::Batch<T> facts = supervised_facts(batch);
    differentiate(facts, on_device(batch));
    return mean_loss(facts);
  }

  /// out = f(x_n; θ), N x outputs(), row-major, on the host. Labels and ranges are ignored.
  template <BatchFor<T> B>
  void predict(const B& batch, std::span<T> out) {
    const lifelong::Batch<T> facts = facts_of(batch);
    lifelong::detail::require_rows("the array for the outputs", out.size(), facts.size, outputs());
    backend_.copy_out(layers_.forward(theta(), on_device(batch), facts.size), out);
  }

  /// out = Σ_n J_nᵀ v_n with J_n = ∂f(x_n)/∂θ, overwritten; the cotangents v are N x outputs(), on the host.
  template <BatchFor<T> B>
  void pullback(const B& batch, std::span<const T> cotangents, std::span<T> out) {
    const lifelong::Batch<T> facts = facts_of(batch);
    lifelong::detail::require_rows("the array of cotangents", cotangents.size(), facts.size, outputs());
    check_parameters(out.size());
    layers_.forward(theta(), on_device(batch), facts.size);
    backend_.copy_in(cotangents, layers_.deltas(1));
    layers_.backward(detail::Backward<T, moment::Sum>{theta(), out.data()});
  }

  /// out += Σ_n w_n Σ_k m(J_nᵀ v_nk), k = 0 .. functional.cotangents(outputs())-1, where `functional` makes the
  /// cotangents of f(x_n): on the device for the exact Fisher information of a classifier and for MAS, which then wait
  /// for nothing; else on the host. With one cotangent it costs a gradient; further ones cost the products with the
  /// weights above the first layer, several cotangents at once.
  template <BatchFor<T> B, OutputFunctional Functional, class Moment>
  void accumulate_moment(const B& all, const Functional& functional, Moment moment, std::span<T> out) {
    static_assert(
        requires { Moment::factor(T(1)); },
        "a moment needs factor(w): m(factor(w) v) = w m(v) gives a sample its weight");
    check_parameters(out.size());
    const B batch = present(all);
    const lifelong::Batch<T> facts = facts_of(batch);
    lifelong::detail::check_answers<Loss>(facts, 0, outputs());
    if (facts.size == 0) return;
    const T* f = layers_.forward(theta(), on_device(batch), facts.size);
    const bool on_device = detail::FunctionalOnDevice<Functional>::knows(functional);
    const detail::Answer<T>* factors = on_device ? factors_of(facts, moment) : nullptr;
    if (!on_device) prepare(facts, functional, f);
    const std::size_t cotangents = functional.cotangents(outputs());
    const std::size_t most = facts.size < rows_per_pass ? rows_per_pass / facts.size : 1;
    for (std::size_t k = 0; k < cotangents; k += most) {
      const std::size_t count = cotangents - k < most ? cotangents - k : most;
      if (on_device)
        enqueue_cotangents(functional, {f, factors, layers_.deltas(count), facts.size, outputs(), k}, count);
      else
        copy_cotangents(facts, functional, moment, k, count);
      layers_.backward(
          detail::Backward<T, Moment>{theta(), out.data(), moment, count, k == 0, k + count == cotangents, true});
    }
  }

  /// out += Σ_n w_n m(∂/∂θ_l of `norm` at F_l(x_n)) for every layer l with parameters, where F_l is the layer with the
  /// activation right behind it, seen as a function of its own inputs, as in `nn::Network`. It waits for nothing.
  template <BatchFor<T> B, class Moment>
  void accumulate_local_moment(const B& all, const importance::OutputNorm& norm, Moment moment, std::span<T> out) {
    check_parameters(out.size());
    const B batch = present(all);
    const lifelong::Batch<T> facts = facts_of(batch);
    lifelong::detail::check_active(facts, outputs());
    if (facts.size == 0) return;
    layers_.forward(theta(), on_device(batch), facts.size);
    const detail::Answer<T>* factors = factors_of(facts, moment);
    layers_.backward_each(
        detail::Backward<T, Moment>{theta(), out.data(), moment, 1, true, true, true},
        [&](std::size_t l, const T* y, T* delta) {
          const std::size_t width = layers_.widths()[l + 1];
          enqueue_cotangents(norm, {y, factors, delta, facts.size, width, 0, l + 2 < layers_.widths().size()}, 1);
        });
  }

 private:
  using Parts::backend_, Parts::layers_, Parts::loss_, Parts::parameters_, Parts::theta;

  static constexpr bool loss_on_device = std::is_same_v<Loss, nn::SoftmaxCrossEntropy>;
  /// Rows of deltas that one backward pass takes, if there are several cotangents per sample.
  static constexpr std::size_t rows_per_pass = 8192;

  /// The batch without samples of weight 0.
  lifelong::Batch<T> present(const lifelong::Batch<T>& batch) { return present_.of(batch); }
  static Batch<T> present(const Batch<T>& batch) {
    lifelong::detail::check_sizes(batch.facts());
    for (std::size_t n = 0; n < batch.weights.size(); ++n)
      if (!(batch.weights[n] > 0) || !lifelong::detail::is_finite(batch.weights[n]))
        lifelong::detail::raise<InvalidArgument>("the weight of sample " + std::to_string(n) + " of a cuda::Batch is " +
                                                 lifelong::detail::text(static_cast<double>(batch.weights[n])) +
                                                 ", but must be finite and above 0");
    return batch;
  }

  /// What is known of the samples besides their inputs, which are checked.
  [[nodiscard]] lifelong::Batch<T> facts_of(const lifelong::Batch<T>& batch) const {
    lifelong::detail::check_inputs(batch, inputs());
    lifelong::detail::refuse_lengths(batch, "cuda::Mlp");
    return Batch<T>::of(batch, 0, nullptr).facts();
  }
  [[nodiscard]] lifelong::Batch<T> facts_of(const Batch<T>& batch) const {
    if (batch.features != inputs())
      lifelong::detail::raise<ShapeMismatch>("the batch has " + std::to_string(batch.features) +
                                             " features per sample where the network takes " +
                                             std::to_string(inputs()));
    if (batch.stream != 0 && batch.stream != detail::number_of(backend_.stream()))
      lifelong::detail::raise<InvalidArgument>(
          "the inputs of the batch are written on another stream than the network's: give the data set and the network "
          "the same backend");
    return batch.facts();
  }
  /// The same for a batch that has a loss.
  template <class B>
  [[nodiscard]] lifelong::Batch<T> supervised_facts(const B& batch) const {
    const lifelong::Batch<T> facts = facts_of(batch);
    lifelong::detail::check_supervised<Loss>(facts, 0, outputs(), Loss::uses_labels);
    return facts;
  }
  void check_parameters(std::size_t size) const {
    lifelong::detail::require_size("the gradient", size, parameters_.size());
  }

  /// Where the inputs lie on the device.
  const T* on_device(const lifelong::Batch<T>& batch) {
    const std::size_t count = batch.size * inputs();
    grow(inputs_, count);
    backend_.copy_in(batch.inputs.first(count), inputs_.data());
    return inputs_.data();
  }
  static const T* on_device(const Batch<T>& batch) { return batch.inputs; }

  /// Runs a forward pass, sets the deltas to ∂L/∂f, and writes each sample's loss; the stream has to be waited for.
  void differentiate(const lifelong::Batch<T>& facts, const T* x) {
    const T* f = layers_.forward(theta(), x, facts.size);
    if constexpr (loss_on_device) {
      const detail::Answer<T>* answers = answers_of(facts);
      double* losses = with_memory(facts.size, [&] { return losses_.device(facts.size); });
      On::launch_each(backend_.stream(), facts.size,
                      detail::SoftmaxLoss<T>{f, answers, layers_.deltas(1), losses, outputs()});
      losses_.to_host(backend_.stream(), facts.size);
    } else {
      copy_outputs(f, facts.size);
      double* losses = with_memory(facts.size, [&] { return losses_.write(backend_.stream(), facts.size); });
      const double weight = facts.weight();
      for (std::size_t n = 0; n < facts.size; ++n) {
        const std::span<T> delta = row(rows_, n);
        losses[n] = loss_.differentiate(delta, facts.context(n, outputs()));
        const T share = share_of(facts, n, weight);
        for (T& value : delta) value *= share;
      }
      backend_.copy_in(std::span<const T>(rows_).first(facts.size * outputs()), layers_.deltas(1));
    }
  }
  /// By which the gradient of a sample's loss is multiplied.
  static T share_of(const lifelong::Batch<T>& facts, std::size_t n, double weight) {
    if (facts.weights.empty()) return T(1) / static_cast<T>(weight);
    return static_cast<T>(static_cast<double>(facts.weights[n]) / weight);
  }
  /// The mean of what `differentiate` writes. Waits.
  [[nodiscard]] double mean_loss(const lifelong::Batch<T>& facts) {
    backend_.synchronize();
    answers_.settle();
    const double* losses = losses_.host();
    double total = 0;
    for (std::size_t n = 0; n < facts.size; ++n)
      total += facts.weights.empty() ? losses[n] : static_cast<double>(facts.weights[n]) * losses[n];
    return total / facts.weight();
  }

  /// What the loss needs to know of each sample, on the device.
  const detail::Answer<T>* answers_of(const lifelong::Batch<T>& facts) {
    const double weight = facts.weight();
    return copy_answers(facts, [&](std::size_t n) { return share_of(facts, n, weight); });
  }
  /// What functionals need to know of each sample, on the device; null if all outputs are active and no sample has a
  /// weight.
  template <class Moment>
  const detail::Answer<T>* factors_of(const lifelong::Batch<T>& facts, Moment) {
    if (facts.weights.empty() && all_active(facts)) return nullptr;
    return copy_answers(facts,
                        [&](std::size_t n) { return facts.weights.empty() ? T(1) : Moment::factor(facts.weights[n]); });
  }
  template <class Share>
  const detail::Answer<T>* copy_answers(const lifelong::Batch<T>& facts, const Share& share) {
    detail::Answer<T>* answers = with_memory(facts.size, [&] { return answers_.write(backend_.stream(), facts.size); });
    for (std::size_t n = 0; n < facts.size; ++n) {
      const SampleContext<T> sample = facts.context(n, outputs());
      answers[n] = {static_cast<std::uint32_t>(sample.label), sample.active.first, sample.active.count, share(n)};
    }
    return answers_.to_device(backend_.stream(), facts.size);
  }
  [[nodiscard]] bool all_active(const lifelong::Batch<T>& facts) const {
    for (std::size_t n = 0; n < facts.active.size(); ++n)
      if (facts.context(n, outputs()).active.count != outputs()) return false;
    return true;
  }

  /// Enqueues the making of `count` cotangents of each sample.
  template <class Functional>
  void enqueue_cotangents(const Functional& functional, const detail::CotangentsOf<T>& of, std::size_t count) {
    if constexpr (detail::may_run_on_device<Functional, T>)
      On::launch_each(backend_.stream(), count * of.samples,
                      detail::FunctionalOnDevice<Functional>::body(functional, of));
  }

  /// Copies the outputs of N samples to `rows_`, and waits.
  void copy_outputs(const T* f, std::size_t samples) {
    grow(rows_, samples * outputs());
    backend_.copy_out(f, std::span<T>(rows_).first(samples * outputs()));
  }
  /// The same, prepared by the functional.
  template <class Functional>
  void prepare(const lifelong::Batch<T>& facts, const Functional& functional, const T* f) {
    copy_outputs(f, facts.size);
    for (std::size_t n = 0; n < facts.size; ++n) functional.prepare(row(rows_, n), facts.context(n, outputs()));
  }
  /// Copies the cotangents first .. first+count-1 of all samples, made from `rows_`, to the device, and waits.
  template <class Functional, class Moment>
  void copy_cotangents(const lifelong::Batch<T>& facts, const Functional& functional, Moment, std::size_t first,
                       std::size_t count) {
    grow(cotangents_, count * facts.size * outputs());
    for (std::size_t k = 0; k < count; ++k)
      for (std::size_t n = 0; n < facts.size; ++n) {
        const std::span<T> delta = row(cotangents_, k * facts.size + n);
        functional.cotangent(first + k, std::span<const T>(row(rows_, n)), facts.context(n, outputs()), delta);
        if (!facts.weights.empty())
          for (T& value : delta) value *= Moment::factor(facts.weights[n]);
      }
    backend_.copy_in(std::span<const T>(cotangents_).first(count * facts.size * outputs()), layers_.deltas(count));
  }
  [[nodiscard]] std::span<T> row(AlignedVector<T>& rows, std::size_t n) const {
    return std::span<T>(rows).subspan(n * outputs(), outputs());
  }

  template <class Values>
  static void grow(Values& values, std::size_t size) {
    if (values.size() < size) with_memory(size, [&] { values.resize(size); });
  }
  /// \throws OutOfMemory.
  template <class Body>
  static auto with_memory(std::size_t size, const Body& body) {
    return lifelong::detail::with_memory(
        body, [&] { return "no memory for a work array of " + std::to_string(size) + " values"; });
  }

  PresentSamples<T> present_;
  Array<T, On> inputs_;                 // of a batch on the host
  AlignedVector<T> rows_, cotangents_;  // outputs or their gradients, on the host
  detail::Mirrored<detail::Answer<T>, On> answers_;
  detail::Mirrored<double, On> losses_;
};

/// `cuda::mlp<float>({784, 256, 256, 10}, {.seed = 1}, backend)`: a multilayer perceptron on a device, which begins
/// with the parameters of `nn::mlp`. A loss may follow: `cuda::mlp<float>({8, 16, 1}, {}, backend,
/// nn::MeanSquaredError{})`. \throws what `Mlp` throws.
template <class T, class Loss = nn::SoftmaxCrossEntropy, class On = System>
[[nodiscard]] Mlp<T, Loss, On> mlp(const std::vector<std::size_t>& widths, const MlpOptions& options = {},
                                   BasicBackend<On> backend = {}, Loss loss = {}) {
  return Mlp<T, Loss, On>(widths, options, std::move(backend), std::move(loss));
}

}  // namespace lifelong::cuda

#include <lifelong/config/pop_macros.hpp>

#endif
