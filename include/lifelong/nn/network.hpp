// SPDX-License-Identifier: MIT
// A feed-forward network: any list of layers, one forward pass and one backward pass.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/criterion.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/functional.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/present_samples.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/chain.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/network_parts.hpp>
#include <lifelong/nn/packed_inputs.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// A function f(x; θ), made of layers one after the other, and the mean of a loss over a batch. `Layers` is a
/// `std::tuple` of layers (see `sequential`) or a `std::vector<std::variant<...>>` of them (see `mlp`); both run the
/// same code and give the same bits. The loss satisfies `LossPolicy`. A network models `DifferentiableModel`,
/// `PredictiveModel`, `PullbackModel` and `MomentModel`.
///
/// A copy is an independent network. Results are bitwise equal for any number of threads of the backend.
///
/// `gradient` runs the network in training: layers may drop values and update their running statistics. All other calls
/// run it in evaluation and change nothing but work arrays. These grow to the largest batch seen and are reused, so
/// nothing is allocated after warm-up. All calls that take a batch use them, so only one thread at a time may use a
/// network. Samples of weight 0 are left out first, by all calls but `predict` and `pullback`, which take no weights.
/// They throw `ShapeMismatch` or `InvalidArgument` for a batch that does not fit, before anything is written. NaN and
/// Inf pass through to the results, but not into running statistics.
template <class T, class Layers, class Loss = SoftmaxCrossEntropy, class Backend = backend::Serial>
class Network : public NetworkParts<T, Layers, Loss, Backend> {
  using Parts = NetworkParts<T, Layers, Loss, Backend>;

 public:
  using Parts::inputs, Parts::outputs, Parts::input_shape;
  using value_type = T;
  /// See `WeighingModel`.
  static constexpr bool weighs_samples = true;

  using Parts::Parts;

  /// Calls `number(name, value)` for the numbers besides parameters and buffers that the next training passes depend
  /// on; they may be written to. `io::checkpoint` uses it.
  template <class Number>
  void visit_state(const Number& number) {
    number("training_passes", training_passes_);
  }

  /// out = ∂L/∂θ of L = Σ_n w_n ℓ_n / Σ_n w_n in training; returns L. `out` is as long as `parameters()` and
  /// overwritten. Statistics of a batch count each sample once. Every call draws its own dropout and updates running
  /// statistics, but a call whose L is not finite, or that throws, changes nothing. \throws NumericError, which names
  /// it, for a running statistic that would not be finite.
  double gradient(const Batch<T>& batch, std::span<T> out) { return gradient(batch, OwnLoss{}, out); }

  /// The same of the loss L = Σ_n w_n (a_n ℓ_n + e_n) / Σ_n w_n of a `Criterion`, in as many passes: one forwards, one
  /// backwards. A batch needs labels or targets for ℓ even where a_n = 0.
  template <class Policy>
  double gradient(const Batch<T>& all, const Policy& criterion, std::span<T> out) {
    static_assert(lifelong::detail::require_criterion<Policy, T>());
    const Batch<T> batch = present_.of(all);
    check_supervised(batch);
    check_parameters(out.size());
    moving_buffers_ = buffers_;
    const Flow<T> flow = flow_in(Mode::train, moving_buffers_, batch);
    const double value = differentiate(flow, batch, criterion);
    const bool finite = lifelong::detail::is_finite(value);
    if (finite && !moving_buffers_.empty()) check_moving_buffers();
    chain_.backward(backend_, Pass<moment::Sum>{}, flow, input(batch), delta(batch.size), no_input_gradient(batch),
                    out);
    clear_frozen(out);
    if (!finite) return value;
    ++training_passes_;
    std::copy(moving_buffers_.begin(), moving_buffers_.end(), buffers_.begin());
    return value;
  }

  /// The same in evaluation: nothing is dropped, and running statistics stay as they are.
  double evaluation_gradient(const Batch<T>& all, std::span<T> out) {
    const Batch<T> batch = present_.of(all);
    check_supervised(batch);
    check_parameters(out.size());
    const Flow<T> flow = evaluation(batch);
    const double value = differentiate(flow, batch, OwnLoss{});
    chain_.backward(backend_, Pass<moment::Sum>{}, flow, input(batch), delta(batch.size), no_input_gradient(batch),
                    out);
    clear_frozen(out);
    return value;
  }

