// SPDX-License-Identifier: MIT
// Turns the tensors of a LibTorch module into views of one contiguous tensor, on which a learner's step runs.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <torch/autograd.h>
#include <torch/nn.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/adapter/torch/arrays.hpp>
#include <lifelong/adapter/torch/guard.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/layout.hpp>

namespace lifelong::libtorch::detail {

template <class... Modules>
bool is_one_of(const ::torch::nn::Module& one) {
  return (... || (dynamic_cast<const Modules*>(&one) != nullptr));
}

/// Which kind of blocks the parameters of a module are.
inline BlockKind kind_of(const ::torch::nn::Module& of) {
  namespace nn = ::torch::nn;
  if (is_one_of<nn::LinearImpl>(of)) return BlockKind::linear;
  if (is_one_of<nn::Conv1dImpl, nn::Conv2dImpl, nn::Conv3dImpl>(of)) return BlockKind::convolution;
  if (is_one_of<nn::BatchNorm1dImpl, nn::BatchNorm2dImpl, nn::BatchNorm3dImpl, nn::LayerNormImpl, nn::GroupNormImpl>(
          of))
    return BlockKind::normalization;
  if (is_one_of<nn::EmbeddingImpl>(of)) return BlockKind::embedding;
  if (is_one_of<nn::RNNImpl, nn::LSTMImpl, nn::GRUImpl>(of)) return BlockKind::recurrent;
  return BlockKind::other;
}

/// Named tensors that become views of one flat tensor on their device, one after the other in the order of `add`.
template <class T>
class Flat {
 public:
  /// Adds a tensor, unless it is there already because modules share it.
  /// \throws InvalidArgument, which names the tensor, unless it is a dense array of T on the device of the others.
  void add(const std::string& name, const Tensor& tensor, BlockKind kind) {
    for (const Tensor& known : tensors_)
      if (known.is_same(tensor)) return;
    if (!tensor.defined() || tensor.layout() != ::torch::kStrided || tensor.is_meta())
      raise<InvalidArgument>(name + " must be a dense tensor with values, but is " + kind_of_other(tensor));
    if (tensor.scalar_type() != dtype<T>)
      raise<InvalidArgument>(name + " must be of type " + c10::toString(dtype<T>) + ", but is " +
                             c10::toString(tensor.scalar_type()));
    if (count() > 0) require_on(device(), block(0).name, name, tensor.device());
    device_ = tensor.device();
    layout_.add(name, {tensor.sizes().begin(), tensor.sizes().end()}, kind);
    tensors_.push_back(tensor);
  }

  /// \throws InvalidArgument, which names a tensor, unless these are on the device of the others.
  void require_beside(const Flat& others) const {
    if (count() > 0 && others.count() > 0) require_on(others.device(), others.block(0).name, block(0).name, device());
  }

  /// Moves all values into the flat tensor, and the tensors with them.
  void flatten() {
    values_ = ::torch::empty({to_int(layout_.size())}, ::torch::dtype(dtype<T>).device(device()));
    for (std::size_t k = 0; k < tensors_.size(); ++k) {
      const Tensor place = view(values_, k);
      place.copy_(tensors_[k].detach());
      tensors_[k].set_data(place);
    }
  }

  /// \throws InvalidArgument, which names the tensor, if one no longer lies in the flat tensor.
  void require_attached() const {
    for (std::size_t k = 0; k < tensors_.size(); ++k)
      if (static_cast<const T*>(tensors_[k].data_ptr()) != values().data() + block(k).offset ||
          tensors_[k].scalar_type() != dtype<T> || !tensors_[k].is_contiguous() ||
          tensors_[k].numel() != to_int(block(k).size))
        raise<InvalidArgument>(block(k).name +
                               " is no longer where it was: load or convert a module before a model is made of it");
  }

  /// Looks at them on the host: where they lie elsewhere, one copy. \throws NumericError, which names the place, for a
  /// value of a normalisation that is not finite.
  void require_finite_statistics() const {
    const auto is_statistic = [](const Block& each) { return each.kind == BlockKind::normalization; };
    if (std::ranges::none_of(layout_.blocks(), is_statistic)) return;
    const Tensor host = values_.cpu();
    for (const Block& each : layout_.blocks()) {
      if (!is_statistic(each)) continue;
      const std::span<const T> statistics(host.data_ptr<T>() + each.offset, each.size);
      const std::size_t i = lifelong::detail::first_not_finite(statistics);
      if (i < statistics.size())
        raise<NumericError>(layout_.describe(each.offset + i) + " is " +
                            lifelong::detail::text(static_cast<double>(statistics[i])) + " after a training pass");
    }
  }

  /// Where the tensors were when they were added; the CPU if there are none.
  [[nodiscard]] Device device() const { return device_; }
  /// All values; if `device()` is not the CPU, the host must not read them.
  [[nodiscard]] std::span<T> values() const {
    return {values_.defined() ? values_.data_ptr<T>() : nullptr, layout_.size()};
  }
  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] const std::vector<Tensor>& tensors() const { return tensors_; }
  [[nodiscard]] std::size_t count() const { return tensors_.size(); }
  [[nodiscard]] const Block& block(std::size_t k) const { return layout_.blocks()[k]; }

  /// The stretch of `flat` that belongs to tensor `k`, in its shape.
  [[nodiscard]] Tensor view(const Tensor& flat, std::size_t k) const {
    return flat.narrow(0, to_int(block(k).offset), to_int(block(k).size)).view(tensors_[k].sizes());
  }

  /// out = ∂(directions · from)/∂(all tensors), as one vector on their device; undefined directions if `from` is one
  /// value.
  void differentiate(const Tensor& from, const Tensor& directions, const Tensor& out) const {
    const auto gradients = ::torch::autograd::grad({from}, tensors_, {directions}, c10::nullopt, false, true);
    const ::torch::NoGradGuard no_grad;
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      const Tensor place = view(out, k);
      if (gradients[k].defined())
        place.copy_(gradients[k]);
      else
        place.zero_();  // `from` does not depend on it
    }
  }

  /// The number of `tensor` among the tensors.
  [[nodiscard]] std::optional<std::size_t> number_of(const Tensor& tensor) const {
    for (std::size_t k = 0; k < tensors_.size(); ++k)
      if (tensors_[k].is_same(tensor)) return k;
    return std::nullopt;
  }

  /// Says that the tensors from number `k` on belong to the head.
  void mark_head(std::size_t k) { layout_.mark_head(block(k).offset); }

 private:
  static std::string kind_of_other(const Tensor& tensor) {
    if (!tensor.defined()) return "undefined";
    return tensor.layout() == ::torch::kStrided ? "on " + tensor.device().str() : c10::str(tensor.layout());
  }
  static void require_on(const Device& there, const std::string& other, const std::string& name, const Device& here) {
    if (here == there) return;
    raise<InvalidArgument>(name + " is on " + here.str() + ", but " + other + " on " + there.str() +
                           ": move the whole module to one device before a model is made of it");
  }

  Layout layout_;
  std::vector<Tensor> tensors_;
  Device device_ = ::torch::kCPU;
  Tensor values_;
};

}  // namespace lifelong::libtorch::detail

#include <lifelong/config/pop_macros.hpp>
