// SPDX-License-Identifier: MIT
#include "state_dict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <lifelong/core/error.hpp>
#include <lifelong/io/state_dict.hpp>

#include "text.hpp"

namespace lab {

namespace {

using lifelong::Block;
using lifelong::FormatError;
using lifelong::io::Safetensors;
using lifelong::io::io_detail::in_quotes;

std::vector<std::string> names_in(const Safetensors& file) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : file.tensors())
    if (!lifelong::io::state_dict_detail::is_counter(name)) names.push_back(name);
  if (names.empty()) throw FormatError(fmt::format("'{}' has no tensors", file.name()));
  return names;
}

std::string dtype_of(const Safetensors& file, const std::vector<std::string>& names) {
  const std::string& dtype = file.at(names.front()).dtype;
  for (const std::string& name : names) {
    const std::string& own = file.at(name).dtype;
    if (own != "F32" && own != "F64")
      throw FormatError(fmt::format("{} of '{}' is {}, but only F32 and F64 are computed with: save model.float()",
                                    in_quotes(name), file.name(), own));
    if (own != dtype)
      throw FormatError(fmt::format("{} of '{}' is {} while others are {}: save model.float() or model.double()",
                                    in_quotes(name), file.name(), own, dtype));
  }
  return dtype;
}

template <class T>
void require_meant(const Block& block, const std::vector<T>& values, const std::string& file) {
  const bool variance = block.name.ends_with(".running_var");
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]) || (variance && values[i] < 0))
      throw lifelong::NumericError(
          fmt::format("{} of '{}' is {}", in_quotes(fmt::format("{}[{}]", block.name, i)), file, values[i]));
}

}  // namespace

StateDict read_state_dict(const std::string& path) {
  StateDict state{lifelong::io::read_safetensors(path), {}, {}};
  state.names = names_in(state.file);
  state.dtype = dtype_of(state.file, state.names);
  return state;
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 24;
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) shown.push_back(in_quotes(names[i]));
  return joined(shown) + (names.size() > most ? fmt::format(" and {} more", names.size() - most) : "");
}

template <class T>
std::vector<T> values_of(const StateDict& state, const lifelong::Layout& layout) {
  std::vector<T> all;
  for (const Block& block : layout.blocks()) {
    const bool present = state.file.contains(block.name);
    const std::vector<T> values = present ? state.file.values<T>(block.name) : std::vector<T>(block.size);
    require_meant(block, values, state.file.name());
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

template <class T>
void write_like(const StateDict& state, const lifelong::Layout& layout, std::span<const T> values,
                const std::map<std::string, std::string>& metadata, const std::string& path) {
  Safetensors file;
  for (const Block& block : layout.blocks())
    if (state.file.contains(block.name)) file.add<T>(block.name, block.shape, values.subspan(block.offset, block.size));
  for (const auto& [key, text] : metadata) file.set_metadata(key, text);
  lifelong::io::write_safetensors(path, file);
}

template std::vector<float> values_of<float>(const StateDict&, const lifelong::Layout&);
template std::vector<double> values_of<double>(const StateDict&, const lifelong::Layout&);
template void write_like<float>(const StateDict&, const lifelong::Layout&, std::span<const float>,
                                const std::map<std::string, std::string>&, const std::string&);
template void write_like<double>(const StateDict&, const lifelong::Layout&, std::span<const double>,
                                 const std::map<std::string, std::string>&, const std::string&);

}  // namespace lab
