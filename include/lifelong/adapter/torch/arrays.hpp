// SPDX-License-Identifier: MIT
// The library's arrays as tensors of LibTorch, on whatever device they lie.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <lifelong/core/extents.hpp>
#include <lifelong/core/moment.hpp>

namespace lifelong::libtorch::detail {

using ::torch::Device;
using ::torch::Tensor;

template <class T>
inline constexpr ::torch::ScalarType dtype = std::is_same_v<T, double> ? ::torch::kFloat64 : ::torch::kFloat32;

inline std::int64_t to_int(std::size_t value) { return static_cast<std::int64_t>(value); }

/// `values` in place, which lie on `device`, as a tensor of the given shape.
template <class T>
Tensor as_tensor(std::span<T> values, ::torch::IntArrayRef shape, const Device& device = ::torch::kCPU) {
  return at::for_blob(values.data(), {to_int(values.size())})
      .options(::torch::dtype(dtype<T>).device(device))
      .target_device(device)
      .make_tensor()
      .view(shape);
}

/// A copy on `device` of `values` on the host, as a tensor of the given shape.
template <class T>
Tensor copy_of(std::span<const T> values, ::torch::IntArrayRef shape, const Device& device = ::torch::kCPU) {
  const std::span<T> host(const_cast<T*>(values.data()), values.size());
  return as_tensor(host, shape).to(device, dtype<T>, false, true);
}

inline std::string shape_text(const Tensor& tensor) {
  if (tensor.dim() == 0) return "a single value";
  return lifelong::detail::shape_text(std::vector<std::size_t>(tensor.sizes().begin(), tensor.sizes().end()));
}

/// A copy of `values` with the moment applied to each, where they lie. The library's moments are LibTorch's products;
/// values that lie elsewhere pass through the host for a moment of the user's own.
template <class T, class Moment>
Tensor moment_of(const Tensor& values, Moment moment) {
  const Tensor x = values.detach();
  if constexpr (std::is_same_v<Moment, moment::Sum>) {
    return x.clone(at::MemoryFormat::Contiguous);
  } else if constexpr (std::is_same_v<Moment, moment::Square>) {
    return x * x;
  } else if constexpr (std::is_same_v<Moment, moment::Absolute>) {
    return x.abs();
  } else {
    const Tensor host = x.to(::torch::kCPU, dtype<T>, false, true).contiguous();
    for (T& value : std::span(host.data_ptr<T>(), static_cast<std::size_t>(host.numel()))) value = moment(value);
    return host.to(x.device());
  }
}

}  // namespace lifelong::libtorch::detail

#include <lifelong/config/pop_macros.hpp>
