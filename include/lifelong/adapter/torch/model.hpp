// SPDX-License-Identifier: MIT
// Any module of LibTorch as a model. Its parameters become views of one flat tensor, on which a learner's step runs.
// The namespace is not called torch, so that `using namespace lifelong` leaves ::torch alone.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/autograd.h>
#include <torch/nn.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/adapter/torch/apart.hpp>
#include <lifelong/adapter/torch/arrays.hpp>
#include <lifelong/adapter/torch/flat.hpp>
#include <lifelong/adapter/torch/guard.hpp>
#include <lifelong/adapter/torch/one_by_one.hpp>
#include <lifelong/adapter/torch/registered.hpp>
#include <lifelong/adapter/torch/tensors.hpp>
#include <lifelong/adapter/torch/trace.hpp>
#include <lifelong/backend/backend.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/functional.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/present_samples.hpp>
#include <lifelong/nn/loss.hpp>

namespace lifelong::libtorch {

/// A module with `Tensor forward(Tensor)`, N x shape in, N x K out (or N x anything with K values). θ is every
/// parameter that requires a gradient, under the names of a `state_dict`; the others stay as they are. The model shares
/// the module with the code that made it: that code sees at once what is learned, and may use the parameters but not
/// move them (`to`, `load`). Copies of a model share the module, too.
///
/// Every estimator works: exact at batch speed for `torch::nn::Sequential` of `Linear`, zero-padded `Conv2d` and
/// modules without parameters that treat samples apart; one sample at a time for any other module. Estimation and
/// `predict` run the module in evaluation mode; `gradient` runs it in the mode it is in (`train()` or not).
///
/// The module must keep samples apart: in evaluation mode, what it gives for a sample must not depend on the others of
/// the batch. The first estimation looks at three samples, together and alone, and refuses a module whose outputs then
/// differ by more than √ε of the largest (3e-4 for float): normalisation or attention over the batch, `batch_first` of
/// a recurrent layer not set, dropout in evaluation.
///
/// The module may be on a device: then the learner needs a backend of that device, on the stream that LibTorch works
/// on. Parameters, gradients and moments stay there; inputs, outputs and cotangents pass through the host.
///
/// The function `model` makes one. What LibTorch itself refuses (`c10::Error`) arrives as InvalidArgument with its
/// cause, or OutOfMemory. LibTorch allocates in every pass.
template <class Impl, class T, class Loss>
class Model {
  using Tensor = ::torch::Tensor;

 public:
  using value_type = T;

  Model(std::shared_ptr<Impl> module, std::vector<std::int64_t> input_shape, Loss loss = {})
      : module_(std::move(module)), input_shape_(std::move(input_shape)), loss_(std::move(loss)) {
    if (!module_) detail::raise<InvalidArgument>("there is no module: the pointer or holder is empty");
    modules_ = module_->modules();
    registered_ = detail::Registered(*module_);
    for (const auto& part : module_->named_modules()) {
      const BlockKind kind = detail::kind_of(*part.value());
      const std::string path = part.key().empty() ? part.key() : part.key() + ".";
      const std::size_t before = parameters_.count();
      for (const auto& parameter : part.value()->named_parameters(false))
        if (parameter.value().requires_grad()) parameters_.add(path + parameter.key(), parameter.value(), kind);
      if (parameters_.count() > before) head_ = before;
      for (const auto& buffer : part.value()->named_buffers(false))
        if (buffer.value().defined() && buffer.value().is_floating_point())
          buffers_.add(path + buffer.key(), buffer.value(), kind);
    }
    if (parameters_.count() == 0)
      detail::raise<InvalidArgument>("the module has no parameters that require a gradient");
    buffers_.require_beside(parameters_);
    parameters_.mark_head(head_);
    inputs_ = detail::count_of(input_shape_);
    outputs_ = guarded(1, [&] {
      generators_ = detail::generators_for(device());
      return count_outputs();
    });
    steps_ = detail::steps_of(*module_);
    parameters_.flatten();
    buffers_.flatten();
  }

