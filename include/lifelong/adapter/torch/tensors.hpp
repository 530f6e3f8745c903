// SPDX-License-Identifier: MIT
// Batches and losses in LibTorch's terms.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <torch/types.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

#include <lifelong/adapter/torch/arrays.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>

namespace lifelong::libtorch {

/// A loss in LibTorch's terms: `loss(outputs, answers)` returns the mean over samples as a tensor of one value. Outputs
/// are N x K; answers are N labels (int64) where the batch has labels, else N x K targets.
template <class L>
concept TensorLoss = requires(const L& loss, const ::torch::Tensor& tensor) {
  { loss(tensor, tensor) } -> std::convertible_to<::torch::Tensor>;
};

/// A batch as tensors of LibTorch's.
struct Tensors {
  ::torch::Tensor inputs;   ///< N x features
  ::torch::Tensor answers;  ///< N labels (int64), or N x K targets if the batch has no labels
};

/// Copies of a batch's arrays, on the device of the module that takes them.
template <class T>
[[nodiscard]] Tensors tensors(const Batch<T>& batch, const ::torch::Device& device = ::torch::kCPU) {
  const std::int64_t samples = detail::to_int(batch.size);
  const ::torch::Tensor inputs = detail::copy_of(batch.inputs, {samples, detail::to_int(batch.features)}, device);
  if (batch.labels.empty())
    return {inputs, detail::copy_of(batch.targets, {samples, batch.targets.empty() ? 0 : -1}, device)};
  const ::torch::Tensor labels = ::torch::empty({samples}, ::torch::kInt64);
  for (std::size_t n = 0; n < batch.size; ++n) labels.data_ptr<std::int64_t>()[n] = batch.labels[n];
  return {inputs, labels.to(device)};
}

namespace detail {

/// \throws InvalidArgument unless every sample uses all outputs.
template <class T>
void require_all_active(const Batch<T>& batch, std::size_t outputs) {
  for (std::size_t n = 0; n < batch.active.size(); ++n)
    if (const OutputRange active = batch.context(n, outputs).active; active.count != outputs)
      lifelong::detail::raise<InvalidArgument>("batch.active[" + std::to_string(n) + "] is " +
                                               lifelong::detail::text(active) + ", but a loss in tensors uses all " +
                                               std::to_string(outputs) + " outputs: take one of lifelong::nn");
}

}  // namespace detail
}  // namespace lifelong::libtorch

#include <lifelong/config/pop_macros.hpp>
