// SPDX-License-Identifier: MIT
#include "architecture.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>
#include <lifelong/io/scanner.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "json_members.hpp"
#include "layer_settings.hpp"
#include "text.hpp"

namespace lab {

namespace {

namespace nn = lifelong::nn;
using lifelong::FormatError;
using lifelong::io::io_detail::in_quotes;
using Json = nlohmann::json;

/// Layers with tensors: `{"conv2d": "conv1", "padding": 1}`.
const std::vector<std::pair<std::string, AnyLayer (*)(JsonMembers&)>> with_tensors{
    {"linear", [](JsonMembers&) -> AnyLayer { return nn::Linear{}; }},
    {"conv2d", [](JsonMembers& members) -> AnyLayer { return convolution(members); }},
    {"batch_norm", [](JsonMembers& members) -> AnyLayer { return normalization<nn::BatchNorm>(members); }},
    {"layer_norm", [](JsonMembers& members) -> AnyLayer { return normalization<nn::LayerNorm>(members); }},
    {"group_norm", [](JsonMembers& members) -> AnyLayer { return group_norm(members); }}};

/// Layers with a kernel: `{"max_pool": 2}`.
const std::vector<std::pair<std::string, AnyLayer (*)(JsonMembers&)>> with_kernel{
    {"max_pool", [](JsonMembers& members) -> AnyLayer { return pooling<nn::MaxPool2d>(members, "max_pool"); }},
    {"avg_pool", [](JsonMembers& members) -> AnyLayer { return pooling<nn::AvgPool2d>(members, "avg_pool"); }}};

/// Layers with nothing to say: `"relu"`.
const std::vector<std::pair<std::string, AnyLayer>> plain{
    {"relu", nn::ReLU{}}, {"tanh", nn::Tanh{}},       {"sigmoid", nn::Sigmoid{}},
    {"gelu", nn::GELU{}}, {"flatten", nn::Flatten{}}, {"global_avg_pool", nn::GlobalAvgPool{}}};

std::string all_kinds() {
  std::vector<std::string> kinds;
  for (const auto& entry : plain) kinds.push_back('"' + entry.first + '"');
  for (const auto& entry : with_tensors) kinds.push_back("{\"" + entry.first + "\": NAME}");
  for (const auto& entry : with_kernel) kinds.push_back("{\"" + entry.first + "\": KERNEL}");
  return joined(kinds);
}

NamedLayer parse_layer(const Json& json, const std::string& what) {
  if (json.is_string())
    for (const auto& [kind, layer] : plain)
      if (kind == json.get<std::string>()) return {kind, "", layer};
  JsonMembers members(json, what);
  const auto parsed_as = [&](const std::string& kind, const auto& make, bool named) {
    NamedLayer layer{kind, named ? members.text(kind) : "", make(members)};
    members.end();
    return layer;
  };
  for (const auto& [kind, make] : with_tensors)
    if (json.is_object() && json.contains(kind)) return parsed_as(kind, make, true);
  for (const auto& [kind, make] : with_kernel)
    if (json.is_object() && json.contains(kind)) return parsed_as(kind, make, false);
  throw FormatError(fmt::format("{} is {}, but the layers are {}", what, in_quotes(json.dump()), all_kinds()));
}

/// \throws FormatError if no layer has tensors, or two have the same.
void require_names(const Architecture& architecture) {
  std::set<std::string> names;
  for (const NamedLayer& layer : architecture.layers)
    if (!layer.name.empty() && !names.insert(layer.name).second)
      throw FormatError(fmt::format("two layers of '{}' are called {}, but no tensor can be used twice",
                                    architecture.source, in_quotes(layer.name)));
  if (names.empty()) throw FormatError(fmt::format("no layer of '{}' has parameters", architecture.source));
}

}  // namespace

Architecture parse_architecture(const std::string& json, const std::string& source) {
  const Json root = parse_description(json, source);
  JsonMembers members(root, fmt::format("'{}'", source));
  Architecture architecture{source, members.shape("input"), {}};
  const Json* layers = members.find("layers");
  if (!layers || !layers->is_array()) members.refuse("layers", layers ? *layers : Json(), "a list of layers");
  members.end();
  for (std::size_t l = 0; l < layers->size(); ++l)
    if ((*layers)[l] != "dropout")  // does nothing here: importances are those of the network in evaluation
      architecture.layers.push_back(parse_layer((*layers)[l], fmt::format("layer {} of '{}'", l, source)));
  require_names(architecture);
  return architecture;
}

Architecture read_architecture(const std::string& path) { return parse_architecture(read_description(path), path); }

}  // namespace lab