  /// The module itself.
  [[nodiscard]] const std::shared_ptr<Impl>& module() const { return module_; }

  /// Where the module's parameters are; batches are copied there.
  [[nodiscard]] ::torch::Device device() const { return parameters_.device(); }

  /// θ, in the module's order; the blocks of `layout()`. It lies on the module's device, as all spans of parameters,
  /// gradients and moments do: if that is not the CPU, the host must not read them.
  [[nodiscard]] std::span<T> parameters() { return parameters_.values(); }
  [[nodiscard]] std::span<const T> parameters() const { return parameters_.values(); }
  [[nodiscard]] const Layout& layout() const { return parameters_.layout(); }
  /// Running statistics and all other floating-point buffers that the module has registered, on its device.
  [[nodiscard]] std::span<T> buffers() { return buffers_.values(); }
  [[nodiscard]] std::span<const T> buffers() const { return buffers_.values(); }
  [[nodiscard]] const Layout& buffer_layout() const { return buffers_.layout(); }
  [[nodiscard]] const Loss& loss_function() const { return loss_; }
  [[nodiscard]] std::size_t inputs() const { return inputs_; }
  [[nodiscard]] std::size_t outputs() const { return outputs_; }

  /// Copies values of parameters, buffers or gradients between the module's device and the host, and waits for it.
  void copy_out(const T* place, std::span<T> host) const {
    const std::span<T> there(const_cast<T*>(place), host.size());
    detail::as_tensor(host, {-1}).copy_(detail::as_tensor(there, {-1}, device()));
  }
  void copy_in(std::span<const T> host, T* place) const {
    const std::span<T> here(const_cast<T*>(host.data()), host.size());
    detail::as_tensor(std::span(place, host.size()), {-1}, device()).copy_(detail::as_tensor(here, {-1}));
  }

  /// Asked by learners. \throws InvalidArgument if the module is on a device and the backend works on the host, or on
  /// another stream than LibTorch.
  template <class Backend>
  void require_backend([[maybe_unused]] const Backend& backend) const {
    if (device().is_cpu()) return;  // whether the backend reaches that, it knows itself
    if constexpr (!DeviceBackend<Backend>)
      detail::refuse_host(device());
    else if constexpr (requires { backend.stream(); })
      detail::require_same_stream(c10::impl::VirtualGuardImpl(device().type()).getStream(device()), backend.stream());
  }

  /// What a training pass changes besides gradients: the buffers of the module, whatever their type, and LibTorch's
  /// random numbers. A learner takes it before a step, and puts it back if the step is refused.
  [[nodiscard]] detail::TrainingState save_training_state() const {
    return with_state([&] { return detail::TrainingState(modules_, generators_); });
  }
  void restore_training_state(const detail::TrainingState& saved) { saved.restore(modules_, generators_); }

  /// out = ∂L/∂θ of the mean loss L, with the module in the mode it is in; returns L. If L is not finite, or the pass
  /// fails, buffers and random numbers are as they were.
  /// \throws InvalidArgument, which names the parameter, if one was moved, replaced or frozen; ShapeMismatch and
  /// InvalidArgument for a batch or outputs that do not fit, or active outputs for a `TensorLoss`; NumericError for a
  /// running statistic that is not finite after the pass.
  double gradient(const Batch<T>& batch, std::span<T> out) {
    const detail::TrainingState before = save_training_state();
    bool kept = false;
    const detail::AtEnd give_back([&] {
      if (!kept) restore_training_state(before);
    });
    const double loss = guarded(batch.size, [&] { return differentiate_loss(batch, out); });
    if (lifelong::detail::is_finite(loss)) with_state([&] { buffers_.require_finite_statistics(); });
    kept = lifelong::detail::is_finite(loss);
    return loss;
  }

  /// The same with the module in evaluation mode.
  double evaluation_gradient(const Batch<T>& batch, std::span<T> out) {
    const detail::Evaluating as_used(modules_);
    return guarded(batch.size, [&] { return differentiate_loss(batch, out); });
  }

