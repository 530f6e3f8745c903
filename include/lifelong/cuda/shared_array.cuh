// SPDX-License-Identifier: MIT
// A small array that the host and the device both read and write.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>

#include <lifelong/cuda/system.cuh>
#include <lifelong/cuda/workspace.cuh>

namespace lifelong::cuda::detail {

/// Host memory that kernels can reach, for some values per sample: no copy is enqueued for them. The host must wait for
/// the stream before it reads what a kernel wrote, or writes what one reads. A copy begins empty.
template <class V, class On>
class SharedArray {
  static_assert(std::is_trivially_copyable_v<V>);

 public:
  SharedArray() = default;
  SharedArray(const SharedArray&) {}
  SharedArray(SharedArray&&) noexcept = default;
  SharedArray& operator=(const SharedArray&) { return *this = SharedArray(); }
  SharedArray& operator=(SharedArray&&) noexcept = default;
  ~SharedArray() = default;

  /// Makes room for `count` values, whose contents are lost then. \throws std::bad_alloc
  void grow(std::size_t count) {
    if (count <= size_) return;
    size_ = 0;
    memory_ = std::make_unique<Memory<On, true>>(count * sizeof(V));
    size_ = count;
  }
  [[nodiscard]] V* data() const { return memory_ ? memory_->template as<V>() : nullptr; }

 private:
  std::unique_ptr<Memory<On, true>> memory_;
  std::size_t size_ = 0;
};

}  // namespace lifelong::cuda::detail

#include <lifelong/config/pop_macros.hpp>

#endif
