// SPDX-License-Identifier: MIT
// The weights of a PyTorch nn.Sequential of Linear layers, as they lie in a safetensors file.
#pragma once

#include <cstddef>
#include <lifelong/io/safetensors.hpp>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace lab {

/// One Linear layer: tensors `name.weight` {out, in} and, if it has a bias, `name.bias` {out}.
struct LinearTensors {
  std::string name;  ///< its number in the nn.Sequential
  std::size_t in = 0, out = 0;
  bool bias = false;

  [[nodiscard]] std::size_t weights() const { return in * out; }
};

struct StateDict {
  lifelong::io::Safetensors file;
  std::string dtype;                  ///< of all tensors: F32 or F64
  std::vector<LinearTensors> layers;  ///< in order; at least one

  [[nodiscard]] std::size_t inputs() const { return layers.front().in; }
  [[nodiscard]] std::size_t outputs() const { return layers.back().out; }
};

/// \throws lifelong::FileError or FormatError that says what in the file is not as it should be.
StateDict read_state_dict(const std::string& path);

/// All parameters, layer by layer, weight and bias; a missing bias is 0.
/// \throws lifelong::NumericError naming the first one that is not finite.
template <class T>
std::vector<T> parameters_of(const StateDict& state);

/// Writes one value per parameter, ordered as in `parameters_of`, under the names of the file; none for a missing bias.
template <class T>
void write_like(const StateDict& state, std::span<const T> values, const std::map<std::string, std::string>& metadata,
                const std::string& path);

}  // namespace lab