  /// out = f(x_n; θ), N x outputs(), row-major.
  void predict(const Batch<T>& batch, std::span<T> out) {
    lifelong::detail::check_inputs(batch, inputs());
    lifelong::detail::require_size("the array for the outputs", out.size(), batch.size * outputs());
    const detail::Evaluating as_used(modules_);
    const ::torch::NoGradGuard no_grad;
    guarded(batch.size, [&] { rows(out).copy_(forward(batch)); });
  }

  /// out = Σ_n J_nᵀ v_n with J_n = ∂f(x_n)/∂θ; the cotangents are N x outputs(). It costs a gradient.
  void pullback(const Batch<T>& batch, std::span<const T> cotangents, std::span<T> out) {
    lifelong::detail::check_inputs(batch, inputs());
    lifelong::detail::require_size("the array of cotangents", cotangents.size(), batch.size * outputs());
    check_gradient(out);
    const detail::Evaluating as_used(modules_);
    const ::torch::AutoGradMode with_gradient(true);
    guarded(batch.size, [&] { pull(forward(batch), cotangents, out); });
  }

  /// out += Σ_n Σ_k m(J_nᵀ v_nk), k = 0 .. functional.cotangents(outputs())-1, exact for each sample. At batch speed
  /// the backward passes stop at the outputs of the layers. A Linear layer then costs one product for all cotangents; a
  /// layer that uses its weights at several positions forms the gradients of some samples at a time.
  template <OutputFunctional Functional, class Moment>
  void accumulate_moment(const Batch<T>& batch, const Functional& functional, Moment moment, std::span<T> out) {
    lifelong::detail::require_weighing<Model>(batch);
    lifelong::detail::check_answers<Loss>(batch, inputs(), outputs());
    check_gradient(out);
    if (!apart_ && batch.size > 1) guarded(batch.size, [&] { require_apart(batch); });
    guarded(batch.size, [&] {
      if (steps_.empty() || !accumulate_traced(batch, functional, moment, out))
        detail::accumulate_one_by_one(*this, batch, functional, moment, here(out));
    });
  }

  /// The gradient that `backward()` has left in the parameters, as one vector on their device for `Learner::step`: 0
  /// where a parameter has none. From the first call on, the parameters' gradients are views of that vector as well, so
  /// that nothing is copied unless they are reset to undefined tensors, as `zero_grad` of LibTorch 2 does. You may add
  /// up the gradients of several `backward()`; call `zero_gradient()` before the next sum.
  [[nodiscard]] std::span<const T> backward_gradient() {
    require_same_module();
    if (!gradient_.defined()) gradient_ = ::torch::zeros({detail::to_int(layout().size())}, kind());
    const ::torch::NoGradGuard no_grad;
    for (std::size_t k = 0; k < parameters_.count(); ++k) {
      const Tensor& parameter = parameters_.tensors()[k];
      const Tensor place = parameters_.view(gradient_, k), found = parameter.grad();
      if (found.defined() && found.is_set_to(place)) continue;
      if (found.defined())
        place.copy_(found);
      else
        place.zero_();
      parameter.mutable_grad() = place;
    }
    return {gradient_.data_ptr<T>(), layout().size()};
  }

  /// Sets the gradient to which `backward()` adds to 0.
  void zero_gradient() {
    static_cast<void>(backward_gradient());
    gradient_.zero_();
  }

 private:
  [[nodiscard]] std::vector<std::int64_t> shape_of(std::size_t samples) const {
    std::vector<std::int64_t> shape{detail::to_int(samples)};
    shape.insert(shape.end(), input_shape_.begin(), input_shape_.end());
    return shape;
  }

  /// Runs `pass`, in which LibTorch may refuse `samples` samples.
  template <class Pass>
  decltype(auto) guarded(std::size_t samples, Pass pass) const {
    return detail::guarded(
        [&] { return "an input of shape " + detail::shape_text(::torch::empty(shape_of(samples), ::torch::kMeta)); },
        pass);
  }

