// SPDX-License-Identifier: MIT
// The search for NaN and Inf, and the names of the parameters where they are found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/error.hpp>

namespace lifelong::detail {

/// Name of parameter `i` for people.
template <class Model>
std::string describe(Model& model, std::size_t i) {
  if constexpr (requires { model.layout().describe(i); })
    return model.layout().describe(i);
  else
    return "parameter " + std::to_string(i);
}

/// \throws NumericError that begins with `what` for the first of `values` that is not finite; parameter `first` is the
/// one that the first of them belongs to.
template <class T, class Model>
void name_not_finite(std::span<const T> values, const char* what, Model& model, std::size_t first, std::uint64_t step) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!(values[i] - values[i] == 0))
      raise<NumericError>(what + describe(model, first + i) + " is " + text(static_cast<double>(values[i])) +
                          " in step " + std::to_string(step));
}

/// Checks values where the backend has them, in one pass. \throws NumericError that begins with `what` and names the
/// first parameter whose value is not finite.
template <class T, class Backend, class Model>
void require_finite(const Loop<T, Backend>& loop, std::span<const T> values, const char* what, Model& model,
                    std::uint64_t step) {
  if (loop(FiniteCheck<T>{values.data()}) == 0) return;
  if constexpr (DeviceBackend<Backend>) {
    std::vector<T> host(chunk_size);
    for (std::size_t first = 0; first < values.size(); first += chunk_size) {
      if (chunk_size > values.size() - first) host.resize(values.size() - first);
      copy_out(loop.backend(), values.data() + first, std::span<T>(host));
      name_not_finite(std::span<const T>(host), what, model, first, step);
    }
  } else {
    name_not_finite(values, what, model, 0, step);
  }
}

}  // namespace lifelong::detail
