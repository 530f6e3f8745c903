// SPDX-License-Identifier: MIT
#include "architecture.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <lifelong/core/error.hpp>
#include <lifelong/io/file.hpp>
#include <lifelong/io/scanner.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "text.hpp"

namespace lab {

namespace {

namespace nn = lifelong::nn;
using lifelong::FormatError;
using lifelong::io::io_detail::in_quotes;
using Json = nlohmann::json;

constexpr std::uint64_t largest_file = 1 << 20;
constexpr std::uint64_t largest_number = 1'000'000;
constexpr int deepest = 4;  // {"layers": [{"conv2d": "conv1", "kernel": [3, 5]}]}

/// \throws FormatError for what JSON allows but no architecture has: a name twice in an object, and deep nesting.
Json parsed(const std::string& text, const std::string& source) {
  std::vector<std::set<std::string>> open;  // the names in each object that has begun
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > deepest) throw FormatError(fmt::format("'{}' is nested deeper than any architecture", source));
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(value.get<std::string>()).second)
      throw FormatError(fmt::format("'{}' says {} twice", source, in_quotes(value.get<std::string>())));
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::parse_error& error) {
    throw FormatError(fmt::format("'{}' is not JSON: it is damaged at byte {}", source, error.byte));
  } catch (const Json::out_of_range&) {
    throw FormatError(fmt::format("'{}' has a number that is too large", source));
  }
}

/// The members of an object, which says what it is asked for and nothing else.
class Members {
 public:
  /// `what` is what errors call it: `layer 3 of 'net.json'`.
  Members(const Json& object, std::string what) : object_(object), what_(std::move(what)) {}

  const Json* find(const std::string& name) {
    known_.push_back(name);
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }

  std::size_t number(const std::string& name, std::size_t otherwise) {
    const Json* value = find(name);
    return value ? whole(name, *value) : otherwise;
  }

  /// A number, or a list with height and width.
  nn::Sides sides(const std::string& name, nn::Sides otherwise) {
    const Json* value = find(name);
    if (!value) return otherwise;
    if (!value->is_array()) return whole(name, *value);
    if (value->size() != 2) refuse(name, *value, "one number, or [height, width]");
    return {whole(name, (*value)[0]), whole(name, (*value)[1])};
  }

  double positive(const std::string& name, double otherwise) {
    const Json* value = find(name);
    if (!value) return otherwise;
    if (!value->is_number() || !(value->get<double>() > 0)) refuse(name, *value, "a number above 0");
    return value->get<double>();
  }

  std::string text(const std::string& name) {
    const Json* value = find(name);
    if (!value || !value->is_string() || value->get<std::string>().empty())
      refuse(name, value ? *value : Json(), "the name of its tensors, without .weight");
    return value->get<std::string>();
  }

  std::size_t whole(const std::string& name, const Json& value) const {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > largest_number)
      refuse(name, value, fmt::format("a whole number up to {}", largest_number));
    return value.get<std::size_t>();
  }

  /// \throws FormatError for a member that nobody has asked for.
  void end() const {
    for (const auto& [name, value] : object_.items())
      if (std::find(known_.begin(), known_.end(), name) == known_.end())
        throw FormatError(
            fmt::format("{} has a member {}, but can only have {}", what_, in_quotes(name), joined(known_)));
  }

  [[noreturn]] void refuse(const std::string& name, const Json& value, const std::string& expected) const {
    throw FormatError(fmt::format("{}: \"{}\" must be {}, but is {}", what_, name, expected, in_quotes(value.dump())));
  }

 private:
  const Json& object_;
  std::string what_;
  std::vector<std::string> known_;
};

template <class Norm>
Norm normalization(Members& members) {
  Norm layer;
  layer.epsilon = members.positive("epsilon", layer.epsilon);
  return layer;
}

template <class Pool>
Pool pooling(Members& members, const std::string& kind) {
  const nn::Sides kernel = members.sides(kind, 0);
  return {.kernel = kernel, .stride = members.sides("stride", kernel), .padding = members.sides("padding", 0)};
}

nn::Conv2d convolution(Members& members) {
  return {.kernel = members.sides("kernel", 0),  // 0: that of the tensor
          .stride = members.sides("stride", 1),
          .padding = members.sides("padding", 0),
          .groups = members.number("groups", 1)};
}

nn::GroupNorm group_norm(Members& members) {
  auto layer = normalization<nn::GroupNorm>(members);
  layer.groups = members.number("groups", 0);
  return layer;
}

/// Layers with tensors: `{"conv2d": "conv1", "padding": 1}`.
const std::vector<std::pair<std::string, AnyLayer (*)(Members&)>> with_tensors{
    {"linear", [](Members&) -> AnyLayer { return nn::Linear{}; }},
    {"conv2d", [](Members& members) -> AnyLayer { return convolution(members); }},
    {"batch_norm", [](Members& members) -> AnyLayer { return normalization<nn::BatchNorm>(members); }},
    {"layer_norm", [](Members& members) -> AnyLayer { return normalization<nn::LayerNorm>(members); }},
    {"group_norm", [](Members& members) -> AnyLayer { return group_norm(members); }}};

/// Layers with a kernel: `{"max_pool": 2}`.
const std::vector<std::pair<std::string, AnyLayer (*)(Members&)>> with_kernel{
    {"max_pool", [](Members& members) -> AnyLayer { return pooling<nn::MaxPool2d>(members, "max_pool"); }},
    {"avg_pool", [](Members& members) -> AnyLayer { return pooling<nn::AvgPool2d>(members, "avg_pool"); }}};

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
  Members members(json, what);
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

nn::Shape parse_input(Members& members) {
  const Json* json = members.find("input");
  if (!json) return {};
  const char* expected = "a list of one to three extents above 0, such as [1, 28, 28]";
  if (!json->is_array() || json->empty() || json->size() > 3) members.refuse("input", *json, expected);
  std::vector<std::size_t> extents;
  for (const Json& extent : *json) extents.push_back(members.whole("input", extent));
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) members.refuse("input", *json, expected);
  if (extents.size() == 1) return {extents[0]};
  return extents.size() == 2 ? nn::Shape{extents[0], extents[1]} : nn::Shape{extents[0], extents[1], extents[2]};
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
  const Json root = parsed(json, source);
  if (!root.is_object())
    throw FormatError(fmt::format("'{}' must be an object: {{\"input\": [...], \"layers\": [...]}}", source));
  Members members(root, fmt::format("'{}'", source));
  Architecture architecture{source, parse_input(members), {}};
  const Json* layers = members.find("layers");
  if (!layers || !layers->is_array()) members.refuse("layers", layers ? *layers : Json(), "a list of layers");
  members.end();
  for (std::size_t l = 0; l < layers->size(); ++l)
    if ((*layers)[l] != "dropout")  // does nothing here: importances are those of the network in evaluation
      architecture.layers.push_back(parse_layer((*layers)[l], fmt::format("layer {} of '{}'", l, source)));
  require_names(architecture);
  return architecture;
}

Architecture read_architecture(const std::string& path) {
  const lifelong::io::io_detail::File file = lifelong::io::io_detail::open_to_read(path);
  const std::vector<std::byte> bytes = lifelong::io::io_detail::next_bytes(file.get(), largest_file + 1, path);
  if (bytes.size() > largest_file)
    throw FormatError(fmt::format("'{}' has more than the {} bytes of any architecture", path, largest_file));
  std::string text;
  for (const std::byte byte : bytes) text += static_cast<char>(byte);
  return parse_architecture(text, path);
}

}  // namespace lab
