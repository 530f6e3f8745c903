// A feed-forward network: any list of layers, one forward pass and one backward pass.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/concepts.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/parallel.hpp>
#include <lifelong/nn/rows.hpp>

namespace lifelong::nn {

/// f(x; θ): layers one after the other, and the mean of a loss over a batch. `Layers` is a `std::tuple` of layers (see
/// `sequential`) or a `std::vector<std::variant<...>>` of them (see `mlp`); both run the same code and give the same
/// bits. Models `DifferentiableModel`, `PredictiveModel`, `PullbackModel` and `MomentModel`.
///
/// Blocks are named as in a PyTorch `nn.Sequential`: `0.weight`, `0.bias`, `2.weight`, ... where the number counts all
/// layers. A copy is an independent network. Results are bitwise equal for any number of threads of the backend.
///
/// Work arrays grow to the largest batch seen and are reused: no allocation after warm-up. Calls that take a batch use
/// them, so one network serves one thread at a time. They throw `ShapeMismatch` or `InvalidArgument` for a batch that
/// does not fit, before anything is written. NaN and Inf pass through to the results.
template <class T, class Layers, LossPolicy Loss = SoftmaxCrossEntropy, ExecutionBackend Backend = backend::Serial>
class Network {
 public:
  using value_type = T;

  /// Parameters are drawn from `seed`, purpose `initialization`, element i of θ with draw i.
  /// \throws ShapeMismatch if a layer does not take what the one before it makes, InvalidArgument if a layer is empty
  /// or none has parameters.
  explicit Network(Layers layers, std::uint64_t seed = 0, Backend backend = {}, Loss loss = {})
      : layers_(std::move(layers)), backend_(std::move(backend)), loss_(std::move(loss)) {
    connect();
    parameters_.resize(layout_.size());
    const Random random(seed, Purpose::initialization);
    detail::for_each_layer(layers_, [&](std::size_t l, const auto& layer) {
      layer.initialize(own(l, std::span<T>(parameters_)), random, slots_[l].offset);
    });
  }

  /// θ, all layers in order, contiguous; the blocks of `layout()`.
  [[nodiscard]] std::span<T> parameters() { return parameters_; }
  [[nodiscard]] std::span<const T> parameters() const { return parameters_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] std::size_t inputs() const { return inputs_; }
  [[nodiscard]] std::size_t outputs() const { return slots_.back().width; }
  [[nodiscard]] const Layers& layers() const { return layers_; }
  [[nodiscard]] const Loss& loss_function() const { return loss_; }
  [[nodiscard]] const Backend& backend() const { return backend_; }

  /// out = ∂L/∂θ of L = 1/N Σ_n ℓ_n; returns L. `out` is as long as `parameters()` and overwritten.
  double gradient(const Batch<T>& batch, std::span<T> out) {
    check_supervised(batch);
    check_parameters(out.size());
    const double value = differentiate(batch);
    backward(batch, Pass<moment::Sum>{}, out);
    return value;
  }

  /// L = 1/N Σ_n ℓ_n. Costs a forward pass.
  double loss(const Batch<T>& batch) {
    check_supervised(batch);
    return differentiate(batch);
  }

  /// out = f(x_n; θ), N x outputs(), row-major. Labels and ranges are ignored.
  void predict(const Batch<T>& batch, std::span<T> out) {
    check_inputs(batch);
    lifelong::detail::require_size("the array for the outputs", out.size(), batch.size * outputs());
    forward(batch);
    std::copy_n(output(slots_.size() - 1, batch.size).data, out.size(), out.data());
  }

  /// out = Σ_n J_nᵀ seed_n with J_n = ∂f(x_n)/∂θ; seeds N x outputs(). `out` is overwritten. Costs a gradient.
  void pullback(const Batch<T>& batch, std::span<const T> seeds, std::span<T> out) {
    check_inputs(batch);
    lifelong::detail::require_size("the array of seeds", seeds.size(), batch.size * outputs());
    check_parameters(out.size());
    forward(batch);
    std::copy_n(seeds.data(), seeds.size(), delta_.data());
    backward(batch, Pass<moment::Sum>{}, out);
  }

