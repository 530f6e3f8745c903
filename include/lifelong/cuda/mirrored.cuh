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
/// The host must wait for the stream before it reads what was copied to it, or writes what is copied from it. A copy
/// begins empty.
template <class V, class On>
class Mirrored {
 public:
  Mirrored() = default;
  Mirrored(const Mirrored&) {}
  Mirrored(Mirrored&&) noexcept = default;
  Mirrored& operator=(const Mirrored&) { return *this = Mirrored(); }
  Mirrored& operator=(Mirrored&&) noexcept = default;
  ~Mirrored() = default;

  /// Makes room for `count` values, whose contents are lost if it was too small. \throws std::bad_alloc
  void grow(std::size_t count) {
    if (count <= device_.size()) return;
    device_ = {};
    host_ = std::make_unique<Memory<On, true>>(count * sizeof(V));
    device_.resize(count);
  }

  [[nodiscard]] V* host() const { return host_ ? host_->template as<V>() : nullptr; }
  [[nodiscard]] V* device() { return device_.data(); }

  /// Enqueues a copy of the first `count` values.
  void to_device(typename On::Stream stream, std::size_t count) {
    On::copy(stream, device(), host(), count * sizeof(V), [&] { return text_of<V>(count) + " to the device"; });
  }
  void to_host(typename On::Stream stream, std::size_t count) {
    On::copy(stream, host(), device(), count * sizeof(V), [&] { return text_of<V>(count) + " from the device"; });
  }

 private:
  std::unique_ptr<Memory<On, true>> host_;
  Array<V, On> device_;
};

}  // namespace lifelong::cuda::detail

#include <lifelong/config/pop_macros.hpp>

#endif
