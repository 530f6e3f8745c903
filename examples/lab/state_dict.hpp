// SPDX-License-Identifier: MIT
// The tensors of a PyTorch state_dict, as they lie in a safetensors file.
#pragma once

#include <lifelong/core/layout.hpp>
#include <lifelong/io/safetensors.hpp>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace lab {

struct StateDict {
  lifelong::io::Safetensors file;
  std::string dtype;               ///< of all tensors but counters: F32 or F64
  std::vector<std::string> names;  ///< of all tensors but counters, at least one
};

/// \throws lifelong::FileError or FormatError that says what in the file is not as it should be.
StateDict read_state_dict(const std::string& path);

/// The names in quotes, at most 24 of them: `'fc1.bias', 'fc1.weight' and 7 more`.
std::string listed(const std::vector<std::string>& names);

/// The values of the tensors that `layout` names, one after the other; one that the file lacks, as a bias may be
/// lacking, is 0. \throws lifelong::NumericError naming the first one that is not finite, or is a variance below 0.
template <class T>
std::vector<T> values_of(const StateDict& state, const lifelong::Layout& layout);

/// Writes one value per parameter, ordered as in `layout`, under the names of the file; none for a missing bias.
template <class T>
void write_like(const StateDict& state, const lifelong::Layout& layout, std::span<const T> values,
                const std::map<std::string, std::string>& metadata, const std::string& path);

}  // namespace lab
