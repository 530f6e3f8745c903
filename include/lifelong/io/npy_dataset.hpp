// SPDX-License-Identifier: MIT
// A data set from two NPY files: the features of its examples, and their labels or targets.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <lifelong/io/npy.hpp>
#include <lifelong/stream/dataset.hpp>

namespace lifelong::io {

namespace npy_detail {

/// Whether S has the number `value`; between floats, a rounded one, but no Inf for a number that is finite.
template <class S, class V>
bool fits(V value) {
  if constexpr (std::is_floating_point_v<S> && std::is_floating_point_v<V>) {
    return sizeof(S) >= sizeof(V) || !lifelong::detail::is_finite(value) ||
           lifelong::detail::is_finite(static_cast<S>(value));
  } else if constexpr (std::is_floating_point_v<S>) {
    constexpr int digits = std::numeric_limits<S>::digits;
    if constexpr (std::numeric_limits<V>::digits <= digits) {
      return true;
    } else {  // the whole numbers up to 2^digits, of which all are exact
      constexpr V most = V{1} << digits;
      return value <= most && (std::is_unsigned_v<V> || value >= static_cast<V>(V{0} - most));
    }
  } else if constexpr (std::is_integral_v<V>) {
    return std::in_range<S>(value);
  } else {
    return false;
  }
}

/// The elements as numbers of type S. \throws FormatError, which names the element, for one that S has not.
template <class S>
std::vector<S> converted(const NpyArray& array) {
  if constexpr (element<S>)
    if (holds<S>(array.dtype)) return array.values<S>();
  std::vector<S> numbers;
  array.visit([&]<class V>(const std::vector<V>& values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!fits<S>(values[i]))
        raise<FormatError>("'" + array.name + "'[" + std::to_string(i) + "] is " +
                           (std::is_integral_v<V> ? std::to_string(values[i])
                                                  : lifelong::detail::text(static_cast<double>(values[i]))) +
                           ", which " + std::string(dtype_of<S>) + " does not have: save x.astype('" +
                           (std::is_same_v<S, std::uint8_t> ? "|u1" : "<f8") + "') and read that type");
    io_detail::with_memory_for(array.name, [&] {
      numbers.resize(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) numbers[i] = static_cast<S>(values[i]);
    });
  });
  return numbers;
}

inline bool holds_floats(const NpyArray& array) {
  return array.dtype == "<f2" || array.dtype == "<f4" || array.dtype == "<f8";
}

/// \throws FormatError unless `array` is of N examples, `examples` of them if that is not 0.
inline void require_examples(const NpyArray& array, const char* what) {
  if (array.shape.empty())
    raise<FormatError>("'" + array.name + "' is a single value, not the " + what + " of examples");
  if (array.bytes.empty())
    raise<FormatError>("'" + array.name + "' has no " + what + ": " + lifelong::detail::shape_text(array.shape));
}

inline void require_as_many(const NpyArray& features, const NpyArray& answers, const char* what) {
  if (features.shape[0] != answers.shape[0])
    raise<FormatError>("'" + features.name + "' has " + std::to_string(features.shape[0]) + " examples, but '" +
                       answers.name + "' has " + std::to_string(answers.shape[0]) + " " + what);
}

}  // namespace npy_detail

/// A data set from arrays whose first axis counts examples. `features` is N x the shape of one example, or N for
/// examples of one feature. `answers` says what they are: whole numbers (or truth values), N or N x 1, are class
/// labels; floats, N x K or N for K = 1, are targets. To use whole numbers as targets, save them as floats.
///
/// Features may be floats of 2, 4 or 8 bytes, whole numbers or truth values. Into float they are rounded if they are
/// doubles; whole numbers must be exact. `Dataset<std::uint8_t>` takes whole numbers from 0 to 255 and reads them
/// divided by 255; the others read numbers as they are. \throws FormatError, which names file and element, for a number
/// that S has not, a label that is no class, arrays of different numbers of examples, or none.
template <class S = float>
[[nodiscard]] Dataset<S> npy_dataset(const NpyArray& features, const NpyArray& answers) {
  npy_detail::require_examples(features, "features");
  const bool targets = npy_detail::holds_floats(answers);
  const char* const what = targets ? "targets" : "labels";
  npy_detail::require_examples(answers, what);
  npy_detail::require_as_many(features, answers, what);
  std::vector<std::size_t> shape(features.shape.begin() + 1, features.shape.end());
  if (shape.empty()) shape.push_back(1);
  if (!targets) {
    std::vector<std::int32_t> labels = answers.labels();
    return {npy_detail::converted<S>(features), std::move(labels), std::move(shape)};
  }
  using Target = typename Dataset<S>::target_type;
  std::vector<Target> values = npy_detail::converted<Target>(answers);
  const std::size_t each = values.size() / answers.shape[0];
  return {npy_detail::converted<S>(features), std::move(values), each, std::move(shape)};
}

/// The same from files of at most `limit` bytes of data each. \throws as `npy_dataset` and `read_npy`.
template <class S = float>
[[nodiscard]] Dataset<S> read_npy_dataset(const std::string& features_path, const std::string& answers_path,
                                          std::uint64_t limit = std::uint64_t{1} << 36) {
  const NpyArray answers = read_npy(answers_path, limit);
  return npy_dataset<S>(read_npy(features_path, limit), answers);
}

}  // namespace lifelong::io

#include <lifelong/config/pop_macros.hpp>
