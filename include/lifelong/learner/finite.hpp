// SPDX-License-Identifier: MIT
// The search for NaN and Inf, and the names of the parameters where they are found.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong::detail {

/// The largest number that an importance kept as `Omega` can be.
template <class T, class Omega>
constexpr T largest() {
  return std::is_same_v<Omega, Bfloat16> ? static_cast<T>(0x1.FEp127) : std::numeric_limits<T>::max();
}

/// Name of parameter `i` for people.
template <class Model>
std::string describe(Model& model, std::size_t i) {
  if constexpr (requires { model.layout().describe(i); })
    return model.layout().describe(i);
  else
    return "parameter " + std::to_string(i);
}

/// The first value beyond a bound; `index` is that of its parameter.
struct Found {
  std::size_t index = 0;
  double value = 0;
  bool any = false;
};

/// Looks for the first value whose magnitude is above `bound`, or that is not finite, where the backend has the values:
/// one pass, and a second one if there is any.
template <class T, class From, class Backend>
LIFELONG_RARE Found find_beyond(const Loop<T, Backend>& loop, const From* values,
                                T bound = std::numeric_limits<T>::max()) {
  if (loop(CountBeyond<T, From>{values, bound}) == 0) return {};
  std::vector<From> host(DeviceBackend<Backend> ? chunk_size : 0);
  for (std::size_t first = 0; first < loop.size(); first += chunk_size) {
    const std::size_t count = chunk_size < loop.size() - first ? chunk_size : loop.size() - first;
    const From* at = values + first;
    if constexpr (DeviceBackend<Backend>) {
      copy_out(loop.backend(), at, std::span<From>(host).first(count));
      at = host.data();
    }
    for (std::size_t i = 0; i < count; ++i)
      if (exceeds(load<T>(at, i), bound) != 0) return {first + i, static_cast<double>(load<T>(at, i)), true};
  }
  return {};
}

/// "the gradient of 0.weight[3] is nan in step 7".
LIFELONG_RARE inline std::string sentence(const char* what, const std::string& name, double value, std::uint64_t step) {
  std::string line = what;
  line.append(name).append(" is ").append(text(value)).append(" in step ").append(std::to_string(step));
  return line;
}
/// The same, for a value that was found.
template <class Model>
LIFELONG_RARE std::string sentence_of(const char* what, Model& model, const Found& found, std::uint64_t step) {
  return sentence(what, describe(model, found.index), found.value, step);
}

/// Checks values where the backend has them. \throws NumericError that begins with `what` and names the first parameter
/// whose value is not finite.
template <class T, class Backend, class Model>
void require_finite(const Loop<T, Backend>& loop, std::span<const T> values, const char* what, Model& model,
                    std::uint64_t step) {
  const Found found = find_beyond(loop, values.data());
  if (found.any) raise<NumericError>(sentence_of(what, model, found, step));
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