  /// L = Σ_n w_n ℓ_n / Σ_n w_n in evaluation. It costs a forward pass.
  double loss(const Batch<T>& all) {
    const Batch<T> batch = present_.of(all);
    check_supervised(batch);
    return differentiate(evaluation(batch), batch, OwnLoss{});
  }

  /// out = f(x_n; θ), N x outputs(), row-major. Labels and ranges are ignored.
  void predict(const Batch<T>& batch, std::span<T> out) {
    check_inputs(batch);
    lifelong::detail::require_rows("the array for the outputs", out.size(), batch.size, outputs());
    const Flow<T> flow = evaluation(batch);
    const Rows<const T> f = chain_.forward(backend_, flow, input(batch));
    std::copy_n(f.data, f.size(), out.data());
  }

  /// How many features a sample has: values that the last layer with parameters takes, behind the layers before it.
  [[nodiscard]] std::size_t features() const { return chain_.head().inputs; }
  /// out = these values for x_n in evaluation, N x features(), row-major. It costs a forward pass. \throws as
  /// `predict`, and InvalidArgument where that layer takes sequences of unequal length.
  void predict_features(const Batch<T>& batch, std::span<T> out) {
    check_inputs(batch);
    lifelong::detail::require_rows("the array for the features", out.size(), batch.size, features());
    const Flow<T> flow = evaluation(batch);
    chain_.forward(backend_, flow, input(batch));
    const Rows<const T> h = chain_.head_inputs(flow, input(batch));
    if (h.size() != out.size())
      lifelong::detail::raise<InvalidArgument>("the last layer takes sequences of unequal length, not features");
    std::copy_n(h.data, h.size(), out.data());
  }

  /// out = Σ_n J_nᵀ v_n with J_n = ∂f(x_n)/∂θ; the cotangents are N x outputs(). `out` is overwritten. It costs a
  /// gradient.
  /// \throws InvalidArgument if a layer mixes samples, so that there is no J_n.
  void pullback(const Batch<T>& batch, std::span<const T> cotangents, std::span<T> out) {
    check_inputs(batch);
    lifelong::detail::require_rows("the array of cotangents", cotangents.size(), batch.size, outputs());
    check_parameters(out.size());
    chain_.require_samples_apart();
    const Flow<T> flow = evaluation(batch);
    chain_.forward(backend_, flow, input(batch));
    detail::grow(delta_, cotangents.size());
    std::copy_n(cotangents.data(), cotangents.size(), delta_.data());
    chain_.backward(backend_, Pass<moment::Sum>{}, flow, input(batch), delta(batch.size), no_input_gradient(batch),
                    out);
    clear_frozen(out);
  }

  /// out += Σ_n w_n Σ_k m(J_nᵀ v_nk), k = 0 .. functional.cotangents(outputs())-1, where `functional` makes the
  /// cotangents of f(x_n). It is exact for each sample and has no array of per-sample gradients. With one cotangent it
  /// costs a gradient; each further one costs the products with the weights above the first layer, and the gradients of
  /// layers that use a weight at several positions. The work arrays hold the whole batch, so cut large data sets into
  /// batches of some hundreds of samples. \throws InvalidArgument if a layer mixes samples.
  template <OutputFunctional Functional, class Moment>
  void accumulate_moment(const Batch<T>& batch, const Functional& functional, Moment moment, std::span<T> out) {
    check_parameters(out.size());
    differentiate_outputs(batch, functional, moment, moment, out, detail::NoHook{});
    clear_frozen(out);
  }

  /// out += Σ_n w_n m(∂/∂θ_l of `functional` at F_l(x_n)) for every layer l with parameters, where F_l is the layer
  /// with the activation right behind it, seen as a function of its own inputs, and `functional` has one cotangent.
  /// Nothing is propagated further down, so it costs less than a gradient. Ranges of active outputs apply to the
  /// network's outputs only. \throws as `accumulate_moment`.
  template <OutputFunctional Functional, class Moment>
  void accumulate_local_moment(const Batch<T>& all, const Functional& functional, Moment moment, std::span<T> out) {
    const Batch<T> batch = present_.of(all);
    check_parameters(out.size());
    check_inputs(batch);
    lifelong::detail::check_active(batch, outputs());
    chain_.require_samples_apart();
    const Flow<T> flow = evaluation(batch);
    chain_.forward(backend_, flow, input(batch));
    chain_.backward_each_layer(backend_, moment, flow, input(batch), out,
                               [&](Rows<const T> f, Rows<T> delta_of_f, bool last) {
                                 const Rows<T> prepared = copy_of(f);
                                 for_each_sample(batch.size, [&](std::size_t n) {
                                   const std::span<T> values = packed_.sample(n, prepared, batch.size);
                                   SampleContext<T> sample = batch.context(n, outputs());
                                   if (!last) sample.active = {0, static_cast<std::uint32_t>(values.size())};
                                   functional.prepare(values, sample);
                                   const std::span<T> cotangent = packed_.sample(n, delta_of_f, batch.size);
                                   functional.cotangent(0, std::span<const T>(values), sample, cotangent);
                                   weigh(batch, n, moment, cotangent);
                                 });
                               });
    clear_frozen(out);
  }