  /// out += Σ_n Σ_k m(J_nᵀ seed_nk), k = 0 .. functional.seeds(outputs())-1, seeds as `functional` makes them of
  /// f(x_n). Exact for each sample, without an array of per-sample gradients. With one seed it costs a gradient; each
  /// further one costs the products with the weights above the first layer. The whole batch is one set of work arrays:
  /// chunk large data sets to some hundreds of samples.
  template <OutputFunctional Functional, class Moment>
  void accumulate_moment(const Batch<T>& batch, const Functional& functional, Moment moment, std::span<T> out) {
    check_inputs(batch);
    check_active(batch);
    if (!batch.labels.empty()) check_labels(batch, false);
    check_parameters(out.size());
    forward(batch);
    const Rows<T> prepared = prepare(batch, functional);
    const std::size_t seeds = functional.seeds(outputs());
    for (std::size_t k = 0; k < seeds; ++k) {
      for_each_sample(batch.size, [&](std::size_t n) {
        functional.seed(k, std::span<const T>(prepared.row(n)), batch.context(n, outputs()), delta(batch.size).row(n));
      });
      backward(batch, Pass<Moment>{moment, k, seeds, true}, out);
    }
  }

 private:
  /// What the network keeps for a layer.
  struct Slot {
    std::size_t offset = 0;   ///< of its parameters in θ
    std::size_t size = 0;     ///< number of its parameters
    std::size_t width = 0;    ///< outputs per sample
    AlignedVector<T> output;  ///< of the last forward pass
    AlignedVector<T> kept;    ///< see LayerMemory
  };

  /// Finds widths, offsets and names.
  void connect() {
    std::size_t width = 0;
    detail::for_each_layer(layers_, [&](std::size_t, const auto& layer) {
      layer.validate();
      if (inputs_ == 0) inputs_ = layer.inputs();
    });
    if (inputs_ == 0) lifelong::detail::raise<InvalidArgument>("a network needs at least one layer with parameters");
    width = inputs_;
    detail::for_each_layer(layers_, [&](std::size_t l, const auto& layer) {
      if (layer.inputs() != 0 && layer.inputs() != width)
        lifelong::detail::raise<ShapeMismatch>("layer " + std::to_string(l) + " takes " +
                                               std::to_string(layer.inputs()) + " inputs but is given " +
                                               std::to_string(width));
      width = layer.outputs(width);
      Slot slot;
      slot.offset = layout_.size();
      layer.declare(layout_, std::to_string(l));
      slot.size = layout_.size() - slot.offset;
      slot.width = width;
      slots_.push_back(std::move(slot));
    });
    while (slots_[first_trained_].size == 0) ++first_trained_;
    for (const Slot& slot : slots_) widest_ = std::max(widest_, slot.width);
  }

  /// The part of a parameter-sized array that belongs to layer l.
  template <class U>
  std::span<U> own(std::size_t l, std::span<U> all) const {
    return all.subspan(slots_[l].offset, slots_[l].size);
  }
  std::span<const T> weights(std::size_t l) const { return own(l, parameters()); }

  Rows<const T> input(const Batch<T>& batch, std::size_t l) {
    if (l == 0) return {batch.inputs.data(), batch.size, inputs_};
    return output(l - 1, batch.size);
  }
  Rows<T> output(std::size_t l, std::size_t samples) { return {slots_[l].output.data(), samples, slots_[l].width}; }

  /// The gradient of the outputs, from which a backward pass starts.
  Rows<T> delta(std::size_t samples) { return {delta_.data(), samples, outputs()}; }

  /// Calls `task(n)` for every sample; a row of outputs takes about 16 operations per value.
  template <class Task>
  void for_each_sample(std::size_t samples, const Task& task) {
    detail::for_each_block(backend_, samples, 16 * outputs(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t n = begin; n < end; ++n) task(n);
    });
  }

  void forward(const Batch<T>& batch) {
    reserve(batch.size);
    detail::for_each_layer(layers_, [&](std::size_t l, const auto& layer) {
      layer.forward(backend_, weights(l), input(batch, l), output(l, batch.size));
    });
  }

  void reserve(std::size_t samples) {
    for (Slot& slot : slots_) detail::grow(slot.output, samples * slot.width);
    detail::grow(delta_, samples * widest_);
    detail::grow(other_delta_, samples * widest_);
    detail::grow(losses_, samples);
  }

  /// Forward pass, delta = ∂L/∂f, and L.
  double differentiate(const Batch<T>& batch) {
    forward(batch);
    const Rows<T> outputs_row = output(slots_.size() - 1, batch.size), rows = delta(batch.size);
    const T share = T(1) / static_cast<T>(batch.size);
    for_each_sample(batch.size, [&](std::size_t n) {
      const std::span<T> row = rows.row(n);
      std::copy_n(outputs_row.row(n).data(), row.size(), row.data());
      losses_[n] = loss_.differentiate(row, batch.context(n, outputs()));
      for (T& value : row) value *= share;
    });
    double total = 0;
    for (std::size_t n = 0; n < batch.size; ++n) total += losses_[n];
    return total / static_cast<double>(batch.size);
  }

