// SPDX-License-Identifier: MIT
// A device of LibTorch's where there is none: in a program with this header, `torch::kCUDA` is memory that traps when
// the host touches it (tests/support/guarded.hpp), shared with the backend `test::Guarded`. Operators run on copies on
// the CPU, so their bits are the CPU's. It is for a LibTorch without CUDA, and for one source file of a program.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/NativeFunctions.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>
#include <torch/types.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <tuple>
#include <vector>

#include "guarded.hpp"

namespace test {

inline const c10::Device guarded_device(c10::DeviceType::CUDA, 0);

/// The most values that crossed between host and device in one copy, those of operators not counted.
inline std::size_t largest_transfer = 0;

/// Lets every copy fail, as a device that has met an error.
inline bool device_fails = false;

namespace device {

inline thread_local int operators = 0;  // that run in this thread

/// The memory of a tensor, whether of the host or the device, as a tensor of the CPU.
inline at::Tensor as_host(const at::Tensor& tensor) {
  return at::for_blob(tensor.data_ptr(), tensor.sizes())
      .strides(tensor.strides())
      .options(at::TensorOptions(tensor.scalar_type()))
      .target_device(at::kCPU)
      .make_tensor();
}

inline at::Tensor& copy(at::Tensor& to, const at::Tensor& from, bool) {
  TORCH_CHECK(!device_fails, "CUDA error: the device has failed");
  if (operators == 0 && to.device() != from.device())
    largest_transfer = std::max(largest_transfer, static_cast<std::size_t>(to.numel()));
  if (to.numel() == 0) return to;
  const at::AutoDispatchBelowADInplaceOrView below;
  const OnDevice window;
  as_host(to).copy_(as_host(from));
  return to;
}
/// New values are NaN.
inline at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides, std::optional<at::ScalarType> type) {
  const at::ScalarType scalars = type.value_or(at::kFloat);
  const std::size_t bytes = at::detail::computeStorageNbytes(sizes, strides, c10::elementSize(scalars));
  const std::size_t taken = (bytes + 63) / 64 * 64;
  void* const memory = bytes == 0 ? nullptr : GuardedMemory::get().allocate(taken);
  if (bytes > 0) {
    const OnDevice window;
    std::memset(memory, 0xff, bytes);
  }
  return at::for_blob(memory, sizes)
      .strides(strides)
      .deleter([taken](void* place) {
        if (place != nullptr) GuardedMemory::get().free(place, taken);
      })
      .options(at::TensorOptions(scalars).device(guarded_device))
      .target_device(guarded_device)
      .make_tensor();
}

template <class Type, class Layout, class Place, class Flag>
at::Tensor make_strided(at::IntArrayRef sizes, at::IntArrayRef strides, Type type, Layout, Place, Flag) {
  return empty_strided(sizes, strides, type ? std::optional(*type) : std::nullopt);
}
template <class Type, class Layout, class Place, class Flag, class Format>
at::Tensor make(at::IntArrayRef sizes, Type type, Layout, Place, Flag, Format format) {
  const bool last = format && *format == at::MemoryFormat::ChannelsLast;
  std::vector<std::int64_t> strides = last ? c10::get_channels_last_strides_2d(sizes) : sizes.vec();
  if (!last) {
    std::int64_t step = 1;
    for (std::size_t d = sizes.size(); d-- > 0; step *= std::max<std::int64_t>(sizes[d], 1)) strides[d] = step;
  }
  return empty_strided(sizes, strides, type ? std::optional(*type) : std::nullopt);
}

/// Any other operator: on copies on the CPU.
inline void on_copies(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  ++operators;
  try {
    at::native::cpu_fallback(op, stack);
  } catch (...) {
    --operators;
    throw;
  }
  --operators;
}

inline at::Tensor copy_from_and_resize(const at::Tensor& from, const at::Tensor& to) {
  at::Tensor place = to;
  if (to.sizes() != from.sizes()) {
    const at::Tensor other = empty_strided(from.sizes(), from.strides(), to.scalar_type());
    place.unsafeGetTensorImpl()->shallow_copy_from(other.getIntrusivePtr());
  }
  return copy(place, from, false);
}

/// Its schema does not say that it writes the running statistics, so they would be lost with the copies.
template <class Some>
std::tuple<at::Tensor, at::Tensor, at::Tensor> batch_norm(const at::Tensor& input, const Some& weight, const Some& bias,
                                                          const Some& mean, const Some& variance, bool training,
                                                          double momentum, double epsilon) {
  ++operators;
  const auto here = [](const Some& some) { return some && some->defined() ? Some(some->cpu()) : Some(); };
  const Some new_mean = here(mean), new_variance = here(variance);
  const auto [y, means, deviations] =
      at::native_batch_norm(input.cpu(), here(weight), here(bias), new_mean, new_variance, training, momentum, epsilon);
  if (new_mean) mean->copy_(*new_mean);
  if (new_variance) variance->copy_(*new_variance);
  const auto there = [](const at::Tensor& tensor) { return tensor.to(guarded_device); };
  std::tuple<at::Tensor, at::Tensor, at::Tensor> result(there(y), there(means), there(deviations));
  --operators;
  return result;
}

/// One device with one stream, for LibTorch 1.13 and 2, which do not ask for the same.
struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const { return guarded_device.type(); }
  c10::Device exchangeDevice(c10::Device) const { return guarded_device; }
  c10::Device getDevice() const { return guarded_device; }
  void setDevice(c10::Device) const {}
  void uncheckedSetDevice(c10::Device) const noexcept {}
  c10::Stream getStream(c10::Device) const noexcept { return c10::Stream(c10::Stream::DEFAULT, guarded_device); }
  c10::Stream getDefaultStream(c10::Device) const { return c10::Stream(c10::Stream::DEFAULT, guarded_device); }
  c10::Stream exchangeStream(c10::Stream stream) const noexcept { return stream; }
  c10::DeviceIndex deviceCount() const noexcept { return 1; }
  void destroyEvent(void*, const c10::DeviceIndex) const noexcept {}
  void record(void**, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag) const {}
  void block(void*, const c10::Stream&) const {}
  void* getStreamNativeHandle(const c10::Stream) const { return nullptr; }
};

}  // namespace device
}  // namespace test

