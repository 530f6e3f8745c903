// SPDX-License-Identifier: MIT
// What CUDA reports, as errors of the library.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>

#include <lifelong/config.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/error.hpp>

namespace lifelong::cuda {

/// A call of CUDA, or of a library of CUDA's, that failed. The message names the call, what it worked on, and CUDA's
/// own name and text for the status. Work on a device is reported late: an error may come from what was enqueued
/// before. A device that reports an illegal address accepts no further work of this process.
struct Error : lifelong::Error {
  using lifelong::Error::Error;
};

namespace detail {

/// "300 float"
template <class T>
LIFELONG_RARE std::string text_of(std::size_t count) {
  const char* type = std::is_same_v<T, float> ? " float" : std::is_same_v<T, double> ? " double" : " elements";
  if (std::is_same_v<T, Bfloat16>) type = " Bfloat16";
  return std::to_string(count) + type;
}

/// The name of a kernel without its namespaces and arguments: "FusedStep".
template <class Kernel>
LIFELONG_RARE std::string name_of_kernel() {
#if defined(__GNUC__) || defined(__clang__)
  std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t begins = text.find("Kernel = ");
  if (begins != std::string_view::npos) text.remove_prefix(begins + 9);
  const std::size_t ends = text.find_first_of("<;]");
  text = text.substr(0, ends);
  const std::size_t last = text.rfind(':');
  return std::string(last == std::string_view::npos ? text : text.substr(last + 1));
#else
  return "kernel";
#endif
}

#if defined(__CUDACC__)
/// \throws std::bad_alloc if the device's memory does not do, `Error` for every other status than success. `what()`
/// returns what the call worked on.
template <class What>
void check(cudaError_t status, const char* call, const What& what) {
  if (status == cudaSuccess) return;
#if defined(__cpp_exceptions)
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // takes the status back, so that it is not reported again
    throw std::bad_alloc();
  }
#endif
  lifelong::detail::raise<Error>(std::string(call) + " for " + what() + ": " + cudaGetErrorName(status) + ", " +
                                 cudaGetErrorString(status));
}
inline void check(cudaError_t status, const char* call) {
  check(status, call, [] { return std::string("the backend"); });
}
#endif

}  // namespace detail
}  // namespace lifelong::cuda

#include <lifelong/config/pop_macros.hpp>

#endif
