// SPDX-License-Identifier: MIT
// One flat array per role (weights, gradient, importance, ...), aligned to a cache line.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <new>
#include <string>
#include <vector>

#include <lifelong/core/error.hpp>

namespace lifelong {

namespace detail {

/// Allocates at multiples of 64 bytes: one cache line, one AVX-512 register.
template <class T>
struct CacheLineAllocator {
  using value_type = T;
  CacheLineAllocator() = default;
  template <class U>
  CacheLineAllocator(const CacheLineAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
#if defined(__cpp_exceptions)
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{64}));
#else
    void* const memory = count > static_cast<std::size_t>(-1) / sizeof(T)
                             ? nullptr
                             : ::operator new (count * sizeof(T), std::align_val_t{64}, std::nothrow);
    if (!memory) raise<OutOfMemory>("no memory for an array of " + std::to_string(count) + " elements");
    return static_cast<T*>(memory);
#endif
  }
  void deallocate(T* pointer, std::size_t) noexcept { ::operator delete (pointer, std::align_val_t{64}); }
  friend bool operator==(const CacheLineAllocator&, const CacheLineAllocator&) { return true; }
};

}  // namespace detail

/// A vector whose first element lies on a cache line. Elements are zero after `AlignedVector(n)`.
template <class T>
using AlignedVector = std::vector<T, detail::CacheLineAllocator<T>>;

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
