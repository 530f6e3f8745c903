// SPDX-License-Identifier: MIT
#include "network_file.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <functional>
#include <lifelong/core/error.hpp>
#include <lifelong/io/scanner.hpp>
#include <lifelong/nn/mlp.hpp>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "json_members.hpp"
#include "layer_settings.hpp"
#include "layers.hpp"
#include "text.hpp"
#include "trial.hpp"

namespace lab {

namespace {

namespace nn = lifelong::nn;
using lifelong::FormatError;
using lifelong::io::io_detail::in_quotes;
using Json = nlohmann::json;
using Make = std::function<Layer(nn::Shape)>;

/// A layer whose sizes follow from the shape that it is given.
struct PlannedLayer {
  std::string what;  // what errors call it: `layer 3 of 'net.json'`
  Make make;
};

struct NetworkPlan {
  nn::Shape input;  // of a sample; `Shape{}` for a row of features
  std::vector<PlannedLayer> layers;
};

/// A layer that is the same whatever it is given.
template <class L>
Make always(L layer) {
  return [layer](nn::Shape) -> Layer { return layer; };
}

Make convolution_of(JsonMembers& members) {
  nn::Conv2d layer = convolution(members);
  layer.out = members.count("conv2d");
  if (layer.kernel == nn::Sides(0)) members.refuse("kernel", Json(), "a whole number above 0, or [height, width]");
  return [layer](nn::Shape in) mutable -> Layer {
    layer.in = in[0];
    return layer;
  };
}

Make group_norm_of(JsonMembers& members) {
  auto layer = normalization<nn::GroupNorm>(members);
  layer.groups = members.count("group_norm");
  return [layer](nn::Shape in) mutable -> Layer {
    layer.channels = in[0];
    return layer;
  };
}

template <class L>
Make recurrent(JsonMembers& members, const char* kind) {
  const std::size_t hidden = members.count(kind);
  return [hidden](nn::Shape in) -> Layer { return L{.in = in.last(), .hidden = hidden}; };
}

Make transformer_block(JsonMembers& members) {
  const std::size_t heads = members.count("transformer_block"), hidden = members.count("hidden");
  return [heads, hidden](nn::Shape in) -> Layer { return nn::TransformerBlock(in.last(), heads, hidden); };
}

Make linear(JsonMembers& members) {
  const std::size_t out = members.count("linear");
  return [out](nn::Shape in) -> Layer { return nn::Linear{.in = in.last(), .out = out}; };
}

struct Kind {
  const char* name;
  const char* value;  // what stands for its value in a message
  Make (*make)(JsonMembers&);
};

/// Layers of which something is said: `{"linear": 128}`.
const Kind with_settings[] = {
    {"linear", "OUTPUTS", linear},
    {"conv2d", "CHANNELS", convolution_of},
    {"max_pool", "KERNEL", [](JsonMembers& members) { return always(pooling<nn::MaxPool2d>(members, "max_pool")); }},
    {"avg_pool", "KERNEL", [](JsonMembers& members) { return always(pooling<nn::AvgPool2d>(members, "avg_pool")); }},
    {"group_norm", "GROUPS", group_norm_of},
    {"dropout", "SHARE", [](JsonMembers& members) { return always(nn::Dropout{.p = members.share("dropout")}); }},
    {"gru", "UNITS", [](JsonMembers& members) { return recurrent<nn::Gru>(members, "gru"); }},
    {"lstm", "UNITS", [](JsonMembers& members) { return recurrent<nn::Lstm>(members, "lstm"); }},
    {"transformer_block", "HEADS", transformer_block},
};

/// Layers with nothing to say: `"relu"`.
const std::vector<std::pair<std::string, Make>> plain{
    {"relu", always(nn::ReLU{})},
    {"tanh", always(nn::Tanh{})},
    {"sigmoid", always(nn::Sigmoid{})},
    {"gelu", always(nn::GELU{})},
    {"flatten", always(nn::Flatten{})},
    {"global_avg_pool", always(nn::GlobalAvgPool{})},
    {"layer_norm", [](nn::Shape in) -> Layer { return nn::LayerNorm{.features = in.last()}; }},
    {"last_position", always(nn::LastPosition{})},
    {"mean_position", always(nn::MeanPosition{})},
    {"position_embedding",
     [](nn::Shape in) -> Layer { return nn::PositionEmbedding{.positions = in[0], .features = in.last()}; }},
};

std::string all_kinds() {
  std::vector<std::string> kinds;
  for (const auto& entry : plain) kinds.push_back('"' + entry.first + '"');
  for (const Kind& kind : with_settings) kinds.push_back(fmt::format("{{\"{}\": {}}}", kind.name, kind.value));
  return joined(kinds);
}

Make parse_layer(const Json& json, const std::string& what) {
  if (json.is_string())
    for (const auto& [name, make] : plain)
      if (name == json.get<std::string>()) return make;
  if (json.is_object())
    for (const Kind& kind : with_settings)
      if (json.contains(kind.name)) {
        JsonMembers members(json, what);
        Make make = kind.make(members);
        members.end();
        return make;
      }
  if (json == "batch_norm" || (json.is_object() && json.contains("batch_norm")))
    throw FormatError(fmt::format(
        "{} is a batch_norm, which mixes the samples of a batch, so that no sample has a gradient of its own, of which "
        "importances are made; use {{\"group_norm\": GROUPS}}",
        what));
  throw FormatError(fmt::format("{} is {}, but the layers are {}", what, in_quotes(json.dump()), all_kinds()));
}

/// Adds a layer, and returns the shape of what it makes.
nn::Shape add(std::vector<Layer>& layers, const PlannedLayer& planned, nn::Shape in) {
  try {
    Layer layer = planned.make(in);
    const nn::Shape out = std::visit([&](auto& own) { return own.connect(in); }, layer);
    layers.push_back(std::move(layer));
    return out;
  } catch (const lifelong::Error& error) {
    throw lifelong::ShapeMismatch(fmt::format("{}: {}", planned.what, error.what()));
  }
}

NetworkPlan parse(const NetworkFile& file) {
  const Json root = parse_description(file.text, file.path);
  JsonMembers members(root, fmt::format("'{}'", file.path));
  NetworkPlan plan{members.shape("input"), {}};
  const Json* layers = members.find("layers");
  if (!layers || !layers->is_array()) members.refuse("layers", layers ? *layers : Json(), "a list of layers");
  members.end();
  for (std::size_t l = 0; l < layers->size(); ++l) {
    const std::string what = fmt::format("layer {} of '{}'", l, file.path);
    plan.layers.push_back({what, parse_layer((*layers)[l], what)});
  }
  return plan;
}

/// With a last layer of so many outputs.
ConnectedLayers connected(const NetworkFile& file, std::size_t features, std::size_t outputs) {
  const NetworkPlan plan = parse(file);
  ConnectedLayers all{plan.input.rank() == 0 ? nn::Shape{features} : plan.input, {}};
  if (all.input.size() != features)
    throw lifelong::ShapeMismatch(fmt::format("the input of '{}' is {}, which are {} values, but a sample has {}",
                                              file.path, all.input.text(), all.input.size(), features));
  nn::Shape shape = all.input;
  for (const PlannedLayer& layer : plan.layers) shape = add(all.layers, layer, shape);
  if (shape.rank() != 1)
    throw lifelong::ShapeMismatch(
        fmt::format("the layers of '{}' make {}, but must end in one row of features, as behind \"flatten\", "
                    "\"global_avg_pool\", \"last_position\" or \"mean_position\"",
                    file.path, shape.text()));
  all.layers.emplace_back(nn::Linear{.in = shape.last(), .out = outputs});
  return all;
}

ConnectedLayers perceptron(const std::vector<std::size_t>& widths) {
  ConnectedLayers all{nn::Shape{widths.front()}, {}};
  for (const auto& layer : nn::mlp_layers(widths, nn::Activation::relu))
    std::visit([&](const auto& own) { all.layers.emplace_back(own); }, layer);
  return all;
}

}  // namespace

NetworkFile read_network(const std::string& path) {
  NetworkFile file{path, read_description(path)};
  static_cast<void>(parse(file));
  return file;
}

ConnectedLayers layers_of(const Options& options, const Stream& stream) {
  if (options.network) return connected(*options.network, stream.features(), stream.outputs());
  return perceptron(widths_of(options, stream));
}

}  // namespace lab
