// SPDX-License-Identifier: MIT
#include "state_dict.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <optional>

namespace lab {

namespace {

using lifelong::FormatError;
using lifelong::io::Safetensors;
using lifelong::io::Tensor;

/// What a file's tensors say of a layer before they are checked.
struct Found {
  const Tensor* weight = nullptr;
  const Tensor* bias = nullptr;
};

/// Names without their ends are numbers, so shorter ones come first.
struct ByNumber {
  bool operator()(const std::string& a, const std::string& b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};
using Layers = std::map<std::string, Found, ByNumber>;

/// The number before `ending`, or nothing if `name` is not made so.
std::optional<std::string> number_before(const std::string& name, const std::string& ending) {
  if (!name.ends_with(ending)) return std::nullopt;
  const std::string number = name.substr(0, name.size() - ending.size());
  const bool digits = !number.empty() && number.find_first_not_of("0123456789") == std::string::npos;
  const bool plain = number == "0" || number.front() != '0';
  return digits && plain ? std::optional(number) : std::nullopt;
}

Layers find_layers(const Safetensors& file) {
  Layers layers;
  for (const auto& [name, tensor] : file.tensors()) {
    if (const auto weight = number_before(name, ".weight"))
      layers[*weight].weight = &tensor;
    else if (const auto bias = number_before(name, ".bias"))
      layers[*bias].bias = &tensor;
    else
      throw FormatError(fmt::format(
          "'{}' has a tensor {}; an nn.Sequential of Linear layers has only 0.weight, 0.bias, 2.weight, ...",
          file.name(), lifelong::io::io_detail::in_quotes(name)));
  }
  if (layers.empty()) throw FormatError(fmt::format("'{}' has no tensors", file.name()));
  return layers;
}

std::string dtype_of(const Safetensors& file) {
  const std::string& dtype = file.tensors().begin()->second.dtype;
  for (const auto& [name, tensor] : file.tensors()) {
    if (tensor.dtype != "F32" && tensor.dtype != "F64")
      throw FormatError(fmt::format("{} of '{}' is {}, but only F32 and F64 are computed with: save model.float()",
                                    name, file.name(), tensor.dtype));
    if (tensor.dtype != dtype)
      throw FormatError(fmt::format("{} of '{}' is {} while others are {}: save model.float() or model.double()", name,
                                    file.name(), tensor.dtype, dtype));
  }
  return dtype;
}

LinearTensors checked(const std::string& name, const Found& found, const std::string& file) {
  using lifelong::detail::shape_text;
  if (found.weight == nullptr) throw FormatError(fmt::format("'{}' has {}.bias but no {}.weight", file, name, name));
  const auto& shape = found.weight->shape;
  if (shape.size() != 2)
    throw FormatError(
        fmt::format("{}.weight of '{}' has {} dimensions ({}), where a Linear layer has 2; other layers, "
                    "such as convolutions, are not read",
                    name, file, shape.size(), shape_text(shape)));
  if (shape[0] == 0 || shape[1] == 0)
    throw FormatError(fmt::format("{}.weight of '{}' is empty: {}", name, file, shape_text(shape)));
  if (found.bias != nullptr && found.bias->shape != std::vector<std::size_t>{shape[0]})
    throw FormatError(fmt::format("{}.bias of '{}' is {}, but {}.weight has {} rows", name, file,
                                  shape_text(found.bias->shape), name, shape[0]));
  return {name, shape[1], shape[0], found.bias != nullptr};
}

template <class T>
void append(std::vector<T>& all, const Safetensors& file, const std::string& name) {
  const std::vector<T> values = file.values<T>(name);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw lifelong::NumericError(fmt::format("{}[{}] of '{}' is {}", name, i, file.name(), values[i]));
  all.insert(all.end(), values.begin(), values.end());
}

}  // namespace

StateDict read_state_dict(const std::string& path) {
  StateDict state{lifelong::io::read_safetensors(path), {}, {}};
  const Layers layers = find_layers(state.file);
  state.dtype = dtype_of(state.file);
  for (const auto& [name, found] : layers) {
    const LinearTensors layer = checked(name, found, path);
    if (!state.layers.empty() && state.layers.back().out != layer.in)
      throw FormatError(fmt::format("{}.weight of '{}' takes {} values, but {}.weight before it makes {}", name, path,
                                    layer.in, state.layers.back().name, state.layers.back().out));
    state.layers.push_back(layer);
  }
  return state;
}

template <class T>
std::vector<T> parameters_of(const StateDict& state) {
  std::vector<T> all;
  for (const LinearTensors& layer : state.layers) {
    append(all, state.file, layer.name + ".weight");
    if (layer.bias)
      append(all, state.file, layer.name + ".bias");
    else
      all.insert(all.end(), layer.out, T(0));
  }
  return all;
}

template <class T>
void write_like(const StateDict& state, std::span<const T> values, const std::map<std::string, std::string>& metadata,
                const std::string& path) {
  Safetensors file;
  for (const LinearTensors& layer : state.layers) {
    file.add<T>(layer.name + ".weight", {layer.out, layer.in}, values.first(layer.weights()));
    values = values.subspan(layer.weights());
    if (layer.bias) file.add<T>(layer.name + ".bias", {layer.out}, values.first(layer.out));
    values = values.subspan(layer.out);
  }
  for (const auto& [key, text] : metadata) file.set_metadata(key, text);
  lifelong::io::write_safetensors(path, file);
}

template std::vector<float> parameters_of<float>(const StateDict&);
template std::vector<double> parameters_of<double>(const StateDict&);
template void write_like<float>(const StateDict&, std::span<const float>, const std::map<std::string, std::string>&,
                                const std::string&);
template void write_like<double>(const StateDict&, std::span<const double>, const std::map<std::string, std::string>&,
                                 const std::string&);

}  // namespace lab
