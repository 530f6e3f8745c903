// SPDX-License-Identifier: MIT
// A backend with an address space of its own. Its arrays lie in pages that are open only while one of its kernels or
// copies runs; a host that touches them at any other time gets a segmentation fault. It stands for a graphics card
// where there is none.
#pragma once

#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/elementwise.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/error.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "moved_model.hpp"

#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding) && (defined(__x86_64__) || defined(__aarch64__))
#define LIFELONG_TEST_FINDS_HOST_POINTERS
#endif
#endif

namespace test {

/// Owns the pages of all guarded arrays. Any thread may open, close, allocate and free.
class GuardedMemory {
 public:
  static constexpr std::size_t capacity = std::size_t{1} << 28;  ///< in bytes

  static GuardedMemory& get() {
    static GuardedMemory memory;
    return memory;
  }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;
  ~GuardedMemory() { munmap(begin_, capacity); }

  /// Opens the pages, until `close` has been called as often as `open`.
  void open() {
    const std::lock_guard lock(mutex_);
    ++windows_;
    open_pages();
  }
  void close() {
    const std::lock_guard lock(mutex_);
    if (--windows_ == 0) protect(std::exchange(open_, 0), PROT_NONE);
  }

  /// Returns memory with unspecified contents. \throws std::bad_alloc if too little is left.
  void* allocate(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    for (auto block = free_.begin(); block != free_.end(); ++block) {
      const auto [begin, size] = *block;
      if (size < bytes) continue;
      free_.erase(block);
      if (size > bytes) free_.emplace(begin + bytes, size - bytes);
      if (windows_ > 0) open_pages();
      return begin;
    }
    throw std::bad_alloc();
  }
  void free(void* memory, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    auto block = free_.emplace(static_cast<std::byte*>(memory), bytes).first;
    join(block, std::next(block));
    if (block != free_.begin()) join(std::prev(block), block);
  }

  /// Whether `bytes` bytes from `address` on lie in these pages.
  [[nodiscard]] bool contains(const void* address, std::size_t bytes) const {
    const auto first = reinterpret_cast<std::uintptr_t>(begin_), at = reinterpret_cast<std::uintptr_t>(address);
    return at >= first && bytes <= capacity && at - first <= capacity - bytes;
  }

 private:
  using Blocks = std::map<std::byte*, std::size_t>;

  GuardedMemory() {
    void* const pages = mmap(nullptr, capacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    begin_ = static_cast<std::byte*>(pages);
    free_.emplace(begin_, capacity);
  }

  /// Returns the number of bytes up to the last one that is taken.
  [[nodiscard]] std::size_t used() const {
    if (free_.empty()) return capacity;
    const auto [begin, size] = *free_.rbegin();
    return begin + size == begin_ + capacity ? static_cast<std::size_t>(begin - begin_) : capacity;
  }
  void open_pages() {
    open_ = std::max(open_, used());
    protect(open_, PROT_READ | PROT_WRITE);
  }
  void protect(std::size_t bytes, int how) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    if (bytes > 0 && mprotect(begin_, (bytes + page - 1) / page * page, how) != 0) std::abort();
  }
  void join(Blocks::iterator block, Blocks::iterator next) {
    if (next == free_.end() || block->first + block->second != next->first) return;
    block->second += next->second;
    free_.erase(next);
  }

