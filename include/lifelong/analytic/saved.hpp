// SPDX-License-Identifier: MIT
// What heads are saved as: plain matrices, without the padding and the tiles of this version.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include <lifelong/analytic/tiles.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>

namespace lifelong::analytic::detail {

using lifelong::detail::raise;

/// Shows a visitor the numbers by which a saved head is known as one of this size and trunk. `head` is its name.
/// \throws FormatError for another one.
template <class Number>
void visit_identity(const char* head, std::size_t features, std::uint64_t trunk, const Number& number) {
  std::uint64_t saved_features = features, saved_trunk = trunk;
  number("features", saved_features);
  number("trunk", saved_trunk);
  const std::string saved = std::string("the saved ") + head;
  if (saved_features != features)
    raise<FormatError>(saved + " has " + std::to_string(saved_features) + " features, but this one " +
                       std::to_string(features));
  if (saved_trunk != trunk)
    raise<FormatError>(saved + " lies on a trunk with other settings: fingerprint " + std::to_string(saved_trunk) +
                       ", here " + std::to_string(trunk));
}

/// \throws FormatError for a sum that cannot be one of weights or squares.
inline void require_sum(const std::string& what, double sum) {
  if (!lifelong::detail::is_finite(sum) || sum < 0) raise<FormatError>(what + ": " + lifelong::detail::text(sum));
}

/// Shows a visitor a symmetric matrix: of each row what is on the diagonal and right of it. Returns what the visitor
/// made of it. \throws ShapeMismatch unless it has the same size; OutOfMemory; what the visitor throws.
template <class Array>
Tiles visit_symmetric(const char* name, const Tiles& matrix, const Array& array) {
  const std::size_t n = matrix.size();
  AlignedVector<double> values;
  lifelong::detail::with_memory([&] { values.reserve(n * (n + 1) / 2); },
                                [&] { return std::string(name) + " of a head does not fit into memory twice"; });
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) values.push_back(matrix.at(i, j));
  array(name, values);
  lifelong::detail::require_size(name, values.size(), n * (n + 1) / 2);
  Tiles read(n);
  const double* next = values.data();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) read.set(i, j, *next++);
  return read;
}

/// Shows a visitor rows of `features` values that lie `width` apart, without what is between them. Returns the rows
/// that the visitor made of them, which may be another number. \throws ShapeMismatch unless they are whole and at least
/// one; OutOfMemory; what the visitor throws.
template <class Array>
AlignedVector<double> visit_rows(const char* name, const AlignedVector<double>& rows, std::size_t features,
                                 std::size_t width, const Array& array) {
  const auto message = [&] { return std::string(name) + " of a head do not fit into memory twice"; };
  AlignedVector<double> values, read;
  lifelong::detail::with_memory([&] { values.resize(rows.size() / width * features); }, message);
  for (std::size_t r = 0; r < rows.size() / width; ++r)
    std::copy_n(rows.data() + r * width, features, values.data() + r * features);
  array(name, values);
  const std::size_t count = values.size() / features;
  lifelong::detail::require_size(name, values.size(), std::max<std::size_t>(count, 1) * features);
  lifelong::detail::with_memory([&] { read.resize(count * width); }, message);
  for (std::size_t r = 0; r < count; ++r) std::copy_n(values.data() + r * features, features, read.data() + r * width);
  return read;
}

}  // namespace lifelong::analytic::detail

#include <lifelong/config/pop_macros.hpp>
