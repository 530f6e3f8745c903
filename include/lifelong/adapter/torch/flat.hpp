// SPDX-License-Identifier: MIT
// Turns the tensors of a LibTorch module into views of one contiguous tensor, on which a learner's step runs.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <torch/nn.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/adapter/torch/guard.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/layout.hpp>

namespace lifelong::libtorch::detail {

template <class T>
inline constexpr ::torch::ScalarType dtype = std::is_same_v<T, double> ? ::torch::kFloat64 : ::torch::kFloat32;

inline std::int64_t to_int(std::size_t value) { return static_cast<std::int64_t>(value); }

/// `values` in place, as a tensor of the given shape.
template <class T>
Tensor as_tensor(std::span<T> values, ::torch::IntArrayRef shape) {
  return ::torch::from_blob(values.data(), {to_int(values.size())}, ::torch::dtype(dtype<T>)).view(shape);
}

/// A copy of `values` as a tensor of the given shape.
template <class T>
Tensor copy_of(std::span<const T> values, ::torch::IntArrayRef shape) {
  return as_tensor(std::span<T>(const_cast<T*>(values.data()), values.size()), shape).clone();
}

inline std::string shape_text(const Tensor& tensor) {
  if (tensor.dim() == 0) return "a single value";
  return lifelong::detail::shape_text(std::vector<std::size_t>(tensor.sizes().begin(), tensor.sizes().end()));
}

template <class... Modules>
bool is_one_of(const ::torch::nn::Module& module) {
  return (... || (dynamic_cast<const Modules*>(&module) != nullptr));
}

/// Which kind of blocks the parameters of a module are.
inline BlockKind kind_of(const ::torch::nn::Module& module) {
  namespace nn = ::torch::nn;
  if (is_one_of<nn::LinearImpl>(module)) return BlockKind::linear;
  if (is_one_of<nn::Conv1dImpl, nn::Conv2dImpl, nn::Conv3dImpl>(module)) return BlockKind::convolution;
  if (is_one_of<nn::BatchNorm1dImpl, nn::BatchNorm2dImpl, nn::BatchNorm3dImpl, nn::LayerNormImpl, nn::GroupNormImpl>(
          module))
    return BlockKind::normalization;
  if (is_one_of<nn::EmbeddingImpl>(module)) return BlockKind::embedding;
  if (is_one_of<nn::RNNImpl, nn::LSTMImpl, nn::GRUImpl>(module)) return BlockKind::recurrent;
  return BlockKind::other;
}

/// Named tensors that become views of one flat tensor, one after the other in the order of `add`.
template <class T>
class Flat {
 public:
  /// Adds a tensor, unless it is there already because modules share it.
  /// \throws InvalidArgument, which names the tensor, unless it is a dense array of T in main memory.
  void add(const std::string& name, const Tensor& tensor, BlockKind kind) {
    for (const Tensor& known : tensors_)
      if (known.is_same(tensor)) return;
    if (!tensor.defined() || tensor.layout() != ::torch::kStrided || !tensor.device().is_cpu())
      raise<InvalidArgument>(name + " must be a dense tensor on the CPU, but is " +
                             (tensor.defined() ? "on " + tensor.device().str() : "undefined"));
    if (tensor.scalar_type() != dtype<T>)
      raise<InvalidArgument>(name + " must be of type " + c10::toString(dtype<T>) + ", but is " +
                             c10::toString(tensor.scalar_type()));
    layout_.add(name, {tensor.sizes().begin(), tensor.sizes().end()}, kind);
    tensors_.push_back(tensor);
  }

  /// Moves all values into the flat tensor, and the tensors with them.
  void flatten() {
    values_ = ::torch::empty({to_int(layout_.size())}, ::torch::dtype(dtype<T>));
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

  /// \throws NumericError, which names the place, for a value of a normalisation that is not finite.
  void require_finite_statistics() const {
    for (const Block& each : layout_.blocks()) {
      if (each.kind != BlockKind::normalization) continue;
      const std::span<const T> statistics = values().subspan(each.offset, each.size);
      const std::size_t i = lifelong::detail::first_not_finite(statistics);
      if (i < statistics.size())
        raise<NumericError>(layout_.describe(each.offset + i) + " is " +
                            lifelong::detail::text(static_cast<double>(statistics[i])) + " after a training pass");
    }
  }

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

  /// The number of `tensor` among the tensors.
  [[nodiscard]] std::optional<std::size_t> number_of(const Tensor& tensor) const {
    for (std::size_t k = 0; k < tensors_.size(); ++k)
      if (tensors_[k].is_same(tensor)) return k;
    return std::nullopt;
  }

  /// Says that the tensors from number `k` on belong to the head.
  void mark_head(std::size_t k) { layout_.mark_head(block(k).offset); }

 private:
  Layout layout_;
  std::vector<Tensor> tensors_;
  Tensor values_;
};

}  // namespace lifelong::libtorch::detail

#include <lifelong/config/pop_macros.hpp>