  /// The backward passes of `accumulate_moment` without gradients of parameters: for each cotangent, from the last
  /// layer to the lowest with parameters, `hook(l, layer, flow, x, dy)` receives a layer's inputs and the gradient of
  /// its outputs; see `Chain::backward`. The gradients of sample n are √w_n times their own, so that products of two
  /// have its weight. \throws InvalidArgument for a batch with lengths, since Kronecker factors count the same number
  /// of positions for each sample.
  template <OutputFunctional Functional, class Hook>
  void backpropagate(const Batch<T>& batch, const Functional& functional, const Hook& hook) {
    lifelong::detail::refuse_lengths(batch, "a Kronecker-factored Fisher information");
    differentiate_outputs(batch, functional, moment::Sum{}, moment::Square{}, std::span<T>(), hook);
  }

 private:
  using Parts::backend_, Parts::buffer_layout_, Parts::buffers_, Parts::chain_, Parts::loss_, Parts::parameters_,
      Parts::seed_;
  using Parts::clear_frozen;

  /// \throws NumericError for the first running statistic that is not finite.
  void check_moving_buffers() const {
    const std::size_t i = lifelong::detail::first_not_finite(std::span<const T>(moving_buffers_));
    if (i < moving_buffers_.size())
      lifelong::detail::raise<NumericError>(buffer_layout_.describe(i) + " would be " +
                                            lifelong::detail::text(static_cast<double>(moving_buffers_[i])) +
                                            " in this pass: an input of the batch is too large");
  }

  /// What the layers are given for the batch; call it before `input`.
  Flow<T> flow_in(Mode mode, AlignedVector<T>& buffers, const Batch<T>& batch) {
    packed_.take(batch, input_shape());
    return {parameters_, buffers,         memory_, scratch_, mode, Random(seed_, Purpose::dropout, training_passes_),
            0,           packed_.starts()};
  }
  Flow<T> evaluation(const Batch<T>& batch) { return flow_in(Mode::evaluate, buffers_, batch); }

  Rows<const T> input(const Batch<T>& batch) const { return packed_.rows(batch, input_shape()); }

  /// Stands for the gradient of the inputs, which no pass of a network computes.
  Rows<T> no_input_gradient(const Batch<T>& batch) const { return {nullptr, input(batch).count, input(batch).width}; }

  /// The gradient of the outputs, from which a backward pass starts.
  Rows<T> delta(std::size_t samples) { return {delta_.data(), samples, outputs()}; }

