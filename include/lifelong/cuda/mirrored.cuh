// SPDX-License-Identifier: MIT
// A few values per sample that the host and the device tell each other in every step.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <memory>

#include <lifelong/cuda/array.cuh>
#include <lifelong/cuda/error.cuh>
#include <lifelong/cuda/system.cuh>
#include <lifelong/cuda/workspace.cuh>

namespace lifelong::cuda::detail {

/// An array on the device and a place for its values on the host, which the device can reach, so that no copy waits.
/// The host must wait for the stream before it reads what was copied to it. A copy begins empty.
template <class V, class On>
class Mirrored {
 public:
  Mirrored() = default;
  Mirrored(const Mirrored&) {}
  Mirrored(Mirrored&&) noexcept = default;
  Mirrored& operator=(const Mirrored&) { return *this = Mirrored(); }
  Mirrored& operator=(Mirrored&&) noexcept = default;
  ~Mirrored() = default;

  /// The place on the host, with room for `count` values to write. It waits for the last copy from there, unless
  /// `settle` told that the stream was waited for. \throws std::bad_alloc
  [[nodiscard]] V* write(typename On::Stream stream, std::size_t count) {
    if (travels_) On::synchronize(stream);
    travels_ = false;
    grow(count);
    return host();
  }
  void settle() { travels_ = false; }
  /// Enqueues a copy of the first `count` values; returns where they will lie on the device.
  const V* to_device(typename On::Stream stream, std::size_t count) {
    On::copy(stream, device_.data(), host(), count * sizeof(V), [&] { return text_of<V>(count) + " to the device"; });
    travels_ = true;
    return device_.data();
  }

  /// The place on the device, with room for `count` values. \throws std::bad_alloc
  [[nodiscard]] V* device(std::size_t count) {
    grow(count);
    return device_.data();
  }
  /// Enqueues a copy of the first `count` values from there to the host.
  void to_host(typename On::Stream stream, std::size_t count) {
    On::copy(stream, host(), device_.data(), count * sizeof(V), [&] { return text_of<V>(count) + " from the device"; });
  }
  /// The values on the host.
  [[nodiscard]] V* host() const { return host_ ? host_->template as<V>() : nullptr; }

 private:
  void grow(std::size_t count) {
    if (count <= device_.size()) return;
    device_ = {};
    host_ = std::make_unique<Memory<On, true>>(count * sizeof(V));
    device_.resize(count);
  }

  std::unique_ptr<Memory<On, true>> host_;
  Array<V, On> device_;
  bool travels_ = false;  // whether a copy from the host may still be under way
};

}  // namespace lifelong::cuda::detail

#include <lifelong/config/pop_macros.hpp>

#endif
