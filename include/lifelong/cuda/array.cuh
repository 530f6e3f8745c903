// SPDX-License-Identifier: MIT
// An array in a device's memory.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include <lifelong/cuda/system.cuh>

namespace lifelong::cuda {

/// An array on the device, copied as a value. New elements are 0. The host must not dereference `data()`.
///
/// An array knows no stream. What allocates, copies or sets to 0 waits for all work of the device first and for itself
/// in the end; a step does none of that. \throws std::bad_alloc if there is too little memory, which a learner reports
/// as `OutOfMemory` with a list of its arrays.
template <class T, class On = System>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Array() = default;
  Array(const Array& other) : Array(other, other.size_) {}
  Array(Array&& other) noexcept { swap(other); }
  Array& operator=(Array other) noexcept {
    swap(other);
    return *this;
  }
  ~Array() {
    if (data_ != nullptr) On::release(data_, capacity_ * sizeof(T));
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  void reserve(std::size_t count) {
    if (count > capacity_) *this = Array(*this, count);
  }
  void resize(std::size_t count) {
    reserve(count);
    if (count > size_) On::set_to_zero_now(data_ + size_, (count - size_) * sizeof(T));
    size_ = count;
  }

 private:
  /// A copy with room for `capacity` elements.
  Array(const Array& other, std::size_t capacity) : Array() {
    if (capacity == 0) return;
    if (capacity > std::numeric_limits<std::size_t>::max() / sizeof(T)) refuse();
    data_ = static_cast<T*>(On::allocate(capacity * sizeof(T)));
    capacity_ = capacity;
    if (other.size_ > 0) On::copy_now(data_, other.data_, other.size_ * sizeof(T));
    size_ = other.size_;
  }
  [[noreturn]] static void refuse() {
#if defined(__cpp_exceptions)
    throw std::bad_alloc();
#else
    lifelong::detail::raise<OutOfMemory>("an array on the device is larger than memory");
#endif
  }
  void swap(Array& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace lifelong::cuda

#include <lifelong/config/pop_macros.hpp>

#endif