  /// A copy of the outputs, prepared by the functional.
  template <class Functional>
  Rows<T> prepare(const Batch<T>& batch, const Functional& functional) {
    const Rows<T> from = output(slots_.size() - 1, batch.size);
    detail::grow(prepared_, from.size());
    const Rows<T> to{prepared_.data(), from.count, from.width};
    for_each_sample(batch.size, [&](std::size_t n) {
      std::copy_n(from.row(n).data(), from.width, to.row(n).data());
      functional.prepare(to.row(n), batch.context(n, outputs()));
    });
    return to;
  }

  /// One backward pass from delta, down to the lowest layer with parameters.
  template <class Moment>
  void backward(const Batch<T>& batch, const Pass<Moment>& pass, std::span<T> out) {
    T* above = delta_.data();
    T* below = other_delta_.data();
    detail::for_each_layer_backwards(layers_, [&](std::size_t l, const auto& layer) {
      if (l < first_trained_) return;
      const Rows<const T> x = input(batch, l), y = output(l, batch.size);
      const Rows<T> dy{above, y.count, y.width}, dx{layer.in_place ? above : below, x.count, x.width};
      if (l > first_trained_) layer.backward(backend_, weights(l), x, y, dy, dx);
      layer.accumulate(backend_, pass, x, dy, LayerMemory<T>{slots_[l].kept, scratch_}, own(l, out));
      if (!layer.in_place) std::swap(above, below);
    });
  }

  void check_parameters(std::size_t size) const {
    lifelong::detail::require_size("the gradient", size, parameters_.size());
  }

  void check_inputs(const Batch<T>& batch) const {
    if (batch.features != inputs_)
      lifelong::detail::raise<ShapeMismatch>("the batch has " + std::to_string(batch.features) +
                                             " features per sample where the network takes " + std::to_string(inputs_));
    lifelong::detail::require_size("batch.inputs", batch.inputs.size(), batch.size * inputs_);
  }

  /// Whether a loss can be taken of the batch.
  void check_supervised(const Batch<T>& batch) const {
    check_inputs(batch);
    if (batch.size == 0) lifelong::detail::raise<InvalidArgument>("the mean loss of a batch of 0 samples is undefined");
    check_active(batch);
    if constexpr (Loss::uses_labels)
      check_labels(batch, true);
    else
      lifelong::detail::require_size("batch.targets", batch.targets.size(), batch.size * outputs());
  }

  void check_active(const Batch<T>& batch) const {
    if (batch.active.empty()) return;
    lifelong::detail::require_size("batch.active", batch.active.size(), batch.size);
    for (std::size_t n = 0; n < batch.size; ++n) {
      const OutputRange range = batch.active[n];
      if (range.first > outputs() || range.count > outputs() - range.first)
        lifelong::detail::raise<InvalidArgument>("batch.active[" + std::to_string(n) + "] is " + text(range) +
                                                 " where the network has " + std::to_string(outputs()) + " outputs");
    }
  }

  /// Labels are active outputs; unless `required`, a sample may have none (-1): functionals that need one refuse it.
  void check_labels(const Batch<T>& batch, bool required) const {
    lifelong::detail::require_size("batch.labels", batch.labels.size(), batch.size);
    for (std::size_t n = 0; n < batch.size; ++n) {
      const SampleContext<T> sample = batch.context(n, outputs());
      if (!required && sample.label == -1) continue;
      const std::int64_t first = sample.active.first, end = first + sample.active.count;
      if (sample.label < first || sample.label >= end)
        lifelong::detail::raise<InvalidArgument>("batch.labels[" + std::to_string(n) + "] is " +
                                                 std::to_string(sample.label) + ", not one of the active outputs " +
                                                 text(sample.active));
    }
  }

  /// `[first, end)`.
  static std::string text(OutputRange range) {
    return std::string("[") + std::to_string(range.first) + ", " +
           std::to_string(std::uint64_t{range.first} + range.count) + ")";  // g++ 12 warns of "[" + string (bug 105329)
  }

  Layers layers_;
  Backend backend_;
  Loss loss_;
  Layout layout_;
  std::size_t inputs_ = 0;
  std::size_t first_trained_ = 0;  // lowest layer with parameters
  std::size_t widest_ = 0;         // most outputs of a layer
  AlignedVector<T> parameters_;
  std::vector<Slot> slots_;
  AlignedVector<T> delta_, other_delta_, prepared_, scratch_;
  std::vector<double> losses_;
};

}  // namespace lifelong::nn
