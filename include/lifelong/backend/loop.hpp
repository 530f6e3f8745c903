// SPDX-License-Identifier: MIT
// Loops over parameter-sized arrays: one object with the backend, the number of parameters, and the room for partial
// sums.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>
#include <vector>

#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/elementwise.hpp>

namespace lifelong {
namespace detail {

/// A backend with an `each` for kernels that nobody waits for. A concept, because in a variable template nvcc's two
/// passes over a file disagree about the answer, and then the host launches kernels that the device does not have.
template <class Backend, class T, class Kernel>
concept HasEach = requires(const Backend& backend, const Kernel& kernel) {
  backend.template each<T>(std::size_t{}, std::size_t{}, kernel);
};

}  // namespace detail

/// Runs kernels over the `size()` parameters of a model on a backend. It refers to the backend and to room for partial
/// sums, which must outlive it. Sums are those of `elementwise`, which are bitwise the same for any number of threads.
template <class T, class Backend>
class Loop {
 public:
  using value_type = T;

  /// `partials` has at least `chunk_count(size)` elements.
  Loop(const Backend& backend, std::size_t size, std::span<double> partials)
      : backend_(&backend), size_(size), partials_(partials) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const Backend& backend() const { return *backend_; }

  /// Calls the kernel for every parameter; returns the sum of what it returned.
  template <class Kernel>
  double operator()(const Kernel& kernel) const {
    return elementwise<T>(*backend_, size_, kernel, partials_);
  }
  /// The same for the parameters [first, end) alone.
  template <class Kernel>
  double range(std::size_t first, std::size_t end, const Kernel& kernel) const {
    return elementwise<T>(*backend_, end - first, kernel, partials_, first);
  }
  /// The same without sums, so that a backend with `each` does not have to be waited for.
  template <class Kernel>
  void each(const Kernel& kernel) const {
    if constexpr (detail::HasEach<Backend, T, Kernel>)
      backend_->template each<T>(0, size_, kernel);
    else
      (*this)(kernel);
  }
  template <class Kernel>
  void each_of(std::size_t first, std::size_t end, const Kernel& kernel) const {
    if constexpr (detail::HasEach<Backend, T, Kernel>)
      backend_->template each<T>(first, end - first, kernel);
    else
      range(first, end, kernel);
  }
  /// The largest of what the kernel returns; NaN does not count.
  template <class Kernel>
  T maximum(const Kernel& kernel) const {
    return elementwise_maximum<T>(*backend_, size_, kernel, partials_);
  }

 private:
  const Backend* backend_;
  std::size_t size_;
  std::span<double> partials_;
};

namespace detail {

/// A loop with its own room for partial sums, for calls outside of a learner. The backend must outlive it.
template <class T, class Backend>
struct OwnLoop {
  OwnLoop(const Backend& used, std::size_t size)
      : partials(DeviceBackend<Backend> ? 0 : chunk_count(size)), loop(used, size, std::span<double>(partials)) {}
  OwnLoop(const OwnLoop&) = delete;
  OwnLoop& operator=(const OwnLoop&) = delete;

  std::vector<double> partials;
  Loop<T, Backend> loop;
};

/// Copies host values to where the backend's arrays lie. `what` is their name for a backend that takes one, for errors.
template <class Backend, class T>
void copy_in(const Backend& backend, std::span<const T> host, T* place, [[maybe_unused]] const char* what = "values") {
  if constexpr (requires { backend.copy_in(host, place, what); })
    backend.copy_in(host, place, what);
  else if constexpr (DeviceBackend<Backend>)
    backend.copy_in(host, place);
  else
    for (std::size_t i = 0; i < host.size(); ++i) place[i] = host[i];
}

/// Copies as many values as `host` has from where the backend's arrays lie.
template <class Backend, class T>
void copy_out(const Backend& backend, const T* place, std::span<T> host, [[maybe_unused]] const char* what = "values") {
  if constexpr (requires { backend.copy_out(place, host, what); })
    backend.copy_out(place, host, what);
  else if constexpr (DeviceBackend<Backend>)
    backend.copy_out(place, host);
  else
    for (std::size_t i = 0; i < host.size(); ++i) host[i] = place[i];
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
