// SPDX-License-Identifier: MIT
#include "blueprint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <set>
#include <utility>

namespace lab {

namespace {

namespace nn = lifelong::nn;
using lifelong::Block;
using lifelong::FormatError;
using lifelong::Layout;
using lifelong::detail::shape_text;
using lifelong::io::io_detail::in_quotes;
using Extents = std::vector<std::size_t>;

/// The shortest of what all names begin with, up to a point, behind which the file knows the architecture's first name.
std::string prefix_of(const StateDict& state, const Architecture& architecture) {
  const auto named = [](const NamedLayer& layer) { return !layer.name.empty(); };
  const std::string first = std::find_if(architecture.layers.begin(), architecture.layers.end(), named)->name;
  std::string common = state.names.front();
  for (const std::string& name : state.names)
    common.resize(static_cast<std::size_t>(std::mismatch(common.begin(), common.end(), name.begin(), name.end()).first -
                                           common.begin()));
  for (std::size_t end = 0;;) {
    if (state.file.contains(common.substr(0, end) + first + ".weight")) return common.substr(0, end);
    const std::size_t point = common.find('.', end);
    if (point == std::string::npos) return "";
    end = point + 1;
  }
}

/// Gives the layers their sizes and connects them.
class Builder {
 public:
  Builder(const StateDict& state, const Architecture& architecture)
      : state_(state), architecture_(architecture), prefix_(prefix_of(state, architecture)) {}

  Blueprint build() {
    for (const NamedLayer& named : architecture_.layers) add(named);
    require_nothing_left();
    if (blueprint_.output.rank() != 1)
      throw lifelong::ShapeMismatch(fmt::format("the layers of '{}' make {}, but must end in one row of outputs",
                                                architecture_.source, blueprint_.output.text()));
    return std::move(blueprint_);
  }

 private:
  void add(const NamedLayer& named) {
    AnyLayer layer = named.layer;
    const std::string name = prefix_ + named.name;
    std::visit([&](auto& own) { take_sizes(own, name); }, layer);
    if (blueprint_.layers.empty()) start(layer);
    connect(layer, named);
    if (!named.name.empty()) std::visit([&](const auto& own) { declare(own, name); }, layer);
    blueprint_.layers.push_back(layer);
  }

  /// Finds the shape of the inputs.
  void start(const AnyLayer& first) {
    nn::Shape& input = blueprint_.input;
    input = architecture_.input;
    if (input.rank() == 0) input = std::visit([](const auto& layer) { return layer.expected(); }, first);
    if (input.rank() == 0)
      throw FormatError(
          fmt::format("'{}' must say the shape of a sample, such as \"input\": [1, 28, 28]", architecture_.source));
    blueprint_.output = input;
  }

  void connect(AnyLayer& layer, const NamedLayer& named) {
    try {
      blueprint_.output = std::visit([&](auto& own) { return own.connect(blueprint_.output); }, layer);
    } catch (const lifelong::Error& error) {
      const std::string name = named.name.empty() ? "" : " " + in_quotes(named.name);
      throw lifelong::ShapeMismatch(
          fmt::format("{}{} of '{}': {}", named.kind, name, architecture_.source, error.what()));
    }
  }

  void take_sizes(nn::Linear& layer, const std::string& name) const {
    const Extents& weight = weight_of(name, 2);
    layer.out = weight[0];
    layer.in = weight[1];
  }
  void take_sizes(nn::Conv2d& layer, const std::string& name) const {
    const Extents& weight = weight_of(name, 4);
    const nn::Sides kernel(weight[2], weight[3]);
    if (layer.kernel != nn::Sides(0) && layer.kernel != kernel)
      throw FormatError(fmt::format("the kernel of {} is {} in '{}', but that of its weight is {}", in_quotes(name),
                                    layer.kernel.text(), architecture_.source, kernel.text()));
    layer.kernel = kernel;
    layer.out = weight[0];
    layer.in = weight[1] * layer.groups;
  }
  void take_sizes(nn::BatchNorm& layer, const std::string& name) const { layer.channels = weight_of(name, 1)[0]; }
  void take_sizes(nn::GroupNorm& layer, const std::string& name) const { layer.channels = weight_of(name, 1)[0]; }
  void take_sizes(nn::LayerNorm& layer, const std::string& name) const { layer.features = weight_of(name, 1)[0]; }
  template <class Layer>
  void take_sizes(Layer&, const std::string&) const {}

  /// The shape of a layer's weight, which has so many dimensions.
  const Extents& weight_of(const std::string& layer, std::size_t rank) const {
    const std::string name = layer + ".weight";
    require_present(name);
    const Extents& shape = state_.file.at(name).shape;
    if (shape.size() != rank)
      throw FormatError(fmt::format("{} of '{}' has {} dimensions ({}), but the layer that '{}' says it is has {}",
                                    in_quotes(name), state_.file.name(), shape.size(), shape_text(shape),
                                    architecture_.source, rank));
    if (std::find(shape.begin(), shape.end(), 0) != shape.end())
      throw FormatError(fmt::format("{} of '{}' is empty: {}", in_quotes(name), state_.file.name(), shape_text(shape)));
    return shape;
  }

  template <class Layer>
  void declare(const Layer& layer, const std::string& name) {
    Layout parameters, buffers;
    layer.declare(parameters, name);
    if constexpr (requires { layer.declare_buffers(buffers, name); }) layer.declare_buffers(buffers, name);
    for (const Block& block : parameters.blocks()) declare(block, blueprint_.parameters);
    for (const Block& block : buffers.blocks()) declare(block, blueprint_.buffers);
  }

  void declare(const Block& block, Layout& layout) const {
    layout.add(block.name, block.shape, block.kind);
    if (block.name.ends_with(".bias") && !state_.file.contains(block.name)) return;
    require_present(block.name);
    const Extents& shape = state_.file.at(block.name).shape;
    if (shape != block.shape)
      throw FormatError(fmt::format("{} of '{}' is {}, but its layer has {}", in_quotes(block.name), state_.file.name(),
                                    shape_text(shape), shape_text(block.shape)));
  }

  void require_present(const std::string& tensor) const {
    if (!state_.file.contains(tensor))
      throw FormatError(fmt::format("'{}' asks for the tensor {}, but '{}' has only {}", architecture_.source,
                                    in_quotes(tensor), state_.file.name(), listed(state_.names)));
  }

  void require_nothing_left() const {
    std::set<std::string> taken;
    for (const Layout* layout : {&blueprint_.parameters, &blueprint_.buffers})
      for (const Block& block : layout->blocks()) taken.insert(block.name);
    std::vector<std::string> left, layers;
    for (const std::string& name : state_.names)
      if (!taken.contains(name)) left.push_back(name);
    for (const NamedLayer& layer : architecture_.layers)
      if (!layer.name.empty()) layers.push_back(layer.name);
    if (!left.empty())
      throw FormatError(fmt::format("'{}' has the tensors {}, which no layer of '{}' takes; its layers take {}",
                                    state_.file.name(), listed(left), architecture_.source, listed(layers)));
  }

  const StateDict& state_;
  const Architecture& architecture_;
  std::string prefix_;
  Blueprint blueprint_;
};

}  // namespace

Blueprint blueprint_of(const StateDict& state, const Architecture& architecture) {
  return Builder(state, architecture).build();
}

}  // namespace lab