namespace at {

/// What LibTorch asks of its CUDA, under the names of 1.13 and of 2. The device has random numbers of its own.
struct GuardedHooks : CUDAHooksInterface {
  explicit GuardedHooks(CUDAHooksArgs) {}
  bool hasCUDA() const { return true; }
  bool isBuilt() const { return true; }
  bool isAvailable() const { return true; }
  bool hasPrimaryContext(DeviceIndex) const { return true; }
  bool hasPrimaryContext(int64_t) const { return true; }
  void initCUDA() const {}
  void init() const {}
  DeviceIndex deviceCount() const { return 1; }
  void setCurrentDevice(DeviceIndex) const {}
  DeviceIndex getCurrentDevice() const { return 0; }
  DeviceIndex exchangeDevice(DeviceIndex) const { return 0; }
  DeviceIndex maybeExchangeDevice(DeviceIndex) const { return 0; }
  const Generator& getDefaultCUDAGenerator(DeviceIndex) const { return generator(); }
  const Generator& getDefaultGenerator(DeviceIndex) const { return generator(); }

  static const Generator& generator() {
    static const Generator numbers = make_generator<CPUGeneratorImpl>(c10::default_rng_seed_val);
    return numbers;
  }
};
C10_REGISTER_CLASS(CUDAHooksRegistry, CUDAHooks, GuardedHooks)

}  // namespace at

C10_REGISTER_GUARD_IMPL(CUDA, test::device::Guard)

TORCH_LIBRARY_IMPL(aten, CUDA, m) {
  using c10::optional;
  m.impl("empty.memory_format", &test::device::make<optional<at::ScalarType>, optional<at::Layout>,
                                                    optional<at::Device>, optional<bool>, optional<at::MemoryFormat>>);
  m.impl("empty_strided", &test::device::make_strided<optional<at::ScalarType>, optional<at::Layout>,
                                                      optional<at::Device>, optional<bool>>);
  m.impl("copy_", &test::device::copy);
  m.impl("_copy_from_and_resize", &test::device::copy_from_and_resize);
  m.impl("native_batch_norm", &test::device::batch_norm<optional<at::Tensor>>);
  m.impl("as_strided", &at::native::as_strided_tensorimpl);
  m.impl("view", &at::native::view);
  m.impl("_reshape_alias", &at::native::_reshape_alias);
  m.impl("is_set_to", &at::native::is_set_to);
}
TORCH_LIBRARY_IMPL(_, CUDA, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&test::device::on_copies>()); }
