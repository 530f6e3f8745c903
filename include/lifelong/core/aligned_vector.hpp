// One flat array per role (weights, gradient, importance, ...), aligned to a cache line.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

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
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw_too_large();
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{64}));
  }
  void deallocate(T* pointer, std::size_t) noexcept { ::operator delete (pointer, std::align_val_t{64}); }
  friend bool operator==(const CacheLineAllocator&, const CacheLineAllocator&) { return true; }

 private:
  [[noreturn]] static void throw_too_large() {
#if defined(__cpp_exceptions)
    throw std::bad_array_new_length();
#else
    __builtin_trap();
#endif
  }
};

}  // namespace detail

/// A vector whose first element lies on a cache line. Elements are zero after `AlignedVector(n)`.
template <class T>
using AlignedVector = std::vector<T, detail::CacheLineAllocator<T>>;

}  // namespace lifelong