  /// Calls `body(n)` for every sample; a row of outputs takes about 16 operations per value.
  template <class Body>
  void for_each_sample(std::size_t samples, const Body& body) {
    detail::for_each_range(backend_, samples, 16 * outputs(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t n = begin; n < end; ++n) body(n);
    });
  }

  /// Runs a forward pass, sets delta to ∂L/∂f, and returns L.
  template <class Policy>
  double differentiate(const Flow<T>& flow, const Batch<T>& batch, const Policy& criterion) {
    const Rows<const T> f = chain_.forward(backend_, flow, input(batch));
    detail::grow(delta_, f.size());
    detail::grow(losses_, batch.size);
    const Rows<T> rows = delta(batch.size);
    const double weight = batch.weight();
    const T equal_share = T(1) / static_cast<T>(weight);
    for_each_sample(batch.size, [&](std::size_t n) {
      const std::span<T> row = rows.row(n);
      losses_[n] = differentiate(f.row(n), batch.context(n, outputs()), n, criterion, row);
      const T share =
          batch.weights.empty() ? equal_share : static_cast<T>(static_cast<double>(batch.weights[n]) / weight);
      for (T& value : row) value *= share;
    });
    double total = 0;
    for (std::size_t n = 0; n < batch.size; ++n)
      total += batch.weights.empty() ? losses_[n] : static_cast<double>(batch.weights[n]) * losses_[n];
    return total / weight;
  }

  /// Sets `row` to ∂/∂f of what a criterion makes of the loss of sample n, which it returns.
  template <class Policy>
  double differentiate(std::span<const T> f, const SampleContext<T>& sample, std::size_t n, const Policy& criterion,
                       std::span<T> row) const {
    const double share = criterion.share(n);
    double own = 0;
    if (share != 0) {
      std::copy_n(f.data(), row.size(), row.data());
      own = share * loss_.differentiate(row, sample);
      if (share != 1)
        for (T& value : row) value *= static_cast<T>(share);
    } else {
      std::fill(row.begin(), row.end(), T(0));
    }
    return own + criterion.term(n, f, sample, row);
  }

  /// Gives a cotangent of sample `n` its weight under a moment.
  template <class Moment>
  static void weigh(const Batch<T>& batch, std::size_t n, Moment, std::span<T> delta) {
    if (batch.weights.empty()) return;
    static_assert(
        requires { Moment::factor(T(1)); },
        "a moment needs factor(w): m(factor(w) v) = w m(v) gives a sample its weight");
    const T factor = Moment::factor(batch.weights[n]);
    for (T& value : delta) value *= factor;
  }

  /// A backward pass for each cotangent of the functional; `weighing` is the moment that the samples' weights are for.
  template <OutputFunctional Functional, class Moment, class Weighing, class Hook>
  void differentiate_outputs(const Batch<T>& all, const Functional& functional, Moment moment, Weighing weighing,
                             std::span<T> out, const Hook& hook) {
    const Batch<T> batch = present_.of(all);
    lifelong::detail::check_answers<Loss>(batch, inputs(), outputs());
    check_lengths(batch);
    chain_.require_samples_apart();
    const Flow<T> flow = evaluation(batch);
    const Rows<T> prepared = prepare(batch, functional, chain_.forward(backend_, flow, input(batch)));
    const std::size_t cotangents = functional.cotangents(outputs());
    detail::grow(delta_, prepared.size());
    for (std::size_t k = 0; k < cotangents; ++k) {
      for_each_sample(batch.size, [&](std::size_t n) {
        functional.cotangent(k, std::span<const T>(prepared.row(n)), batch.context(n, outputs()),
                             delta(batch.size).row(n));
        weigh(batch, n, weighing, delta(batch.size).row(n));
      });
      chain_.backward(backend_, Pass<Moment>{moment, k, cotangents, true}, flow, input(batch), delta(batch.size),
                      no_input_gradient(batch), out, hook);
    }
  }

  /// A copy of the outputs, prepared by the functional.
  template <OutputFunctional Functional>
  Rows<T> prepare(const Batch<T>& batch, const Functional& functional, Rows<const T> from) {
    const Rows<T> to = copy_of(from);
    for_each_sample(batch.size, [&](std::size_t n) { functional.prepare(to.row(n), batch.context(n, outputs())); });
    return to;
  }

  /// A copy that may be changed; the next call overwrites it.
  Rows<T> copy_of(Rows<const T> from) {
    detail::grow(prepared_, from.size());
    std::copy_n(from.data, from.size(), prepared_.data());
    return {prepared_.data(), from.count, from.width};
  }

  void check_parameters(std::size_t size) const {
    lifelong::detail::require_size("the gradient", size, parameters_.size());
  }

  void check_inputs(const Batch<T>& batch) const {
    lifelong::detail::check_inputs(batch, inputs());
    check_lengths(batch);
  }

  void check_lengths(const Batch<T>& batch) const {
    if (batch.lengths.empty()) return;
    chain_.require_lengths_taken();
    lifelong::detail::check_lengths(batch, input_shape()[0]);
  }

  /// Checks that the batch has a loss.
  void check_supervised(const Batch<T>& batch) const {
    lifelong::detail::check_supervised<Loss>(batch, inputs(), outputs(), Loss::uses_labels);
    check_lengths(batch);
  }

  std::uint32_t training_passes_ = 0;
  AlignedVector<T> moving_buffers_;  // the running statistics of the gradient that is being computed
  PresentSamples<T> present_;
  LayerMemory<T> memory_;
  AlignedVector<T> delta_, prepared_, scratch_;
  PackedInputs<T> packed_;
  std::vector<double> losses_;
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