  /// The same for a copy of buffers.
  template <class Pass>
  decltype(auto) with_state(Pass pass) const {
    return detail::guarded([] { return std::string("a copy of the module's buffers"); }, pass);
  }

  /// K, found by running the module on a sample of zeros.
  [[nodiscard]] std::size_t count_outputs() {
    const detail::Evaluating as_used(modules_);
    const ::torch::NoGradGuard no_grad;
    const Tensor f = module_->forward(::torch::zeros(shape_of(1), kind()));
    detail::require_type<T>(f);
    detail::require_outputs<T>(f, 1, static_cast<std::size_t>(f.numel()));
    return lifelong::detail::require_outputs(static_cast<std::size_t>(f.numel()));
  }

  void require_same_module() const {
    registered_.require_same(*module_);
    parameters_.require_attached();
    buffers_.require_attached();
  }

  [[nodiscard]] Tensor forward(const Batch<T>& batch) {
    require_same_module();
    lifelong::detail::refuse_lengths(batch, "a LibTorch model");
    const Tensor f = module_->forward(inputs_of(batch));
    detail::require_outputs<T>(f, batch.size, outputs());
    return f.reshape({detail::to_int(batch.size), detail::to_int(outputs())});
  }

  /// Looks, once, whether the module treats samples apart. Layers whose rows are not samples are not used at batch
  /// speed. \throws InvalidArgument if what a sample gives depends on the others, or on chance.
  void require_apart(const Batch<T>& batch) {
    const detail::Evaluating as_used(modules_);
    const ::torch::NoGradGuard no_grad;
    const std::vector<T> inputs = detail::three_of(batch);
    const Batch<T> three{3, batch.features, inputs};
    detail::require_apart(three, [&](const Batch<T>& some) { return forward(some).cpu(); });
    if (!steps_.empty() && !detail::rows_are_samples(steps_, three, shape_of(3), device())) steps_.clear();
    apart_ = true;
  }

  /// Type and device of the module's tensors.
  [[nodiscard]] ::torch::TensorOptions kind() const { return ::torch::dtype(detail::dtype<T>).device(device()); }
  [[nodiscard]] Tensor inputs_of(const Batch<T>& batch) const {
    return detail::copy_of(batch.inputs, shape_of(batch.size), device());
  }
  /// A vector in place that lies where the parameters do.
  [[nodiscard]] Tensor here(std::span<T> values) const { return detail::as_tensor(values, {-1}, device()); }
  /// `values` of the host in place as N x K.
  [[nodiscard]] Tensor rows(std::span<T> values) const {
    return detail::as_tensor(values, {-1, detail::to_int(outputs())});
  }

  void check_gradient(std::span<T> out) const {
    lifelong::detail::require_size("the gradient", out.size(), layout().size());
  }

  [[nodiscard]] double differentiate_loss(const Batch<T>& batch, std::span<T> out) {
    lifelong::detail::require_weighing<Model>(batch);
    check_gradient(out);
    const ::torch::AutoGradMode with_gradient(true);
    if constexpr (TensorLoss<Loss>) {
      lifelong::detail::check_supervised<Loss>(batch, inputs(), outputs(), !batch.labels.empty());
      detail::require_all_active(batch, outputs());
      const Tensor loss = loss_(forward(batch), tensors(batch, device()).answers);
      pull(loss, {}, out);
      return loss.template item<double>();
    } else {
      lifelong::detail::check_supervised<Loss>(batch, inputs(), outputs(), Loss::uses_labels);
      const Tensor f = forward(batch);
      rows_.resize(batch.size * outputs());
      rows(rows_).copy_(f.detach());
      const T share = T(1) / static_cast<T>(batch.size);
      double loss = 0;
      for (std::size_t n = 0; n < batch.size; ++n) {
        const std::span<T> row = std::span(rows_).subspan(n * outputs(), outputs());
        loss += loss_.differentiate(row, batch.context(n, outputs()));
        for (T& value : row) value *= share;
      }
      pull(f, rows_, out);
      return loss / static_cast<double>(batch.size);
    }
  }