  std::mutex mutex_;
  std::byte* begin_ = nullptr;
  Blocks free_;           // from where, how many bytes
  std::size_t open_ = 0;  // bytes that the host may touch now
  int windows_ = 0;
};

/// Keeps the pages open while it lives: code behind it runs on the device, so to speak.
class OnDevice {
 public:
  OnDevice() { GuardedMemory::get().open(); }
  ~OnDevice() { GuardedMemory::get().close(); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
};

/// An array in these pages, copied as a value. Its new elements are 0.
template <class T>
class GuardedArray {
 public:
  GuardedArray() = default;
  GuardedArray(const GuardedArray& other) : GuardedArray(other, other.size_) {}
  GuardedArray(GuardedArray&& other) noexcept { swap(other); }
  GuardedArray& operator=(GuardedArray other) noexcept {
    swap(other);
    return *this;
  }
  ~GuardedArray() {
    if (data_ != nullptr) GuardedMemory::get().free(data_, bytes(capacity_));
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  void reserve(std::size_t count) {
    if (count > capacity_) *this = GuardedArray(*this, count);
  }
  void resize(std::size_t count) {
    reserve(count);
    const OnDevice window;
    if (count > size_) std::uninitialized_fill_n(data_ + size_, count - size_, T{});
    size_ = count;
  }

 private:
  /// Copies `other` into room for `capacity` elements and fills the rest with NaN, so that nobody reads it unnoticed.
  GuardedArray(const GuardedArray& other, std::size_t capacity) {
    if (capacity == 0) return;
    if (capacity > GuardedMemory::capacity / sizeof(T)) throw std::bad_alloc();
    data_ = static_cast<T*>(GuardedMemory::get().allocate(bytes(capacity)));
    capacity_ = capacity;
    size_ = other.size_;
    const OnDevice window;
    std::memset(static_cast<void*>(data_), 0xff, bytes(capacity));
    std::copy_n(other.data_, size_, data_);
  }
  /// Returns the memory that so many elements take: whole cache lines.
  static std::size_t bytes(std::size_t count) { return (count * sizeof(T) + 63) / 64 * 64; }
  void swap(GuardedArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

/// Models `DeviceBackend`. Its sums have the bits of `backend::Serial`. It refuses kernels that hold an address of the
/// host's memory, if the compiler can tell their padding from their members.
struct Guarded {
  template <class T>
  using Array = GuardedArray<T>;

  [[nodiscard]] std::size_t threads() const { return 1; }
  template <class Body>
  void parallel_for(std::size_t count, Body&& body) const {
    lifelong::backend::Serial{}.parallel_for(count, body);
  }

  template <class T, class Kernel>
  [[nodiscard]] double sum(std::size_t count, const Kernel& kernel) const {
    std::vector<double> partials(lifelong::chunk_count(count));
    require_no_host_pointer(kernel);
    const OnDevice window;
    return lifelong::elementwise<T>(lifelong::backend::Serial{}, count, kernel, partials);
  }
  template <class T, class Kernel>
  [[nodiscard]] T maximum(std::size_t count, const Kernel& kernel) const {
    std::vector<double> partials(lifelong::chunk_count(count));
    require_no_host_pointer(kernel);
    const OnDevice window;
    return lifelong::elementwise_maximum<T>(lifelong::backend::Serial{}, count, kernel, partials);
  }

  /// Asked by learners.
  template <class T>
  void require_reachable(const T* place, const char* what) const {
    if (place != nullptr && !GuardedMemory::get().contains(place, 1))
      lifelong::detail::raise<lifelong::InvalidArgument>(std::string(what) + " are not in guarded memory");
  }

  template <class T>
  void copy_in(std::span<const T> host, T* place) const {
    require_place(place, host);
    const OnDevice window;
    std::ranges::copy(host, place);
  }
  template <class T>
  void copy_out(const T* place, std::span<T> host) const {
    require_place(place, host);
    const OnDevice window;
    std::copy_n(place, host.size(), host.data());
  }

  /// \throws std::logic_error if a kernel holds what looks like an address outside of the guarded pages: a word that is
  /// larger than any count and smaller than the bits of any common number.
  template <class Kernel>
  static void require_no_host_pointer([[maybe_unused]] Kernel kernel) {
    static_assert(std::is_trivially_copyable_v<Kernel>, "a device gets a copy of the bits of a kernel");
#if defined(LIFELONG_TEST_FINDS_HOST_POINTERS)
    __builtin_clear_padding(&kernel);
    std::uintptr_t words[1 + sizeof kernel / sizeof(std::uintptr_t)] = {};
    std::memcpy(words, &kernel, sizeof kernel);
    for (const std::uintptr_t word : words)
      if (word >> 44 != 0 && word >> 48 == 0 && !GuardedMemory::get().contains(reinterpret_cast<const void*>(word), 1))
        throw std::logic_error("a kernel refers to memory of the host");
#endif
  }

 private:
  template <class T, class Host>
  static void require_place(const T* place, Host host) {
    const GuardedMemory& memory = GuardedMemory::get();
    if (host.empty()) return;
    if (!memory.contains(place, host.size_bytes()) || memory.contains(host.data(), 1))
      throw std::logic_error("a copy needs one place on the host and one on the device");
  }
};

/// Models of the host whose parameters lie in guarded memory.
template <class Host>
using GuardedModel = MovedModel<Host, Guarded>;
template <class Host>
using GuardedNetwork = MovedNetwork<Host, Guarded>;

}  // namespace test
