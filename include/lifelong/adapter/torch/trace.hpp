// SPDX-License-Identifier: MIT
// A forward pass through a Sequential that keeps its layers' inputs and outputs, from which moments of per-sample
// gradients are computed for a whole batch at once.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <torch/autograd.h>
#include <torch/nn.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <typeinfo>
#include <utility>
#include <vector>

#include <lifelong/adapter/torch/arrays.hpp>
#include <lifelong/adapter/torch/flat.hpp>

namespace lifelong::libtorch::detail {

/// A layer with parameters whose per-sample gradients follow from its inputs and the gradient of its outputs.
struct KnownLayer {
  std::shared_ptr<::torch::nn::LinearImpl> linear;
  std::shared_ptr<::torch::nn::Conv2dImpl> convolution;

  [[nodiscard]] const Tensor& weight() const { return linear ? linear->weight : convolution->weight; }
  [[nodiscard]] const Tensor& bias() const { return linear ? linear->bias : convolution->bias; }
  [[nodiscard]] std::int64_t groups() const { return linear ? 1 : convolution->options.groups(); }
};

/// A module of a Sequential; if it has parameters that are learned, it is a known layer.
struct Step {
  ::torch::nn::AnyModule module;
  std::optional<KnownLayer> layer = {};
};

/// The numbers of zeros with which a convolution pads both sides; null if it pads otherwise.
inline const ::torch::ExpandingArray<2>* padding_of(const ::torch::nn::Conv2dImpl& layer) {
  if (::torch::enumtype::get_enum_name(layer.options.padding_mode()) != "kZeros") return nullptr;
  return get_if<::torch::ExpandingArray<2>>(&layer.options.padding());
}

/// `module` as a known layer, if its type is exactly that of one.
inline std::optional<KnownLayer> as_known(const std::shared_ptr<::torch::nn::Module>& module) {
  const ::torch::nn::Module& held = *module;
  if (typeid(held) == typeid(::torch::nn::LinearImpl))
    return KnownLayer{std::dynamic_pointer_cast<::torch::nn::LinearImpl>(module), nullptr};
  if (typeid(held) == typeid(::torch::nn::Conv2dImpl))
    if (auto layer = std::dynamic_pointer_cast<::torch::nn::Conv2dImpl>(module); padding_of(*layer) != nullptr)
      return KnownLayer{nullptr, std::move(layer)};
  return std::nullopt;
}

/// The modules of a Sequential; empty if one of them has parameters and is not a known layer, or shares its parameters.
inline std::vector<Step> steps_of(::torch::nn::Module& root) {
  std::vector<Step> steps;
  if (typeid(root) != typeid(::torch::nn::SequentialImpl)) return steps;
  std::vector<Tensor> learned;
  for (::torch::nn::AnyModule& module : dynamic_cast<::torch::nn::SequentialImpl&>(root)) {
    Step step{module};
    for (const Tensor& parameter : module.ptr()->parameters()) {
      if (!parameter.requires_grad()) continue;
      const auto same = [&](const Tensor& other) { return other.is_same(parameter); };
      if (!step.layer) step.layer = as_known(module.ptr());
      if (!step.layer || std::any_of(learned.begin(), learned.end(), same)) return {};
      learned.push_back(parameter);
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

/// The inputs and outputs of one layer in a forward pass.
struct Seen {
  const KnownLayer* layer;
  Tensor inputs, outputs;  ///< N x ...
  std::int64_t inputs_version, outputs_version;
  Tensor folded = {};  ///< Σ_k m(D_k), for layers that need no more

  /// Whether each row belongs to one sample and a later layer has not written over it.
  [[nodiscard]] bool is_intact(std::int64_t samples) const {
    const std::int64_t rank = inputs.dim();
    return inputs.size(0) == samples && (layer->linear ? rank >= 2 : rank == 4) &&
           inputs._version() == inputs_version && outputs._version() == outputs_version;
  }
  /// Whether a sample's gradient is one outer product d xᵀ.
  [[nodiscard]] bool has_one_position() const { return layer->linear && inputs.dim() == 2; }

  /// The inputs that the weights are multiplied with, of the samples from `first` on: count x groups x width x
  /// positions.
  [[nodiscard]] Tensor met(std::int64_t first, std::int64_t count) const {
    const Tensor x = inputs.detach().narrow(0, first, count);
    if (layer->linear) return x.reshape({count, 1, -1, x.size(-1)}).transpose(2, 3);
    const auto& options = layer->convolution->options;
    const Tensor columns = at::im2col(x, *options.kernel_size(), *options.dilation(), **padding_of(*layer->convolution),
                                      *options.stride());
    return columns.reshape({count, options.groups(), columns.size(1) / options.groups(), columns.size(2)});
  }
  /// The gradient `d` of the outputs of the same samples: count x groups x outputs x positions.
  [[nodiscard]] Tensor answered(const Tensor& d, std::int64_t first, std::int64_t count) const {
    const Tensor rows = d.narrow(0, first, count);
    if (layer->linear) return rows.reshape({count, 1, -1, rows.size(-1)}).transpose(2, 3);
    return rows.reshape({count, layer->groups(), rows.size(1) / layer->groups(), -1});
  }
};

/// Outputs of a Sequential, and the inputs and outputs of its layers. It keeps all that `autograd::grad` needs.
struct Trace {
  Tensor outputs;
  std::vector<Seen> seen = {};

  /// Passes `x` through all steps. `apart` copies what layers write before modules that work in place change it.
  Trace(std::vector<Step>& steps, Tensor x, bool apart = false) {
    for (Step& step : steps) {
      Tensor y = step.module.forward(x);
      if (step.layer) seen.push_back({&*step.layer, x, y, x._version(), y._version()});
      x = apart && step.layer ? y.clone() : y;
    }
    outputs = x;
  }

  [[nodiscard]] bool is_intact(std::int64_t samples) const {
    return std::all_of(seen.begin(), seen.end(), [&](const Seen& one) { return one.is_intact(samples); });
  }

  /// Adds Σ_n m(J_nᵀ v_n) to `out` for one cotangent per sample. What can be folded is added by `finish`.
  template <class T, class Moment>
  void accumulate(const Flat<T>& flat, const Tensor& cotangents, bool last, Moment moment, const Tensor& out) {
    std::vector<Tensor> layers;
    for (const Seen& one : seen) layers.push_back(one.outputs);
    const auto gradients = ::torch::autograd::grad({outputs}, layers, {cotangents}, !last);
    const ::torch::NoGradGuard no_grad;
    for (std::size_t l = 0; l < seen.size(); ++l) {
      if (seen[l].has_one_position()) {
        const Tensor m = moment_of<T>(gradients[l], moment);
        seen[l].folded = seen[l].folded.defined() ? seen[l].folded.add_(m) : m;
      } else {
        accumulate_positions(flat, seen[l], gradients[l], moment, out);
      }
    }
  }

  /// Adds what was folded, Σ_k m(D_k)ᵀ m(X).
  template <class T, class Moment>
  void finish(const Flat<T>& flat, Moment moment, const Tensor& out) {
    const ::torch::NoGradGuard no_grad;
    for (const Seen& one : seen) {
      if (!one.folded.defined()) continue;
      if (const auto k = flat.number_of(one.layer->weight()))
        flat.view(out, *k).addmm_(one.folded.t(), moment_of<T>(one.inputs, moment));
      if (const auto k = flat.number_of(one.layer->bias())) flat.view(out, *k).add_(one.folded.sum(0));
    }
  }

 private:
  /// Adds the moment for a layer that uses a parameter at several positions. Each sample's gradient is formed before
  /// its moment is taken, some samples at a time.
  template <class T, class Moment>
  static void accumulate_positions(const Flat<T>& flat, const Seen& one, const Tensor& d, Moment moment,
                                   const Tensor& out) {
    const std::int64_t samples = d.size(0), each = one.layer->weight().numel();
    const std::int64_t at_once = std::max<std::int64_t>(1, (std::int64_t{1} << 20) / each);
    const auto weight = flat.number_of(one.layer->weight()), bias = flat.number_of(one.layer->bias());
    for (std::int64_t first = 0; first < samples; first += at_once) {
      const std::int64_t count = std::min(at_once, samples - first);
      const Tensor rows = one.answered(d, first, count);
      if (weight) {
        const Tensor gradients = ::torch::matmul(rows, one.met(first, count).transpose(2, 3));
        const Tensor to = flat.view(out, *weight);
        to.add_(moment_of<T>(gradients, moment).sum(0).view(to.sizes()));
      }
      if (bias) flat.view(out, *bias).add_(moment_of<T>(rows.sum(3), moment).sum(0).flatten());
    }
  }
};

}  // namespace lifelong::libtorch::detail

#include <lifelong/config/pop_macros.hpp>