  /// out = ∂(cotangents · from)/∂θ; without cotangents `from` is one value.
  void pull(const Tensor& from, std::span<const T> cotangents, std::span<T> out) {
    const Tensor directions = cotangents.empty() ? Tensor() : detail::copy_of(cotangents, from.sizes(), device());
    parameters_.differentiate(from, directions, here(out));
  }

  /// Adds the moment at batch speed. Returns false, with nothing done, if the layers do not keep samples apart by rows.
  template <class Functional, class Moment>
  bool accumulate_traced(const Batch<T>& batch, const Functional& functional, Moment moment, std::span<T> out) {
    require_same_module();
    const detail::Evaluating as_used(modules_);
    const ::torch::AutoGradMode with_gradient(true);
    const std::int64_t samples = detail::to_int(batch.size);
    detail::Trace trace(steps_, inputs_of(batch));
    if (!trace.is_intact(samples)) trace = detail::Trace(steps_, inputs_of(batch), true);
    if (!trace.is_intact(samples)) return false;
    detail::require_outputs<T>(trace.outputs, batch.size, outputs());

    const Tensor prepared =
        trace.outputs.detach().to(::torch::kCPU, detail::dtype<T>, false, true).reshape({samples, -1}).contiguous();
    const Tensor delta = ::torch::empty_like(prepared);
    const auto row = [&](const Tensor& of, std::size_t n) {
      return std::span(of.data_ptr<T>() + n * outputs(), outputs());
    };
    for (std::size_t n = 0; n < batch.size; ++n) functional.prepare(row(prepared, n), batch.context(n, outputs()));
    const Tensor flat = here(out);
    const std::size_t cotangents = functional.cotangents(outputs());
    for (std::size_t k = 0; k < cotangents; ++k) {
      for (std::size_t n = 0; n < batch.size; ++n)
        functional.cotangent(k, std::span<const T>(row(prepared, n)), batch.context(n, outputs()), row(delta, n));
      const Tensor directions = delta.to(device()).view(trace.outputs.sizes());
      trace.accumulate(parameters_, directions, k + 1 == cotangents, moment, flat);
    }
    trace.finish(parameters_, moment, flat);
    return true;
  }

  std::shared_ptr<Impl> module_;
  detail::Modules modules_;
  std::vector<std::int64_t> input_shape_;
  Loss loss_;
  detail::Registered registered_;
  detail::Flat<T> parameters_, buffers_;
  std::vector<detail::Step> steps_;
  ::torch::Tensor gradient_;
  std::vector<at::Generator> generators_;
  std::vector<T> rows_;
  std::size_t inputs_ = 0, outputs_ = 0, head_ = 0;
  bool apart_ = false;  ///< whether `require_apart` has looked
};

/// A module as a model: `model(net, {1, 28, 28})`, where the shape is that of one sample. `loss` is one of `nn::`
/// (`SoftmaxCrossEntropy` respects each sample's active outputs) or a `TensorLoss`. The module runs once to count its
/// outputs. \throws InvalidArgument, which names the parameter, for one that is not a dense tensor of type T on the
/// device of the others, or if none requires a gradient; then the module is as it was.
template <class T = float, class Loss = nn::SoftmaxCrossEntropy, class Module>
[[nodiscard]] auto model(const Module& module, std::vector<std::int64_t> input_shape, Loss loss = {}) {
  static_assert(
      nn::LossPolicy<Loss> || TensorLoss<Loss>,
      "TensorLoss: the loss needs operator()(outputs, answers) const, which returns a tensor of one value, or "
      "uses_labels and differentiate(row, sample) const, as an nn::LossPolicy");
  auto pointer = detail::pointer_to(module);
  using Impl = typename decltype(pointer)::element_type;
  return Model<Impl, T, Loss>(std::move(pointer), std::move(input_shape), std::move(loss));
}

}  // namespace lifelong::libtorch

#include <lifelong/config/pop_macros.hpp>
